package stripe_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// everything selects all charges of an installation.
func everything(installation uuid.UUID) payment.ChargeRange {
	return payment.ChargeRange{Installation: installation, From: time.Unix(0, 0), Until: time.Now().Add(time.Hour)}
}

// charges reads all pages; between is called before every page but the first.
func (b *bundle) charges(t *testing.T, r payment.ChargeRange, between func()) (all []payment.Charge, pages int) {
	t.Helper()
	for pages = 1; ; pages++ {
		page, err := b.Charges(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Charges...)
		if page.Next == "" {
			return all, pages
		}
		r.After = page.Next
		between()
	}
}

// The list says what each charge of ours is, and nothing of those that others made with the same account.
func TestCharges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ours, staging := uuid.New(), uuid.New()
	mark := func(installation uuid.UUID, method string, capture payment.CaptureMethod) payment.Call {
		call := authorization(method, capture)
		call.Installation = installation
		return call
	}
	captured := b.authorize(t, mark(ours, fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
	held := b.authorize(t, mark(ours, fakestripe.Visa, payment.CaptureManual), payment.Held)
	released := b.authorize(t, mark(ours, fakestripe.Visa, payment.CaptureManual), payment.Held)
	expect(t, payment.Released)(b.Void(t.Context(), follow(released, payment.OperationVoid)))
	refunded := b.authorize(t, mark(ours, fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
	b.fake.RefundInDashboard(refunded.Reference)
	partly := b.authorize(t, mark(ours, fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
	part := follow(partly, payment.OperationRefund)
	part.Amount.Minor = 250
	expect(t, payment.Refunded)(b.Refund(t.Context(), part))
	action := b.authorize(t, mark(ours, fakestripe.Authenticate, payment.CaptureAutomatic), payment.ActionRequired)
	empty := b.prepare(t, mark(ours, fakestripe.Visa, payment.CaptureAutomatic))

	b.authorize(t, mark(staging, fakestripe.Visa, payment.CaptureAutomatic), payment.Captured)
	b.authorize(t, authorization(fakestripe.Visa, payment.CaptureAutomatic), payment.Captured) // of a version without marks
	b.fake.Foreign("xxx", 500, nil)
	b.fake.Foreign("eur", 500, map[string]string{"installation": ours.String(), "order": "12", "payment": "payment"})

	found, _ := b.charges(t, everything(ours), func() {})
	want := []struct {
		call     payment.Call
		status   payment.ChargeStatus
		captured int64
		refunded int64
	}{
		{empty, payment.ChargePending, 0, 0},
		{action, payment.ChargePending, 0, 0},
		{partly, payment.ChargeCaptured, 1250, 250},
		{refunded, payment.ChargeRefunded, 1250, 1250},
		{released, payment.ChargeReleased, 0, 0},
		{held, payment.ChargeAuthorized, 0, 0},
		{captured, payment.ChargeCaptured, 1250, 0},
	}
	if len(found) != len(want) {
		t.Fatalf("found %+v", found)
	}
	for i, w := range want {
		c := found[i]
		if c.Reference != w.call.Reference || c.OrderID != w.call.OrderID || c.PaymentID != w.call.PaymentID || c.Amount != w.call.Amount ||
			c.Status != w.status || c.Totals.Captured != w.captured || c.Totals.Refunded != w.refunded || time.Since(c.CreatedAt) > time.Hour {
			t.Errorf("%d: %+v, want %+v", i, c, w)
		}
		if again, err := b.Charge(t.Context(), c.Reference); err != nil || again != c {
			t.Errorf("alone it is %+v, %v; in the list %+v", again, err, c)
		}
	}
	if none, _ := b.charges(t, everything(uuid.Nil), func() {}); len(none) != 0 {
		t.Errorf("without an installation: %+v", none)
	}
}

// Charges come and change while the pages are read: each that was there before is listed exactly once, also those of one second.
func TestChargesPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ours := uuid.New()
	at := time.Unix(1_700_000_000, 0)
	b.fake.SetClock(func() time.Time { return at })
	foreign := func() {
		b.fake.Foreign("eur", 500, map[string]string{
			"installation": ours.String(), "order": id.New[id.Order]().TypeID(), "payment": id.New[id.Payment]().TypeID(),
		})
	}
	for range 150 {
		foreign()
	}
	at = at.Add(time.Second)
	for range 100 {
		foreign()
	}
	r := payment.ChargeRange{Installation: ours, From: time.Unix(1_700_000_000, 0), Until: at}
	was := b.fake.Intents()
	at = at.Add(time.Second)
	found, pages := b.charges(t, r, func() {
		for range 30 {
			foreign()
		}
		b.fake.RefundInDashboard(was[0].ID)
	})
	if len(found) != 250 || pages != 3 {
		t.Fatalf("%d charges on %d pages", len(found), pages)
	}
	slices.Reverse(found)
	for i := range found {
		if found[i].Reference != was[i].ID {
			t.Fatalf("%d: %s, want %s", i, found[i].Reference, was[i].ID)
		}
	}
	if found[0].Status != payment.ChargeRefunded {
		t.Errorf("the last page is older than it was asked for: %+v", found[0])
	}
	r.From, r.Until = at, at
	if found, _ = b.charges(t, r, func() {}); len(found) != 60 {
		t.Errorf("%d charges of the last second", len(found))
	}
}

func TestErrCharges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ours := uuid.New()
	b.fake.Foreign("eur", 500, nil)
	r := everything(ours)
	r.After = b.fake.Intents()[0].ID
	b.fake.Delete(r.After)
	if _, err := b.Charges(t.Context(), r); !errors.Is(err, payment.ErrPlaceGone) {
		t.Errorf("after one that is gone: %v", err)
	}
	var undecided *stripe.UndecidedError
	for _, fault := range []fakestripe.Fault{fakestripe.DropBefore, fakestripe.RateLimited, fakestripe.ServerError, fakestripe.BadGateway} {
		b.fake.Fail("listIntents", fault)
		if page, err := b.Charges(t.Context(), everything(ours)); !errors.As(err, &undecided) || errors.Is(err, payment.ErrPlaceGone) {
			t.Errorf("%s: %+v, %v", fault, page, err)
		}
	}
	if _, err := b.Charge(t.Context(), "pi_unknown"); !errors.As(err, &undecided) {
		t.Errorf("an unknown charge: %v", err)
	}
}

package simulated_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// chargeList has the methods common to Provider and Client.
type chargeList interface {
	Charges(ctx context.Context, r payment.ChargeRange) (payment.ChargePage, error)
	Charge(ctx context.Context, reference string) (payment.Charge, error)
}

// An installation finds its own charges, newest first, in the state that they are in, here and over HTTP.
func TestCharges(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	ours := uuid.New()
	var calls []payment.Call
	charge := func(installation uuid.UUID, token string, capture payment.CaptureMethod) payment.Call {
		call := newCall(token, capture)
		call.Installation = installation
		if _, err := b.client.Authorize(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, call)
		return call
	}
	charge(ours, simulated.TokenApprove, payment.CaptureAutomatic)
	charge(ours, simulated.TokenApprove, payment.CaptureManual)
	charge(ours, simulated.TokenDecline, payment.CaptureAutomatic)
	charge(ours, simulated.TokenRequiresAction, payment.CaptureAutomatic)
	refunded := charge(ours, simulated.TokenApprove, payment.CaptureAutomatic)
	refund := on(refunded, payment.OperationRefund)
	refund.RefundID = id.New[id.Refund]()
	if _, err := b.client.Refund(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	want := []payment.ChargeStatus{payment.ChargeCaptured, payment.ChargeAuthorized, payment.ChargeReleased, payment.ChargePending, payment.ChargeRefunded}
	charge(uuid.New(), simulated.TokenApprove, payment.CaptureAutomatic)
	charge(uuid.Nil, simulated.TokenApprove, payment.CaptureAutomatic)

	r := payment.ChargeRange{Installation: ours, From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}
	for name, list := range map[string]chargeList{"provider": b.provider, "client": b.client} {
		page, err := list.Charges(t.Context(), r)
		if err != nil || len(page.Charges) != len(want) || page.Next != "" {
			t.Fatalf("%s: %+v, %v", name, page, err)
		}
		slices.Reverse(page.Charges)
		for i, c := range page.Charges {
			if c.PaymentID != calls[i].PaymentID || c.OrderID != calls[i].OrderID || c.Amount != calls[i].Amount || c.Status != want[i] {
				t.Errorf("%s: %+v, want %s of %+v", name, c, want[i], calls[i])
			}
			if one, err := list.Charge(t.Context(), c.Reference); err != nil || one != c {
				t.Errorf("%s: alone it is %+v, %v", name, one, err)
			}
		}
		if _, err := list.Charges(t.Context(), payment.ChargeRange{Installation: ours, From: r.From, Until: r.Until, After: "sim_ch_none"}); !errors.Is(err, payment.ErrPlaceGone) {
			t.Errorf("%s: after one that is not there: %v", name, err)
		}
		if _, err := list.Charge(t.Context(), "sim_ch_none"); err == nil || errors.Is(err, payment.ErrPlaceGone) {
			t.Errorf("%s: %v", name, err)
		}
		if page, err := list.Charges(t.Context(), payment.ChargeRange{Installation: ours, From: r.Until, Until: r.Until}); err != nil || len(page.Charges) != 0 {
			t.Errorf("%s: later there are %+v, %v", name, page, err)
		}
	}
}

// Pages have every charge once, also charges of the same moment.
func TestChargesPageByPage(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	ours := uuid.New()
	for _, statement := range []string{
		`INSERT INTO simulated.payments (payment_id, order_id) SELECT gen_random_uuid(), gen_random_uuid() FROM generate_series(1, 250)`,
		`INSERT INTO simulated.operations (key, operation, payment_id, fingerprint, outcome, decided_call)
			SELECT gen_random_uuid(), 'AUTHORIZE', payment_id, sha256(''), 'CAPTURED', 1 FROM simulated.payments`,
		`INSERT INTO simulated.charges (reference, operation_key, payment_id, order_id, amount, currency, capture_method, method, status, captured, installation, created_at)
			SELECT 'sim_ch_' || key, key, payment_id, gen_random_uuid(), 1, 'EUR', 'AUTOMATIC', 'sim_approve', 'CAPTURED', 1, '` + ours.String() + `',
				'2026-01-01'::timestamptz + (row_number() OVER () / 120) * interval '1 second' FROM simulated.operations`,
	} {
		if _, err := b.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	r := payment.ChargeRange{Installation: ours, Until: time.Now()}
	seen, pages := map[string]bool{}, 0
	for last := time.Now(); ; pages++ {
		page, err := b.client.Charges(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Charges {
			if seen[c.Reference] || c.CreatedAt.After(last) {
				t.Fatalf("%s again, or too late: %s after %s", c.Reference, c.CreatedAt, last)
			}
			seen[c.Reference], last = true, c.CreatedAt
		}
		if r.After = page.Next; r.After == "" {
			break
		}
	}
	if len(seen) != 250 || pages != 2 {
		t.Errorf("%d charges on %d pages", len(seen), pages+1)
	}
}

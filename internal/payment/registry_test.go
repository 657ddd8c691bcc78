package payment_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

func provider(name string) *payment.Provider {
	return &payment.Provider{Name: name, Gateway: struct{ payment.Gateway }{}, ValidMethod: func(string) bool { return true }}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	one, two := provider("one"), provider("two")
	r, err := payment.NewRegistry(one, two)
	if err != nil {
		t.Fatal(err)
	}
	if r.First() != one || !slices.Equal(r.Names(), []string{"one", "two"}) || len(r.All()) != 2 {
		t.Errorf("the first is %s of %v", r.First().Name, r.Names())
	}
	if p, err := r.Of("two"); err != nil || p != two {
		t.Errorf("two is %v, %v", p, err)
	}
	for _, name := range []string{"three", "", "TWO"} {
		var missing *payment.NotConfiguredError
		if p, err := r.Of(name); p != nil || !errors.As(err, &missing) || missing.Provider != name {
			t.Errorf("%q is %v, %v", name, p, err)
		}
	}
	nameless, mute := provider(""), provider("mute")
	mute.Gateway = nil
	for want, wrong := range map[string][]*payment.Provider{
		"no payment provider": nil, "name one": {one, provider("one")}, "needs a name": {nameless}, "a gateway": {one, mute},
	} {
		if _, err := payment.NewRegistry(wrong...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limits := payment.Limits{Amounts: func(currency string) (payment.Amounts, bool) {
		return payment.Amounts{Smallest: 50, Largest: 1000, Multiple: 10}, currency == "EUR"
	}}
	const all = ": a payment is at least 0.50 EUR and at most 10.00 EUR and a multiple of 0.10 EUR."
	for _, tt := range []struct {
		amount         money.Amount
		refusal, price string
	}{
		{money.New(50, "EUR"), "", ""},
		{money.New(1000, "EUR"), "", ""},
		{money.New(40, "EUR"), "The payment provider takes no payment of 0.40 EUR" + all, ""},
		{money.New(0, "EUR"), "The payment provider takes no payment of 0.00 EUR" + all, ""},
		{money.New(1010, "EUR"), "The payment provider takes no payment of 10.10 EUR" + all, "The payment provider takes no payment of 10.10 EUR" + all},
		{money.New(55, "EUR"), "The payment provider takes no payment of 0.55 EUR" + all, "The payment provider takes no payment of 0.55 EUR" + all},
		{money.New(5, "EUR"), "The payment provider takes no payment of 0.05 EUR" + all, "The payment provider takes no payment of 0.05 EUR" + all},
		{money.New(50, "USD"), "The payment provider takes no payments in USD.", "The payment provider takes no payments in USD."},
	} {
		if got := limits.Refusal(tt.amount); got != tt.refusal {
			t.Errorf("a payment of %s: %q, want %q", tt.amount, got, tt.refusal)
		}
		if got := limits.PriceRefusal(tt.amount); got != tt.price {
			t.Errorf("a price of %s: %q, want %q", tt.amount, got, tt.price)
		}
		if got := (payment.Limits{}).Refusal(tt.amount) + (payment.Limits{}).PriceRefusal(tt.amount); got != "" {
			t.Errorf("without limits %s: %s", tt.amount, got)
		}
	}
	if !limits.TakesCurrency("EUR") || limits.TakesCurrency("USD") || !(payment.Limits{}).TakesCurrency("USD") {
		t.Error("the wrong currencies are taken")
	}
	later := payment.Limits{ManualCapture: true}
	if limits.TakesCapture(payment.CaptureManual) || !limits.TakesCapture(payment.CaptureAutomatic) || !later.TakesCapture(payment.CaptureManual) || later.TakesCapture("") {
		t.Error("the wrong ways to capture are taken")
	}
}

// A busy provider is given the pause that it asks for, and no longer one than five minutes. Nobody comes back sooner, and not all at once.
func TestBusy(t *testing.T) {
	t.Parallel()
	for asked, least := range map[time.Duration]time.Duration{
		0: 0, time.Second: time.Second, 30 * time.Second: 30 * time.Second, 10 * time.Hour: 5 * time.Minute, -time.Hour: 0,
	} {
		tt := newTeller(t)
		work := tt.asks(payment.OperationAuthorize)
		tt.settles(work, "", &payment.BusyError{Message: "busy", RetryAfter: asked})
		a := tt.p.Attempts[0]
		if pause := a.NextCallAt.Sub(tt.terms.Now); pause < least || pause > least*5/4+time.Second {
			t.Errorf("asked for %s: a pause of %s", asked, pause)
		}
		if !a.Open() || a.Calls != 1 || !tt.p.NextStepAt.Equal(*a.NextCallAt) || a.Message != "busy" {
			t.Errorf("asked for %s: %+v", asked, a)
		}
		tt.answers(payment.OperationAuthorize, payment.Captured, nil)
		if tt.p.Status != payment.Confirmed {
			t.Errorf("asked for %s: %s", asked, tt.p.Status)
		}
	}
}

// A call that could not be made, because its provider is not configured, is not counted and is tried until the provider is there. Staff
// are told when that takes longer than a restart.
func TestNotConfigured(t *testing.T) {
	t.Parallel()
	tt := newTeller(t)
	tt.p.Provider = "gone"
	missing := &payment.NotConfiguredError{Provider: "gone"}
	told := false
	for tries, began := 1, tt.terms.Now; !told; tries++ {
		work := tt.asks(payment.OperationAuthorize)
		if work.Provider != "gone" || work.LookUpFirst || work.LookUpOnly {
			t.Fatalf("try %d asks %+v", tries, work)
		}
		tt.settles(work, "", missing)
		tt.settles(work, "", missing) // the same answer again
		a := tt.p.Attempts[0]
		if a.Calls != 0 || a.Outcome != nil || !a.Open() || a.Message != missing.Error() || a.NextCallAt == nil || !a.NextCallAt.After(tt.terms.Now) {
			t.Fatalf("after try %d: %+v", tries, a)
		}
		told = tt.p.Attention != nil
		if waited := tt.terms.Now.Sub(began); told != (waited > time.Minute) && (waited < time.Minute || waited > 2*time.Minute) || tries > 20 {
			t.Fatalf("after %s and %d tries staff were told: %t", waited, tries, told)
		}
	}
	if *tt.p.Attention != payment.ProviderDown || tt.p.Status != payment.Processing {
		t.Errorf("%s, attention %s", tt.p.Status, *tt.p.Attention)
	}
	tt.answers(payment.OperationAuthorize, payment.Captured, nil)
	if tt.p.Status != payment.Confirmed || tt.p.Attention != nil || tt.p.Attempts[0].Calls != 1 {
		t.Errorf("with its provider back: %+v", tt.p)
	}
}

// A call that had no answer stays counted, and is looked up first, when its provider comes back.
func TestNotConfiguredAfterACall(t *testing.T) {
	t.Parallel()
	tt := newTeller(t)
	tt.answers(payment.OperationAuthorize, "", errors.New("timeout"))
	tt.answers(payment.OperationAuthorize, "", &payment.NotConfiguredError{Provider: "gone"})
	if a := tt.p.Attempts[0]; a.Calls != 1 || !a.Called() {
		t.Errorf("%+v", a)
	}
	if work := tt.asks(payment.OperationAuthorize); !work.LookUpFirst {
		t.Errorf("called again without a look-up: %+v", work)
	}
}

// A call that was not sent is not counted, however long the provider is out of reach, and nobody is told. It is tried again at least once
// a minute.
func TestNotSent(t *testing.T) {
	t.Parallel()
	tt := newTeller(t)
	unsent := &payment.NotSentError{Message: "refused"}
	began := tt.terms.Now
	for tries := 1; tt.terms.Now.Sub(began) < time.Hour; tries++ {
		before := tt.terms.Now
		work := tt.asks(payment.OperationAuthorize)
		if work.LookUpFirst || work.LookUpOnly || tries > 2 && tt.terms.Now.Sub(before) > time.Minute {
			t.Fatalf("try %d asks %+v after %s", tries, work, tt.terms.Now.Sub(before))
		}
		tt.settles(work, "", unsent)
		tt.want()
		a := tt.p.Attempts[0]
		if a.Calls != 0 || a.Outcome != nil || !a.Open() || a.Message != "refused" || tt.p.Attention != nil || tries > 100 {
			t.Fatalf("after try %d: %+v, attention %v", tries, a, tt.p.Attention)
		}
	}
	tt.answers(payment.OperationAuthorize, payment.Captured, nil)
	if tt.p.Status != payment.Confirmed || tt.p.Attempts[0].Calls != 1 {
		t.Errorf("with its provider back: %+v", tt.p)
	}
}

// A call that was not sent leaves the calls before it counted, and a payment whose customer has to act in their hands.
func TestNotSentAfterACall(t *testing.T) {
	t.Parallel()
	tt := newTeller(t)
	unsent := &payment.NotSentError{Message: "refused"}
	tt.answers(payment.OperationAuthorize, "", errors.New("timeout"))
	tt.answers(payment.OperationAuthorize, "", unsent)
	work := tt.asks(payment.OperationAuthorize)
	if a := tt.p.Attempts[0]; a.Calls != 2 || !work.LookUpFirst { // asked again
		t.Errorf("%+v, %+v", a, work)
	}
	tt.settles(work, payment.ActionRequired, nil)
	tt.answers(payment.OperationAuthorize, "", unsent)
	if a := tt.p.Attempts[0]; tt.p.Status != payment.RequiresAction || tt.p.NextStepAt != nil || a.Calls != 2 {
		t.Errorf("%+v", tt.p)
	}
}

// A payment whose calls cannot have moved money is released without its provider, by a void and by a cancel.
func TestUnreachedIsReleasedAtOnce(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{"OKNotSent": &payment.NotSentError{Message: "refused"}, "OKUnmoved": &payment.UnmovedError{Message: "no answer"}} {
		for how, release := range map[string]func(*teller) ([]payment.Fact, error){
			"Void":   func(tt *teller) ([]payment.Fact, error) { return tt.p.Void(tt.terms) },
			"Unwind": func(tt *teller) ([]payment.Fact, error) { tt.terms.Unwinding = true; return tt.p.Unwind(tt.terms) },
		} {
			t.Run(name+how, func(t *testing.T) {
				t.Parallel()
				tt := newTeller(t)
				tt.answers(payment.OperationAuthorize, "", err)
				if !tt.p.CanVoid() {
					t.Fatalf("%+v", tt.p)
				}
				tt.does(release(tt))
				tt.want(payment.FactVoided)
				if tt.p.Status != payment.Voided || tt.p.DueAt() != nil {
					t.Errorf("%+v", tt.p)
				}
			})
		}
	}
	// While a call is under way, or after one that may have taken money, only the provider can release it.
	tt := newTeller(t)
	tt.answers(payment.OperationAuthorize, "", &payment.NotSentError{Message: "refused"})
	work := tt.asks(payment.OperationAuthorize)
	if tt.p.CanVoid() {
		t.Error("a payment whose call is under way can be voided")
	}
	tt.settles(work, "", errors.New("timeout"))
	if tt.p.CanVoid() {
		t.Error("a payment whose call had no answer can be voided")
	}
}

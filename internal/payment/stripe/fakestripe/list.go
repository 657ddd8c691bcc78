package fakestripe

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// SetClock replaces the machine's clock for what is created from now on.
func (s *Stripe) SetClock(clock func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = clock
}

// now is called with the lock held.
func (s *Stripe) now() time.Time {
	if s.clock == nil {
		return time.Now()
	}
	return s.clock()
}

// listIntents is newest first, in pages that begin after a PaymentIntent. Times have whole seconds, so many are created at once:
// https://docs.stripe.com/api/payment_intents/list, https://docs.stripe.com/api/pagination.
func (s *Stripe) listIntents(_ string, form url.Values) answer {
	limit, refused := number(form, "limit", 10)
	if refused == nil && (limit < 1 || limit > 100) {
		a := invalid("parameter_invalid_integer", "limit")
		refused = &a
	}
	from, refusedFrom := number(form, "created[gte]", 0)
	until, refusedUntil := number(form, "created[lte]", 1<<62)
	for _, a := range []*answer{refused, refusedFrom, refusedUntil} {
		if a != nil {
			return *a
		}
	}
	all := slices.Clone(s.intents)
	slices.Reverse(all)
	if after := form.Get("starting_after"); after != "" {
		at := slices.IndexFunc(all, func(i *intent) bool { return i.id == after })
		if at < 0 {
			return invalid("resource_missing", "starting_after")
		}
		all = all[at+1:]
	}
	all = slices.DeleteFunc(all, func(i *intent) bool { return i.created < from || i.created > until })
	page := []object{}
	for _, i := range all[:min(int(limit), len(all))] {
		page = append(page, i.shape(form.Get("expand[0]") == "data.latest_charge"))
	}
	return found(object{"object": "list", "data": page, "has_more": len(all) > int(limit), "url": "/v1/payment_intents"})
}

func number(form url.Values, name string, absent int64) (int64, *answer) {
	text := form.Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a := invalid("parameter_invalid_integer", name)
		return 0, &a
	}
	return n, nil
}

// Foreign adds a charge that another program made with the same account, with metadata of its own.
func (s *Stripe) Foreign(currency string, amount int64, metadata map[string]string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &intent{
		id: s.newID("pi"), charge: s.newID("ch"), amount: amount, captured: amount, currency: currency, captureMethod: "automatic",
		method: Visa, status: "succeeded", metadata: maps.Clone(metadata), created: s.now().Unix(),
	}
	s.intents = append(s.intents, i)
	return i.id
}

// Delete forgets a PaymentIntent, as deleting an account's test data does.
func (s *Stripe) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intents = slices.DeleteFunc(s.intents, func(i *intent) bool { return i.id == id })
}

// RefundInDashboard gives all of a charge back, as people do in Stripe's dashboard.
func (s *Stripe) RefundInDashboard(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(id)
	s.refunds = append(s.refunds, &refund{id: s.newID("re"), status: "succeeded", amount: i.captured - i.refunded, intent: i})
	i.refunded = i.captured
	s.happened("charge.refunded", i.chargeShape())
}

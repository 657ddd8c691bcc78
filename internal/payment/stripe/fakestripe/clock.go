package fakestripe

import "time"

// Lives of what Stripe ends by itself.
const (
	// holdLife: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method. An online payment with most cards.
	holdLife = 7 * 24 * time.Hour
	// voucherLife: https://docs.stripe.com/payments/boleto, three days unless the merchant sets another number.
	voucherLife = 3 * 24 * time.Hour
	// keyLife: https://docs.stripe.com/api/idempotent_requests. Keys may be removed once they are 24 hours old.
	keyLife = 24 * time.Hour
)

// SetClock replaces the machine's clock for what happens from now on.
func (s *Stripe) SetClock(clock func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = clock
}

// Stop makes it a time, until Advance.
func (s *Stripe) Stop(at time.Time) { s.SetClock(func() time.Time { return at }) }

// Advance lets time pass on a clock that stands still.
func (s *Stripe) Advance(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.now().Add(by)
	s.clock = func() time.Time { return at }
}

// now is called with the lock held.
func (s *Stripe) now() time.Time {
	if s.clock == nil {
		return time.Now()
	}
	return s.clock()
}

// tick ends what has run out. It is called with the lock held, before anything else happens.
func (s *Stripe) tick() {
	now := s.now()
	for _, i := range s.intents {
		switch {
		case i.status == "requires_capture" && now.Sub(i.authorizedAt) >= holdLife:
			s.runOut(i)
		case i.status == "requires_action" && i.voucherUntil > 0 && now.Unix() >= i.voucherUntil:
			s.decline(i, object{"type": "card_error", "code": "payment_intent_payment_attempt_expired", "message": "for people"})
		}
	}
	for key, k := range s.keys {
		if now.Sub(k.at) >= keyLife {
			delete(s.keys, key)
		}
	}
}

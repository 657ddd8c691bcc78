package fakestripe

// PayInBrowser pays as Stripe.js does with a client secret: it attaches a payment method and confirms. It reports
// whether the PaymentIntent could take it, which it can also after a decline.
func (s *Stripe) PayInBrowser(clientSecret, method string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	for _, i := range s.intents {
		if i.id+"_secret_fake" == clientSecret && i.status == "requires_payment_method" {
			i.method = method
			s.pay(i)
			return true
		}
	}
	return false
}

// Authenticate acts as the customer on the bank's page: it reports whether the PaymentIntent waited for that.
func (s *Stripe) Authenticate(intentID string, success bool) bool {
	return s.decide(intentID, "requires_action", success, "payment_intent_authentication_failure")
}

// PayVoucher pays as the customer does at a counter: it reports whether the voucher could be paid.
func (s *Stripe) PayVoucher(intentID string) bool {
	return s.decide(intentID, "requires_action", true, "")
}

// Decide ends the processing of a PaymentIntent: it reports whether it was being processed.
func (s *Stripe) Decide(intentID string, success bool) bool {
	return s.decide(intentID, "processing", success, "card_declined")
}

func (s *Stripe) decide(intentID, state string, success bool, code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	i := s.find(intentID)
	switch {
	case i == nil || i.status != state:
		return false
	case success:
		s.succeed(i)
	default:
		s.decline(i, object{"type": "card_error", "code": code, "message": "for people"})
	}
	return true
}

package fakestripe

import "maps"

// Intent is a PaymentIntent as the ledger has it, in Stripe's minor units.
type Intent struct {
	ID, Status string
	// Method is the payment method, empty for none.
	Method                     string
	Amount, Captured, Refunded int64
	Metadata                   map[string]string
	// ClientSecret is what the customer's browser proves with that it is this customer.
	ClientSecret string
	// ReturnURL as it was confirmed with.
	ReturnURL string
}

// Intents are all PaymentIntents, oldest first.
func (s *Stripe) Intents() []Intent {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Intent, len(s.intents))
	for n, i := range s.intents {
		all[n] = Intent{
			ID: i.id, Status: i.status, Method: i.method, Amount: i.amount, Captured: i.captured, Refunded: i.refunded,
			Metadata: maps.Clone(i.metadata), ClientSecret: i.id + "_secret_fake", ReturnURL: i.returnURL,
		}
	}
	return all
}

// Of are the PaymentIntents of one order, by its id as it stands in their metadata.
func (s *Stripe) Of(orderID string) (of []Intent) {
	for _, i := range s.Intents() {
		if i.Metadata["order"] == orderID {
			of = append(of, i)
		}
	}
	return of
}

package fakestripe

import (
	"maps"
	"slices"
)

// Intent is a PaymentIntent as the ledger has it, in Stripe's minor units.
type Intent struct {
	ID, Status string
	// Method is the payment method, empty for none.
	Method           string
	Amount, Captured int64
	// Refunded is the part of Captured that is refunded or pending.
	Refunded int64
	// Disputed is the amount that banks have withdrawn and not returned.
	Disputed int64
	Metadata map[string]string
	// ClientSecret authenticates the customer's browser.
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
			ID: i.id, Status: i.status, Method: i.method, Amount: i.amount, Captured: i.captured, Refunded: s.returned(i),
			Metadata: maps.Clone(i.metadata), ClientSecret: i.id + "_secret_fake", ReturnURL: i.returnURL,
		}
		for _, d := range s.disputesOf(i) {
			for _, minor := range d.moved {
				all[n].Disputed -= minor
			}
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

// Refunds are the ids of a PaymentIntent's refunds of captured money, oldest first.
func (s *Stripe) Refunds(intentID string) (ids []string) {
	for _, r := range s.RefundsOf(intentID) {
		ids = append(ids, r.ID)
	}
	return ids
}

// Refund is a refund as the ledger has it, in Stripe's minor units.
type Refund struct {
	ID, Status string
	Amount     int64
	Metadata   map[string]string
}

// RefundsOf are a PaymentIntent's refunds of captured money, oldest first.
func (s *Stripe) RefundsOf(intentID string) (of []Refund) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.refunds {
		if r.intent.id == intentID && !r.release {
			of = append(of, Refund{ID: r.id, Status: r.status, Amount: r.amount, Metadata: maps.Clone(r.metadata)})
		}
	}
	return of
}

// Dispute is a dispute, or an early fraud warning, as the ledger has it.
type Dispute struct {
	ID string
	// Status is Stripe's, or "warned" for an early fraud warning that one can still act on, "warned before" for another.
	Status string
}

// DisputesOf are a PaymentIntent's disputes and early fraud warnings.
func (s *Stripe) DisputesOf(intentID string) (of []Dispute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.disputesOf(s.find(intentID)) {
		of = append(of, Dispute{ID: d.id, Status: d.status})
	}
	for _, w := range s.warnings {
		if w.intent.id != intentID {
			continue
		}
		status := "warned before"
		if s.warningShape(w)["actionable"] == true {
			status = "warned"
		}
		of = append(of, Dispute{ID: w.id, Status: status})
	}
	return of
}

// Foreign adds a charge that another program made with the same account, with metadata of its own.
func (s *Stripe) Foreign(currency string, amount int64, metadata map[string]string) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &intent{
		id: s.newID("pi"), charge: s.newID("ch"), chargeStatus: "succeeded", amount: amount, captured: amount, currency: currency,
		captureMethod: "automatic", method: Visa, status: "succeeded", metadata: maps.Clone(metadata), created: s.now().Unix(),
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

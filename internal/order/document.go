package order

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/orderwire/orderwire/internal/payment"
)

// Document is the JSON form of a State, as it is stored with each event and sent between replicas: refunds stand beside the
// payments, in the order they were made.
type Document struct {
	Fields
	Refunds []payment.Refund `json:"refunds"`
}

// Fields are those of a State, without its methods.
type Fields State

// Document returns the JSON form.
func (s *State) Document() Document { return Document{Fields: Fields(*s), Refunds: s.Refunds()} }

// State reads the JSON form. A refund without its payment is an error.
func (d *Document) State() (State, error) {
	s := State(d.Fields)
	return s, s.AttachRefunds(d.Refunds)
}

// MarshalJSON implements json.Marshaler.
func (s State) MarshalJSON() ([]byte, error) { return json.Marshal(s.Document()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *State) UnmarshalJSON(raw []byte) error {
	var d Document
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	var err error
	*s, err = d.State()
	return err
}

// Refunds returns the refunds of all payments, in the order they were made. It is empty and not nil when there are none.
func (s *State) Refunds() []payment.Refund {
	var first []payment.Refund
	n, of := 0, 0
	for i := range s.Payments {
		if refunds := s.Payments[i].Refunds; len(refunds) > 0 {
			first, of = refunds, of+1
			n += len(refunds)
		}
	}
	switch of {
	case 0:
		return []payment.Refund{}
	case 1:
		return first
	}
	all := make([]payment.Refund, 0, n)
	for i := range s.Payments {
		all = append(all, s.Payments[i].Refunds...)
	}
	slices.SortFunc(all, func(a, b payment.Refund) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}

// AttachRefunds gives refunds, in the order they were made, to the payments that they are of.
func (s *State) AttachRefunds(refunds []payment.Refund) error {
	for i := range refunds {
		p := s.PaymentByID(refunds[i].PaymentID)
		if p == nil {
			return fmt.Errorf("refund %s is of payment %s, which the order does not have", refunds[i].ID, refunds[i].PaymentID)
		}
		p.Refunds = append(p.Refunds, refunds[i])
	}
	return nil
}

// AttachAttempts gives attempts, in the order they were made, to the payments that they are of.
func (s *State) AttachAttempts(attempts []payment.Attempt) error {
	for i := range attempts {
		p := s.PaymentByID(attempts[i].PaymentID)
		if p == nil {
			return fmt.Errorf("attempt %s is of payment %s, which the order does not have", attempts[i].ID, attempts[i].PaymentID)
		}
		p.Attempts = append(p.Attempts, attempts[i])
	}
	return nil
}

package order

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/orderwire/orderwire/internal/id"
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

// StateRefunds is the most refunds in the JSON form, the newest ones: it is stored with each event. The balances are fields of their own,
// and the tables have all refunds.
const StateRefunds = 20

// Document returns the JSON form.
func (s *State) Document() Document {
	return Document{Fields: Fields(*s), Refunds: newest(s.Refunds(), StateRefunds)}
}

// Document returns the JSON form of the event's state. It has the refund that the event is about, however old.
func (e *Event) Document() Document {
	d := e.Order.Document()
	if e.Data.RefundID == nil || slices.ContainsFunc(d.Refunds, func(r payment.Refund) bool { return r.ID == *e.Data.RefundID }) {
		return d
	}
	if about := e.Order.RefundByID(*e.Data.RefundID); about != nil {
		d.Refunds = append([]payment.Refund{*about}, d.Refunds[1:]...) // older than all of them
	}
	return d
}

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

// AttachRefunds adds refunds, in the order they were made, to their payments. A refund without its payment is an error.
func (s *State) AttachRefunds(refunds []payment.Refund) error {
	for len(refunds) > 0 {
		first := &refunds[0]
		p := s.PaymentByID(first.PaymentID)
		if p == nil {
			return fmt.Errorf("refund %s is of payment %s, which the order does not have", first.ID, first.PaymentID)
		}
		n := run(refunds, func(r *payment.Refund) id.Payment { return r.PaymentID })
		p.Refunds = join(p.Refunds, refunds[:n:n])
		refunds = refunds[n:]
	}
	return nil
}

// AttachAttempts adds attempts, in the order they were made, to their payments. An attempt without its payment is an error.
func (s *State) AttachAttempts(attempts []payment.Attempt) error {
	for len(attempts) > 0 {
		first := &attempts[0]
		p := s.PaymentByID(first.PaymentID)
		if p == nil {
			return fmt.Errorf("attempt %s is of payment %s, which the order does not have", first.ID, first.PaymentID)
		}
		n := run(attempts, func(a *payment.Attempt) id.Payment { return a.PaymentID })
		p.Attempts = join(p.Attempts, attempts[:n:n])
		attempts = attempts[n:]
	}
	return nil
}

// run returns how many parts, from the first, are of the first one's payment.
func run[T any](parts []T, paymentOf func(*T) id.Payment) int {
	n := 1
	for n < len(parts) && paymentOf(&parts[n]) == paymentOf(&parts[0]) {
		n++
	}
	return n
}

// join appends more to parts. Without parts it keeps more's memory: the parts of a payment are nearly always one run, and are not copied.
func join[T any](parts, more []T) []T {
	if len(parts) == 0 {
		return more
	}
	return append(parts, more...)
}

package order

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// PaymentMethod is how an order is to be paid.
type PaymentMethod struct {
	Provider string
	// Token of the means of payment at the provider; "" for the provider's default.
	Token   string
	Capture payment.CaptureMethod
}

// Draft is a validated order that is not placed yet.
type Draft struct {
	CustomerID        uuid.UUID
	Lines             []Line
	Total             money.Amount
	Note              *string
	ExternalReference *string
	Metadata          []Metadata
	Method            PaymentMethod
	Source            uuid.UUID
}

// New places an order: version 1, CREATED, with its first payment INITIALIZING. Its texts are copied, since they may be parts of a
// whole request, which would stay in memory with them.
func New(c Cause, policy Policy, d Draft) *Order {
	expires := c.Now.Add(policy.Expiry)
	o := &Order{
		Head: &Head{
			ID:                id.At(c.Now),
			Number:            id.Number(),
			CustomerID:        d.CustomerID,
			Lines:             d.Lines,
			Total:             d.Total,
			Note:              cloned(d.Note),
			ExternalReference: cloned(d.ExternalReference),
			Metadata:          clonedMetadata(d.Metadata),
			CreatedAt:         c.Now,
		},
		State:  State{Status: Created, ExpiresAt: &expires},
		Source: d.Source,
	}
	o.addPayment(c, policy, d.Method)
	o.record(c, OrderCreated, EventData{})
	return o
}

func (o *Order) addPayment(c Cause, policy Policy, method PaymentMethod) *payment.Payment {
	o.Payments = append(o.Payments, payment.New(o.terms(c, policy), payment.Payment{
		OrderID: o.ID, Amount: o.Total, Provider: method.Provider, Method: strings.Clone(method.Token), CaptureMethod: method.Capture,
	}))
	return o.Payment()
}

func at(t time.Time) *time.Time { return &t }

func cloned(text *string) *string {
	if text == nil {
		return nil
	}
	return new(strings.Clone(*text))
}

func clonedMetadata(entries []Metadata) []Metadata {
	copies := slices.Clone(entries)
	for i, m := range copies {
		copies[i] = Metadata{Key: strings.Clone(m.Key), Value: strings.Clone(m.Value)}
	}
	return copies
}

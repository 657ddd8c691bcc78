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
	o.Payments = append(o.Payments, payment.Payment{
		ID:            id.After(lastID(o.Payments, func(p *payment.Payment) uuid.UUID { return p.ID }), c.Now),
		OrderID:       o.ID,
		Status:        payment.Initializing,
		Amount:        o.Total,
		Provider:      method.Provider,
		Method:        strings.Clone(method.Token),
		CaptureMethod: method.Capture,
		NextStepAt:    at(c.Now.Add(policy.StepDelay)),
		CreatedAt:     c.Now,
		UpdatedAt:     c.Now,
	})
	return o.Payment()
}

// lastID is the id of the last of an order's parts, uuid.Nil when there is none. Parts are stored by their ids, so the next one's must be
// higher, also if this replica's idea of the database's clock is a little behind that of the replica which made the last.
func lastID[T any](parts []T, idOf func(*T) uuid.UUID) uuid.UUID {
	if len(parts) == 0 {
		return uuid.Nil
	}
	return idOf(&parts[len(parts)-1])
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

package order

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// PaymentMethod is the method to pay an order with.
type PaymentMethod struct {
	Provider string
	// Token of the means of payment at the provider; "" for the provider's default.
	Token   string
	Capture payment.CaptureMethod
}

// Draft is a validated order that is not placed yet. Its head has no ID, Number and CreatedAt.
type Draft struct {
	Head
	Method PaymentMethod
	Source uuid.UUID
}

// New places an order: version 1, CREATED, with its first payment INITIALIZING.
func New(c Cause, policy Policy, d Draft) *Order {
	expires := c.Now.Add(policy.Expiry)
	head := d.Head
	head.ID, head.Number, head.CreatedAt = id.At[id.Order](c.Now), id.Number(), c.Now
	head.ownTexts()
	o := &Order{
		Head:   &head,
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
		Waits: o.keepsWaiting(),
	}))
	return &o.Payments[len(o.Payments)-1]
}

func at(t time.Time) *time.Time { return &t }

package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

// MaxBody bounds the body of a request in bytes: at most 20 entries of metadata with up to 540 characters, each at most 6 bytes in JSON.
const MaxBody = 80 << 10

// PayloadVersion is that of the body's form. Fields may be added to a version, none is changed or taken away.
const PayloadVersion = 1

// payload is a request's body. docs/webhooks.md has its fields as a table, which a test holds against this.
type payload struct {
	Type       order.EventType `json:"type"`
	Timestamp  time.Time       `json:"timestamp"`
	APIVersion int             `json:"apiVersion"`
	Data       data            `json:"data"`
}

// data says what happened and how the order stands as of this event. Nothing in it is a secret, or says who ordered, what, or what a
// person wrote about it. ExternalReference and Metadata are the client's own data, by which receivers find their own order.
type data struct {
	EventID      string              `json:"eventId"`
	OrderID      string              `json:"orderId"`
	OrderNumber  string              `json:"orderNumber"`
	OrderVersion int                 `json:"orderVersion"`
	OrderStatus  order.Status        `json:"orderStatus"`
	CancelReason *order.CancelReason `json:"cancelReason"`
	Total        amount              `json:"total"`
	Captured     amount              `json:"captured"`
	Refunded     amount              `json:"refunded"`
	Disputed     amount              `json:"disputed"`
	Payment      *paymentData        `json:"payment"`
	Refund       *refundData         `json:"refund"`
	Dispute      *disputeData        `json:"dispute"`
	// ExternalReference and Metadata are as the order's client gave them.
	ExternalReference *string           `json:"externalReference"`
	Metadata          map[string]string `json:"metadata"`
}

// paymentData is the payment that the event is about, else the order's latest.
type paymentData struct {
	ID          string             `json:"id"`
	Status      payment.Status     `json:"status"`
	Amount      amount             `json:"amount"`
	Captured    amount             `json:"captured"`
	Refunded    amount             `json:"refunded"`
	Disputed    amount             `json:"disputed"`
	Delayed     bool               `json:"delayed"`
	DeclineCode *string            `json:"declineCode"`
	Attention   *payment.Attention `json:"attention"`
}

// refundData is the refund that the event is about.
type refundData struct {
	ID     string               `json:"id"`
	Status payment.RefundStatus `json:"status"`
	Amount amount               `json:"amount"`
	Origin payment.RefundOrigin `json:"origin"`
}

// disputeData is the dispute that the event is about.
type disputeData struct {
	ID        string                `json:"id"`
	Status    payment.DisputeStatus `json:"status"`
	Amount    amount                `json:"amount"`
	Reason    *string               `json:"reason"`
	RespondBy *time.Time            `json:"respondBy"`
}

// amount has the form of GraphQL's Money: minor units as a text, because JSON's numbers are exact to 53 bits only.
type amount struct {
	AmountMinor string `json:"amountMinor"`
	Amount      string `json:"amount"`
	Currency    string `json:"currency"`
}

func amountOf(a money.Amount) amount {
	return amount{AmountMinor: strconv.FormatInt(a.Minor, 10), Amount: a.Decimal(), Currency: a.Currency}
}

// body returns the body sent for an event.
func body(e *order.Event) ([]byte, error) {
	o := e.Order
	of := func(minor int64) amount { return amountOf(money.New(minor, o.Total.Currency)) }
	p := payload{
		Type: e.Type, Timestamp: e.At.UTC(), APIVersion: PayloadVersion,
		Data: data{
			EventID: e.ID.TypeID(), OrderID: o.ID.TypeID(), OrderNumber: o.Number,
			OrderVersion: e.Version, OrderStatus: o.Status, CancelReason: o.CancelReason,
			Total: amountOf(o.Total), Captured: of(o.Captured), Refunded: of(o.Refunded), Disputed: of(o.Disputed),
			Payment: paymentOf(o, e.Data.PaymentID), Refund: refundOf(o, e.Data.RefundID), Dispute: disputeOf(o, e.Data.DisputeID),
			ExternalReference: o.ExternalReference, Metadata: metadataOf(o.Metadata),
		},
	}
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("payload of event %s: %w", e.ID, err)
	}
	return text, nil
}

// metadataOf returns the entries by their keys, which are unique within an order; never nil, so that it is an object in JSON.
func metadataOf(entries []order.Metadata) map[string]string {
	values := make(map[string]string, len(entries))
	for _, m := range entries {
		values[m.Key] = m.Value
	}
	return values
}

func paymentOf(o *order.Order, about *id.Payment) *paymentData {
	shown := o.Payment()
	if about != nil {
		if p := o.PaymentByID(*about); p != nil {
			shown = p
		}
	}
	if shown == nil {
		return nil
	}
	of := func(minor int64) amount { return amountOf(money.New(minor, shown.Amount.Currency)) }
	return &paymentData{
		ID: shown.ID.TypeID(), Status: shown.Status,
		Amount: amountOf(shown.Amount), Captured: of(shown.Captured), Refunded: of(shown.Refunded),
		Disputed: of(shown.Disputed()), Delayed: shown.Delayed, DeclineCode: shown.DeclineCode, Attention: shown.Attention,
	}
}

func refundOf(o *order.Order, about *id.Refund) *refundData {
	if about == nil {
		return nil
	}
	r := o.RefundByID(*about)
	if r == nil {
		return nil
	}
	return &refundData{ID: r.ID.TypeID(), Status: r.Status, Amount: amountOf(r.Amount), Origin: o.RefundOrigin(r)}
}

func disputeOf(o *order.Order, about *id.Dispute) *disputeData {
	if about == nil {
		return nil
	}
	d := o.DisputeByID(*about)
	if d == nil {
		return nil
	}
	shown := &disputeData{ID: d.ID.TypeID(), Status: d.Status, Amount: amountOf(d.Amount)}
	if d.Reason != "" {
		shown.Reason = &d.Reason
	}
	if d.RespondBy != nil {
		shown.RespondBy = new(d.RespondBy.UTC())
	}
	return shown
}

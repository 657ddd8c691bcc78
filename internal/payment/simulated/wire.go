package simulated

import (
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// The wire format: JSON over HTTP. The idempotency key travels in the header Idempotency-Key.
//
//	POST /v1/authorize, /v1/capture, /v1/void, /v1/refund, /v1/lookup   wireCall → wireResult
//	POST /v1/complete                                                  wireComplete → wireResult
//	POST /v1/outside                                                   wireOutside → wireSeen
//	GET  /v1/ledger?payment=…&order=…&after=…&limit=…                   wireLedger
//	GET  /v1/charges?installation=…&from=…&until=…&after=…              wireCharges
//	GET  /v1/charges/{reference}                                       wireCharge
//	GET  /v1/audit                                                     wireAudit
//
// A status of 4xx with an error code in the body means: refused, nothing moved. Every other status but 200, and no
// answer at all, mean that the outcome is unknown.

// keyHeader carries the idempotency key, after draft-ietf-httpapi-idempotency-key-header.
const keyHeader = "Idempotency-Key"

type wireCall struct {
	Operation     payment.Operation     `json:"operation,omitempty"` // of a look-up; else the path says it
	OrderID       id.Order              `json:"orderId"`
	PaymentID     id.Payment            `json:"paymentId"`
	RefundID      *id.Refund            `json:"refundId,omitempty"`
	AmountMinor   int64                 `json:"amountMinor"`
	Currency      string                `json:"currency"`
	CaptureMethod payment.CaptureMethod `json:"captureMethod,omitempty"`
	Method        string                `json:"method,omitempty"`
	Reference     string                `json:"reference,omitempty"`
	OrderNumber   string                `json:"orderNumber,omitempty"`
	Installation  *uuid.UUID            `json:"installation,omitempty"` // of an authorization
	KeepsRest     bool                  `json:"keepsRest,omitempty"`    // of a capture
}

func (w wireCall) call(key id.Attempt) payment.Call {
	call := payment.Call{
		Key: key, Operation: w.Operation, OrderID: w.OrderID, PaymentID: w.PaymentID,
		Amount:  money.New(w.AmountMinor, w.Currency),
		Capture: w.CaptureMethod, Method: w.Method, Reference: w.Reference, OrderNumber: w.OrderNumber, Final: !w.KeepsRest,
	}
	if w.RefundID != nil {
		call.RefundID = *w.RefundID
	}
	if w.Installation != nil {
		call.Installation = *w.Installation
	}
	return call
}

func wireCallOf(call payment.Call) wireCall {
	w := wireCall{
		Operation: call.Operation, OrderID: call.OrderID, PaymentID: call.PaymentID,
		AmountMinor: call.Amount.Minor, Currency: call.Amount.Currency,
		CaptureMethod: call.Capture, Method: call.Method, Reference: call.Reference, OrderNumber: call.OrderNumber,
	}
	if !call.RefundID.IsNil() {
		w.RefundID = &call.RefundID
	}
	w.KeepsRest = call.Operation == payment.OperationCapture && !call.Final
	if call.Installation != uuid.Nil && call.Operation == payment.OperationAuthorize {
		w.Installation = &call.Installation
	}
	return w
}

type wireComplete struct {
	PaymentID id.Payment `json:"paymentId"`
	Approve   bool       `json:"approve"`
}

type wireResult struct {
	Outcome         payment.Outcome `json:"outcome"`
	Reference       string          `json:"reference,omitempty"`
	Code            string          `json:"code,omitempty"`
	ActionExpiresAt *time.Time      `json:"actionExpiresAt,omitempty"`
	ActionURL       string          `json:"actionUrl,omitempty"`
	RanOut          bool            `json:"ranOut,omitempty"`
	// Captured is the amount that the charge has captured in all; set with a capture and a void.
	Captured *int64 `json:"captured,omitempty"`
	// Totals of the charge: with the look-up of an authorization only. A provider of an earlier version leaves it out.
	Totals *wireTotals `json:"totals,omitempty"`
	// Charge comes with Totals. A provider of an earlier version leaves it out, too.
	Charge *wireSeen `json:"charge,omitempty"`
}

// wireTotals are minor units of the charge's currency.
type wireTotals struct {
	Captured int64 `json:"captured"`
	Refunded int64 `json:"refunded"`
}

func wireResultOf(r payment.Result) wireResult {
	w := wireResult{Outcome: r.Outcome, Reference: r.Reference, Code: r.Code, RanOut: r.RanOut, Captured: r.Captured}
	if r.Action != nil {
		w.ActionExpiresAt, w.ActionURL = r.Action.ExpiresAt, r.Action.URL
	}
	if r.Charge != nil {
		w.Totals, w.Charge = &wireTotals{Captured: r.Charge.Captured, Refunded: r.Charge.Refunded}, wireSeenOf(r.Charge)
	}
	return w
}

func (w wireResult) result() payment.Result {
	r := resultOf(w.Outcome, w.Reference, w.Code, w.ActionExpiresAt)
	r.RanOut, r.Captured = w.RanOut, w.Captured
	if r.Action != nil {
		r.Action.URL = w.ActionURL
	}
	switch {
	case w.Charge != nil:
		r.Charge = w.Charge.charge()
	case w.Totals != nil:
		r.Charge = &payment.SeenCharge{Totals: payment.Totals{Captured: w.Totals.Captured, Refunded: w.Totals.Refunded}}
	}
	return r
}

type wireError struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

type wireLedger struct {
	Balances []Balance `json:"balances"`
	Totals   []Total   `json:"totals"`
}

type wireAudit struct {
	Discrepancies []Discrepancy `json:"discrepancies"`
}

type wireCharge struct {
	Reference   string               `json:"reference"`
	OrderID     id.Order             `json:"orderId"`
	PaymentID   id.Payment           `json:"paymentId"`
	AmountMinor int64                `json:"amountMinor"`
	Currency    string               `json:"currency"`
	Captured    int64                `json:"captured"`
	Refunded    int64                `json:"refunded"`
	Status      payment.ChargeStatus `json:"status"`
	CreatedAt   time.Time            `json:"createdAt"`
}

func wireChargeOf(c payment.Charge) wireCharge {
	return wireCharge{
		Reference: c.Reference, OrderID: c.OrderID, PaymentID: c.PaymentID, AmountMinor: c.Amount.Minor, Currency: c.Amount.Currency,
		Captured: c.Totals.Captured, Refunded: c.Totals.Refunded, Status: c.Status, CreatedAt: c.CreatedAt,
	}
}

func (w wireCharge) charge() payment.Charge {
	return payment.Charge{
		Reference: w.Reference, OrderID: w.OrderID, PaymentID: w.PaymentID, Amount: money.New(w.AmountMinor, w.Currency),
		Totals: payment.Totals{Captured: w.Captured, Refunded: w.Refunded}, Status: w.Status, CreatedAt: w.CreatedAt,
	}
}

type wireCharges struct {
	Charges []wireCharge `json:"charges"`
	Next    string       `json:"next,omitempty"`
}

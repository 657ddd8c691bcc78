package webhook_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/webhook"
)

var update = flag.Bool("update", false, "write testdata/payload.json")

// fullest is an event in which every field of the payload has a value, and so has all that must stay out of it.
func fullest() order.Event {
	key := func(last string) uuid.UUID { return uuid.MustParse("019aa000-0000-7000-8000-0000000000" + last) }
	at := time.Date(2026, 11, 22, 10, 20, 30, 123456000, time.UTC)
	private := func(s string) *string { s = "PRIVATE " + s; return &s }
	eur := func(minor int64) money.Amount { return money.New(minor, "EUR") }
	code, attention, reason := "insufficient_funds", payment.ProviderDown, order.CancelledByCustomer
	paymentID, refundID, disputeID := id.Payment(key("04")), id.Refund(key("06")), id.Dispute(key("08"))
	respondBy := at.Add(7 * 24 * time.Hour)
	return order.Event{
		ID: id.Event(key("01")), Type: order.RefundFailed, Version: 7, At: at, RequestID: "PRIVATE request",
		Actor: order.Actor{Kind: order.ActorProvider, ID: id.Customer(key("99"))},
		Data:  order.EventData{PaymentID: &paymentID, RefundID: &refundID, DisputeID: &disputeID, Reason: private("reason")},
		Order: &order.Order{
			Head: &order.Head{
				ID: id.Order(key("02")), Number: "OW-7K3M9QXZ", CustomerID: id.Customer(key("99")), Total: eur(1250), Note: private("note"), ExternalReference: new("PO-2026-117"),
				Lines:    []order.Line{{ProductID: id.Product(key("99")), Name: "PRIVATE name", Quantity: 1, UnitPrice: eur(1250), Total: eur(1250)}},
				Metadata: []order.Metadata{{Key: "warehouse", Value: "north"}, {Key: "cart", Value: "42"}},
			},
			State: order.State{
				Status: order.Cancelling, Version: 7, CancelReason: &reason, Captured: 1250, Refunded: 250, Disputed: 1000,
				Payments: []payment.Payment{
					{
						ID: paymentID, Status: payment.Confirmed, Amount: eur(1250), Captured: 1250, Refunded: 250,
						Reference: "PRIVATE reference", Method: "PRIVATE token", NextAction: &payment.NextAction{URL: "PRIVATE", ClientSecret: "PRIVATE"},
						DeclineCode: &code, Attention: &attention, Delayed: true,
						Disputes: []payment.Dispute{{
							ID: disputeID, PaymentID: paymentID, Amount: eur(1000), Status: payment.DisputeNeedsResponse, Reason: "fraudulent",
							Reference: "PRIVATE dispute", RespondBy: &respondBy,
						}},
						Refunds: []payment.Refund{
							{ID: id.Refund(key("07")), Status: payment.RefundSucceeded, Amount: eur(250)},
							{ID: refundID, PaymentID: paymentID, Status: payment.RefundFailed, Origin: payment.RefundOfProvider, Amount: eur(1000), Reason: private("reason")},
						},
					},
					{ID: id.Payment(key("05")), Status: payment.Voided, Amount: eur(1250)},
				},
			},
		},
	}
}

// Clients depend on the body. Change testdata/payload.json only by adding to it.
func TestPayload(t *testing.T) {
	t.Parallel()
	e := fullest()
	raw, err := webhook.Body(&e)
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	indented.WriteByte('\n')
	if *update {
		if err := os.WriteFile("testdata/payload.json", indented.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("testdata/payload.json")
	if err != nil {
		t.Fatal(err)
	}
	if indented.String() != string(golden) {
		t.Errorf("the body is\n%s, want\n%s", indented.String(), golden)
	}
	if strings.Contains(indented.String(), "PRIVATE") || strings.Contains(indented.String(), "customer_") || strings.Contains(indented.String(), "0004s\"") {
		t.Errorf("something that must stay out is in\n%s", indented.String())
	}
}

// A plain event has nulls where it has nothing to say, and the payment that has paid the order, though a later one was voided.
func TestPayloadOfPlainEvent(t *testing.T) {
	t.Parallel()
	e := fullest()
	e.Type, e.Data = order.OrderDelivered, order.EventData{}
	e.Order.CancelReason, e.Order.Status = nil, order.Delivered
	e.Order.Payments[0].DeclineCode, e.Order.Payments[0].Attention = nil, nil
	raw, err := webhook.Body(&e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"refund":null`, `"dispute":null`, `"cancelReason":null`, `"declineCode":null`, `"attention":null`, `"status":"CONFIRMED"`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
	e.Order.Payments = nil
	if raw, err = webhook.Body(&e); err != nil || !strings.Contains(string(raw), `"payment":null`) {
		t.Errorf("without payments: %s, %v", raw, err)
	}
}

// A refund of a version that kept no origins has one, and a dispute without a reason or a deadline has nulls.
func TestPayloadOfOldRefundAndWarning(t *testing.T) {
	t.Parallel()
	e := fullest()
	p := &e.Order.Payments[0]
	p.Refunds[1].Origin = ""
	p.Disputes[0].Status, p.Disputes[0].Reason, p.Disputes[0].RespondBy = payment.DisputeWarning, "", nil
	raw, err := webhook.Body(&e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"origin":"CANCEL"`, `"status":"WARNING"`, `"reason":null,"respondBy":null`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
}

// The largest order's body is within MaxBody, and an order without a reference or metadata has null and {}.
func TestPayloadIsBounded(t *testing.T) {
	t.Parallel()
	e := fullest()
	e.Order.ExternalReference, e.Order.Metadata = nil, nil
	if raw, err := webhook.Body(&e); err != nil || !strings.Contains(string(raw), `"externalReference":null,"metadata":{}`) {
		t.Errorf("%s, %v", raw, err)
	}
	widest := strings.Repeat("\u2028", 500) // six bytes in JSON, the most that a character takes
	reference := widest[:3*100]
	e.Order.ExternalReference = &reference
	for i := range 20 {
		e.Order.Metadata = append(e.Order.Metadata, order.Metadata{Key: string(rune('a'+i)) + widest[:3*39], Value: widest})
	}
	if raw, err := webhook.Body(&e); err != nil || len(raw) > webhook.MaxBody || len(raw) < 6*20*500 {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
}

// The table in docs/webhooks.md has exactly the payload's fields.
func TestPayloadTable(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/payload.json")
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(golden, &body); err != nil {
		t.Fatal(err)
	}
	var want []string
	var walk func(prefix string, of map[string]any)
	walk = func(prefix string, of map[string]any) {
		for name, value := range of {
			inner, isObject := value.(map[string]any)
			_, isAmount := inner["amountMinor"]
			if prefix+name != "data" {
				want = append(want, prefix+name)
			}
			if isObject && !isAmount && name != "metadata" {
				walk(prefix+name+".", inner)
			}
		}
	}
	walk("", body)
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- payload:begin -->")
	table, _, _ = strings.Cut(table, "<!-- payload:end -->")
	var got []string
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .+ \\|$").FindAllStringSubmatch(table, -1) {
		got = append(got, match[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the table has\n%q, the payload\n%q", got, want)
	}
}

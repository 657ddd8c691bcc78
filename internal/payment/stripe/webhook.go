package stripe

import (
	"crypto/hmac"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

const (
	// SignatureHeader carries the time and the signatures of a webhook: https://docs.stripe.com/webhooks/signature.
	SignatureHeader = "Stripe-Signature"
	// tolerance is the largest difference between a signature's time and ours.
	tolerance = webhook.DefaultTolerance
)

// VerifyWebhook checks the signature (scheme v1, HMAC-SHA256 over time and raw body) with every secret, its age, and
// that test events stay with test keys. The version of Stripe's API in which the event is written does not matter: only
// names that all versions have are read.
//
// stripe-go's own check is not used because it asks the machine's clock.
func (g *Gateway) VerifyWebhook(header http.Header, body []byte, now time.Time) (payment.Notice, error) {
	if len(g.webhookSecrets) == 0 {
		return payment.Notice{}, refuseWebhook("no webhook secret is configured")
	}
	if err := g.checkSignature(header.Get(SignatureHeader), body, now); err != nil {
		return payment.Notice{}, err
	}
	return g.readEvent(body)
}

func (g *Gateway) checkSignature(header string, body []byte, now time.Time) error {
	if header == "" {
		return refuseWebhook("it is not signed")
	}
	var signedAt time.Time
	var signatures [][]byte
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return refuseWebhook("the signature's time cannot be read")
			}
			signedAt = time.Unix(seconds, 0)
		case "v1": // other schemes are for tests of Stripe's own
			if signature, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, signature)
			}
		}
	}
	if signedAt.IsZero() || len(signatures) == 0 {
		return refuseWebhook("the signature cannot be read")
	}
	if !g.signed(signedAt, body, signatures) {
		return refuseWebhook("the signature is wrong")
	}
	if age := now.Sub(signedAt); age > tolerance || age < -tolerance {
		return refuseWebhook("it was signed too long ago, or a clock is wrong")
	}
	return nil
}

func (g *Gateway) signed(at time.Time, body []byte, signatures [][]byte) bool {
	for _, secret := range g.webhookSecrets {
		want := webhook.ComputeSignature(at, body, secret)
		for _, signature := range signatures {
			if hmac.Equal(want, signature) {
				return true
			}
		}
	}
	return false
}

// event has the parts of a webhook event that we read: https://docs.stripe.com/api/events/object.
type event struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Livemode bool   `json:"livemode"`
	Data     struct {
		Object struct {
			ID     string `json:"id"`
			Object string `json:"object"`
			// PaymentIntent is set in charges, refunds, disputes and early fraud warnings. The last two have no metadata of ours.
			PaymentIntent any               `json:"payment_intent"`
			Metadata      map[string]string `json:"metadata"`
		} `json:"object"`
	} `json:"data"`
}

// Events returns the types of events to choose for the webhook endpoint in Stripe's dashboard: after each, a payment's charge may differ from
// our books. https://docs.stripe.com/api/events/types
func Events() []string {
	types := []stripego.EventType{
		stripego.EventTypePaymentIntentAmountCapturableUpdated, stripego.EventTypePaymentIntentCanceled,
		stripego.EventTypePaymentIntentPaymentFailed, stripego.EventTypePaymentIntentProcessing,
		stripego.EventTypePaymentIntentRequiresAction, stripego.EventTypePaymentIntentSucceeded,
		stripego.EventTypeChargeCaptured, stripego.EventTypeChargeExpired, stripego.EventTypeChargeRefunded,
		stripego.EventTypeChargeRefundUpdated,
		stripego.EventTypeChargeDisputeCreated, stripego.EventTypeChargeDisputeUpdated, stripego.EventTypeChargeDisputeClosed,
		stripego.EventTypeChargeDisputeFundsWithdrawn, stripego.EventTypeChargeDisputeFundsReinstated,
		stripego.EventTypeRefundCreated, stripego.EventTypeRefundUpdated, stripego.EventTypeRefundFailed,
		stripego.EventTypeRadarEarlyFraudWarningCreated, stripego.EventTypeRadarEarlyFraudWarningUpdated,
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
}

// ofPayments has the prefixes of the types of events that are read, those of Events and others about payments: an endpoint may be sent
// more than it needs. Disputes are charge.dispute.…, and some refunds are also charge.refund.….
var ofPayments = []string{"payment_intent.", "charge.", "refund.", "radar.early_fraud_warning."}

func (g *Gateway) readEvent(body []byte) (payment.Notice, error) {
	var e event
	if err := exactjson.Unmarshal(body, &e); err != nil || e.ID == "" || e.Type == "" {
		return payment.Notice{}, refuseWebhook("the event cannot be read")
	}
	if e.Livemode != g.live {
		return payment.Notice{}, refuseWebhook("the event is of the other mode (test or live) than the secret key")
	}
	notice := payment.Notice{EventID: e.ID, Type: e.Type}
	if !slices.ContainsFunc(ofPayments, func(kind string) bool { return strings.HasPrefix(e.Type, kind) }) {
		return notice, nil // of no payment; Stripe adds kinds at any time
	}
	object := e.Data.Object
	notice.Reference = intentID(object.PaymentIntent)
	if object.Object == "payment_intent" {
		notice.Reference = object.ID
	}
	if paymentID, err := id.Parse[id.Payment](object.Metadata[metaPayment]); err == nil {
		notice.PaymentID = paymentID
	} else {
		notice.PaymentID = id.Payment{}
	}
	return notice, nil
}

// intentID reads a PaymentIntent's id, expanded or not.
func intentID(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case map[string]any:
		reference, _ := v["id"].(string)
		return reference
	default:
		return ""
	}
}

func refuseWebhook(reason string) error { return &payment.WebhookError{Reason: reason} }

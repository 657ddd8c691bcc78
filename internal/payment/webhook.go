package payment

import (
	"net/http"
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

// WebhookVerifier reads what a provider sends to /webhooks/{provider}.
type WebhookVerifier interface {
	// VerifyWebhook checks the signature over the raw body and its age at now, and reads what it is about. The error is a
	// *WebhookError: nothing of the body may be believed, or shown.
	VerifyWebhook(header http.Header, body []byte, now time.Time) (Notice, error)
}

// Notice is a verified webhook. It says that something has happened, never what to book: that is asked of the provider
// (Gateway.LookUp), because notices come late, twice and in any order.
type Notice struct {
	// EventID is the provider's id of the event, the same in every delivery of it.
	EventID string
	// Type of the event in the provider's words, for the log.
	Type string
	// PaymentID is ours, as the provider was told it; Nil when the event concerns no payment of ours.
	PaymentID id.Payment
	// Reference is the provider's id of the charge.
	Reference string
}

// WebhookError says why a webhook is refused.
type WebhookError struct {
	// Reason is safe to log and to answer with.
	Reason string
}

func (e *WebhookError) Error() string { return "webhook refused: " + e.Reason }

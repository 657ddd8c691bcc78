package simulated

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// SignatureHeader of a webhook has the time of sending in Unix seconds and one signature for each secret of the sender:
//
//	Simulated-Signature: t=1764000000,v1=3f…,v1=b2…
//
// A signature is the hexadecimal HMAC-SHA256 of "<t>.<raw body>". Signing with the old and the new secret at once lets
// either side change to the new one first.
const SignatureHeader = "Simulated-Signature"

const (
	// signatureTolerance is the largest difference between the time of sending and the receiver's clock, either way: a webhook that
	// was listened to cannot be sent again later.
	signatureTolerance = 300 * time.Second
	// maxSignatures bounds the work on a header that anybody may send.
	maxSignatures = 8
)

// Event is the body of a webhook. It names what happened and to what, and has no amounts: those are asked of the
// provider, since webhooks come late, twice and in any order.
type Event struct {
	// ID is the same in every delivery of the event.
	ID   uuid.UUID `json:"id" db:"id"`
	Type EventType `json:"type" db:"type"`
	// Created is the time of the event, on the clock of the ledger's database.
	Created   time.Time  `json:"created" db:"created_at"`
	PaymentID id.Payment `json:"paymentId" db:"payment_id"`
	// Reference of the charge.
	Reference string `json:"reference" db:"reference"`
}

// VerifyWebhook checks a webhook with the secrets of Options.Webhooks.
func (p *Provider) VerifyWebhook(header http.Header, body []byte, now time.Time) (payment.Notice, error) {
	return verifyWebhook(p.opts.Webhooks.Secrets, header, body, now)
}

// VerifyWebhook checks a webhook with the secrets that NewClient was given. Without any, all are refused.
func (c *Client) VerifyWebhook(header http.Header, body []byte, now time.Time) (payment.Notice, error) {
	return verifyWebhook(c.secrets, header, body, now)
}

// verifyWebhook is nil only for a body that was signed with one of the secrets within the tolerance. Nothing of the body
// is read before that.
func verifyWebhook(secrets []string, header http.Header, body []byte, now time.Time) (payment.Notice, error) {
	if len(secrets) == 0 {
		return payment.Notice{}, &payment.WebhookError{Reason: "no secret is set to check it with"}
	}
	sent, signatures, ok := parseSignature(header)
	if !ok {
		return payment.Notice{}, &payment.WebhookError{Reason: "the header " + SignatureHeader + " is missing or malformed"}
	}
	if !signed(secrets, sent, signatures, body) {
		return payment.Notice{}, &payment.WebhookError{Reason: "the signature is not ours"}
	}
	if age := now.Sub(time.Unix(sent, 0)); age > signatureTolerance || age < -signatureTolerance {
		return payment.Notice{}, &payment.WebhookError{Reason: "it was signed too long ago, or in the future"}
	}
	var e Event
	if err := exactjson.Unmarshal(body, &e); err != nil || e.ID == uuid.Nil || e.Type == "" {
		return payment.Notice{}, &payment.WebhookError{Reason: "the body is not an event"}
	}
	return payment.Notice{EventID: e.ID.String(), Type: string(e.Type), PaymentID: e.PaymentID, Reference: e.Reference}, nil
}

// signed compares in constant time, and every signature with every secret: how long it takes says nothing about which
// one was close.
func signed(secrets []string, sent int64, signatures [][]byte, body []byte) bool {
	match := false
	for _, secret := range secrets {
		want := signature(secret, sent, body)
		for _, got := range signatures {
			match = hmac.Equal(got, want) || match
		}
	}
	return match
}

func signature(secret string, sent int64, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, sent, 10))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return mac.Sum(nil)
}

// signatureHeader is the header's value for a body sent at that time.
func signatureHeader(secrets []string, at time.Time, body []byte) string {
	var b strings.Builder
	b.WriteString("t=" + strconv.FormatInt(at.Unix(), 10))
	for _, secret := range secrets {
		b.WriteString(",v1=" + hex.EncodeToString(signature(secret, at.Unix(), body)))
	}
	return b.String()
}

// parseSignature reads the header. Parts it does not know are skipped: a later version of the signature would be introduced with
// them.
func parseSignature(header http.Header) (sent int64, signatures [][]byte, ok bool) {
	values := header.Values(SignatureHeader)
	if len(values) != 1 {
		return 0, nil, false
	}
	timed := false
	for part := range strings.SplitSeq(values[0], ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			var err error
			if sent, err = strconv.ParseInt(value, 10, 64); err != nil || timed || value != strconv.FormatInt(sent, 10) {
				return 0, nil, false
			}
			timed = true
		case "v1":
			raw, err := hex.DecodeString(value)
			if err != nil || len(raw) != sha256.Size || len(signatures) == maxSignatures {
				return 0, nil, false
			}
			signatures = append(signatures, raw)
		}
	}
	return sent, signatures, timed && len(signatures) > 0
}

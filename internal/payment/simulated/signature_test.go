package simulated_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// sign writes the header as its documentation says, without the code under test.
func sign(at time.Time, body string, secrets ...string) http.Header {
	value := fmt.Sprintf("t=%d", at.Unix())
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		value += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return http.Header{simulated.SignatureHeader: {value}}
}

func TestVerifyWebhook(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{Webhooks: simulated.Webhooks{Secrets: []string{"new", "old"}}})
	client, err := simulated.NewClient(b.server.URL, nil, "new", "old")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	event, paymentID := id.New[uuid.UUID](), id.New[id.Payment]()
	body := fmt.Sprintf(`{"id":%q,"type":"charge.captured","created":"2026-01-01T00:00:00Z","paymentId":%q,"reference":"sim_ch_1","amount":1}`, event, paymentID)
	want := payment.Notice{EventID: event.String(), Type: "charge.captured", PaymentID: paymentID, Reference: "sim_ch_1"}
	header := func(value ...string) http.Header { return http.Header{simulated.SignatureHeader: value} }
	valid := sign(now, body, "new").Get(simulated.SignatureHeader)
	for name, c := range map[string]struct {
		header http.Header
		body   string
		ok     bool
	}{
		"OK the first secret":                 {sign(now, body, "new"), body, true},
		"OK the second secret":                {sign(now, body, "old"), body, true},
		"OK one of the sender's secrets":      {sign(now, body, "unknown", "old"), body, true},
		"OK parts nobody knows":               {header("v9=x," + valid + ",v2"), body, true},
		"OK as old as allowed":                {sign(now.Add(-299*time.Second), body, "new"), body, true},
		"OK a sender whose clock is ahead":    {sign(now.Add(299*time.Second), body, "new"), body, true},
		"ErrTooOld":                           {sign(now.Add(-302*time.Second), body, "new"), body, false},
		"ErrFuture":                           {sign(now.Add(302*time.Second), body, "new"), body, false},
		"ErrForged":                           {sign(now, body, "guess"), body, false},
		"ErrEmptySecret":                      {sign(now, body, ""), body, false},
		"ErrBodyChanged":                      {sign(now, body, "new"), strings.Replace(body, "captured", "refunded", 1), false},
		"ErrBodyReformatted":                  {sign(now, body, "new"), body + "\n", false},
		"ErrTimeChanged":                      {header(strings.Replace(valid, "t=1", "t=2", 1)), body, false},
		"ErrNoHeader":                         {http.Header{}, body, false},
		"ErrTwoHeaders":                       {header(valid, valid), body, false},
		"ErrNoTime":                           {header(valid[strings.Index(valid, ",")+1:]), body, false},
		"ErrTwoTimes":                         {header(fmt.Sprintf("t=%d,", now.Unix()) + valid), body, false},
		"ErrNoSignature":                      {header(fmt.Sprintf("t=%d", now.Unix())), body, false},
		"ErrShortSignature":                   {header(valid[:len(valid)-2]), body, false},
		"ErrHundredsOfSignatures":             {header(valid + strings.Repeat(","+valid[strings.Index(valid, "v1"):], 100)), body, false},
		"ErrSignedAndNotAnEvent":              {sign(now, `{"type":"charge.captured"}`, "new"), `{"type":"charge.captured"}`, false},
		"ErrSignedAndTwice":                   {sign(now, body[:len(body)-1]+`,"type":"other"}`, "new"), body[:len(body)-1] + `,"type":"other"}`, false},
		"OKOtherCaseIsAnotherMember":          {sign(now, body[:len(body)-1]+`,"Type":"other"}`, "new"), body[:len(body)-1] + `,"Type":"other"}`, true},
		"ErrSignedAndNotJSON":                 {sign(now, `captured`, "new"), `captured`, false},
		"ErrTimeWithSignThatIsNotItsOwnForm":  {header(strings.Replace(valid, "t=", "t=+", 1)), body, false},
		"ErrHexThatIsNot":                     {header(valid[:len(valid)-1] + "g"), body, false},
		"ErrSignatureOfTheBodyAloneIsNothing": {header("v1=" + hex.EncodeToString([]byte(body))), body, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for where, v := range map[string]payment.WebhookVerifier{"provider": b.provider, "client": client} {
				got, err := v.VerifyWebhook(c.header, []byte(c.body), now)
				var refused *payment.WebhookError
				switch {
				case c.ok && (err != nil || got != want):
					t.Errorf("%s: %+v, %v, want %+v", where, got, err, want)
				case !c.ok && (!errors.As(err, &refused) || got != payment.Notice{}):
					t.Errorf("%s: %+v, %v, want it refused", where, got, err)
				case !c.ok && strings.Contains(refused.Reason, paymentID.String()):
					t.Errorf("%s: the reason repeats what cannot be believed: %s", where, refused.Reason)
				}
			}
		})
	}
}

// Who has no secret believes nobody, also not one who signs with an empty secret.
func TestVerifyWebhookWithoutSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	body := `{"id":"` + id.New[uuid.UUID]().String() + `","type":"charge.captured"}`
	for where, v := range map[string]payment.WebhookVerifier{"provider": b.provider, "client": b.client} {
		if got, err := v.VerifyWebhook(sign(time.Now(), body, ""), []byte(body), time.Now()); err == nil {
			t.Errorf("%s believes %+v", where, got)
		}
	}
}

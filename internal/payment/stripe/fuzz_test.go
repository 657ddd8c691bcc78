package stripe_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v85/webhook"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

// FuzzVerifyWebhook: nothing is believed but what carries a signature by Stripe's own library within the tolerance, and what
// does is read or refused, whatever its body says.
func FuzzVerifyWebhook(f *testing.F) {
	gateway, err := stripe.New(stripe.Options{SecretKey: secretKey, WebhookSecrets: []string{"whsec_old", webhookSecret}})
	if err != nil {
		f.Fatal(err)
	}
	const body = `{"id":"evt_1","type":"payment_intent.succeeded","livemode":false,"data":{"object":{"id":"pi_1",` +
		`"object":"payment_intent","metadata":{"payment":"payment_01h455vb4pex5vsknk084sn02q"}}}}`
	valid := fakestripe.Sign([]byte(body), webhookSecret, signedAt)
	for _, header := range []string{
		valid, "", "t=1800000000", "t=,v1=", "v1=", valid + "," + valid, "v0=00," + valid, strings.ToUpper(valid), "t=1," + valid,
		valid + ",t=1", strings.Replace(valid, "t=", "t=-", 1), "t=9223372036854775807," + valid, " " + strings.ReplaceAll(valid, ",", " , "),
	} {
		f.Add(header, []byte(body), false)
	}
	for _, text := range []string{
		body, "", "{}", "null", "[]", strings.Repeat("[", 20_000), `{"id":"evt_1","type":"charge.refunded","data":{"object":{"payment_intent":{"id":"pi_1"}}}}`,
		`{"id":"evt_1","type":"refund.updated","data":{"object":{"payment_intent":7,"metadata":{"payment":null}}}}`,
		`{"id":"evt_1","type":"charge","data":null}`, strings.Replace(body, "false", "true", 1),
	} {
		f.Add("", []byte(text), true)
	}
	f.Fuzz(func(t *testing.T, header string, body []byte, signed bool) {
		if signed {
			header = fakestripe.Sign(body, "whsec_old", signedAt)
		}
		notice, err := gateway.VerifyWebhook(http.Header{stripe.SignatureHeader: {header}}, body, signedAt)
		var refused *payment.WebhookError
		if err != nil {
			if !errors.As(err, &refused) || notice != (payment.Notice{}) || len(refused.Reason) > 100 {
				t.Errorf("%q: %+v, %v", header, notice, err)
			}
			return
		}
		if notice.EventID == "" || notice.Type == "" {
			t.Errorf("believed %+v", notice)
		}
		if !vouched(header, body) {
			t.Errorf("%q vouches for %q", header, body)
		}
	})
}

// vouched tells by Stripe's own library whether a header has a signature of the body, of a time in it that is within the
// tolerance. The library's check of whole headers differs in what it makes of parts that nobody knows.
func vouched(header string, body []byte) bool {
	for part := range strings.SplitSeq(header, ",") {
		stamp, isTime := strings.CutPrefix(strings.TrimSpace(part), "t=")
		seconds, err := strconv.ParseInt(stamp, 10, 64)
		if !isTime || err != nil || signedAt.Sub(time.Unix(seconds, 0)).Abs() > 300*time.Second {
			continue
		}
		for _, secret := range []string{webhookSecret, "whsec_old"} {
			signature := hex.EncodeToString(stripewebhook.ComputeSignature(time.Unix(seconds, 0), body, secret))
			if strings.Contains(strings.ToLower(header), "v1="+signature) {
				return true
			}
		}
	}
	return false
}

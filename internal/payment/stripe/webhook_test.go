package stripe_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/stripe"
	"github.com/orderwire/orderwire/internal/payment/stripe/fakestripe"
)

var signedAt = time.Unix(1_800_000_000, 0)

func signedWith(secret string, body []byte) http.Header {
	return http.Header{stripe.SignatureHeader: {fakestripe.Sign(body, secret, signedAt)}}
}

// Every event of a payment's life leads to the payment and to the charge.
func TestWebhooksOfAPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := b.authorize(t, authorization(fakestripe.PendingRefund, payment.CaptureManual), payment.Held)
	expect(t, payment.Captured)(b.Capture(t.Context(), follow(call, payment.OperationCapture)))
	expect(t, payment.Pending)(b.Refund(t.Context(), follow(call, payment.OperationRefund)))
	b.fake.SettleRefund(b.fake.Refunds(call.Reference)[0], false)
	seen, types := map[string]bool{}, []string{}
	for _, e := range b.fake.Events() {
		notice, err := b.VerifyWebhook(signedWith(webhookSecret, e.Body), e.Body, signedAt)
		if want := (payment.Notice{EventID: e.ID, Type: e.Type, PaymentID: call.PaymentID, Reference: call.Reference}); err != nil || notice != want {
			t.Errorf("%s: got %+v, %v; want %+v", e.Type, notice, err, want)
		}
		seen[notice.EventID] = true
		types = append(types, e.Type)
	}
	want := "payment_intent.created payment_intent.amount_capturable_updated charge.captured payment_intent.succeeded refund.created charge.refunded refund.updated charge.refund.updated refund.failed"
	if got := strings.Join(types, " "); got != want || len(seen) != 9 {
		t.Errorf("events %s", got)
	}
}

// Each event that docs/stripe.md says to choose leads to the payment's charge, and the fake sends no other that would be needed.
func TestWebhookEvents(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/stripe.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "<!-- events -->")
	list, _, found := strings.Cut(list, "<!-- end of events -->")
	var documented []string
	for _, name := range regexp.MustCompile("`([a-z_.]+)`").FindAllStringSubmatch(list, -1) {
		documented = append(documented, name[1])
	}
	events := stripe.Events()
	if slices.Sort(documented); !found || !slices.Equal(documented, slices.Sorted(slices.Values(events))) {
		t.Errorf("docs/stripe.md lists %q, want %q", documented, events)
	}

	b := setup(t)
	for _, kind := range events {
		object := fmt.Sprintf(`{"object":"%s","id":"x_1","payment_intent":"pi_1"}`, kind[:strings.LastIndexByte(kind, '.')])
		if strings.HasPrefix(kind, "payment_intent.") {
			object = `{"object":"payment_intent","id":"pi_1"}`
		}
		body := fmt.Appendf(nil, `{"id":"evt_1","object":"event","type":%q,"livemode":false,"data":{"object":%s}}`, kind, object)
		notice, err := b.VerifyWebhook(signedWith(webhookSecret, body), body, signedAt)
		if err != nil || notice.Reference != "pi_1" || notice.Type != kind {
			t.Errorf("%s: %+v, %v", kind, notice, err)
		}
	}

	needless := []string{"payment_intent.created", "charge.succeeded"} // nothing has changed yet; payment_intent.succeeded says the same
	sent := map[string]bool{}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(7, seed)) //nolint:gosec // not for secrets
		methods := []string{fakestripe.Visa, fakestripe.Declined, fakestripe.Voucher, fakestripe.PendingRefund, fakestripe.Processing}
		capture := []payment.CaptureMethod{payment.CaptureAutomatic, payment.CaptureManual}[seed%2]
		call := b.prepare(t, authorization(methods[seed%5], capture))
		_, _ = b.Authorize(t.Context(), call)
		for range 12 {
			b.fake.Outside(call.Reference, random)
		}
	}
	for _, e := range b.fake.Events() {
		sent[e.Type] = true
		if !slices.Contains(events, e.Type) && !slices.Contains(needless, e.Type) {
			t.Errorf("%s is sent, and nobody is told to choose it", e.Type)
		}
	}
	for _, kind := range events {
		if !sent[kind] {
			t.Errorf("the fake never sends %s", kind)
		}
	}
}

func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *stripe.Options) { o.WebhookSecrets = []string{"whsec_old", webhookSecret} })
	body := []byte(`{"id":"evt_1","type":"customer.created","livemode":false,"data":{"object":{"id":"cus_1"}}}`)
	good := fakestripe.Sign(body, webhookSecret, signedAt)
	_, signature, _ := strings.Cut(good, "v1=")
	for name, tt := range map[string]struct {
		header string
		body   []byte
		now    time.Time
		reason string // empty: believed
	}{
		"OK":               {good, body, signedAt, ""},
		"OKOldSecret":      {fakestripe.Sign(body, "whsec_old", signedAt), body, signedAt, ""},
		"OKSecondOfTwo":    {"t=1800000000,v1=" + strings.Repeat("ab", 32) + ",v1=" + signature, body, signedAt, ""},
		"OKAtTheLimit":     {good, body, signedAt.Add(300 * time.Second), ""},
		"OKOurClockIsSlow": {good, body, signedAt.Add(-300 * time.Second), ""},
		"ErrTooOld":        {good, body, signedAt.Add(301 * time.Second), "too long ago"},
		"ErrFromTheFuture": {good, body, signedAt.Add(-301 * time.Second), "too long ago"},
		"ErrUnsigned":      {"", body, signedAt, "not signed"},
		"ErrOtherSecret":   {fakestripe.Sign(body, "whsec_other", signedAt), body, signedAt, "wrong"},
		"ErrNoSecret":      {fakestripe.Sign(body, "", signedAt), body, signedAt, "wrong"},
		"ErrOtherBody":     {good, []byte(strings.Replace(string(body), "evt_1", "evt_2", 1)), signedAt, "wrong"},
		"ErrOtherTime":     {strings.Replace(good, "t=1800000000", "t=1800000001", 1), body, signedAt, "wrong"},
		"ErrOtherScheme":   {strings.Replace(good, "v1=", "v0=", 1), body, signedAt, "cannot be read"},
		"ErrNoTime":        {"v1=" + signature, body, signedAt, "cannot be read"},
		"ErrTime":          {strings.Replace(good, "t=1800000000", "t=soon", 1), body, signedAt, "cannot be read"},
		"ErrTruncated":     {good[:len(good)-2], body, signedAt, "wrong"},
		"ErrNotHex":        {"t=1800000000,v1=zz", body, signedAt, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notice, err := b.VerifyWebhook(http.Header{stripe.SignatureHeader: {tt.header}}, tt.body, tt.now)
			var refused *payment.WebhookError
			switch {
			case tt.reason == "" && (err != nil || notice != payment.Notice{EventID: "evt_1", Type: "customer.created"}):
				t.Errorf("got %+v, %v", notice, err)
			case tt.reason != "" && (!errors.As(err, &refused) || !strings.Contains(refused.Reason, tt.reason) || notice != payment.Notice{}):
				t.Errorf("got %+v, %v; want %q", notice, err, tt.reason)
			}
		})
	}
	t.Run("ErrNoSecretConfigured", func(t *testing.T) {
		t.Parallel()
		none := setup(t, func(o *stripe.Options) { o.WebhookSecrets = nil })
		if _, err := none.VerifyWebhook(signedWith("", body), body, signedAt); err == nil {
			t.Error("believed")
		}
	})
}

func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const paymentID = "payment_01h455vb4pex5vsknk084sn02q"
	for name, tt := range map[string]struct {
		body      string
		reference string
		ours, bad bool
	}{
		"OKOtherAPIVersion": {`{"id":"e","type":"payment_intent.succeeded","api_version":"2015-01-01","data":{"object":{"object":"payment_intent","id":"pi_1","metadata":{"payment":"%s"}}}}`, "pi_1", true, false},
		"OKExpanded":        {`{"id":"e","type":"refund.updated","data":{"object":{"object":"refund","id":"re_1","payment_intent":{"id":"pi_1"},"metadata":{"payment":"%s"}}}}`, "pi_1", true, false},
		"OKDispute":         {`{"id":"e","type":"charge.dispute.created","data":{"object":{"object":"dispute","id":"dp_1","payment_intent":"pi_1","metadata":{}}}}`, "pi_1", false, false},
		"OKInquiry":         {`{"id":"e","type":"charge.dispute.updated","data":{"object":{"object":"dispute","id":"dp_1","payment_intent":{"id":"pi_1"}}}}`, "pi_1", false, false},
		"OKRefundUpdated":   {`{"id":"e","type":"charge.refund.updated","data":{"object":{"object":"refund","id":"re_1","payment_intent":"pi_1","metadata":{"payment":"%s"}}}}`, "pi_1", true, false},
		"OKFraudWarning":    {`{"id":"e","type":"radar.early_fraud_warning.created","data":{"object":{"object":"radar.early_fraud_warning","id":"issfr_1","payment_intent":"pi_1"}}}`, "pi_1", false, false},
		"OKOtherOfRadar":    {`{"id":"e","type":"radar.rule.created","data":{"object":{"object":"radar.rule","id":"r_1","payment_intent":"pi_1"}}}`, "", false, false},
		"OKNoIntent":        {`{"id":"e","type":"charge.succeeded","data":{"object":{"object":"charge","id":"ch_1","payment_intent":null}}}`, "", false, false},
		"OKForeignMetadata": {`{"id":"e","type":"charge.succeeded","data":{"object":{"object":"charge","payment_intent":"pi_1","metadata":{"payment":"12"}}}}`, "pi_1", false, false},
		"OKOtherKind":       {`{"id":"e","type":"invoice.paid","data":{"object":{"object":"invoice","payment_intent":"pi_1","metadata":{"payment":"%s"}}}}`, "", false, false},
		"ErrLive":           {`{"id":"e","type":"charge.succeeded","livemode":true,"data":{"object":{}}}`, "", false, true},
		"ErrNoID":           {`{"type":"charge.succeeded","data":{"object":{}}}`, "", false, true},
		"OKOtherCase":       {`{"id":"e","ID":"f","type":"charge.succeeded","livemode":false,"LiveMode":true,"data":{"object":{"object":"charge","payment_intent":"pi_1","Payment_Intent":"pi_2"}}}`, "pi_1", false, false},
		"ErrModeTwice":      {`{"id":"e","type":"charge.succeeded","livemode":true,"livemode":false,"data":{"object":{}}}`, "", false, true},
		"ErrIntentTwice":    {`{"id":"e","type":"charge.succeeded","data":{"object":{"object":"charge","payment_intent":"pi_1","payment_intent":"pi_2"}}}`, "", false, true},
		"ErrMetadataTwice":  {`{"id":"e","type":"charge.succeeded","data":{"object":{"object":"charge","metadata":{"payment":"a","payment":"%s"}}}}`, "", false, true},
		"ErrNoJSON":         {`<event/>`, "", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := []byte(tt.body)
			if strings.Contains(tt.body, "%s") {
				body = fmt.Appendf(nil, tt.body, paymentID)
			}
			notice, err := b.VerifyWebhook(signedWith(webhookSecret, body), body, signedAt)
			if (err != nil) != tt.bad || notice.Reference != tt.reference || (!notice.PaymentID.IsNil()) != tt.ours {
				t.Errorf("got %+v, %v", notice, err)
			}
		})
	}
	t.Run("OKLiveWithLiveKey", func(t *testing.T) {
		t.Parallel()
		live := setup(t, func(o *stripe.Options) { o.SecretKey = "rk_live_x" })
		body := []byte(`{"id":"e","type":"charge.succeeded","livemode":true,"data":{"object":{}}}`)
		if _, err := live.VerifyWebhook(signedWith(webhookSecret, body), body, signedAt); err != nil {
			t.Error(err)
		}
	})
}

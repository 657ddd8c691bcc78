package simulated_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// FuzzVerifyWebhook: nothing is believed but what carries a signature of ours within the tolerance, and what does is read
// as an event or refused, whatever its body says.
func FuzzVerifyWebhook(f *testing.F) {
	const secret = "sim_secret"
	client, err := simulated.NewClient("http://127.0.0.1:1", nil, secret, "sim_old")
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	const body = `{"id":"01893f3c-0000-7000-8000-00000000002a","type":"charge.captured","created":"2026-01-01T00:00:00Z",` +
		`"paymentId":"01893f3c-0000-7000-8000-00000000002b","reference":"sim_ch_1"}`
	valid := sign(now, body, secret).Get(simulated.SignatureHeader)
	for _, header := range []string{
		valid, "", "t=,v1=", "v1=" + strings.Repeat("00", 32), "t=1800000000", valid + "," + valid, "v9=x," + valid, strings.ToUpper(valid),
		strings.Replace(valid, "t=", "t=+", 1), strings.Replace(valid, "t=1", "t=-1", 1), "t=9223372036854775807," + valid[13:],
	} {
		f.Add(header, []byte(body), false)
	}
	for _, text := range []string{body, "", "{}", "null", "[]", `{"id":1}`, `{"id":"x","type":"y"}`, strings.Repeat("[", 20_000), body + body, "\x00\xff"} {
		f.Add("", []byte(text), true)
	}
	f.Fuzz(func(t *testing.T, header string, body []byte, signed bool) {
		h := http.Header{simulated.SignatureHeader: {header}}
		if signed {
			h = sign(now, string(body), "sim_old")
			header = h.Get(simulated.SignatureHeader)
		}
		notice, err := client.VerifyWebhook(h, body, now)
		var refused *payment.WebhookError
		if err != nil {
			if !errors.As(err, &refused) || notice != (payment.Notice{}) || len(refused.Reason) > 100 {
				t.Errorf("%q: %+v, %v", header, notice, err)
			}
			return
		}
		if notice.EventID == "" || notice.EventID == uuid.Nil.String() || notice.Type == "" {
			t.Errorf("believed %+v", notice)
		}
		if !vouched(header, body, now, secret, "sim_old") {
			t.Errorf("%q vouches for %q", header, body)
		}
	})
}

// vouched tells by other means than the code under test whether a header has a signature of the body by one of the
// secrets, with any time in it that is within the tolerance.
func vouched(header string, body []byte, now time.Time, secrets ...string) bool {
	for at := now.Unix() - 300; at <= now.Unix()+300; at++ {
		stamp := strconv.FormatInt(at, 10)
		if !strings.Contains(header, "t="+stamp) {
			continue
		}
		for _, secret := range secrets {
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(bytes.Join([][]byte{[]byte(stamp), body}, []byte(".")))
			if strings.Contains(strings.ToLower(header), "v1="+hex.EncodeToString(mac.Sum(nil))) {
				return true
			}
		}
	}
	return false
}

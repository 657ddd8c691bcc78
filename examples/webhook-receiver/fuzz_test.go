package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// FuzzVerify checks that we accept nothing that the public library refuses, apart from the clock.
func FuzzVerify(f *testing.F) {
	key, err := keyOf(secret)
	if err != nil {
		f.Fatal(err)
	}
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	const body = `{"type":"ORDER_CREATED"}`
	signature, err := library.Sign("event_1", now, []byte(body))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		signature, "", "v1,", "v1," + signature, "v2" + signature[2:], signature + " " + signature, "x  " + signature, signature + "=", strings.ToLower(signature),
		signature[:len(signature)-1], "\n" + signature, signature[:10] + "\n" + signature[10:],
	} {
		f.Add("event_1", "1800000000", s, []byte(body))
	}
	f.Add("event_1.1800000000", "1800000000", signature, []byte(body))
	f.Add("event_1", "+1800000000", signature, []byte(body))
	f.Add("event_1", "-9223372036854775808", signature, []byte(body))
	f.Fuzz(func(t *testing.T, id, timestamp, signatures string, body []byte) {
		header := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signatures}}
		if verify(key, header, body, now) != nil {
			return
		}
		// The library requires single blanks between signatures, and an id.
		header.Set("Webhook-Signature", strings.Join(strings.Fields(signatures), " "))
		if err := library.VerifyIgnoringTimestamp(body, header); err != nil {
			t.Errorf("%q at %q with %q: believed here, and not by the library: %v", id, timestamp, signatures, err)
		}
	})
}

package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// signed is a request as the public library signs it.
func signed(t *testing.T, at time.Time, body string) http.Header {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign("event_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	header.Set("webhook-id", "event_1")
	header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	header.Set("webhook-signature", "v1,bm9uc2Vuc2U= v2,x "+signature)
	return header
}

func TestVerify(t *testing.T) {
	t.Parallel()
	key, err := keyOf(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	const body = `{"type":"ORDER_CREATED"}`
	for name, c := range map[string]struct {
		change func(http.Header)
		body   string
		now    time.Time
		good   bool
	}{
		"OK":           {nil, body, now, true},
		"OKClockApart": {nil, body, now.Add(-4 * time.Minute), true},
		"ErrBody":      {nil, body + " ", now, false},
		"ErrOld":       {nil, body, now.Add(6 * time.Minute), false},
		"ErrFuture":    {nil, body, now.Add(-6 * time.Minute), false},
		"ErrID":        {func(h http.Header) { h.Set("webhook-id", "event_2") }, body, now, false},
		"ErrTimestamp": {func(h http.Header) { h.Set("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)) }, body, now, false},
		"ErrNone":      {func(h http.Header) { h.Del("webhook-signature") }, body, now, false},
		"ErrEmpty":     {func(h http.Header) { h.Set("webhook-signature", "v1,") }, body, now, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := signed(t, now, body)
			if c.change != nil {
				c.change(header)
			}
			if err := verify(key, header, []byte(c.body), c.now); (err == nil) != c.good {
				t.Errorf("%v, want good: %v", err, c.good)
			}
		})
	}
	for _, bad := range []string{"", "whsec_", "whsec_!", strings.TrimPrefix(secret, "whsec_"), "whsec_c2hvcnQ="} {
		if _, err := keyOf(bad); err == nil {
			t.Errorf("the secret %q was taken", bad)
		}
	}
}

// Repeated events are ignored, and late ones do not overwrite a newer state.
func TestKeep(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := newReceiver(nil, &out)
	send := func(id string, version int, kind, status string) {
		m := &message{Type: kind}
		m.Data.OrderID, m.Data.OrderNumber, m.Data.OrderVersion, m.Data.OrderStatus = "order_1", "OW-1", version, status
		r.keep(id, m)
	}
	send("event_1", 1, "ORDER_CREATED", "CREATED")
	send("event_1", 1, "ORDER_CREATED", "CREATED")
	send("event_3", 3, "PAYMENT_CONFIRMED", "CONFIRMED")
	send("event_2", 2, "PAYMENT_PROCESSING", "CREATED")
	send("test_1", 0, "WEBHOOK_TEST", "")
	want := "OW-1 1 ORDER_CREATED CREATED\nOW-1 3 PAYMENT_CONFIRMED CONFIRMED\nOW-1 2 PAYMENT_PROCESSING (late)\na test event arrived\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

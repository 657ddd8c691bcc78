package simulated_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// The look-up of an authorization tells the state of its charge now, in process and over HTTP alike.
func TestLookUpTotals(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{TimeoutHold: 1})
	type operation func(context.Context, payment.Call) (payment.Result, error)
	g := b.provider
	for name, c := range map[string]struct {
		token   string
		capture payment.CaptureMethod
		then    []operation
		outcome payment.Outcome
		code    string
		totals  payment.Totals
	}{
		"captured":                {simulated.TokenApprove, payment.CaptureAutomatic, nil, payment.Captured, "", payment.Totals{Captured: 1250}},
		"refunded in part, twice": {simulated.TokenApprove, payment.CaptureAutomatic, []operation{g.Refund, g.Refund}, payment.Captured, "", payment.Totals{Captured: 1250, Refunded: 600}},
		"held":                    {simulated.TokenApprove, payment.CaptureManual, nil, payment.Held, "", payment.Totals{}},
		"held, then captured":     {simulated.TokenApprove, payment.CaptureManual, []operation{g.Capture}, payment.Captured, "", payment.Totals{Captured: 1250}},
		"held, then voided":       {simulated.TokenApprove, payment.CaptureManual, []operation{g.Void}, payment.Released, "", payment.Totals{}},
		"voided during an action": {simulated.TokenRequiresAction, payment.CaptureAutomatic, []operation{g.Void}, payment.Released, "", payment.Totals{}},
		"a void after the capture, which undoes nothing": {simulated.TokenApprove, payment.CaptureAutomatic, []operation{g.Void}, payment.Captured, "", payment.Totals{Captured: 1250}},
		"declined":                        {simulated.TokenDecline, payment.CaptureAutomatic, nil, payment.Refused, simulated.CodeCardDeclined, payment.Totals{}},
		"charged, and never answered":     {simulated.TokenTimeoutCharged, payment.CaptureAutomatic, nil, payment.Captured, "", payment.Totals{Captured: 1250}},
		"never answered, voided, refused": {simulated.TokenTimeoutCharged, payment.CaptureManual, []operation{g.Void}, payment.Released, "", payment.Totals{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := newCall(c.token, c.capture)
			if _, err := g.Authorize(t.Context(), call); err != nil && c.token != simulated.TokenTimeoutCharged {
				t.Fatal(err)
			}
			for _, do := range c.then {
				next := on(call, "")
				if c.totals.Refunded > 0 {
					next.Amount.Minor = 300
				}
				if _, err := do(t.Context(), next); err != nil {
					t.Fatal(err)
				}
			}
			for where, g := range map[string]payment.Gateway{"in process": b.provider, "over HTTP": b.client} {
				r, err := g.LookUp(t.Context(), call)
				if err != nil || r.Outcome != c.outcome || r.Code != c.code || r.Charge == nil || r.Charge.Totals != c.totals {
					t.Errorf("%s: %+v, totals %+v, %v, want %s %q with %+v", where, r, r.Charge, err, c.outcome, c.code, c.totals)
				}
			}
		})
	}
}

// What made no charge has no totals, rather than totals of zero.
func TestLookUpWithoutTotals(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	if r, err := b.client.LookUp(t.Context(), call); err != nil || r.Outcome != payment.NotFound || r.Charge != nil {
		t.Errorf("never seen: %+v, %v", r, err)
	}
	if _, err := b.provider.Void(t.Context(), on(call, payment.OperationVoid)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.provider.Authorize(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	r, err := b.client.LookUp(t.Context(), call)
	if err != nil || r.Outcome != payment.Refused || r.Code != simulated.CodeVoided || r.Charge != nil {
		t.Errorf("after a void: %+v, %v, want REFUSED, voided, without totals", r, err)
	}
}

// Client and provider may be of different versions: the wire format of totals is frozen here, and its absence is read.
func TestTotalsOnTheWire(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	if _, err := b.provider.Authorize(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	status, body := post(t, b.server.URL+"/v1/lookup", call, `{"orderId":"`+call.OrderID.String()+`","paymentId":"`+call.PaymentID.String()+
		`","amountMinor":1250,"currency":"EUR"}`)
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	totals, _ := answer["totals"].(map[string]any)
	if len(totals) != 2 || totals["captured"] != 1250.0 || totals["refunded"] != 0.0 {
		t.Errorf("totals are %v in %s", answer["totals"], body)
	}
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"outcome":"CAPTURED","reference":"sim_ch_1"}`)) // the client may be gone
	}))
	defer old.Close()
	client, err := simulated.NewClient(old.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := client.LookUp(t.Context(), call); err != nil || r.Outcome != payment.Captured || r.Charge != nil {
		t.Errorf("from a provider without totals: %+v, %v", r, err)
	}
}

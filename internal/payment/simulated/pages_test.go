package simulated_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

// withPages is setup with a public address that leads to its server.
func withPages(t *testing.T, opts simulated.Options) bundle {
	t.Helper()
	b := setup(t, opts)
	opts.PublicURL = b.server.URL
	provider, err := simulated.New(b.db, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := provider.Close(); err != nil {
			t.Error(err)
		}
	})
	b.provider = provider
	b.server.Config.Handler = provider.Handler()
	return b
}

// waiting makes a payment that waits for its customer, and gives the address of its page.
func (b bundle) waiting(t *testing.T, capture payment.CaptureMethod) (payment.Call, string) {
	t.Helper()
	call := newCall(simulated.TokenRequiresAction, capture)
	call.OrderNumber = "OW-7KQ2M9XD"
	r, err := b.client.Authorize(t.Context(), call)
	if err != nil || r.Outcome != payment.ActionRequired || r.Action == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if !strings.HasPrefix(r.Action.URL, b.server.URL+"/actions/"+r.Reference+"/") {
		t.Fatalf("the action's address is %q", r.Action.URL)
	}
	again, err := b.client.LookUp(t.Context(), call)
	if err != nil || again.Action == nil || again.Action.URL != r.Action.URL {
		t.Fatalf("looked up, the action is %+v, %v, want the same address %q", again.Action, err, r.Action.URL)
	}
	return call, r.Action.URL
}

// browse is a request as a browser makes it from a page of site; redirects are followed.
func browse(t *testing.T, method, address, decision, site string) (int, string, http.Header) {
	t.Helper()
	body := url.Values{"decision": {decision}}.Encode()
	if method != http.MethodPost {
		body = ""
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	request.Header.Set("Sec-Fetch-Site", site)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text), response.Header
}

func TestActionPage(t *testing.T) {
	t.Parallel()
	b := withPages(t, simulated.Options{})
	for name, c := range map[string]struct {
		capture  payment.CaptureMethod
		decision string
		outcome  payment.Outcome
		text     string
		captured int64
	}{
		"approved":                     {payment.CaptureAutomatic, "approve", payment.Captured, "The amount is paid. You may close this page.", 1250},
		"approved, captured by hand":   {payment.CaptureManual, "approve", payment.Held, "The amount is reserved", 0},
		"refused":                      {payment.CaptureAutomatic, "refuse", payment.Refused, "Nothing was paid. You may close this page.", 0},
		"refused, captured by hand":    {payment.CaptureManual, "refuse", payment.Refused, "Payment refused", 0},
		"looked at, and never decided": {payment.CaptureAutomatic, "", payment.ActionRequired, "Approve the payment?", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call, address := b.waiting(t, c.capture)
			for range 2 { // a GET changes nothing
				status, text, header := browse(t, http.MethodGet, address, "", "none")
				for _, want := range []string{"12.50 EUR", "OW-7KQ2M9XD", `value="approve"`, `value="refuse"`, `name="viewport"`, "UTC"} {
					if !strings.Contains(text, want) {
						t.Errorf("%d without %s: %s", status, want, text)
					}
				}
				if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
					t.Errorf("the policy is %q", policy)
				}
				if strings.Contains(text, "<script") || strings.Contains(text, "style=") || header.Get("Cache-Control") != "no-store" {
					t.Errorf("not what the policy allows: %v %s", header, text)
				}
			}
			if c.decision != "" {
				other := map[string]string{"approve": "refuse", "refuse": "approve"}[c.decision]
				for _, decision := range []string{c.decision, c.decision, other} { // the first one counts
					if status, text, _ := browse(t, http.MethodPost, address, decision, "same-origin"); status != http.StatusOK || !strings.Contains(text, c.text) {
						t.Errorf("%s: %d %s, want %q", decision, status, text, c.text)
					}
				}
			}
			if _, text, _ := browse(t, http.MethodGet, address, "", "none"); !strings.Contains(text, c.text) || strings.Contains(text, "<button") != (c.decision == "") {
				t.Errorf("in the end: %s", text)
			}
			r, err := b.client.LookUp(t.Context(), call)
			if err != nil || r.Outcome != c.outcome || r.Charge == nil || r.Charge.Captured != c.captured {
				t.Errorf("%+v, %v, want %s", r, err, c.outcome)
			}
		})
	}
}

func TestActionPageStyle(t *testing.T) {
	t.Parallel()
	b := withPages(t, simulated.Options{})
	_, address := b.waiting(t, payment.CaptureAutomatic)
	link, err := url.Parse("../style.css") // as the page has it
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	status, text, header := browse(t, http.MethodGet, base.ResolveReference(link).String(), "", "same-origin")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/css") || !strings.Contains(text, "prefers-color-scheme: dark") {
		t.Errorf("%d %v", status, header)
	}
}

func TestActionPageErr(t *testing.T) {
	t.Parallel()
	b := withPages(t, simulated.Options{})
	call, address := b.waiting(t, payment.CaptureAutomatic)
	_, other := b.waiting(t, payment.CaptureAutomatic)
	approved := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	plain, err := b.client.Authorize(t.Context(), approved)
	if err != nil || plain.Action != nil {
		t.Fatalf("%+v, %v", plain, err)
	}
	cut := strings.LastIndex(address, "/")
	for name, c := range map[string]struct {
		method, address, decision, site string
		status                          int
	}{
		"ErrWrongToken":         {http.MethodPost, address[:cut+1] + "AAAA", "approve", "same-origin", http.StatusNotFound},
		"ErrTokenOfAnother":     {http.MethodPost, address[:cut] + other[strings.LastIndex(other, "/"):], "approve", "same-origin", http.StatusNotFound},
		"ErrWrongTokenShown":    {http.MethodGet, address[:cut+1] + "AAAA", "", "none", http.StatusNotFound},
		"ErrNoToken":            {http.MethodPost, address[:cut], "approve", "same-origin", http.StatusNotFound},
		"ErrForeignSite":        {http.MethodPost, address, "approve", "cross-site", http.StatusForbidden},
		"ErrForeignSubdomain":   {http.MethodPost, address, "approve", "same-site", http.StatusForbidden},
		"ErrNoDecision":         {http.MethodPost, address, "", "same-origin", http.StatusBadRequest},
		"ErrOtherDecision":      {http.MethodPost, address, "APPROVE", "same-origin", http.StatusBadRequest},
		"ErrLongDecision":       {http.MethodPost, address, strings.Repeat("approve", 10_000), "same-origin", http.StatusBadRequest},
		"ErrDecisionInTheQuery": {http.MethodPost, address + "?decision=approve", "", "same-origin", http.StatusBadRequest},
		"ErrGETWithDecision":    {http.MethodGet, address + "?decision=approve", "", "none", http.StatusOK},
		"ErrOtherMethod":        {http.MethodPut, address, "", "same-origin", http.StatusMethodNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, _ := browse(t, c.method, c.address, c.decision, c.site)
			if status != c.status {
				t.Errorf("%d, want %d", status, c.status)
			}
			if r, err := b.client.LookUp(t.Context(), call); err != nil || r.Outcome != payment.ActionRequired {
				t.Errorf("the payment is %+v, %v", r, err)
			}
		})
	}
}

func TestActionPageTooLate(t *testing.T) {
	t.Parallel()
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		b := withPages(t, simulated.Options{})
		call, address := b.waiting(t, payment.CaptureAutomatic)
		expire(t, b.db)
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, text, _ := browse(t, method, address, "approve", "same-origin")
			if status != http.StatusOK || !strings.Contains(text, "The time to decide is over") || strings.Contains(text, "<button") {
				t.Errorf("%s: %d %s", method, status, text)
			}
		}
		if got := balance(t, b.provider, call.PaymentID); got.Captured != 0 {
			t.Errorf("money moved: %+v", got)
		}
	})
	t.Run("voided", func(t *testing.T) {
		t.Parallel()
		b := withPages(t, simulated.Options{})
		call, address := b.waiting(t, payment.CaptureAutomatic)
		if _, err := b.client.Void(t.Context(), on(call, payment.OperationVoid)); err != nil {
			t.Fatal(err)
		}
		status, text, _ := browse(t, http.MethodPost, address, "approve", "same-origin")
		if status != http.StatusOK || !strings.Contains(text, "Payment called off") {
			t.Errorf("%d %s", status, text)
		}
		if got := balance(t, b.provider, call.PaymentID); got.Captured != 0 {
			t.Errorf("money moved: %+v", got)
		}
	})
	t.Run("the database is away", func(t *testing.T) {
		t.Parallel()
		b := withPages(t, simulated.Options{})
		_, address := b.waiting(t, payment.CaptureAutomatic)
		if err := b.db.Close(); err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if status, text, _ := browse(t, method, address, "approve", "same-origin"); status != http.StatusServiceUnavailable || strings.Contains(text, "sql") {
				t.Errorf("%s: %d %s", method, status, text)
			}
		}
	})
}

func expire(t *testing.T, db *sqlx.DB) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE simulated.charges SET action_expires_at = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
}

// Names come from outside; an order without a number is shown by its id.
func TestActionPageNames(t *testing.T) {
	t.Parallel()
	b := withPages(t, simulated.Options{})
	call := newCall(simulated.TokenRequiresAction, payment.CaptureAutomatic)
	for number, want := range map[string]string{"": call.OrderID.TypeID(), "<script>": "&lt;script&gt;"} {
		call.Key, call.PaymentID, call.OrderNumber = id.New[id.Attempt](), id.New[id.Payment](), number
		r, err := b.client.Authorize(t.Context(), call)
		if err != nil {
			t.Fatal(err)
		}
		if _, text, _ := browse(t, http.MethodGet, r.Action.URL, "", "none"); !strings.Contains(text, want) || strings.Contains(text, "<script") {
			t.Errorf("%q: %s", number, text)
		}
	}
}

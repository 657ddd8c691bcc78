package simulated_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq" // the driver "postgres"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pgtest"
)

// bundle is a provider over a ledger of its own, and a client of the same provider over HTTP.
type bundle struct {
	db       *sqlx.DB
	provider *simulated.Provider
	client   *simulated.Client
	server   *httptest.Server
}

func setup(t testing.TB, opts simulated.Options) bundle {
	t.Helper()
	db := open(t, pgtest.New(t, pgtest.Template{Name: "simulated-" + simulated.Fingerprint(), Migrate: migrate}))
	provider, err := simulated.New(db, opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(provider.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := provider.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := simulated.NewClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bundle{db: db, provider: provider, client: client, server: server}
}

func open(t testing.TB, url string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func migrate(ctx context.Context, url string) (err error) {
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = closeErr
		}
	}()
	return simulated.Migrate(ctx, db)
}

// newCall is an authorization of 12.50 EUR for a new payment, under a new key.
func newCall(token string, capture payment.CaptureMethod) payment.Call {
	return payment.Call{
		Key: id.New[id.Attempt](), Operation: payment.OperationAuthorize, OrderID: id.New[id.Order](), PaymentID: id.New[id.Payment](),
		Amount: money.New(1250, "EUR"), Capture: capture, Method: token,
	}
}

// on is another operation on the payment of call, under a new key.
func on(call payment.Call, operation payment.Operation) payment.Call {
	call.Key, call.Operation = id.New[id.Attempt](), operation
	return call
}

// balance returns the ledger's balance of one payment; nothing at all is the zero Balance.
func balance(t testing.TB, p *simulated.Provider, paymentID id.Payment) simulated.Balance {
	t.Helper()
	balances, err := p.Ledger(t.Context(), simulated.Filter{PaymentID: paymentID})
	if err != nil {
		t.Fatal(err)
	}
	switch len(balances) {
	case 0:
		return simulated.Balance{}
	case 1:
		return balances[0]
	default:
		t.Fatalf("the ledger has %d balances for one payment: %+v", len(balances), balances)
		return simulated.Balance{}
	}
}

// mustAudit fails the test unless the audit finds exactly that.
func mustAudit(t testing.TB, p *simulated.Provider, want ...simulated.Discrepancy) {
	t.Helper()
	found, err := p.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != len(want) {
		t.Fatalf("audit found %+v, want %+v", found, want)
	}
	for i := range want {
		if found[i] != want[i] {
			t.Errorf("audit found %+v, want %+v", found[i], want[i])
		}
	}
}

// post sends a body to the HTTP face as it is, with the key of call.
func post(t testing.TB, url string, call payment.Call, body string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", call.Key.String())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, text
}

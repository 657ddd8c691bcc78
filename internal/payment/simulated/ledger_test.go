package simulated_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/pgtest"
)

// The provider charges once per key and no less: a caller who makes a second key is charged twice, and it shows.
func TestAuditDoubleCharge(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	call := newCall(simulated.TokenApprove, payment.CaptureAutomatic)
	for range 2 {
		if r, err := b.provider.Authorize(t.Context(), on(call, payment.OperationAuthorize)); err != nil || r.Outcome != payment.Captured {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	got := balance(t, b.provider, call.PaymentID)
	if got.Charges != 2 || got.CapturedCharges != 2 || got.Captured != 2500 || got.OrderID != call.OrderID {
		t.Errorf("the ledger has %+v", got)
	}
	mustAudit(t, b.provider, simulated.Discrepancy{Kind: "double_charge", Subject: call.OrderID.String()})
}

func TestAuditUnbalanced(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	r, err := b.provider.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic))
	if err != nil {
		t.Fatal(err)
	}
	mustAudit(t, b.provider)
	if _, err := b.db.ExecContext(t.Context(), `UPDATE simulated.charges SET captured = captured - 1`); err != nil {
		t.Fatal(err)
	}
	mustAudit(t, b.provider, simulated.Discrepancy{Kind: "unbalanced", Subject: r.Reference})
}

func TestLedger(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	var calls []payment.Call
	for i, amount := range []money.Amount{money.New(1250, "EUR"), money.New(300, "JPY"), money.New(99, "EUR"), money.New(7, "KWD")} {
		call := newCall([]string{simulated.TokenApprove, simulated.TokenApprove, simulated.TokenDecline, simulated.TokenApprove}[i], payment.CaptureAutomatic)
		call.Amount = amount
		if i == 3 {
			call.Capture = payment.CaptureManual
		}
		if _, err := b.provider.Authorize(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, call)
	}
	give := on(calls[0], payment.OperationRefund)
	give.Amount.Minor = 50
	if _, err := b.provider.Refund(t.Context(), give); err != nil {
		t.Fatal(err)
	}

	t.Run("OK totals by currency", func(t *testing.T) {
		t.Parallel()
		totals, err := b.provider.Totals(t.Context())
		want := []simulated.Total{
			{Currency: "EUR", Captured: 1250, Refunded: 50, Charges: 2, CapturedCharges: 1},
			{Currency: "JPY", Captured: 300, Charges: 1, CapturedCharges: 1},
			{Currency: "KWD", Held: 7, Charges: 1},
		}
		if err != nil || !slices.Equal(totals, want) {
			t.Errorf("%+v, %v, want %+v", totals, err, want)
		}
	})
	t.Run("OK pages in the order of the payments", func(t *testing.T) {
		t.Parallel()
		var f simulated.Filter
		for i, call := range calls {
			f.Limit = 1
			page, err := b.provider.Ledger(t.Context(), f)
			if err != nil || len(page) != 1 || page[0].PaymentID != call.PaymentID || page[0].Currency != call.Amount.Currency {
				t.Fatalf("page %d: %+v, %v", i, page, err)
			}
			f.After = page[0].PaymentID
		}
		if page, err := b.provider.Ledger(t.Context(), f); err != nil || len(page) != 0 {
			t.Errorf("after the last page: %+v, %v", page, err)
		}
	})
	t.Run("OK by order", func(t *testing.T) {
		t.Parallel()
		got, err := b.provider.Ledger(t.Context(), simulated.Filter{OrderID: calls[0].OrderID})
		if err != nil || len(got) != 1 || got[0].PaymentID != calls[0].PaymentID || got[0].Refunded != 50 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// The database itself refuses impossible states, from any writer.
func TestLedgerConstraints(t *testing.T) {
	t.Parallel()
	b := setup(t, simulated.Options{})
	if _, err := b.provider.Authorize(t.Context(), newCall(simulated.TokenApprove, payment.CaptureAutomatic)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		statement, constraint string
		code                  pq.ErrorCode
	}{
		"captured above amount":   {`UPDATE simulated.charges SET captured = amount + amount / 100 * 15 + 1`, "charges_captured", "23514"},
		"refunded above captured": {`UPDATE simulated.charges SET refunded = captured + 1`, "charges_refunded", "23514"},
		"released with money":     {`UPDATE simulated.charges SET status = 'RELEASED'`, "charges_captured_status", "23514"},
		"journal changed":         {`UPDATE simulated.entries SET amount = 1`, "", "23001"},
		"journal deleted":         {`DELETE FROM simulated.entries`, "", "23001"},
		"journal emptied":         {`TRUNCATE simulated.entries`, "", "23001"},
		"moved twice by one operation": {
			`INSERT INTO simulated.entries (charge, operation_key, kind, amount) SELECT charge, operation_key, kind, amount FROM simulated.entries`,
			"entries_charge_operation_key_key", "23505",
		},
	} {
		t.Run("Err "+name, func(t *testing.T) {
			t.Parallel()
			_, err := b.db.ExecContext(t.Context(), c.statement)
			var refused *pq.Error
			if !errors.As(err, &refused) || refused.Code != c.code || refused.Constraint != c.constraint {
				t.Errorf("%v, want a violation of %s (%s)", err, c.constraint, c.code)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	t.Run("OK two at once, and once more", func(t *testing.T) {
		t.Parallel()
		db := open(t, pgtest.New(t, pgtest.Template{}))
		var mu sync.Mutex
		var errs []error
		together(2, func(int) {
			err := simulated.Migrate(t.Context(), db)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
		if err := errors.Join(append(errs, simulated.Migrate(t.Context(), db))...); err != nil {
			t.Fatal(err)
		}
		provider, err := simulated.New(db, simulated.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := provider.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("Err New before it", func(t *testing.T) {
		t.Parallel()
		db := open(t, pgtest.New(t, pgtest.Template{}))
		if _, err := simulated.New(db, simulated.Options{}); err == nil {
			t.Error("a provider without a ledger")
		}
	})
	t.Run("Err a cancelled context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := simulated.Migrate(ctx, open(t, pgtest.New(t, pgtest.Template{}))); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
	})
}

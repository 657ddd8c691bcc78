package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// provider is a simulated payment provider of its own, whose ledger no restore touches.
func startProvider(t *testing.T) *process {
	t.Helper()
	provider := newProcess(t, postgrestest.URL(t))
	provider.args = []string{"simprovider"}
	provider.start()
	t.Cleanup(func() { provider.kill() })
	return provider
}

type orphanedCharge struct {
	Reference, OrderID, PaymentID, Status string
	Amount, Refunded                      struct{ AmountMinor, Currency string }
	ResolvedAt                            *string
}

func (d *drill) orphans(all bool) []orphanedCharge {
	d.t.Helper()
	var data struct {
		OrphanedCharges struct{ Nodes []orphanedCharge }
	}
	err := d.staff.graphql(d.t.Context(), `query ($all: Boolean!) { orphanedCharges(first: 100, includeResolved: $all) { nodes {
		reference orderId paymentId status amount { amountMinor currency } refunded { amountMinor } resolvedAt } } }`, map[string]any{"all": all}, &data)
	if err != nil {
		d.t.Fatal(err)
	}
	return data.OrphanedCharges.Nodes
}

// refundAtProvider gives all of a charge back, as people do in a provider's dashboard.
func refundAtProvider(t *testing.T, provider *process, c orphanedCharge) {
	t.Helper()
	orderID, orderErr := id.Parse[id.Order](c.OrderID)
	paymentID, paymentErr := id.Parse[id.Payment](c.PaymentID)
	if orderErr != nil || paymentErr != nil {
		t.Fatal(orderErr, paymentErr)
	}
	body, err := json.Marshal(map[string]any{
		"orderId": orderID, "paymentId": paymentID, "refundId": uuid.New(), "amountMinor": json.Number(c.Amount.AmountMinor),
		"currency": c.Amount.Currency, "reference": c.Reference,
	})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, provider.url()+"/v1/refund", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", uuid.NewString())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
}

// A backup is restored while the provider keeps its ledger: the charges of the lost orders are found, each once, although the
// provider is away when the server starts and two replicas search. A staging server on the same provider sees none of them.
func TestRestoreFindsCharges(t *testing.T) {
	t.Parallel()
	settings := []string{"PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s", "ORPHAN_INTERVAL=100ms", "ORPHAN_GRACE=0s", "DATABASE_MAX_CONNS=6"}
	t.Run("OKDump", func(t *testing.T) {
		t.Parallel()
		provider := startProvider(t)
		c := newCluster(t)
		c.initialise()
		c.start()
		for _, name := range []string{"orders", "restored", "staging"} {
			c.tool("createdb", "--maintenance-db", c.url("postgres"), name)
		}
		settings := append(slices.Clone(settings), "SIMULATED_URL="+provider.url())
		server := newProcess(t, c.url("orders"), settings...)
		d := newDrill(t, server)
		t.Cleanup(func() { server.kill() })
		dump := c.folder + ".dump"
		c.tool("pg_dump", "-Fc", "-f", dump, "-d", c.url("orders"))
		lost := d.lose()
		c.tool("pg_restore", "-d", c.url("restored"), dump)
		server.use(c.url("restored"))
		d.finds(provider, lost, server.replica())

		staging := &drill{t: t, server: newProcess(t, c.url("staging"), settings...)}
		staging.server.start()
		t.Cleanup(func() { staging.server.kill() })
		staging.signIn()
		own := staging.walk()
		refundAtProvider(t, provider, d.orphans(false)[0])
		await(t.Context(), t, func() bool { return len(d.orphans(false)) == len(lost)-1 })
		if found := d.orphans(true); len(found) != len(lost) {
			t.Errorf("%+v", found)
		}
		if found := staging.orphans(true); len(found) != 0 || own == "" {
			t.Errorf("staging sees %+v", found)
		}
	})
	t.Run("OKFolder", func(t *testing.T) {
		t.Parallel()
		provider := startProvider(t)
		server, folder := privateServer(t)
		server.env = append(server.env, append(slices.Clone(settings), "SIMULATED_URL="+provider.url())...)
		d := newDrill(t, server)
		t.Cleanup(func() { server.kill() })
		d.stop()
		copyFolder(t, folder, folder+".copy")
		server.start()
		d.signIn()
		lost := d.lose()
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder+".copy", folder); err != nil {
			t.Fatal(err)
		}
		d.finds(provider, lost)
	})
}

// lose places orders that the backup does not hold, and stops the server. Before that, nothing is missed.
func (d *drill) lose() (lost []string) {
	d.t.Helper()
	held, _ := d.manual()
	lost = []string{held, d.walk(), d.walk()}
	if found := d.orphans(true); len(found) != 0 {
		d.t.Errorf("before the restore: %+v", found)
	}
	d.stop()
	slices.Sort(lost)
	return lost
}

// finds starts the restored server, and its replicas, while the provider is away, and expects the charges of the lost orders when it is back.
func (d *drill) finds(provider *process, lost []string, replicas ...*process) {
	d.t.Helper()
	provider.kill()
	d.server.start()
	for _, r := range replicas {
		r.start()
		d.t.Cleanup(r.kill)
	}
	d.signIn()
	if found := d.orphans(true); len(found) != 0 {
		d.t.Errorf("found without a provider: %+v", found)
	}
	provider.start()
	await(d.t.Context(), d.t, func() bool { return len(d.orphans(false)) == len(lost) })
	kept := d.walk() // another order is placed, and rounds continue
	var orders, held []string
	for _, c := range d.orphans(true) {
		orders = append(orders, c.OrderID)
		if c.Status == "AUTHORIZED" {
			held = append(held, c.OrderID)
		}
	}
	slices.Sort(orders)
	if !slices.Equal(orders, lost) || len(held) != 1 || slices.Contains(orders, kept) {
		d.t.Errorf("found %q, want %q; held %q", orders, lost, held)
	}
}

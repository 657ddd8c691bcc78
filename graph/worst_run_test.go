//go:build worst

package graph_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/guard"
)

// TestWorst searches for the admitted documents that take the most of the processor, here and in the database, on data at its
// maxima, and prints the worst of each kind. `make worst` runs it; docs/security.md has its table. It measures the processor's
// clock, not the time on the wall.
func TestWorst(t *testing.T) {
	orders, _ := strconv.Atoi(cmp.Or(os.Getenv("WORST_ORDERS"), "100000"))
	seconds, _ := strconv.Atoi(cmp.Or(os.Getenv("WORST_SECONDS"), "300"))
	changes, _ := strconv.Atoi(cmp.Or(os.Getenv("WORST_CHANGES"), "20")) // documents of each mutation, and of a subscription's items
	w := setup(t)
	began := time.Now()
	maxima{orders: orders, full: min(orders, 2100), attempted: min(orders, 110), products: 1000, audited: min(orders, 10_000)}.fill(t, w.db.URL, ada.CustomerID)
	t.Log("filled in", time.Since(began))
	w.endpoints = 1_000_000 // the 50 are there, and webhookEndpointCreate is measured
	w.wire(w.db.API)
	w.handler = w.serve(graph.Settings{Limits: guard.Defaults(), DocumentCacheBytes: 1 << 20, AnswerBytes: 1 << 20, Timeout: 15 * time.Second})
	ballast := make([]byte, 64<<20) // as the server has it; otherwise the collector would be most of the measured time
	defer runtime.KeepAlive(ballast)
	m := newMeter(t, w)
	documents := newWorst(t, w.db.DB)
	for _, part := range worstParts {
		a := admitted{kind: part.kind, text: documents.ids.Replace(part.text), variables: map[string]any{"n": part.n}}
		t.Logf("%s (of %d)", m.measure(staff, a, 10), part.n)
	}
	t.Logf("%s", m.measure(ada, documents.largestOrder(), 10))
	began = time.Now()
	measured := map[string][]measurement{}
	for time.Since(began) < time.Duration(seconds)*time.Second {
		for _, field := range documents.schema.Query.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			for _, p := range []auth.Principal{staff, ada, anonymous} {
				document, ok := documents.query(p, field, 1+4*documents.random.IntN(2))
				if ok {
					measured[document.kind] = append(measured[document.kind], m.measure(p, document, 1))
				}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(measured)) {
		m.report(kind, measured[kind], func(worst measurement) measurement {
			again := m.measure(worst.as, worst.admitted, 5)
			w.api.SetMaxIdleConns(0) // and with new connections
			w.api.SetMaxIdleConns(8)
			fresh := m.measure(worst.as, worst.admitted, 1)
			again.code += fmt.Sprintf(" (on new connections: server %.1f ms, database %.1f ms)", float64(fresh.server)/1e6, float64(fresh.database)/1e6)
			return again
		})
	}
	m.measureItems(documents, changes)
	m.measureFeed(documents, changes)
	m.measureMutations(documents, changes)
}

// report measures the worst documents of a kind again and prints them: by the processor here, in the database, and by bytes.
func (m *meter) report(kind string, all []measurement, measure func(worst measurement) measurement) {
	m.t.Helper()
	if len(all) == 0 {
		m.t.Fatalf("%s: no document was admitted", kind)
	}
	m.t.Logf("%s: %d documents, each once: at most %.1f ms here, %.1f ms in the database", kind, len(all),
		most(all, func(m measurement) time.Duration { return m.server }), most(all, func(m measurement) time.Duration { return m.database }))
	for _, by := range []func(a, b measurement) int{
		func(a, b measurement) int { return cmp.Compare(b.server, a.server) },
		func(a, b measurement) int { return cmp.Compare(b.database, a.database) },
		func(a, b measurement) int { return cmp.Compare(b.bytes, a.bytes) },
	} {
		slices.SortFunc(all, by)
		again := measure(all[0])
		m.t.Logf("  %s\n    %s %v", again, again.text, again.variables)
	}
}

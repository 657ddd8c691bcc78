package order_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
)

var update = flag.Bool("update", false, "write testdata/lives.txt from the code as it is")

const (
	// goldenLives of the model are compared by their hash, goldenShown of them word for word, so that a difference can be read.
	goldenLives = 600
	goldenShown = 4
)

// TestGolden replays lives of the model that were recorded before: every event with its state as it is stored, every question to
// the provider, every timer and every attempt must be the same, byte for byte. The stored JSON is read by older and newer versions, so
// a difference needs a reason; -update records the histories again. GOLDEN_DIR=… writes each life to a file there, to compare two
// versions.
func TestGolden(t *testing.T) { // not parallel: ids are made without chance
	chance := rand.Reader
	rand.Reader = zeros{}
	defer func() { rand.Reader = chance }()
	dir := os.Getenv("GOLDEN_DIR")
	var got strings.Builder
	for seed := 1; seed <= goldenLives; seed++ {
		told := rapid.Custom(recordALife).Example(seed)
		fmt.Fprintf(&got, "life %d %x\n", seed, sha256.Sum256([]byte(told)))
		if seed <= goldenShown {
			got.WriteString(told)
		}
		if dir != "" {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.txt", seed)), []byte(told), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	name := filepath.Join("testdata", "lives.txt")
	if *update {
		if err := os.WriteFile(name, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name) //nolint:gosec // a constant name
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, string(want), got.String())
}

// compareLines reports the first lines that differ.
func compareLines(t *testing.T, want, got string) {
	t.Helper()
	wanted, is := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(wanted) != len(is) {
		t.Errorf("%d lines, want %d", len(is), len(wanted))
	}
	differences := 0
	for i := range min(len(wanted), len(is)) {
		if wanted[i] == is[i] {
			continue
		}
		t.Errorf("line %d\n got %s\nwant %s", i+1, is[i], wanted[i])
		if differences++; differences == 3 {
			return
		}
	}
}

// zeros is a source of no randomness.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// recordALife is liveAnOrder with a record of all that the order did.
func recordALife(t *rapid.T) string {
	var told strings.Builder
	m := newModel(t)
	m.told = &told
	m.live()
	for _, e := range m.o.Events() {
		event, err := json.Marshal(struct {
			Version int
			Type    order.EventType
			Actor   order.Actor
			At      time.Time
			Data    order.EventData
			State   order.State
		}{e.Version, e.Type, e.Actor, e.At, e.Data, e.Order.State})
		m.must(err)
		fmt.Fprintf(&told, "event %s\n", event)
	}
	for _, a := range attemptsOf(m.o) {
		attempt, err := json.Marshal(a)
		m.must(err)
		fmt.Fprintf(&told, "attempt %s\n", attempt)
	}
	return told.String()
}

// attemptsOf are the attempts of all payments of an order, in the order they were made.
func attemptsOf(o *order.Order) []payment.Attempt {
	var attempts []payment.Attempt
	for i := range o.Payments {
		attempts = append(attempts, o.Payments[i].Attempts...)
	}
	slices.SortFunc(attempts, func(a, b payment.Attempt) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return attempts
}

// tell records what is asked of the provider and when the order is due then.
func (m *model) tell(what string, work *payment.Work) {
	if m.told == nil {
		return
	}
	call := work.Call
	due := "never"
	if at := m.o.DueAt(); at != nil {
		due = at.Format(time.RFC3339Nano)
	}
	_, _ = fmt.Fprintf(m.told, "%s at %s %s %s payment %s refund %s %s %q first %t only %t due %s\n", what, m.now.Format(time.RFC3339Nano), call.Operation, call.Key,
		call.PaymentID, call.RefundID, call.Amount, call.Reference, work.LookUpFirst, work.LookUpOnly, due)
}

package bench

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParsePgbench(t *testing.T) {
	t.Parallel()
	n, rate, err := parsePgbench(`transaction type: pgbench.sql
query mode: prepared
number of transactions actually processed: 15148
number of failed transactions: 0 (0.000%)
latency average = 2.112 ms
initial connection time = 31.007 ms
tps = 7574.123400 (without initial connection time)
`)
	if n != 15148 || rate != 7574.1234 || err != nil {
		t.Errorf("got %d, %v, %v", n, rate, err)
	}
	if _, _, err := parsePgbench("pgbench: error: could not connect\n"); err == nil {
		t.Error("an error was taken for a report")
	}
	took, err := parsePgbenchLog(strings.NewReader("0 199 2241 0 1175850568 995598\n0 200 2465 0 1175850568 998079\n"))
	if want := []time.Duration{2241 * time.Microsecond, 2465 * time.Microsecond}; err != nil || !slices.Equal(took, want) {
		t.Errorf("got %v, %v, want %v", took, err, want)
	}
	if _, err := parsePgbenchLog(strings.NewReader("0 199 skipped 0 1175850568 995598\n")); err == nil {
		t.Error("a transaction that was not made has a latency")
	}
}

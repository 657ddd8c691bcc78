package soak

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// Result of a Run.
type Result struct {
	Seed uint64
	// Deliveries is the number of items that subscribers got, Histories that of the checked histories.
	Deliveries, Histories int
	Orders, Events        int
	// Counts has the number of connection events, by a name for people.
	Counts map[string]int
	// Kills of replicas, Stops with SIGSTOP, Terminated database sessions.
	Kills, Stops, Terminated int
	// P50 and P99 of the time from an event's record to its receipt, on the machine's one clock. For information: it has
	// the time in which replicas were stopped in it.
	P50, P99 time.Duration
	// Findings are the faults in histories and log. Problems are the faults in orders and ledger.
	Findings []Finding
	Problems []string
}

func (r *run) result(ctx context.Context, db *sqlx.DB, log *Log, c *chaos) (*Result, error) {
	result := &Result{
		Seed: r.cfg.Seed, Deliveries: int(r.deliveries.Load()), Histories: len(r.subscribers), Orders: log.Orders(), Events: log.Events(),
		Counts: r.counts, Kills: c.kills, Stops: c.stops, Terminated: c.terminated, Findings: append(r.findings, log.Check()...),
	}
	var latencies []time.Duration
	for _, s := range r.subscribers {
		result.Findings = append(result.Findings, Check(log, &s.history)...)
		latencies = append(latencies, s.latencies...)
	}
	result.P50, result.P99 = percentile(latencies, 50), percentile(latencies, 99)
	var err error
	if result.Problems, err = CheckLedger(ctx, db); err != nil {
		return nil, err
	}
	// Each creation was repeated with its key until it was answered: exactly so many orders there are.
	if created := int(r.created.Load()); created != result.Orders {
		result.Problems = append(result.Problems, fmt.Sprintf("%d orders were created, the log has %d", created, result.Orders))
	}
	return result, nil
}

// percentile sorts values and returns the p-th; 0 when there are none.
func percentile(values []time.Duration, p int) time.Duration {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[(len(values)-1)*p/100]
}

// Faultless reports whether nothing was found.
func (r *Result) Faultless() bool { return len(r.Findings) == 0 && len(r.Problems) == 0 }

// Write prints the result for people; of findings and problems the first 20.
func (r *Result) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d deliveries in %d histories; %d orders, %d events\n", r.Seed, r.Deliveries, r.Histories, r.Orders, r.Events)
	fmt.Fprintf(&b, "replicas killed %d times, stopped %d times; %d database sessions ended\n", r.Kills, r.Stops, r.Terminated)
	fmt.Fprintf(&b, "recorded to received: p50 %s, p99 %s\n", r.P50.Round(100*time.Microsecond), r.P99.Round(time.Millisecond))
	for _, what := range slices.Sorted(maps.Keys(r.Counts)) {
		fmt.Fprintf(&b, "  %7d  %s\n", r.Counts[what], what)
	}
	kinds := map[Kind]int{}
	for _, f := range r.Findings {
		kinds[f.Kind]++
	}
	fmt.Fprintf(&b, "%d lost, %d duplicated, %d out of order, %d other findings, %d problems with orders and ledger\n",
		kinds[Lost]+kinds[MissingTail], kinds[Duplicated], kinds[OutOfOrder],
		len(r.Findings)-kinds[Lost]-kinds[MissingTail]-kinds[Duplicated]-kinds[OutOfOrder], len(r.Problems))
	for i, f := range r.Findings {
		if i == 20 {
			break
		}
		fmt.Fprintln(&b, " ", f)
	}
	for i, p := range r.Problems {
		if i == 20 {
			break
		}
		fmt.Fprintln(&b, " ", p)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

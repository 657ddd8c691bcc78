package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const (
	latencySockets = 1000
	// latencyRate is in requests per second: a turn takes two seconds.
	latencyRate  = 100
	latencyTurns = 5
)

// latencies measures the time from a request to its event on the subscriber's socket, in turns with the naive server.
func latencies(ctx context.Context, l *lab, report *Report) (err error) {
	server, err := l.server(ctx)
	if err != nil {
		return err
	}
	ours, theirs, err := l.rivals(ctx, server, time.Hour, "latency", strconv.Itoa(latencySockets), strconv.Itoa(latencyTurns), strconv.Itoa(latencyRate))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.stop(), theirs.stop()) }()
	var seen, seenNaive Timed
	for range latencyTurns {
		if err := errors.Join(ours.turn(&seen), theirs.turn(&seenNaive)); err != nil {
			return err
		}
	}
	if n := seenNaive.Faults.Sum(); n > 0 {
		return fmt.Errorf("the naive server made %d faults: there is nothing to compare", n)
	}
	report.add("latency.p50ratio", seen.P50/seenNaive.P50)
	report.add("latency.p99ratio", seen.P99/seenNaive.P99)
	report.add("latency.p50", seen.P50)
	report.add("latency.p99", seen.P99)
	report.add("latency.naivep50", seenNaive.P50)
	report.add("latency.naivep99", seenNaive.P99)
	report.add("latency.faults", float64(seen.Faults.Sum()))
	return nil
}

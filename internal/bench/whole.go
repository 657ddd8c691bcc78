package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

const (
	wholeClients = 64
	// Each has three turns of two seconds.
	wholeTurns   = 3
	wholeSeconds = 2
)

// wholes measures orders from the request to DELIVERED, without delays, in turns with the naive server.
func wholes(ctx context.Context, l *lab, report *Report) (err error) {
	server, err := l.server(ctx, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s")
	if err != nil {
		return err
	}
	ours, theirs, err := l.rivals(ctx, server, 0, "whole", strconv.Itoa(wholeClients), strconv.Itoa(wholeSeconds))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.stop(), theirs.stop()) }()
	var seen, seenNaive Seen
	for range wholeTurns {
		if err := errors.Join(ours.turn(&seen), theirs.turn(&seenNaive)); err != nil {
			return err
		}
	}
	if n := seenNaive.Faults.Sum(); n > 0 {
		return fmt.Errorf("the naive server made %d faults: there is nothing to compare", n)
	}
	rate, naiveRate := float64(seen.Orders)/seen.Seconds, float64(seenNaive.Orders)/seenNaive.Seconds
	report.add("whole.ratio", rate/naiveRate)
	report.add("whole.rate", rate)
	report.add("whole.naive", naiveRate)
	report.add("whole.cpu", (ours.used+ours.database)/float64(seen.Orders)*1000)
	report.add("whole.naivecpu", (theirs.used+theirs.database)/float64(seenNaive.Orders)*1000)
	report.add("whole.dbcpu", ours.database/float64(seen.Orders)*1000)
	report.add("whole.naivedbcpu", theirs.database/float64(seenNaive.Orders)*1000)
	report.add("whole.p50", seen.P50)
	report.add("whole.p99", seen.P99)
	report.add("whole.naivep50", seenNaive.P50)
	report.add("whole.naivep99", seenNaive.P99)
	report.add("whole.faults", float64(seen.Faults.Sum()))
	return nil
}

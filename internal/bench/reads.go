package bench

import (
	"context"
	"errors"
	"strconv"
	"time"
)

const (
	readClients = 16
	// Each has three turns of two seconds.
	readTurns   = 3
	readSeconds = 2
)

// reads measures order(id) and orders(first: 20) in turns with the naive server.
func reads(ctx context.Context, l *lab, report *Report) error {
	for _, kind := range []string{"one", "list"} {
		if err := l.read(ctx, kind, report); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) read(ctx context.Context, kind string, report *Report) (err error) {
	server, err := l.server(ctx)
	if err != nil {
		return err
	}
	ours, theirs, err := l.rivals(ctx, server, time.Hour, "read-"+kind, strconv.Itoa(readClients), strconv.Itoa(readSeconds))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.stop(), theirs.stop()) }()
	var seen, seenNaive Read
	for range readTurns {
		if err := errors.Join(ours.turn(&seen), theirs.turn(&seenNaive)); err != nil {
			return err
		}
	}
	n, naive := float64(seen.Answers), float64(seenNaive.Answers)
	for name, value := range map[string]float64{
		"ratio": n / seen.Seconds / (naive / seenNaive.Seconds), "rate": n / seen.Seconds, "naive": naive / seenNaive.Seconds,
		"cpu": ours.used / n * 1000, "naivecpu": theirs.used / naive * 1000,
		"dbcpu": ours.database / n * 1000, "naivedbcpu": theirs.database / naive * 1000, "p99": seen.P99, "naivep99": seenNaive.P99,
	} {
		report.add("reads."+kind+"."+name, value)
	}
	return nil
}

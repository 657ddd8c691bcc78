package bench

import (
	"context"
	"errors"
	"strconv"
)

const (
	deliverGroups  = 10
	deliverSockets = 100
	deliverWindow  = 16
	// Each has three turns of two seconds.
	deliverTurns   = 3
	deliverSeconds = 2
)

// deliveries measures how fast events reach 100 subscribers each, in turns with how fast the same messages reach as many
// sockets from a raw broadcaster.
func deliveries(ctx context.Context, l *lab, report *Report) (err error) {
	server, err := l.server(ctx)
	if err != nil {
		return err
	}
	ours, err := l.deliver(ctx, server, "deliver")
	if err != nil {
		return errors.Join(err, server.stop())
	}
	defer func() { err = errors.Join(err, ours.stop()) }()
	var at struct{ Addr string }
	broadcaster, err := l.self(ctx, &at, "broadcast")
	if err != nil {
		return err
	}
	broadcaster.addr = at.Addr
	raw, err := l.deliver(ctx, broadcaster, "deliver-raw")
	if err != nil {
		return errors.Join(err, broadcaster.stop())
	}
	defer func() { err = errors.Join(err, raw.stop()) }()
	var seen, seenRaw Delivered
	for range deliverTurns {
		if err := ours.turn(&seen); err != nil {
			return err
		}
		if err := raw.turn(&seenRaw); err != nil {
			return err
		}
	}
	n, nRaw := float64(seen.Deliveries), float64(seenRaw.Deliveries)
	report.add("deliveries.rate", n/seen.Seconds)
	report.add("deliveries.raw", nRaw/seenRaw.Seconds)
	report.add("deliveries.ratio", n/seen.Seconds/(nRaw/seenRaw.Seconds))
	report.add("deliveries.cpu", ours.used/n*1e6)
	report.add("deliveries.dbcpu", ours.database/n*1e6)
	report.add("deliveries.rawcpu", raw.used/nRaw*1e6)
	report.add("deliveries.faults", float64(seen.Lost+seen.Duplicated+seen.Disordered))
	report.add("deliveries.p50", seen.P50)
	report.add("deliveries.p99", seen.P99)
	return nil
}

func (l *lab) deliver(ctx context.Context, on *program, part string) (*contender, error) {
	return l.contend(ctx, on, part,
		strconv.Itoa(deliverGroups), strconv.Itoa(deliverSockets), strconv.Itoa(deliverWindow), strconv.Itoa(deliverSeconds))
}

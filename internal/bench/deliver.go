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
	deliverSeconds = 6
)

// deliveries measures how fast events reach 100 subscribers each, and then how fast the same messages reach as many
// sockets from a raw broadcaster.
func deliveries(ctx context.Context, l *lab, report *Report) error {
	ours, err := l.deliver(ctx, report)
	if err != nil {
		return err
	}
	raw, err := l.broadcast(ctx, report)
	if err != nil {
		return err
	}
	report.add("deliveries.rate", ours)
	report.add("deliveries.raw", raw)
	report.add("deliveries.ratio", ours/raw)
	return nil
}

// deliver is the server's turn; it returns deliveries per second.
func (l *lab) deliver(ctx context.Context, report *Report) (rate float64, err error) {
	server, err := l.server(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	result, used, database, err := l.pour(ctx, server, "deliver", server.addr)
	if err != nil {
		return 0, err
	}
	n := float64(result.Deliveries)
	report.add("deliveries.cpu", used/n*1e6)
	report.add("deliveries.dbcpu", database/n*1e6)
	report.add("deliveries.faults", float64(result.Lost+result.Duplicated+result.Disordered))
	report.add("deliveries.p50", result.P50)
	report.add("deliveries.p99", result.P99)
	return n / result.Seconds, nil
}

// broadcast is the raw broadcaster's turn.
func (l *lab) broadcast(ctx context.Context, report *Report) (rate float64, err error) {
	var at struct{ Addr string }
	raw, err := l.self(ctx, &at, "broadcast")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, raw.stop()) }()
	result, used, _, err := l.pour(ctx, raw, "deliver-raw", at.Addr)
	if err != nil {
		return 0, err
	}
	report.add("deliveries.rawcpu", used/float64(result.Deliveries)*1e6)
	return float64(result.Deliveries) / result.Seconds, nil
}

// pour lets a load generator loose on a program, and returns what it saw and the CPU seconds of the program and the
// database meanwhile.
func (l *lab) pour(ctx context.Context, on *program, part, addr string) (result Delivered, used, database float64, err error) {
	var ready struct{ Ready bool }
	load, err := l.self(ctx, &ready, part, addr,
		strconv.Itoa(deliverGroups), strconv.Itoa(deliverSockets), strconv.Itoa(deliverWindow), strconv.Itoa(deliverSeconds))
	if err != nil {
		return result, 0, 0, err
	}
	defer func() { err = errors.Join(err, load.stop()) }()
	pid := on.cmd.Process.Pid
	before, err := cpu(pid)
	if err != nil {
		return result, 0, 0, err
	}
	databaseBefore, err := cpuOfDatabase()
	if err != nil {
		return result, 0, 0, err
	}
	if err := load.ask(&result); err != nil {
		return result, 0, 0, err
	}
	if used, err = cpu(pid); err != nil {
		return result, 0, 0, err
	}
	database, err = cpuOfDatabase()
	return result, used - before, database - databaseBefore, err
}

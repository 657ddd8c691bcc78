package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

const (
	// Each has three turns of two seconds, at each number of clients.
	createTurns   = 3
	createSeconds = 2
)

// createClients are the numbers of clients at a time.
var createClients = []int{1, 16, 64}

// creates measures orderCreate in turns with pgbench.
func creates(ctx context.Context, l *lab, report *Report) (err error) {
	if l.bin == "" {
		l.say("not measured: there is no pgbench; install PostgreSQL's client programs, or set PG_BIN to the folder that has them")
		return nil
	}
	server, err := l.server(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	hc := keepAlive()
	defer hc.CloseIdleConnections()
	first, err := newCreator(ctx, hc, server.addr, "create-first")
	if err != nil {
		return err
	}
	if _, err := first.wire.create(first.request, first.keys); err != nil {
		return err
	}
	bench, err := l.pgbench(ctx, server.database)
	if err != nil {
		return err
	}
	placed, repeated := int64(1), int64(0)
	for _, clients := range createClients {
		seen, err := l.create(ctx, server, bench, clients, report)
		if err != nil {
			return err
		}
		placed += seen.Orders
		repeated += seen.Repeated
	}
	kept, err := count(ctx, server.database)
	if err != nil {
		return err
	}
	report.add("create.faults", float64(repeated+max(placed-kept, kept-placed)))
	return nil
}

// create measures one number of clients.
func (l *lab) create(ctx context.Context, server *program, bench *pgbench, clients int, report *Report) (seen Created, err error) {
	n := strconv.Itoa(clients)
	ours, err := l.contend(ctx, server, "create", n, strconv.Itoa(createSeconds))
	if err != nil {
		return seen, err
	}
	defer func() { err = errors.Join(err, ours.load.stop()) }()
	var theirs benched
	for range createTurns {
		if err := ours.turn(&seen); err != nil {
			return seen, err
		}
		if err := bench.turn(ctx, clients, createSeconds, &theirs); err != nil {
			return seen, err
		}
	}
	rate, benchRate := float64(seen.Orders)/seen.Seconds, float64(theirs.transactions)/theirs.seconds
	p99 := theirs.took.percentile(99)
	thousands := float64(seen.Orders) / 1000
	for name, value := range map[string]float64{
		"ratio": rate / benchRate, "rate": rate, "pgbench": benchRate,
		"cpu": (ours.used + ours.database) / thousands, "dbcpu": ours.database / thousands,
		"pgbenchcpu": theirs.database / float64(theirs.transactions) * 1000,
		"p99ratio":   seen.P99 / p99, "p50": seen.P50, "p99": seen.P99, "pgbenchp99": p99,
	} {
		report.add(fmt.Sprintf("create.%s.%s", name, n), value)
	}
	return seen, nil
}

// count returns the number of orders in a database.
func count(ctx context.Context, url string) (n int64, err error) {
	db, err := sql.Open("postgres", url)
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM orders`).Scan(&n)
	return n, err
}

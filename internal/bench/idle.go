package bench

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"
)

const (
	// idleBase sockets are opened before the measurement, so that memory which the process needs once is not counted.
	idleBase = 1000
	idleMore = 5000
	idleEach = 10
)

// idle measures the resident memory per idle subscription: of 5,000 sockets with one each, beyond the first 1,000, and of 10 more
// on each of them.
func idle(ctx context.Context, l *lab, report *Report) (err error) {
	server, err := l.server(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	var opened struct{ Open int }
	load, err := l.self(ctx, &opened, "idle", server.addr, strconv.Itoa(idleBase), strconv.Itoa(idleMore), strconv.Itoa(idleEach))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, load.stop()) }()
	pid := server.cmd.Process.Pid
	var bytes, routines [3]float64
	for stage := range bytes {
		if stage > 0 {
			if err := load.ask(&opened); err != nil {
				return err
			}
		}
		if err := leaveIdle(ctx); err != nil {
			return err
		}
		if bytes[stage], err = rss(pid); err != nil {
			return err
		}
		if routines[stage], err = server.metric(ctx, "go_goroutines"); err != nil {
			return err
		}
	}
	report.add("idle.socket", (bytes[1]-bytes[0])/idleMore/1000)
	report.add("idle.subscription", (bytes[2]-bytes[1])/(idleBase*idleEach)/1000)
	// A few goroutines of the pipeline's and of database/sql's come and go.
	report.add("idle.goroutines.socket", math.Round((routines[1]-routines[0])/idleMore*100)/100)
	report.add("idle.goroutines.subscription", math.Abs(math.Round((routines[2]-routines[1])/(idleBase*idleEach)*100)/100))
	return nil
}

// leaveIdle leaves the server idle for a while, so that it collects garbage and returns memory to the system.
func leaveIdle(ctx context.Context) error {
	select {
	case <-time.After(5 * time.Second):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

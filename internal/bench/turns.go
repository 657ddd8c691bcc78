package bench

import (
	"context"
	"errors"
	"time"
)

// contender is a program under load. It runs in its turns and is idle in the others'. Turns are short and alternate, so that other
// load on the machine affects all contenders alike.
type contender struct {
	program, load *program
	// used and database are the CPU seconds of the program and of PostgreSQL in all turns so far.
	used, database float64
}

// contend starts the load generator of a program: a part of cmd that reports when it is ready, works for a while for each line it
// reads, and answers with its result of all turns.
func (l *lab) contend(ctx context.Context, on *program, part string, args ...string) (*contender, error) {
	var ready struct{ Ready bool }
	load, err := l.self(ctx, &ready, append([]string{part, on.addr}, args...)...)
	if err != nil {
		return nil, err
	}
	return &contender{program: on, load: load}, nil
}

// rivals puts the same load on a server and on a naive one with so much time before each step of an order. When it
// fails, the server is stopped.
func (l *lab) rivals(ctx context.Context, server *program, delay time.Duration, part string, args ...string) (ours, theirs *contender, err error) {
	if ours, err = l.contend(ctx, server, part, args...); err != nil {
		return nil, nil, errors.Join(err, server.stop())
	}
	naive, err := l.naive(ctx, delay)
	if err != nil {
		return nil, nil, errors.Join(err, ours.stop())
	}
	if theirs, err = l.contend(ctx, naive, part, args...); err != nil {
		return nil, nil, errors.Join(err, naive.stop(), ours.stop())
	}
	return ours, theirs, nil
}

// turn lets it run once.
func (c *contender) turn(seen any) error {
	pid := c.program.cmd.Process.Pid
	used, database, err := meter(pid, func() error { return c.load.ask(seen) })
	c.used += used
	c.database += database
	return err
}

// stop ends load generator and program.
func (c *contender) stop() error { return errors.Join(c.load.stop(), c.program.stop()) }

// meter returns the CPU seconds that a process and PostgreSQL use while f runs.
func meter(pid int, f func() error) (used, database float64, err error) {
	usedBefore, err := cpu(pid)
	if err != nil {
		return 0, 0, err
	}
	databaseBefore, err := cpuOfDatabase()
	if err != nil {
		return 0, 0, err
	}
	if err := f(); err != nil {
		return 0, 0, err
	}
	if used, err = cpu(pid); err != nil {
		return 0, 0, err
	}
	database, err = cpuOfDatabase()
	return used - usedBefore, database - databaseBefore, err
}

package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/jmoiron/sqlx"
)

// chaos breaks things until the load ends, and leaves all replicas running.
type chaos struct {
	run *run
	rng *rand.Rand
	db  *sqlx.DB
	// once is closed when each fault has happened.
	once chan struct{}

	kills, stops, terminated int
}

// work takes the faults in turn, shuffled; the load lasts until each has happened, so that a short run has them all too.
func (c *chaos) work(ctx context.Context) error {
	faults := []func(context.Context) error{c.kill, c.freeze, c.terminate, c.terminate}
	for round := 0; ; round++ {
		if round == 1 {
			close(c.once)
		}
		c.rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, fault := range faults {
			if !c.pause(ctx, time.Duration((0.5+c.rng.Float64())*float64(c.run.cfg.FaultEvery))) {
				return ctx.Err()
			}
			if err := fault(ctx); err != nil {
				return err
			}
		}
	}
}

// pause reports false when the load ends before it is over.
func (c *chaos) pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
	case <-c.run.calm:
	case <-time.After(d):
		return true
	}
	return false
}

func (c *chaos) victim() *replica { return c.run.replicas[c.rng.IntN(len(c.run.replicas))] }

// kill -9 and start again, at once or after a moment with a replica less.
func (c *chaos) kill(ctx context.Context) error {
	c.kills++
	victim := c.victim()
	if err := victim.kill(); err != nil {
		return err
	}
	if c.rng.IntN(2) == 0 {
		c.pause(ctx, time.Duration(c.rng.Float64()*float64(2*time.Second)))
	}
	return victim.start()
}

// freeze stops a replica for longer than the sequencer's lease, and then continues it.
func (c *chaos) freeze(ctx context.Context) error {
	c.stops++
	victim := c.victim()
	if err := victim.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	c.pause(ctx, time.Duration((2+2*c.rng.Float64())*float64(time.Second)))
	return victim.signal(syscall.SIGCONT)
}

// terminate ends up to a third of the replicas' database sessions.
func (c *chaos) terminate(ctx context.Context) error {
	var n int
	err := c.db.GetContext(ctx, &n, `
		SELECT count(pg_terminate_backend(pid)) FROM (
			SELECT pid FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> current_setting('application_name')
			ORDER BY random() LIMIT $1
		) victims`, 1+c.rng.IntN(10))
	c.terminated += n
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Package dbclock tells the time of the database in the memory of a process.
//
// All business times (when an order was placed, when it expires, when its payment goes on) are shared by all replicas, so they must
// come from one clock, and the database's is the one that all replicas share. Asking it for each time would cost a round trip.
// A Clock solves that: statements that run anyway return clock_timestamp(), and between two of them the Clock advances by the
// monotonic clock of this machine. The machine's wall clock, which an administrator, NTP or a resumed virtual machine may set
// to anything at any moment, has no influence.
//
// An answer that was asked for at local time a and arrived at local time b, and says d, proves that the database's clock showed at most
// d at a and at least d at b. The Clock keeps within these bounds: it starts at the lower one, is moved up to a lower bound
// above it and down to an upper bound below it. So it is behind the database's by at most the time that an answer takes, it is never
// ahead by more than the machines' clocks drift apart between two answers (microseconds), and it follows when the database's clock is
// set or another server takes over.
package dbclock

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clock is the database's clock as far as this process knows it. Until the first Observe it is the machine's. Its methods may be
// called concurrently; the zero value is not usable, see New.
type Clock struct {
	wall func() time.Time
	// began has a monotonic reading, which all elapsed times are taken from.
	began time.Time

	mu sync.Mutex
	// offset is the database's time at began; known says that there is one.
	offset time.Time
	known  bool
}

// New returns a clock that has not heard of the database yet. wall is the machine's clock, for Skew alone; nil: time.Now.
func New(wall func() time.Time) *Clock {
	if wall == nil {
		wall = time.Now
	}
	began := time.Now()
	return &Clock{wall: wall, began: began, offset: began.Round(0)}
}

// Now returns the database's time, in UTC with microseconds, as PostgreSQL keeps it.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset.Add(time.Since(c.began)).UTC().Truncate(time.Microsecond)
}

// Observe takes in that the database, asked at the local time asked (which needs its monotonic reading), has answered with the time
// answered. Call it right after the answer.
func (c *Clock) Observe(asked, answered time.Time) {
	took := time.Since(asked)
	elapsed := time.Since(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	// Rounded up, because Now cuts off less than a microsecond: Now must not be before what the database has just said.
	lower := answered.Add(time.Microsecond - elapsed)
	upper := lower.Add(took)
	if !c.known || c.offset.Before(lower) {
		c.offset, c.known = lower, true
	}
	if c.offset.After(upper) {
		c.offset = upper
	}
}

// Skew is how far the machine's clock is ahead of the database's; negative when it is behind. Zero until the first Observe.
func (c *Clock) Skew() time.Duration {
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if !known {
		return 0
	}
	return c.wall().Round(0).Sub(c.Now())
}

// rounds is how many answers Read takes: the quickest counts, and the first one of a new connection is slow.
const rounds = 3

// Querier reads one row.
type Querier interface {
	GetContext(ctx context.Context, dest any, query string, args ...any) error
}

// Read asks the database for its time.
func (c *Clock) Read(ctx context.Context, db Querier) error {
	for range rounds {
		var answered time.Time
		asked := time.Now()
		if err := db.GetContext(ctx, &answered, `SELECT clock_timestamp()`); err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		c.Observe(asked, answered)
	}
	return nil
}

// Package dbclock keeps the database's time in the memory of a process.
//
// The problem: business times (when an order was placed, when it expires, when its payment continues) are shared by all
// replicas, so they must come from one clock. The database's clock is the only one that all replicas share, but asking it
// for each time would cost a round trip. The mechanism: statements that run anyway return clock_timestamp(), and between two
// of them the Clock advances by the monotonic clock of this machine. The machine's wall clock has no influence, because an
// administrator, NTP or a resumed virtual machine may set it at any moment.
//
// An answer d that was asked for at local time a and arrived at local time b proves that the database's clock was at most d
// at a and at least d at b. Invariant: the Clock keeps within these bounds. It starts at the lower one, is moved up to a
// higher lower bound and down to a lower upper bound. So it is behind the database's clock by at most the duration of an
// answer. It is ahead by at most the drift between the machines' clocks between two answers (microseconds). And it follows
// when the database's clock is set or another server takes over.
package dbclock

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clock is the database's clock as far as this process knows it. Until the first Observe it is the machine's clock. Its
// methods may be called concurrently. Make it with New; the zero value is not usable.
type Clock struct {
	wall func() time.Time
	// began has a monotonic reading, from which all elapsed times are computed.
	began time.Time

	mu sync.Mutex
	// offset is the database's time at began. known is set once there is one.
	offset time.Time
	known  bool
}

// New returns a clock that does not know the database's time yet. wall is the machine's clock, for Skew only; nil: time.Now.
func New(wall func() time.Time) *Clock {
	if wall == nil {
		wall = time.Now
	}
	began := time.Now()
	return &Clock{wall: wall, began: began, offset: began.Round(0)}
}

// Now returns the database's time, in UTC and microseconds as in PostgreSQL.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset.Add(time.Since(c.began)).UTC().Truncate(time.Microsecond)
}

// Observe takes an answer of the database. asked is the local time of the question and needs its monotonic reading. Call it
// right after the answer.
func (c *Clock) Observe(asked, answered time.Time) {
	took := time.Since(asked)
	elapsed := time.Since(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	// Rounded up, because Now drops less than a microsecond, and Now must not be before the database's answer.
	lower := answered.Add(time.Microsecond - elapsed)
	upper := lower.Add(took)
	if !c.known || c.offset.Before(lower) {
		c.offset, c.known = lower, true
	}
	if c.offset.After(upper) {
		c.offset = upper
	}
}

// Skew returns how far the machine's clock is ahead of the database's clock; negative when it is behind. Zero until the
// first Observe.
func (c *Clock) Skew() time.Duration {
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if !known {
		return 0
	}
	return c.wall().Round(0).Sub(c.Now())
}

// rounds is the number of answers that Read takes. The fastest one counts; the first one of a new connection is slow.
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

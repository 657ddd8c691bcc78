package ratelimit

import (
	"context"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/bytelru"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// window is the period of a Shared limit.
	window = time.Minute
	// leaseTimeout bounds one call of the database.
	leaseTimeout = 5 * time.Second
)

// Lease takes n units from the customer's budget, which all replicas share. If fewer are left it takes none and returns the
// time until there are enough; otherwise it returns 0.
type Lease func(ctx context.Context, customerID id.Customer, n int) (retryAfter time.Duration, err error)

// Shared is a limit for each customer in a minute on all replicas together, without a round trip for each unit.
//
// A replica grants each customer a tenth of the limit in a minute, at least one unit, without asking the database. Most
// customers never need more and so cost nothing. When half of that is used, the replica leases another tenth in advance from
// the database, together with the units it has already granted. Only a customer who has used up everything waits for the
// answer. Invariant: n replicas grant at most the limit and n tenths of it in a minute. Units that are leased but not used
// are lost at the end of the minute or of the replica.
type Shared struct {
	limit, tenth int
	lease        Lease
	now          func() time.Time

	mu    sync.Mutex
	known *bytelru.Cache[*budget]
}

// NewShared returns a limit of perMinute units for each customer, or nil, which is no limit, for 0.
func NewShared(perMinute int, lease Lease) *Shared { return newShared(perMinute, lease, time.Now) }

func newShared(perMinute int, lease Lease, now func() time.Time) *Shared {
	if perMinute <= 0 {
		return nil
	}
	return &Shared{
		limit: perMinute, tenth: max(perMinute/10, 1), lease: lease, now: now, known: bytelru.New[*budget](memory),
	}
}

// budget is one customer's budget on this replica.
type budget struct {
	mu sync.Mutex
	// began is the start of its minute.
	began time.Time
	// leased is the number of units leased and not used. given is the number of units used and not leased.
	leased, given int
	// asking is closed when the running lease call has ended; nil when none runs.
	asking chan struct{}
	// empty is the time until which the database has no more units for this customer.
	empty time.Time
	// err is the error of the last lease call.
	err error
}

// Take takes one unit of the customer's budget. The error is RATE_LIMITED when none is left, or the database's when it was
// needed.
func (s *Shared) Take(ctx context.Context, customerID id.Customer) error {
	b := s.of(customerID.String())
	for waited := false; ; waited = true {
		b.mu.Lock()
		now := s.now()
		if now.Sub(b.began) >= window {
			b.began, b.leased, b.given = now, 0, 0
		}
		took := b.take(s.tenth)
		if b.leased+s.tenth-b.given <= s.tenth/2 && b.asking == nil && !now.Before(b.empty) && (took || !waited || b.err == nil) {
			s.ask(ctx, b, customerID)
		}
		asking, empty, err := b.asking, b.empty, b.err
		b.mu.Unlock()
		switch {
		case took:
			return nil
		case asking != nil:
			select {
			case <-asking:
			case <-ctx.Done():
				return ctx.Err()
			}
		case now.Before(empty):
			return tooOften("Too many orders.", empty.Sub(now))
		case err != nil:
			return err
		}
	}
}

// take takes a unit without asking the database. The budget's lock is held.
func (b *budget) take(free int) bool {
	switch {
	case b.leased > 0:
		b.leased--
	case b.given < free:
		b.given++
	default:
		return false
	}
	return true
}

// ask starts to lease units in advance, in a goroutine of its own. The budget's lock is held.
func (s *Shared) ask(ctx context.Context, b *budget, customerID id.Customer) {
	began, given := b.began, b.given
	n := min(s.tenth+given, s.limit)
	done := make(chan struct{})
	b.asking, b.err = done, nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTimeout) // others wait for the same answer
	go func() {
		defer cancel()
		retryAfter, err := s.lease(ctx, customerID, n)
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case err != nil:
			b.err = err
		case retryAfter > 0:
			b.empty = s.now().Add(retryAfter)
		case b.began.Equal(began): // otherwise the minute is over and its leased units are lost
			b.given -= given
			b.leased += n - given
		}
		b.asking = nil
		close(done)
	}()
}

func (s *Shared) of(key string) *budget {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, found := s.known.Get(key)
	if !found {
		b = &budget{began: s.now()}
		s.known.Add(key, b, entryBytes)
	}
	return b
}

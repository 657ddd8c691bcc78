package ratelimit

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/bytelru"
)

const (
	// window is the time a Shared limit is for.
	window = time.Minute
	// leaseTimeout bounds one question to the database.
	leaseTimeout = 5 * time.Second
)

// Lease takes n from the customer's budget that all replicas share, and returns 0; or nothing, when it has not that many,
// and after which time it will.
type Lease func(ctx context.Context, customerID uuid.UUID, n int) (retryAfter time.Duration, err error)

// Shared is a limit on what each customer does in a minute on all replicas together, without a round trip each time.
//
// Each replica lets a customer do a tenth of the limit in a minute, at least one, without telling anybody: most customers
// never do more, and cost nothing. From half of that on it leases a tenth ahead from the database, and pays for what it
// has given already; only who has used up everything waits for an answer. So n replicas let through at most the limit and
// n tenths of it in a minute. What a replica has leased and does not use is lost with the minute, or with the replica.
type Shared struct {
	limit, tenth int
	lease        Lease
	now          func() time.Time

	mu    sync.Mutex
	known *bytelru.Cache[*budget]
}

// NewShared returns a limit of perMinute for each customer; nil, which is no limit, for 0.
func NewShared(perMinute int, lease Lease) *Shared { return newShared(perMinute, lease, time.Now) }

func newShared(perMinute int, lease Lease, now func() time.Time) *Shared {
	if perMinute <= 0 {
		return nil
	}
	return &Shared{
		limit: perMinute, tenth: max(perMinute/10, 1), lease: lease, now: now, known: bytelru.New[*budget](memory),
	}
}

// budget is what one customer may do here.
type budget struct {
	mu sync.Mutex
	// began is when its minute did.
	began time.Time
	// leased is how many have been paid for and not been used; given is how many have been used and not been paid for.
	leased, given int
	// asking is closed when the lease that is under way has ended; nil: none is.
	asking chan struct{}
	// empty is until when the database has nothing more for this customer.
	empty time.Time
	// err is why it could not be asked the last time.
	err error
}

// Take takes one of the customer's. RATE_LIMITED when none is left; any other error says that the database was needed
// and did not answer.
func (s *Shared) Take(ctx context.Context, customerID uuid.UUID) error {
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

// take is called with the lock held.
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

// ask leases ahead, beside the caller. It is called with the budget's lock held.
func (s *Shared) ask(ctx context.Context, b *budget, customerID uuid.UUID) {
	began, given := b.began, b.given
	n := min(s.tenth+given, s.limit)
	done := make(chan struct{})
	b.asking, b.err = done, nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTimeout) // others go by the answer too
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
		case b.began.Equal(began): // else the minute is over, and with it what was leased for it
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

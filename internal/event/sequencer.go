package event

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// ErrLeaseLost means that another replica is the sequencer now, or that the lease ran out.
var ErrLeaseLost = errors.New("the sequencer's lease is lost")

// Assigned is the result of one assignment.
type Assigned struct {
	// Count is the number of events that got a position, and Position the last one.
	Count    int
	Position int64
	// More: there may be further events without a position.
	More bool
}

// PositionStore stores the positions of events and the lease of the sequencer. One goroutine calls all methods except Announce.
type PositionStore interface {
	// Acquire takes the lease, which makes this replica the sequencer. held is false while another replica has it.
	Acquire(ctx context.Context) (held bool, err error)
	// Renew extends the lease, or returns ErrLeaseLost.
	Renew(ctx context.Context) error
	// Assign gives positions to committed events that have none. After ErrLeaseLost nothing was changed.
	Assign(ctx context.Context) (Assigned, error)
	// Release gives up the lease, if this replica has it, so that another replica can take it at once.
	Release(ctx context.Context) error
	// Announce tells the sequencer on any replica that this replica has committed events.
	Announce(ctx context.Context) error
}

// Lease is the time after which the lease of a silent sequencer ends. With the other times below, another replica takes over
// in less than 1.5 s when nothing is slow; the promise is 2 s.
const Lease = 1200 * time.Millisecond

const (
	// renewEvery allows two failed renewals before the lease ends.
	renewEvery = 400 * time.Millisecond
	// pollEvery is the interval at which the sequencer looks for events that were not announced, and the other replicas for a free
	// lease.
	pollEvery = 200 * time.Millisecond
	// assignPause collects a batch: an assignment costs PostgreSQL about a millisecond, which hardly depends on the number
	// of events. A lone commit does not wait for it. After an assignment of several events more are likely to follow;
	// streamPause then keeps the cost below a tenth of a core.
	assignPause = 5 * time.Millisecond
	streamPause = 15 * time.Millisecond
	// manyAtOnce is the number of events from which streamPause applies.
	manyAtOnce = 3
	// announcePause bounds the announcements of the other replicas: NOTIFY in each transaction halves the throughput.
	announcePause = 5 * time.Millisecond
	// callTimeout is the lease: after a call that takes longer, the lease is lost.
	callTimeout = Lease
	// assignTimeout may be longer, because an assignment locks the lease while it runs.
	assignTimeout = 15 * time.Second
	// acquireTimeout allows for the new epoch that a restored log needs.
	acquireTimeout = 10 * time.Minute
)

// Sequencer takes part in the election of the sequencer, and assigns positions while elected.
type Sequencer struct {
	store    PositionStore
	assigned func(position int64)
	logger   *slog.Logger
	commits  chan struct{}
	free     chan struct{}
	leading  atomic.Bool
}

// NewSequencer returns a sequencer that calls assigned with the last position of each assignment: use Hub.Grew. Start it
// with Run.
func NewSequencer(store PositionStore, assigned func(position int64), logger *slog.Logger) *Sequencer {
	return &Sequencer{
		store: store, assigned: assigned, logger: logger,
		commits: make(chan struct{}, 1), free: make(chan struct{}, 1),
	}
}

// Wake says that this process has committed events. It does not block.
func (s *Sequencer) Wake() { poke(s.commits) }

// Announced says that another replica has committed events. It does not block.
func (s *Sequencer) Announced() {
	if s.leading.Load() {
		poke(s.commits)
	}
}

// LeaseFree says that the lease was released. It does not block.
func (s *Sequencer) LeaseFree() { poke(s.free) }

// Leading reports whether this replica believes that it is the sequencer.
func (s *Sequencer) Leading() bool { return s.leading.Load() }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and then releases the lease. Errors are logged and retried.
func (s *Sequencer) Run(ctx context.Context) error {
	defer s.resign(ctx)
	for ctx.Err() == nil {
		if s.leading.Load() {
			s.lead(ctx)
		} else {
			s.standBy(ctx)
		}
	}
	return nil
}

// standBy waits for the lease and announces this replica's commits to the sequencer.
func (s *Sequencer) standBy(ctx context.Context) {
	if s.acquire(ctx) {
		return
	}
	poll := time.NewTimer(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			return
		case <-s.free:
			return
		case <-s.commits:
			s.attempt(ctx, callTimeout, "announce", s.store.Announce)
			pause(ctx, announcePause)
		}
	}
}

func (s *Sequencer) acquire(ctx context.Context) bool {
	call, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	held, err := s.store.Acquire(call)
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "acquiring the sequencer's lease failed; retrying", "error", err)
	}
	if held {
		s.leading.Store(true)
		s.logger.InfoContext(ctx, "this replica is the sequencer")
	}
	return held
}

// lead assigns positions and renews the lease until it is lost.
func (s *Sequencer) lead(ctx context.Context) {
	defer s.leading.Store(false)
	poll := time.NewTimer(0)
	defer poll.Stop()
	renew := time.NewTicker(renewEvery)
	defer renew.Stop()
	for {
		var ok bool
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			ok = s.attempt(ctx, callTimeout, "renew", s.store.Renew)
		case <-poll.C:
			_, ok = s.assign(ctx)
			poll.Reset(pollEvery)
		case <-s.commits:
			var n int
			if n, ok = s.assign(ctx); n < manyAtOnce {
				pause(ctx, assignPause)
			} else {
				pause(ctx, streamPause)
			}
		}
		if !ok {
			return
		}
	}
}

// assign makes one assignment, of n events. false: the lease may be lost.
func (s *Sequencer) assign(ctx context.Context) (n int, ok bool) {
	ok = s.attempt(ctx, assignTimeout, "assign", func(ctx context.Context) error {
		assigned, err := s.store.Assign(ctx)
		n = assigned.Count
		if assigned.Count > 0 {
			s.assigned(assigned.Position)
		}
		if assigned.More {
			poke(s.commits)
		}
		return err
	})
	return n, ok
}

// attempt makes one call and logs its failure.
func (s *Sequencer) attempt(ctx context.Context, timeout time.Duration, call string, f func(context.Context) error) bool {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "a call of the sequencer failed; retrying", "call", call, "error", err)
		pause(ctx, pollEvery)
	}
	return err == nil
}

// resign releases the lease although ctx has ended.
func (s *Sequencer) resign(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := s.store.Release(last); err != nil {
		s.logger.WarnContext(last, "releasing the sequencer's lease failed; another replica takes over when the lease expires", "error", err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

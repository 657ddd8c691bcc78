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

// Assigned is what one assignment did.
type Assigned struct {
	// Count of events that got a position, and the last of these.
	Count    int
	Position int64
	// More: there may be further events to assign.
	More bool
}

// Ledger is the sequencer's side of the log. All but Announce are called by one goroutine.
type Ledger interface {
	// Take makes this replica the sequencer if no other is. held is false while another one is.
	Take(ctx context.Context) (held bool, err error)
	// Renew extends the lease, or says ErrLeaseLost.
	Renew(ctx context.Context) error
	// Assign gives positions to committed events that have none. ErrLeaseLost: nothing was changed.
	Assign(ctx context.Context) (Assigned, error)
	// Release gives the lease up, if this replica has it, so that another can take it at once.
	Release(ctx context.Context) error
	// Announce tells the sequencer, wherever it is, that this replica has committed events.
	Announce(ctx context.Context) error
}

// Lease is how long a sequencer that says nothing remains one: with the other times below, another replica takes over
// in less than 1.5 s when nothing is slow; the promise is 2 s.
const Lease = 1200 * time.Millisecond

const (
	// renewEvery leaves room for two failures before the lease ends.
	renewEvery = 400 * time.Millisecond
	// lookEvery is how often the sequencer looks for events that nobody told it of, and the others for a free lease.
	lookEvery = 200 * time.Millisecond
	// assignPause lets a batch gather: an assignment costs PostgreSQL about a millisecond, of which hardly anything depends
	// on the number of events. A lone commit does not wait for it. Where several were assigned at once there is a stream of
	// them, and streamPause keeps what it costs below a tenth of a core.
	assignPause = 5 * time.Millisecond
	streamPause = 15 * time.Millisecond
	// manyAtOnce is from how many events on it is one.
	manyAtOnce = 3
	// announcePause bounds what the other replicas send: NOTIFY in each transaction halves the throughput.
	announcePause = 5 * time.Millisecond
	// callTimeout is the lease: a call that takes longer has lost it.
	callTimeout = Lease
	// assignTimeout may be longer, because an assignment that has begun locks the lease until it ends.
	assignTimeout = 15 * time.Second
	// takeTimeout leaves time for a restored log to get its new epoch.
	takeTimeout = 10 * time.Minute
)

// Sequencer takes part in the election of the one sequencer, and does its work when elected.
type Sequencer struct {
	ledger   Ledger
	assigned func(position int64)
	logger   *slog.Logger
	commits  chan struct{}
	free     chan struct{}
	leading  atomic.Bool
}

// NewSequencer returns a sequencer that calls assigned after it has given positions, with the last of them: Hub.Grew. Run it.
func NewSequencer(ledger Ledger, assigned func(position int64), logger *slog.Logger) *Sequencer {
	return &Sequencer{
		ledger: ledger, assigned: assigned, logger: logger,
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

// LeaseFree says that the lease was given up. It does not block.
func (s *Sequencer) LeaseFree() { poke(s.free) }

// Leading reports whether this replica is the sequencer, as far as it knows.
func (s *Sequencer) Leading() bool { return s.leading.Load() }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run works until ctx ends and then gives the lease up. Errors are logged and tried again.
func (s *Sequencer) Run(ctx context.Context) error {
	defer s.resign(ctx)
	for ctx.Err() == nil {
		if s.leading.Load() {
			s.lead(ctx)
		} else {
			s.stand(ctx)
		}
	}
	return nil
}

// stand is what a replica does that is not the sequencer, until it is.
func (s *Sequencer) stand(ctx context.Context) {
	if s.take(ctx) {
		return
	}
	look := time.NewTimer(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			return
		case <-s.free:
			return
		case <-s.commits:
			s.attempt(ctx, callTimeout, "announce", s.ledger.Announce)
			pause(ctx, announcePause)
		}
	}
}

func (s *Sequencer) take(ctx context.Context) bool {
	call, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	held, err := s.ledger.Take(call)
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "cannot take the sequencer's lease", "error", err)
	}
	if held {
		s.leading.Store(true)
		s.logger.InfoContext(ctx, "this replica is the sequencer")
	}
	return held
}

// lead is what the sequencer does, until it no longer is.
func (s *Sequencer) lead(ctx context.Context) {
	defer s.leading.Store(false)
	look := time.NewTimer(0)
	defer look.Stop()
	renew := time.NewTicker(renewEvery)
	defer renew.Stop()
	for {
		var ok bool
		select {
		case <-ctx.Done():
			return
		case <-renew.C:
			ok = s.attempt(ctx, callTimeout, "renew", s.ledger.Renew)
		case <-look.C:
			_, ok = s.assign(ctx)
			look.Reset(lookEvery)
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

// assign makes one assignment, of n events. false: start over with the lease.
func (s *Sequencer) assign(ctx context.Context) (n int, ok bool) {
	ok = s.attempt(ctx, assignTimeout, "assign", func(ctx context.Context) error {
		assigned, err := s.ledger.Assign(ctx)
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
		s.logger.WarnContext(ctx, "a call of the sequencer failed; it goes on", "call", call, "error", err)
		pause(ctx, lookEvery)
	}
	return err == nil
}

// resign gives the lease up although ctx has ended.
func (s *Sequencer) resign(ctx context.Context) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := s.ledger.Release(last); err != nil {
		s.logger.WarnContext(last, "the sequencer could not give its lease up; another replica takes it when it ends", "error", err)
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

package postgres

import (
	"context"
	"sync"
	"time"
)

// Reads bounds what one caller's reads may take of a pool that all callers share: the number of connections at the same time, so
// that a caller who floods only delays itself, and the time of one statement.
type Reads struct {
	share int

	mu    sync.Mutex
	slots map[string]*slots
}

// slots are one caller's. They are forgotten when nobody holds or waits for one.
type slots struct {
	free  chan struct{}
	users int
}

// NewReads gives each caller at most share connections at a time.
func NewReads(share int) *Reads {
	return &Reads{share: share, slots: map[string]*slots{}}
}

type readsKey struct{}

type readsOf struct {
	reads   *Reads
	caller  string
	timeout time.Duration
}

// As returns a context whose reads are the caller's, each with a timeout; 0: none but that of ctx. Reads in a context without
// a caller are the server's own, and not bounded. A read that is over its time fails with context.DeadlineExceeded.
func (r *Reads) As(ctx context.Context, caller string, timeout time.Duration) context.Context {
	return context.WithValue(ctx, readsKey{}, readsOf{r, caller, timeout})
}

// read runs one read within the bounds of ctx. The time begins once it is the caller's turn.
func read(ctx context.Context, f func(context.Context) error) error {
	of, bounded := ctx.Value(readsKey{}).(readsOf)
	if !bounded {
		return f(ctx)
	}
	leave, err := of.reads.enter(ctx, of.caller)
	if err != nil {
		return err
	}
	defer leave()
	if of.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, of.timeout)
		defer cancel()
	}
	err = f(ctx)
	if err != nil && ctx.Err() != nil { // however it was told: by PostgreSQL, which was asked to cancel, or by the connection
		return ctx.Err()
	}
	return err
}

func (r *Reads) enter(ctx context.Context, caller string) (leave func(), err error) {
	r.mu.Lock()
	s := r.slots[caller]
	if s == nil {
		s = &slots{free: make(chan struct{}, r.share)}
		r.slots[caller] = s
	}
	s.users++
	r.mu.Unlock()
	done := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(r.slots, caller)
		}
	}
	select {
	case s.free <- struct{}{}:
		return func() { <-s.free; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}

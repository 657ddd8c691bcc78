package ratelimit

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

// sharedBudget stands for the database in memory: the units left of one minute's budget.
type sharedBudget struct {
	mu    sync.Mutex
	left  int
	asked int
	err   error
}

func (g *sharedBudget) lease(_ context.Context, _ id.Customer, n int) (time.Duration, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if g.err != nil {
		return 0, g.err
	}
	if n > g.left {
		return 3 * time.Second, nil
	}
	g.left -= n
	return 0, nil
}

// idle waits until no lease call runs, for example after one that nobody had to wait for.
func (s *Shared) idle(customerID id.Customer) {
	b := s.of(customerID.String())
	b.mu.Lock()
	asking := b.asking
	b.mu.Unlock()
	if asking != nil {
		<-asking
	}
}

// Most customers place a few orders in a minute and cost no round trip.
func TestSharedNeedsNoLeaseForAFew(t *testing.T) {
	t.Parallel()
	g := &sharedBudget{left: 100}
	s := NewShared(100, g.lease)
	for range 1000 {
		customer := id.New[id.Customer]()
		for range 4 {
			if err := s.Take(t.Context(), customer); err != nil {
				t.Fatal(err)
			}
		}
	}
	if g.asked != 0 {
		t.Errorf("asked %d times", g.asked)
	}
}

func TestSharedLeasesAhead(t *testing.T) {
	t.Parallel()
	c := &clock{time.Unix(1e9, 0)}
	g := &sharedBudget{left: 100}
	s := newShared(100, g.lease, c.now)
	customer := id.New[id.Customer]()
	took := 0
	var err error
	for ; err == nil && took < 1000; took++ {
		err = s.Take(t.Context(), customer)
		s.idle(customer) // the lease ends before the next order
	}
	limited(t, err, 3)
	// took includes the refused order.
	if took-1 < 100 || took-1 > 110 || g.asked > 12 {
		t.Errorf("%d of 100 with %d questions; want 100 to 110 with about ten", took-1, g.asked)
	}
	c.Time = c.Add(2 * time.Second)
	asked := g.asked
	limited(t, s.Take(t.Context(), customer), 1)
	if g.asked != asked {
		t.Error("the database is asked although it has said when to come again")
	}
	c.Time = c.Add(time.Minute)
	g.left = 100
	if err := s.Take(t.Context(), customer); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// The documented bound holds when everybody asks at once.
func TestSharedAcrossReplicas(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 5, 10, 100} {
		g := &sharedBudget{left: limit}
		customer := id.New[id.Customer]()
		const replicas = 3
		var through atomic.Int64
		var all sync.WaitGroup
		for range replicas {
			s := NewShared(limit, g.lease)
			for range 8 {
				all.Go(func() {
					for range 200 {
						if s.Take(t.Context(), customer) == nil {
							through.Add(1)
						}
					}
				})
			}
		}
		all.Wait()
		tenth := max(limit/10, 1)
		// The units that remain when a lease is refused are lost.
		if got, least, most := int(through.Load()), limit-2*tenth, limit+replicas*tenth; got < least || got > most {
			t.Errorf("limit %d: %d through, want %d to %d", limit, got, least, most)
		}
	}
}

func TestSharedErr(t *testing.T) {
	t.Parallel()
	down := errors.New("database down")
	g := &sharedBudget{left: 10, err: down}
	s := NewShared(10, g.lease)
	customer := id.New[id.Customer]()
	if err := s.Take(t.Context(), customer); err != nil {
		t.Errorf("the first needs no database: %v", err)
	}
	s.idle(customer)
	if err := s.Take(t.Context(), customer); !errors.Is(err, down) {
		t.Errorf("err = %v, want %v", err, down)
	}
	g.mu.Lock()
	g.err = nil
	g.mu.Unlock()
	if err := s.Take(t.Context(), customer); err != nil {
		t.Errorf("the database is back: %v", err)
	}
	never, cancel := context.WithCancel(t.Context())
	cancel()
	blocked := NewShared(1, func(ctx context.Context, _ id.Customer, _ int) (time.Duration, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
	_ = blocked.Take(t.Context(), customer)
	if err := blocked.Take(never, customer); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gives up: %v", err)
	}
	if NewShared(0, nil) != nil {
		t.Error("0 is no limit")
	}
}

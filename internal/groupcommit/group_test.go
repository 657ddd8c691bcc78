package groupcommit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/orderwire/orderwire/internal/groupcommit"
)

type call = groupcommit.Call[int, int]

// All calls that wait while a batch runs are the next batch.
func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		running := make(chan struct{})
		g := groupcommit.New(2, 10, func(calls []*call) {
			sizes = append(sizes, len(calls)) // without a lock: two batches never run at once
			<-running
			for _, c := range calls {
				c.Out = 2 * c.In
			}
		})
		var callers sync.WaitGroup
		do := func(i int) {
			callers.Go(func() {
				if out, err := g.Do(t.Context(), i); err != nil || out != 2*i {
					t.Errorf("Do(%d) = %d, %v", i, out, err)
				}
			})
		}
		do(1)
		synctest.Wait()
		for i := range 14 {
			do(i)
		}
		synctest.Wait()
		for range 3 {
			running <- struct{}{}
			synctest.Wait()
		}
		callers.Wait()
		if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 10 || sizes[2] != 4 {
			t.Errorf("batches of %v, want 1, 10 and 4", sizes)
		}
		g.Close()
	})
}

// A blocked batch delays the others only briefly.
func TestBlockedBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := groupcommit.New(2, 10, func(calls []*call) {
			if calls[0].In == 0 {
				<-release
			}
		})
		var stuck sync.WaitGroup
		stuck.Go(func() {
			if _, err := g.Do(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for i := range 3 {
			if _, err := g.Do(t.Context(), 1+i); err != nil {
				t.Error(err)
			}
		}
		close(release)
		stuck.Wait()
		g.Close()
	})
}

func TestErr(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, refused := make(chan struct{}), errors.New("no")
		g := groupcommit.New(1, 10, func(calls []*call) {
			<-release
			for _, c := range calls {
				c.Err = refused
			}
		})
		gone, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := g.Do(gone, 1); !errors.Is(err, context.Canceled) {
				t.Errorf("a caller who leaves: %v", err)
			}
		})
		synctest.Wait()
		leave()
		callers.Wait()
		callers.Go(func() {
			if _, err := g.Do(t.Context(), 2); !errors.Is(err, refused) {
				t.Errorf("a call that fails: %v", err)
			}
		})
		synctest.Wait()
		release <- struct{}{}
		release <- struct{}{}
		callers.Wait()
		g.Close()
		if _, err := g.Do(t.Context(), 3); err == nil {
			t.Error("a closed group takes calls")
		}
	})
}

// A panic is the error of the calls of its batch, and of no other calls.
func TestErrPanic(t *testing.T) {
	t.Parallel()
	g := groupcommit.New(1, 10, func(calls []*call) {
		if calls[0].In == 0 {
			panic("a bug")
		}
	})
	if _, err := g.Do(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "a bug") {
		t.Errorf("the batch panicked: %v", err)
	}
	if _, err := g.Do(t.Context(), 1); err != nil {
		t.Errorf("the next batch: %v", err)
	}
	g.Close()
}

// The call of a caller who has left before its batch began is not made.
func TestCancelledBeforeItsBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var made []int
		g := groupcommit.New(1, 10, func(calls []*call) {
			for _, c := range calls {
				made = append(made, c.In)
			}
			<-release
		})
		gone, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for i, ctx := range []context.Context{t.Context(), gone, t.Context()} {
			callers.Go(func() { _, _ = g.Do(ctx, i) })
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		close(release)
		callers.Wait()
		if len(made) != 2 || made[0] != 0 || made[1] != 2 {
			t.Errorf("made %v, want 0 and 2", made)
		}
		g.Close()
	})
}

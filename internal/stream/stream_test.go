package stream

import (
	"context"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// fed is a stream whose items the test sends.
type fed struct {
	waker Waker
	ready chan string
	asked chan struct{} // receives when Next finds nothing
}

func newFed() *fed { return &fed{ready: make(chan string, 1), asked: make(chan struct{}, 100)} }

func (f *fed) Notify(w Waker) { f.waker = w }
func (f *fed) Close()         {}

func (f *fed) Next(ctx context.Context) (Item, bool, error) {
	select {
	case cursor := <-f.ready:
		return Item{Cursor: cursor, Response: &graphql.Response{}}, true, nil
	default:
	}
	select {
	case <-Draining(ctx):
		return Item{}, false, ErrDraining
	default:
	}
	f.asked <- struct{}{}
	return Item{}, false, nil
}

func TestRegister(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		ctx, slot := NewContext(context.Background())
		if slot.Stream() != nil {
			t.Fatal("a new slot has a Stream")
		}
		s := newFed()
		if !Register(ctx, s) {
			t.Fatal("Register reports no slot")
		}
		if got := slot.Stream(); got != s {
			t.Fatalf("the slot has %v", got)
		}
	})
	t.Run("ErrNoSlot", func(t *testing.T) {
		t.Parallel()
		if Register(context.Background(), newFed()) {
			t.Fatal("Register reports a slot where no transport offers one")
		}
	})
}

func TestReader(t *testing.T) {
	t.Parallel()
	t.Run("OKWaits", func(t *testing.T) {
		t.Parallel()
		s := newFed()
		r := NewReader(s)
		go func() {
			for _, cursor := range []string{"a", "b"} {
				<-s.asked // there was nothing
				s.ready <- cursor
				s.waker.Wake()
				s.waker.Wake() // one more than needed
			}
		}()
		for _, want := range []string{"a", "b"} {
			if item, err := r.Next(t.Context()); err != nil || item.Cursor != want {
				t.Fatalf("Next = %q, %v, want %q", item.Cursor, err, want)
			}
		}
	})
	t.Run("ErrDraining", func(t *testing.T) {
		t.Parallel()
		s, drained := newFed(), make(chan struct{})
		go func() { <-s.asked; close(drained) }()
		if _, err := NewReader(s).Next(WithDrain(t.Context(), drained)); !errors.Is(err, ErrDraining) {
			t.Errorf("Next = %v, want ErrDraining", err)
		}
	})
	t.Run("ErrContext", func(t *testing.T) {
		t.Parallel()
		s := newFed()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-s.asked; cancel() }()
		if _, err := NewReader(s).Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Next = %v, want Canceled", err)
		}
	})
}

func TestLastCursor(t *testing.T) {
	t.Parallel()
	ctx := WithLastCursor(context.Background(), "c7")
	if got := LastCursor(ctx); got != "c7" {
		t.Errorf("LastCursor = %q, want c7", got)
	}
	if got := LastCursor(WithLastCursor(ctx, "")); got != "c7" {
		t.Errorf("an empty cursor replaced the one that was there: %q", got)
	}
	if got := LastCursor(context.Background()); got != "" {
		t.Errorf("LastCursor of a bare context = %q", got)
	}
}

package stream

import (
	"context"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
)

// fakeStream hands out the items that the test sends.
type fakeStream struct {
	waker Waker
	ready chan string
	asked chan struct{} // receives when Next finds nothing
}

func newFakeStream() *fakeStream {
	return &fakeStream{ready: make(chan string, 1), asked: make(chan struct{}, 100)}
}

func (f *fakeStream) Notify(w Waker) { f.waker = w }
func (f *fakeStream) Close()         {}

func (f *fakeStream) Next(ctx context.Context) (Item, bool, error) {
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

func TestSubscribe(t *testing.T) {
	t.Parallel()
	operation := &graphql.OperationContext{Operation: &ast.OperationDefinition{Operation: ast.Subscription}}
	exec := executor.New(&graphql.ExecutableSchemaMock{SchemaFunc: func() *ast.Schema { return &ast.Schema{} }})
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		s := newFakeStream()
		if got, refused := Subscribe(t.Context(), subscriber{exec, s}, operation); got != s || refused != nil {
			t.Fatalf("Subscribe = %v, %v", got, refused)
		}
	})
	t.Run("ErrNoSubscriber", func(t *testing.T) {
		t.Parallel()
		if got, refused := Subscribe(t.Context(), exec, operation); got != nil || len(refused.Errors) != 1 || len(refused.Data) > 0 {
			t.Fatalf("Subscribe = %v, %+v", got, refused)
		}
	})
}

type subscriber struct {
	graphql.GraphExecutor
	stream Stream
}

func (s subscriber) Subscribe(context.Context, *graphql.OperationContext) (Stream, *graphql.Response) {
	return s.stream, nil
}

func TestReader(t *testing.T) {
	t.Parallel()
	t.Run("OKWaits", func(t *testing.T) {
		t.Parallel()
		s := newFakeStream()
		r := NewReader(s)
		go func() {
			for _, cursor := range []string{"a", "b"} {
				<-s.asked // there was nothing
				s.ready <- cursor
				s.waker.Wake()
				s.waker.Wake() // once more than needed
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
		s, drained := newFakeStream(), make(chan struct{})
		go func() { <-s.asked; close(drained) }()
		if _, err := NewReader(s).Next(WithDrain(t.Context(), drained)); !errors.Is(err, ErrDraining) {
			t.Errorf("Next = %v, want ErrDraining", err)
		}
	})
	t.Run("ErrContext", func(t *testing.T) {
		t.Parallel()
		s := newFakeStream()
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

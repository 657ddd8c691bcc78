package stream

import (
	"context"
	"errors"
	"testing"
)

type fake struct{ draining bool }

func (f *fake) Draining() bool    { return f.draining }
func (f *fake) End(error)         {}
func (f *fake) OnEnd(EndListener) {}

type ender chan struct{}

func (e ender) ConnectionEnded() { close(e) }

func TestConnectionOf(t *testing.T) {
	t.Parallel()
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		f := &fake{}
		ctx := WithConnection(t.Context(), f)
		c, own := ConnectionOf(ctx)
		if c != f || own != ctx {
			t.Fatal("the connection is another, or has a context of its own")
		}
		if IsDraining(ctx) {
			t.Error("it drains")
		}
		if f.draining = true; !IsDraining(ctx) {
			t.Error("it does not drain")
		}
	})
	t.Run("OKWithoutATransport", func(t *testing.T) {
		t.Parallel()
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		drained := make(chan struct{})
		c, own := ConnectionOf(WithDrain(parent, drained))
		ended := make(ender)
		c.OnEnd(ended)
		if c.Draining() || IsDraining(own) {
			t.Error("it drains")
		}
		close(drained)
		if !c.Draining() || !IsDraining(own) {
			t.Error("it does not drain")
		}
		cause := errors.New("signed out")
		c.End(cause)
		if got := context.Cause(own); got != cause { //nolint:errorlint // this one
			t.Errorf("the cause is %v", got)
		}
		select {
		case <-ended:
			t.Error("told of the connection's end, while only the session has ended")
		default:
		}
		cancel()
		<-ended
	})
}

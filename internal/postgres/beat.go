package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

var errNoBeat = errors.New("no pool to notify oneself with")

// beats are a listener's messages to itself on one connection. begin, heard and missed are for one goroutine.
type beats struct {
	send func(context.Context) error
	// sent is the time of the awaited message's commit, in Unix nanoseconds; 0: none was, so nothing can be missed.
	sent    atomic.Int64
	sending atomic.Bool
}

// begin sends a message unless one is awaited or on its way.
func (b *beats) begin(ctx context.Context) {
	if b.sent.Load() != 0 || !b.sending.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer b.sending.Store(false)
		at := time.Now()
		// Before it is sent, since it may be heard before the commit is answered.
		b.sent.Store(at.UnixNano())
		if err := b.send(ctx); err != nil {
			b.sent.CompareAndSwap(at.UnixNano(), 0) // the pool has a problem of its own
		}
	}()
}

// heard says that the message came.
func (b *beats) heard() { b.sent.Store(0) }

// missed reports whether a message was sent and should have come by now.
func (b *beats) missed() bool {
	sent := b.sent.Load()
	return sent != 0 && !b.sending.Load() && time.Since(time.Unix(0, sent)) > unheardFor
}

package graph

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/stream"
)

// cursorAfter is the cursor to continue from, "" for a snapshot: the transport's word is newer than the argument's.
// INVALID_CURSOR for an empty argument, which is nothing that we gave out.
func cursorAfter(ctx context.Context, argument *string) (string, error) {
	if cursor := stream.LastCursor(ctx); cursor != "" || argument == nil {
		return cursor, nil
	}
	if *argument == "" {
		return "", fault.New(fault.InvalidCursor, "after is empty; leave it out to begin with a snapshot.")
	}
	return *argument, nil
}

// watching is a subscription as the transport takes it: an event.Subscription, and what is selected of its items.
type watching struct {
	sub       *event.Subscription
	selection *selection
	waker     stream.Waker
	// cost of executing one item, as the guard has counted it.
	cost int
	// began: the first item, which the operation has paid for, is out.
	began bool
	// held is an item whose turn comes at due, because its user's items cost too much together.
	held   *event.Update
	due    time.Time
	closed atomic.Bool
}

var _ stream.Stream = (*watching)(nil)

// Notify implements stream.Stream.
func (w *watching) Notify(waker stream.Waker) {
	w.waker = waker
	w.sub.Notify(waker)
}

// Next implements stream.Stream. Nothing is delivered to a session that is over.
func (w *watching) Next(ctx context.Context) (stream.Item, bool, error) {
	update, err := w.poll(ctx)
	if update == nil || err != nil {
		return stream.Item{}, false, err
	}
	// Here, at the last moment: the session may have ended while the item waited.
	if err := session.Admit(ctx); err != nil {
		return stream.Item{}, false, err
	}
	if w.hold(ctx, update) {
		return stream.Item{}, false, nil
	}
	response := w.selection.all.sharing.answer(ctx, w.selection, update)
	if response == nil {
		return stream.Item{}, false, ctx.Err()
	}
	w.began = true
	return stream.Item{Cursor: update.Cursor, Response: response, More: w.sub.Waiting()}, true, nil
}

// poll takes the held item if its turn has come, else the subscription's next; nil when there is none.
func (w *watching) poll(ctx context.Context) (*event.Update, error) {
	update := w.held
	switch {
	case update == nil:
		return w.sub.Poll(ctx)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case time.Now().Before(w.due) && !stream.Drains(ctx):
		return nil, nil
	}
	w.held = nil
	return update, nil
}

// holdJitter spreads the turns of held items, of which one user can have thousands.
const holdJitter = time.Second

// hold keeps an item back while its customer's operations and items cost more than they may. A subscription pays once when it
// begins, and then makes the server execute something with every event, in as many selections as the customer has opened: without
// this the limit on costs would not bound them. The order of items stays, and nothing is lost: a subscription whose queue fills up
// meanwhile ends as a slow consumer's, to be resumed. What was executed for another subscriber is free, and staff, who watch everybody's
// orders, are not held.
func (w *watching) hold(ctx context.Context, update *event.Update) bool {
	all := w.selection.all
	if !w.began || auth.FromContext(ctx).Role != auth.RoleCustomer || stream.Drains(ctx) || all.sharing.has(ctx, w.selection, update) {
		return false
	}
	wait := all.rates.Item(ctx, w.cost)
	if wait == 0 {
		return false
	}
	wait += rand.N(holdJitter) //nolint:gosec // no secret
	w.held, w.due = update, time.Now().Add(wait)
	time.AfterFunc(wait, w.waker.Wake)
	return true
}

// Close implements stream.Stream.
func (w *watching) Close() {
	if w.closed.CompareAndSwap(false, true) {
		w.sub.Close()
		w.selection.release()
	}
}

// endAtOnce ends a subscription that has not begun. After an error of the operation stock clients stop, so what another replica can
// serve ends its stream, after which they come back.
func endAtOnce(ctx context.Context, err error) (<-chan *event.Update, error) {
	if (errors.Is(err, stream.ErrDraining) || errors.Is(err, stream.ErrOutdated)) && stream.Register(ctx, stream.Ended(err)) {
		return make(chan *event.Update), nil // from which nobody receives
	}
	return nil, err
}

// deliver connects a subscription with the transport. One that offers a slot takes each item when it can send it, and
// then closes the subscription; for any other one a goroutine waits, and it is closed when ctx ends.
func deliver(ctx context.Context, sub *event.Subscription) <-chan *event.Update {
	items := make(chan *event.Update, 1)
	if all, ok := ctx.Value(selectionsKey{}).(*selections); ok && stream.Offered(ctx) {
		stream.Register(ctx, &watching{sub: sub, selection: all.hold(graphql.GetOperationContext(ctx)), cost: CostOf(ctx)})
		return items // from which nobody receives
	}
	go func() {
		defer close(items)
		defer sub.Close()
		for {
			update, err := sub.Next(ctx)
			if err == nil {
				err = session.Admit(ctx)
			}
			if err != nil {
				return // such a transport has no way to hear why
			}
			select {
			case items <- update:
			case <-ctx.Done():
				return
			}
		}
	}()
	return items
}

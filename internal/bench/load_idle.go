package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"
)

// IdleLoad is the load generator that opens websockets and leaves them alone.
type IdleLoad struct {
	Addr string
	// Base sockets are opened first, with a subscription each; then, when told, More; then Each more subscriptions on the
	// base ones.
	Base, More, Each int
}

// dialers is the number of connections opened at a time.
const dialers = 16

const watchOrder = `subscription Watch($id: ID!, $after: EventCursor) {
  orderEvents(orderId: $id, after: $after) { kind cursor event { id type version } order { id version status } }
}`

// Run says {"open":n} after each stage and waits for a line before the next.
func (l IdleLoad) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	next := bufio.NewReader(in)
	say := json.NewEncoder(out)
	sockets := make([]*websocket.Conn, l.Base+l.More)
	orders := make([]string, len(sockets))
	hc := keepAlive()
	const perUser = 50
	open := func(from, to int) error {
		var group errgroup.Group
		group.SetLimit(dialers)
		for i := from; i < to; i += perUser {
			group.Go(func() error {
				user, err := signIn(ctx, hc, l.Addr, "idle-"+strconv.Itoa(i), "CUSTOMER")
				if err != nil {
					return err
				}
				product, err := user.product(ctx)
				if err != nil {
					return err
				}
				for n := i; n < min(to, i+perUser); n++ {
					if orders[n], err = user.order(ctx, product, "idle-order-"+strconv.Itoa(n)); err != nil {
						return err
					}
					if sockets[n], err = user.socket(ctx); err != nil {
						return err
					}
					if _, err := subscribe(sockets[n], "0", watchOrder, map[string]any{"id": orders[n]}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return group.Wait()
	}
	wait := func(opened int) error {
		if err := say.Encode(map[string]int{"open": opened}); err != nil {
			return err
		}
		if _, err := next.ReadString('\n'); !errors.Is(err, io.EOF) {
			return err
		}
		return nil // who has started this has seen enough
	}
	if err := open(0, l.Base); err != nil {
		return err
	}
	if err := wait(l.Base); err != nil {
		return err
	}
	if err := open(l.Base, l.Base+l.More); err != nil {
		return err
	}
	if err := wait(l.Base + l.More); err != nil {
		return err
	}
	var group errgroup.Group
	group.SetLimit(dialers)
	var subscribed atomic.Int64
	for i := range l.Base {
		group.Go(func() error {
			for n := range l.Each {
				// Another order of the same user.
				id := orders[i/perUser*perUser+(i+n+1)%perUser]
				if _, err := subscribe(sockets[i], strconv.Itoa(n+1), watchOrder, map[string]any{"id": id}); err != nil {
					return fmt.Errorf("subscription %d of socket %d: %w", n+1, i, err)
				}
				subscribed.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return wait(int(subscribed.Load()))
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// LatencyLoad is the load generator that sends requests at a fixed rate, whatever becomes of them, and waits for the
// event of each on a socket: Sockets orders are watched, each on a socket of its own, and a turn cancels its part of
// them.
type LatencyLoad struct {
	Addr           string
	Sockets, Turns int
	// Rate is in requests per second.
	Rate int
}

// Timed is a LatencyLoad's result of all turns: the times from a request to its event on the socket, in milliseconds.
type Timed struct {
	P50    float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Faults Faults  `json:"faults"`
}

const orderCancel = `mutation($input: OrderCancelInput!) { orderCancel(input: $input) { order { id } userErrors { message } } }`

// placed is one order that is watched.
type placed struct {
	user    *client
	id      string
	watched watched
}

// Run takes turns.
func (l LatencyLoad) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	found := &faults{}
	orders, err := l.place(ctx, found)
	if err != nil {
		return err
	}
	result := &Timed{}
	var took durations
	each := l.Sockets / l.Turns
	return takeTurns(in, out, func() (any, error) {
		if len(orders) < each {
			return nil, errors.New("there are no orders left to cancel")
		}
		err := l.cancel(ctx, orders[:each], &took)
		orders = orders[each:]
		result.P50, result.P99, result.Faults = took.percentile(50), took.percentile(99), found.counted()
		return result, err
	})
}

// place makes the orders, 50 of a customer, and watches them.
func (l LatencyLoad) place(ctx context.Context, found *faults) ([]*placed, error) {
	const perUser = 50
	hc := keepAlive()
	orders := make([]*placed, l.Sockets)
	var group errgroup.Group
	group.SetLimit(dialers)
	for i := 0; i < l.Sockets; i += perUser {
		group.Go(func() error {
			c, err := newCreator(ctx, hc, l.Addr, "latency-"+strconv.Itoa(i))
			if err != nil {
				return err
			}
			for n := i; n < min(l.Sockets, i+perUser); n++ {
				p := &placed{user: c.user, watched: watched{faults: found}}
				if p.id, err = c.wire.create(c.request, c.keys+strconv.Itoa(n)); err != nil {
					return err
				}
				if p.watched.ws, err = c.user.socket(ctx); err != nil {
					return err
				}
				if err := p.watched.subscribe("1", p.id); err != nil {
					return err
				}
				if _, err := p.watched.next(); err != nil { // the snapshot
					return err
				}
				orders[n] = p
			}
			return nil
		})
	}
	return orders, group.Wait()
}

// cancel cancels orders at the rate, and waits until they are cancelled.
func (l LatencyLoad) cancel(ctx context.Context, orders []*placed, took *durations) error {
	var work errgroup.Group
	next := time.NewTicker(time.Second / time.Duration(l.Rate))
	defer next.Stop()
	for _, p := range orders {
		<-next.C
		var sent time.Time
		var sending sync.WaitGroup
		sending.Add(1)
		work.Go(func() error {
			if err := p.watched.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
				return err
			}
			for status := ""; status != "CANCELLED"; {
				var err error
				if status, err = p.watched.next(); err != nil {
					return fmt.Errorf("order %s: %w", p.id, err)
				}
				if p.watched.version == 2 {
					at := time.Now()
					sending.Wait()
					took.add(at.Sub(sent))
				}
			}
			return nil
		})
		work.Go(func() error {
			var answer struct {
				Errors []struct{ Message string }
				Data   struct {
					OrderCancel struct {
						Order      *struct{ ID string }
						UserErrors []struct{ Message string }
					}
				}
			}
			body := map[string]any{"query": orderCancel, "variables": map[string]any{"input": map[string]any{"orderId": p.id}}}
			sent = time.Now()
			sending.Done()
			err := p.user.post(ctx, "/graphql", body, &answer)
			if err == nil && answer.Data.OrderCancel.Order == nil {
				err = fmt.Errorf("orderCancel: %v %v", answer.Errors, answer.Data.OrderCancel.UserErrors)
			}
			return err
		})
	}
	return work.Wait()
}

package bench

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// CreateLoad is the load generator that places orders: each client is a customer with a connection of its own, and
// places the next order when it has the answer to the one before.
type CreateLoad struct {
	Addr             string
	Clients, Seconds int
}

// Created is a CreateLoad's result of all turns.
type Created struct {
	Orders  int64   `json:"orders"`
	Seconds float64 `json:"seconds"`
	// Repeated counts answers with the id of an earlier order.
	Repeated int64   `json:"repeated"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
}

// creator is one client.
type creator struct {
	user    *client
	wire    *wire
	request []byte
	keys    string
	n       int
	ids     []string
	took    []time.Duration
}

// Run takes turns of Seconds.
func (l CreateLoad) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	creators := make([]*creator, l.Clients)
	hc := keepAlive()
	var setup errgroup.Group
	setup.SetLimit(dialers)
	for i := range creators {
		setup.Go(func() (err error) {
			creators[i], err = newCreator(ctx, hc, l.Addr, "create-"+strconv.Itoa(l.Clients)+"-"+strconv.Itoa(i))
			return err
		})
	}
	if err := setup.Wait(); err != nil {
		return err
	}
	result, ids := &Created{}, map[string]bool{}
	var took durations
	return takeTurns(in, out, func() (any, error) {
		var work errgroup.Group
		began := time.Now()
		for _, c := range creators {
			work.Go(func() error { return c.work(began.Add(time.Duration(l.Seconds) * time.Second)) })
		}
		if err := work.Wait(); err != nil {
			return nil, err
		}
		result.Seconds += time.Since(began).Seconds()
		for _, c := range creators {
			for _, id := range c.ids {
				if ids[id] {
					result.Repeated++
				}
				ids[id] = true
			}
			result.Orders += int64(len(c.ids))
			took.add(c.took...)
			c.ids, c.took = c.ids[:0], c.took[:0]
		}
		result.P50, result.P99 = took.percentile(50), took.percentile(99)
		return result, nil
	})
}

func newCreator(ctx context.Context, hc *http.Client, addr, name string) (*creator, error) {
	user, err := signIn(ctx, hc, addr, name, "CUSTOMER")
	if err != nil {
		return nil, err
	}
	product, err := user.product(ctx)
	if err != nil {
		return nil, err
	}
	w, err := user.wire(ctx)
	if err != nil {
		return nil, err
	}
	// A connection that has asked something may rest between turns; one that has not is closed after seconds.
	if _, err := w.post([]byte(`{"query":"{ __typename }"}`)); err != nil {
		return nil, err
	}
	return &creator{user: user, wire: w, request: orderRequest(product), keys: name + "-" + uuid.NewString() + "-"}, nil
}

// work places orders until end.
func (c *creator) work(end time.Time) error {
	for sent := time.Now(); sent.Before(end); {
		c.n++
		id, err := c.wire.create(c.request, c.keys+strconv.Itoa(c.n))
		if err != nil {
			return err
		}
		answered := time.Now()
		c.ids, c.took = append(c.ids, id), append(c.took, answered.Sub(sent))
		sent = answered
	}
	return nil
}

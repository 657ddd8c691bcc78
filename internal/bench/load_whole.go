package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// WholeLoad is the load generator that sees orders through: each client is a customer who places an order, watches it
// until it is delivered, and places the next.
type WholeLoad struct {
	Addr             string
	Clients, Seconds int
}

// Seen is a WholeLoad's result of all turns.
type Seen struct {
	Orders  int64   `json:"orders"`
	Seconds float64 `json:"seconds"`
	Faults  Faults  `json:"faults"`
	// P50 and P99 are from the request to DELIVERED, in milliseconds.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// buyer is one client.
type buyer struct {
	*creator
	watched watched
	took    []time.Duration
}

// Run takes turns of Seconds.
func (l WholeLoad) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	buyers := make([]*buyer, l.Clients)
	hc := keepAlive()
	found := &faults{}
	var setup errgroup.Group
	setup.SetLimit(dialers)
	for i := range buyers {
		setup.Go(func() (err error) {
			buyers[i], err = newBuyer(ctx, hc, l.Addr, "whole-"+strconv.Itoa(i), found)
			return err
		})
	}
	if err := setup.Wait(); err != nil {
		return err
	}
	result := &Seen{}
	var took durations
	return takeTurns(in, out, func() (any, error) {
		var work errgroup.Group
		began := time.Now()
		for _, b := range buyers {
			work.Go(func() error { return b.buy(began.Add(time.Duration(l.Seconds) * time.Second)) })
		}
		if err := work.Wait(); err != nil {
			return nil, err
		}
		result.Seconds += time.Since(began).Seconds()
		for _, b := range buyers {
			result.Orders += int64(len(b.took))
			took.add(b.took...)
			b.took = b.took[:0]
		}
		result.Faults = found.counted()
		result.P50, result.P99 = took.percentile(50), took.percentile(99)
		return result, nil
	})
}

func newBuyer(ctx context.Context, hc *http.Client, addr, name string, found *faults) (*buyer, error) {
	c, err := newCreator(ctx, hc, addr, name)
	if err != nil {
		return nil, err
	}
	ws, err := c.user.socket(ctx)
	if err != nil {
		return nil, err
	}
	return &buyer{creator: c, watched: watched{ws: ws, faults: found}}, nil
}

// buy sees orders through until end.
func (b *buyer) buy(end time.Time) error {
	for sent := time.Now(); sent.Before(end); sent = time.Now() {
		b.n++
		n := strconv.Itoa(b.n)
		id, err := b.wire.create(b.request, b.keys+n)
		if err != nil {
			return err
		}
		if err := b.watched.subscribe(n, id); err != nil {
			return err
		}
		if err := b.watched.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		for status := ""; status != "DELIVERED"; {
			if status, err = b.watched.next(); err != nil {
				return fmt.Errorf("order %s, seen up to version %d: %w", id, b.watched.version, err)
			}
		}
		if err := b.watched.complete(); err != nil {
			return err
		}
		b.took = append(b.took, time.Since(sent))
	}
	return nil
}

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// ReadLoad is the load generator that reads orders: each client takes the place of one customer after the other, and asks
// the next question when it has the answer to the one before.
type ReadLoad struct {
	Addr             string
	Clients, Seconds int
	// Lists: the customer's newest 20 orders are read; else one of the customer's orders, each in turn.
	Lists bool
}

// Read is a ReadLoad's result of all turns.
type Read struct {
	Answers int64   `json:"answers"`
	Seconds float64 `json:"seconds"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
}

const (
	// readCustomers are those of one client; they are server seed's.
	readCustomers = 5
	// readOrders of a customer are read at most, by id.
	readOrders = 200

	oneRow = `{ id number status version createdAt updatedAt total { amountMinor currency }
  lines { name quantity unitPrice { amountMinor currency } total { amountMinor currency } }
  payment { id status amount { amountMinor currency } } }`
	readOne  = `query Order($id: ID!) { order(id: $id) ` + oneRow + ` }`
	readList = `query Orders { orders(first: 20) { nodes ` + oneRow + ` pageInfo { hasNextPage endCursor } } }`
)

// reader is one client.
type reader struct {
	wires []*wire
	// requests of each customer, and texts that their answers must contain.
	requests [][][]byte
	want     []byte
	n        int
	took     []time.Duration
}

// Run takes turns of Seconds.
func (l ReadLoad) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	readers := make([]*reader, l.Clients)
	hc := keepAlive()
	var setup errgroup.Group
	setup.SetLimit(dialers)
	for i := range readers {
		setup.Go(func() (err error) {
			readers[i], err = l.reader(ctx, hc, i)
			return err
		})
	}
	if err := setup.Wait(); err != nil {
		return err
	}
	result := &Read{}
	var took durations
	return takeTurns(in, out, func() (any, error) {
		var work errgroup.Group
		began := time.Now()
		for _, r := range readers {
			work.Go(func() error { return r.read(began.Add(time.Duration(l.Seconds) * time.Second)) })
		}
		if err := work.Wait(); err != nil {
			return nil, err
		}
		result.Seconds += time.Since(began).Seconds()
		for _, r := range readers {
			result.Answers += int64(len(r.took))
			took.add(r.took...)
			r.took = r.took[:0]
		}
		result.P50, result.P99 = took.percentile(50), took.percentile(99)
		return result, nil
	})
}

// reader signs its customers in. Who has no orders places 20.
func (l ReadLoad) reader(ctx context.Context, hc *http.Client, i int) (*reader, error) {
	r := &reader{want: []byte(`{"data":{"order":{"id":"`)}
	if l.Lists {
		r.want = []byte(`{"data":{"orders":{"nodes":[{"id":"`)
	}
	for n := range readCustomers {
		c, err := newCreator(ctx, hc, l.Addr, "seed-"+strconv.Itoa(i*readCustomers+n))
		if err != nil {
			return nil, err
		}
		ids, err := c.orders()
		if err != nil {
			return nil, err
		}
		for len(ids) == 0 || c.n > 0 && c.n < 20 {
			c.n++
			id, err := c.wire.create(c.request, c.keys+strconv.Itoa(c.n))
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		var requests [][]byte
		for _, id := range ids {
			requests = append(requests, fmt.Appendf(nil, `{"query":%q,"variables":{"id":%q}}`, readOne, id))
		}
		if l.Lists {
			requests = [][]byte{fmt.Appendf(nil, `{"query":%q}`, readList)}
		}
		r.wires, r.requests = append(r.wires, c.wire), append(r.requests, requests)
	}
	return r, nil
}

// orders are the ids of the customer's newest ones.
func (c *creator) orders() (ids []string, err error) {
	for after := "null"; after != "" && len(ids) < readOrders; {
		answer, err := c.wire.post(fmt.Appendf(nil,
			`{"query":"query($after: String) { orders(first: 100, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }","variables":{"after":%s}}`, after))
		if err != nil {
			return nil, err
		}
		nodes, info, found := bytes.Cut(answer, []byte(`"pageInfo":`))
		if !found {
			return nil, fmt.Errorf("orders: %.300s", answer)
		}
		for {
			var rest []byte
			if _, rest, found = bytes.Cut(nodes, []byte(`"id":`)); !found {
				break
			}
			ids, nodes = append(ids, string(between(rest, `"`))), rest
		}
		after = ""
		if bytes.Contains(info, []byte(`"hasNextPage":true`)) {
			after = strconv.Quote(string(between(info, `"endCursor":"`)))
		}
	}
	return ids, nil
}

// read reads until end.
func (r *reader) read(end time.Time) error {
	for sent := time.Now(); sent.Before(end); {
		customer := r.n % len(r.wires)
		requests := r.requests[customer]
		answer, err := r.wires[customer].post(requests[r.n/len(r.wires)%len(requests)])
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(answer, r.want) || bytes.Contains(answer, []byte(`"errors":`)) {
			return errors.Join(errors.New("the answer does not fit its request"), fmt.Errorf("%.300s", answer))
		}
		r.n++
		answered := time.Now()
		r.took = append(r.took, answered.Sub(sent))
		sent = answered
	}
	return nil
}

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/orderwire/orderwire/internal/event"
)

// DeliverLoad is the load generator that makes events and receives each of them many times. Every group is a customer
// with Sockets sockets that watch the customer's orders; Window orders of a group are on their way at a time: the next
// is placed when all sockets have the one before, so nothing piles up and the pace is the server's.
type DeliverLoad struct {
	Addr string
	// Raw: Addr is a Broadcaster's, which gets the server's frames to send.
	Raw                     bool
	Groups, Sockets, Window int
	Seconds                 int
}

// Delivered is a DeliverLoad's result.
type Delivered struct {
	Deliveries int64   `json:"deliveries"`
	Seconds    float64 `json:"seconds"`
	// Lost, Duplicated and Disordered count deliveries.
	Lost       int64 `json:"lost"`
	Duplicated int64 `json:"duplicated"`
	Disordered int64 `json:"disordered"`
	// P50 and P99 are from sending the request to having it on all of the group's sockets, in milliseconds.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

const watchFeed = `subscription Feed($after: EventCursor) {
  orderFeed(after: $after) { kind cursor event { id type version } order { id version status } }
}`

// patience is the time after which a delivery counts as lost.
const patience = 20 * time.Second

// crowd is one group.
type crowd struct {
	load    *DeliverLoad
	user    *client
	name    string
	product string
	n       atomic.Int64

	mu      sync.Mutex
	waiting map[string]*pending // by order id
}

// pending is one event on its way.
type pending struct {
	got  int
	done chan struct{}
}

// Run writes {"ready":true} when every socket is subscribed. For each line that it reads it works for Seconds and writes the
// Delivered of all turns so far.
func (l *DeliverLoad) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	crowds, result := make([]*crowd, l.Groups), &Delivered{}
	hc := keepAlive()
	var setup errgroup.Group
	for i := range crowds {
		setup.Go(func() (err error) {
			crowds[i], err = l.gather(ctx, hc, "group-"+strconv.Itoa(i), result)
			return err
		})
	}
	if err := setup.Wait(); err != nil {
		return err
	}
	var took durations
	return takeTurns(in, out, func() (any, error) {
		began := time.Now()
		end := began.Add(time.Duration(l.Seconds) * time.Second)
		var work errgroup.Group
		for _, c := range crowds {
			for range l.Window {
				work.Go(func() error {
					for time.Now().Before(end) {
						sent := time.Now()
						if err := c.event(ctx, result); err != nil {
							return err
						}
						took.add(time.Since(sent))
					}
					return nil
				})
			}
		}
		if err := work.Wait(); err != nil {
			return nil, err
		}
		result.Seconds += time.Since(began).Seconds()
		result.P50, result.P99 = took.percentile(50), took.percentile(99)
		return result, nil
	})
}

// gather opens a group's sockets.
func (l *DeliverLoad) gather(ctx context.Context, hc *http.Client, name string, result *Delivered) (*crowd, error) {
	c := &crowd{load: l, name: name, waiting: map[string]*pending{}, user: &client{addr: l.Addr, http: hc}}
	var err error
	if !l.Raw {
		if c.user, err = signIn(ctx, hc, l.Addr, name, "CUSTOMER"); err != nil {
			return nil, err
		}
		if c.product, err = c.user.product(ctx); err != nil {
			return nil, err
		}
	}
	for range l.Sockets {
		var ws *websocket.Conn
		if l.Raw {
			ws, err = dial(ctx, l.Addr, "/socket?group="+name)
		} else if ws, err = c.user.socket(ctx); err == nil {
			_, err = subscribe(ws, "1", watchFeed, nil)
		}
		if err != nil {
			return nil, err
		}
		go c.receive(ws, result)
	}
	return c, nil
}

// event makes one and returns when every socket has it.
func (c *crowd) event(ctx context.Context, result *Delivered) error {
	var id string
	var p *pending
	var err error
	key := c.name + "-" + strconv.FormatInt(c.n.Add(1), 10)
	if c.load.Raw {
		id = key
		p = c.pending(id)
		err = c.user.post(ctx, "/publish?group="+c.name, json.RawMessage(rawFrame(id)), &struct{}{})
	} else if id, err = c.user.order(ctx, c.product, key); err == nil {
		p = c.pending(id)
	}
	if err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		c.mu.Lock()
		atomic.AddInt64(&result.Lost, int64(c.load.Sockets-p.got))
		c.mu.Unlock()
		return errors.New("an event did not reach everybody within " + patience.String())
	}
	c.mu.Lock()
	delete(c.waiting, id)
	c.mu.Unlock()
	atomic.AddInt64(&result.Deliveries, int64(c.load.Sockets))
	return nil
}

// rawFrame is a frame as the server sends it, of the same length.
func rawFrame(id string) string {
	return fmt.Sprintf(`{"id":"1","type":"next","payload":{"data":{"orderFeed":{"kind":"EVENT","cursor":"AgGsfsfs","event":`+
		`{"id":"event_01jdabcdefghjkmnpqrstvwxyz","type":"ORDER_CREATED","version":1},"order":{"id":"%-32s","version":1,"status":"CREATED"}}}}}`, id)
}

func (c *crowd) pending(id string) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.waiting[id]
	if p == nil { // the first message can come before the answer to the request
		p = &pending{done: make(chan struct{})}
		c.waiting[id] = p
	}
	return p
}

// receive reads a socket until it ends. Each message's order is counted once: a position that does not grow is a
// duplicate or out of order.
func (c *crowd) receive(ws *websocket.Conn, result *Delivered) {
	var position int64
	var buffer bytes.Buffer
	for {
		_, r, err := ws.NextReader()
		if err != nil {
			return
		}
		buffer.Reset()
		if _, err := buffer.ReadFrom(r); err != nil {
			return
		}
		order := between(buffer.Bytes(), `"order":{"id":"`)
		if order == nil {
			continue // a checkpoint
		}
		if !c.load.Raw {
			cursor, err := event.ParseFeed(string(between(buffer.Bytes(), `"cursor":"`)))
			switch {
			case err != nil || cursor.Position < position:
				atomic.AddInt64(&result.Disordered, 1)
			case cursor.Position == position:
				atomic.AddInt64(&result.Duplicated, 1)
			}
			position = cursor.Position
		}
		p := c.pending(string(bytes.TrimRight(order, " ")))
		c.mu.Lock()
		if p.got++; p.got == c.load.Sockets {
			close(p.done)
		}
		c.mu.Unlock()
	}
}

// between is the text from behind mark to the next quote; nil without.
func between(message []byte, mark string) []byte {
	i := bytes.Index(message, []byte(mark))
	if i < 0 {
		return nil
	}
	rest := message[i+len(mark):]
	if end := bytes.IndexByte(rest, '"'); end >= 0 {
		return rest[:end]
	}
	return nil
}

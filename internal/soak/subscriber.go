package soak

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

// subscriber watches something across connections and records all it gets.
type subscriber struct {
	run     *run
	rng     *rand.Rand
	token   string
	history History
	// stock: it reconnects without a cursor, as an unmodified client does.
	stock bool
	// tamper, when set, is a fault of this subscriber: it returns the items to record instead of an item.
	tamper func(Item) []Item
	// until, when set, ends the watch after the item for which it is true.
	until func(Item) bool

	// observe, when set, is told the time from each event's record to its receipt.
	observe func(time.Duration)

	after   string
	reached atomic.Int64 // the place of the last item
	// since is the time at which the current connection was opened: earlier events were replayed, not delivered late.
	since     time.Time
	latencies []time.Duration
}

// watch records until ctx ends, until is true, or the server refuses for good; then it returns the refusal's codes.
func (s *subscriber) watch(ctx context.Context) (refused string) {
	for ctx.Err() == nil {
		err := s.connect(ctx)
		var refusal *refusedError
		switch {
		case errors.Is(err, errDone):
			return ""
		case errors.As(err, &refusal):
			s.run.count("refused: " + refusal.codes)
			if !passing(refusal.codes) {
				return refusal.codes
			}
		case ctx.Err() != nil:
			return ""
		default:
			s.run.count(reason(err))
		}
		if errors.Is(err, errDrop) || errors.Is(err, errLeave) || errors.Is(err, context.DeadlineExceeded) {
			continue
		}
		// The replica is gone: do not hammer it.
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(20+s.rng.IntN(100)) * time.Millisecond):
		}
	}
	return ""
}

// passing tells whether a refusal says to try again.
func passing(codes string) bool {
	for code := range strings.SplitSeq(codes, ", ") {
		if code != "UNAVAILABLE" && code != "RATE_LIMITED" && code != "INTERNAL" {
			return false
		}
	}
	return true
}

// errDone ends a watch.
var errDone = errors.New("done")

// connect is one connection to any replica by any transport, for a random time or number of items.
func (s *subscriber) connect(ctx context.Context) error {
	transport := transports[s.rng.IntN(len(transports))]
	items, how := 1+int(s.rng.ExpFloat64()*s.run.cfg.ItemsPerConnection), errDrop
	if s.rng.IntN(2) == 0 {
		how = errLeave
	}
	r := request{
		url: s.run.url(s.rng), token: s.token, watch: &s.history.Watch, after: s.after, asHeader: transport.name == "sse" && s.rng.IntN(2) == 0,
		opened: func() { s.since = time.Now() },
	}
	if s.stock {
		r.after, r.asHeader = "", false
	}
	if r.after != "" {
		s.run.count("resumed by " + transport.name)
	} else {
		s.run.count("begun by " + transport.name)
	}
	lifetime := time.Duration((0.2 + s.rng.ExpFloat64()) * float64(s.run.cfg.Lifetime))
	connected, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(lifetime, func() {
		if !s.run.isCalm() {
			cancel(context.DeadlineExceeded)
		}
	}).Stop()
	fresh := r.after == ""
	err := transport.run(connected, r, func(item Item) error {
		s.record(item, fresh)
		fresh = false
		if s.until != nil && s.until(item) {
			return errDone
		}
		if items--; items <= 0 && !s.run.isCalm() {
			return how
		}
		return nil
	})
	if connected.Err() != nil && ctx.Err() == nil && !errors.Is(err, errDone) {
		return context.Cause(connected)
	}
	return err
}

func (s *subscriber) record(item Item, fresh bool) {
	now := time.Now()
	s.run.deliveries.Add(1)
	s.after = item.Cursor
	items := []Item{item}
	if s.tamper != nil {
		items = s.tamper(item)
	}
	for i := range items {
		s.history.Entries = append(s.history.Entries, Entry{Item: items[i], Fresh: fresh && i == 0})
	}
	if item.Event != nil && item.Event.OccurredAt.After(s.since) {
		s.latencies = append(s.latencies, now.Sub(item.Event.OccurredAt))
		if s.observe != nil {
			s.observe(now.Sub(item.Event.OccurredAt))
		}
	}
	if _, place, ok := s.history.Watch.placeOf(item.Cursor); ok {
		s.reached.Store(place)
	}
}

// reason names the end of a connection for the summary.
func reason(err error) string {
	var closed *websocket.CloseError
	var network net.Error
	switch {
	case errors.Is(err, errDrop), errors.Is(err, context.DeadlineExceeded):
		return "dropped by the client"
	case errors.Is(err, errLeave):
		return "left by the client"
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		return "closed by the server: " + strconv.Itoa(closed.Code)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no server there"
	case errors.As(err, &network) && network.Timeout():
		return "no answer"
	default:
		return "connection lost"
	}
}

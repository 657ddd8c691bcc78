package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// StallResult has the effect of a client that stops reading on others, and the time until it is disconnected.
type StallResult struct {
	// Pairs of runs without and with a stalled reader, which took turns.
	Pairs []StallPair
	// SubscriptionsGone and SocketGone are the times from the stalled reader's subscription until the server had dropped its
	// subscriptions, and its socket. They include the time in which the reader's buffers filled. SocketGone is zero if no pair was
	// requested: it was not waited for.
	SubscriptionsGone, SocketGone time.Duration
	// Findings are faults in the others' deliveries.
	Findings []Finding
}

// StallPair is the p99 of the time from an event's record to its receipt by the others, without a stalled reader and with
// one, measured one after the other.
type StallPair struct{ Without, With time.Duration }

// StallLimit is the Ratio up to which a stalled reader is said not to delay the others.
const StallLimit = 1.2

// Ratio is the median of the pairs' ratios, with to without: what else the machine does in one of them decides nothing.
// Zero when no pair was asked for.
func (r *StallResult) Ratio() float64 {
	if len(r.Pairs) == 0 {
		return 0
	}
	ratios := make([]float64, len(r.Pairs))
	for i, p := range r.Pairs {
		ratios[i] = float64(p.With) / float64(p.Without)
	}
	slices.Sort(ratios)
	return (ratios[(len(ratios)-1)/2] + ratios[len(ratios)/2]) / 2
}

func (r *StallResult) String() string {
	s := fmt.Sprintf("the stalled reader's subscriptions were gone after %s, the filling of its buffers included",
		r.SubscriptionsGone.Round(100*time.Millisecond))
	if r.SocketGone > 0 {
		s += fmt.Sprintf(", its socket after %s", r.SocketGone.Round(100*time.Millisecond))
	}
	for _, p := range r.Pairs {
		s += fmt.Sprintf("\nthe others' p99: %s without it, %s with it", p.Without.Round(100*time.Microsecond), p.With.Round(100*time.Microsecond))
	}
	if len(r.Pairs) > 0 {
		s += fmt.Sprintf("\nmedian ratio %.2f", r.Ratio())
	}
	return s
}

const (
	stallSubscriptions = 4
	// stallFill is the time for the stalled reader's buffers to fill, stallPairTime the time for which each half of a pair is
	// measured then. Together they are shorter than the server waits for a stalled reader.
	stallFill     = 3 * time.Second
	stallPairTime = 5 * time.Second
	stallTimeout  = 2 * time.Minute
	// While the Ratio is above StallLimit, up to stallPatience times the requested number of pairs is measured. One pair's ratio
	// differs by half from the next one's, so the median of a few can be above the limit by chance.
	stallPatience = 3
)

// Stall measures pairs of runs on one server, without and with a reader that subscribes and never reads, in turns (three times as many as
// asked for, if need be: see stallPatience); then
// it leaves one stalled and waits until the server is rid of it. Of cfg it takes what Run takes; there are no other
// faults, and nobody drops a connection.
func Stall(ctx context.Context, cfg Config, pairs int) (result *StallResult, err error) {
	r := &run{cfg: cfg.withDefaults(), calm: make(chan struct{}), counts: map[string]int{}, replicaCount: 1, bulky: true}
	r.cfg.FaultEvery, r.cfg.Duration, r.cfg.Lifetime, r.cfg.ItemsPerConnection = -1, stallTimeout+time.Duration(2*stallPatience*pairs)*(stallFill+stallPairTime), time.Hour, 1e9
	db, err := openOwn(ctx, r.cfg.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	defer func() {
		for _, replica := range r.replicas {
			err = errors.Join(err, replica.kill())
		}
	}()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	m := &meter{}
	var subscribers sync.WaitGroup
	for i := range r.cfg.Subscribers {
		s := r.add(&subscriber{rng: r.random(5, i), token: r.staff.token, observe: m.observe})
		if i%3 > 0 {
			who := r.customers[i%len(r.customers)]
			s.token, s.history.Watch.Viewer = who.token, who.id
		}
		s.history.Subscriber = FeedSubscriber(i, viewerName(&s.history.Watch))
		subscribers.Go(func() { r.refused(s, s.watch(watching)) })
	}

	result = &StallResult{}
	loading, stopLoad := context.WithCancel(ctx)
	defer stopLoad()
	measured := make(chan error, 1)
	go func() {
		defer stopLoad()
		measured <- r.measureStall(loading, m, pairs, result)
	}()
	err = r.load(loading, nil)
	if errMeasured := <-measured; errMeasured != nil || !errors.Is(err, context.Canceled) {
		return nil, errors.Join(err, errMeasured)
	}
	log, err := r.awaitIdle(ctx, db)
	if err != nil {
		return nil, err
	}
	r.awaitSubscribers(ctx, log)
	stopWatching()
	subscribers.Wait()
	result.Findings = r.findings
	for _, s := range r.subscribers {
		result.Findings = append(result.Findings, Check(log, &s.history)...)
	}
	return result, nil
}

// meter collects latencies while it is switched on.
type meter struct {
	mu      sync.Mutex
	on      bool
	samples []time.Duration
}

func (m *meter) observe(latency time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on {
		m.samples = append(m.samples, latency)
	}
}

// p99 returns the p99 of the values collected in a while.
func (m *meter) p99(ctx context.Context) (time.Duration, error) {
	m.mu.Lock()
	m.on, m.samples = true, nil
	m.mu.Unlock()
	done := tick(ctx, stallPairTime)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on = false
	switch {
	case !done:
		return 0, ctx.Err()
	case len(m.samples) == 0:
		return 0, errors.New("nobody got anything while it was measured")
	}
	return percentile(m.samples, 99), nil
}

func (r *run) measureStall(ctx context.Context, m *meter, pairs int, result *StallResult) error {
	for i := 0; i < pairs || i < stallPatience*pairs && result.Ratio() > StallLimit; i++ {
		var p99 [2]time.Duration
		for half := range 2 {
			side := (i + half) % 2 // who is first changes, so that a trend of the machine favours nobody
			var stalled *websocket.Conn
			var err error
			if side == 1 {
				if stalled, err = r.stall(ctx); err != nil {
					return err
				}
			}
			if !tick(ctx, stallFill) { // on both sides
				return ctx.Err()
			}
			if p99[side], err = m.p99(ctx); err != nil {
				return err
			}
			if stalled != nil {
				_ = stalled.Close()
			}
		}
		result.Pairs = append(result.Pairs, StallPair{Without: p99[0], With: p99[1]})
	}
	return r.awaitGone(ctx, result, pairs > 0)
}

// awaitGone leaves a reader stalled and waits until the server says that it has none of it any more.
func (r *run) awaitGone(ctx context.Context, result *StallResult, socketToo bool) error {
	// What earlier ones left must not be counted.
	if err := r.awaitGauges(ctx, func(g gauges) bool { return g.subscriptions == r.cfg.Subscribers }); err != nil {
		return err
	}
	before, err := readGauges(ctx, r.replicas[0])
	if err != nil {
		return err
	}
	stalled, err := r.stall(ctx)
	if err != nil {
		return err
	}
	defer stalled.Close()
	since := time.Now()
	if err := r.awaitGauges(ctx, func(g gauges) bool { return g.subscriptions == before.subscriptions+stallSubscriptions }); err != nil {
		return err
	}
	if err := r.awaitGauges(ctx, func(g gauges) bool { return g.subscriptions <= before.subscriptions }); err != nil {
		return err
	}
	result.SubscriptionsGone = time.Since(since)
	if !socketToo {
		return nil
	}
	if err := r.awaitGauges(ctx, func(g gauges) bool { return g.sockets <= before.sockets }); err != nil {
		return err
	}
	result.SocketGone = time.Since(since)
	return nil
}

// stall subscribes several times on one socket, to everything with all its bulk, and reads nothing more. Its receive
// buffer is small, as that of a phone on a bad line would be for long.
func (r *run) stall(ctx context.Context) (*websocket.Conn, error) {
	dialer := websocket.Dialer{HandshakeTimeout: answerTimeout, Subprotocols: []string{transportWS.subprotocol}}
	dialer.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = errors.Join(err, tcp.SetReadBuffer(4096))
		}
		return conn, err
	}
	at := request{url: r.replicas[0].url(), token: r.staff.token, watch: &Watch{}}
	conn, err := transportWS.dial(ctx, at, dialer)
	if err != nil {
		return nil, err
	}
	const bulk = `{"id":"bulk%d","type":"subscribe","payload":{"query":"subscription { orderFeed { kind cursor order { metadata { key value } } } }"}}`
	for i := range stallSubscriptions - 1 { // dial has subscribed once
		if err := conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, bulk, i)); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// gauges of a replica, from /metrics.
type gauges struct{ subscriptions, sockets int }

func readGauges(ctx context.Context, replica *replica) (g gauges, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+replica.admin+"/metrics", http.NoBody)
	if err != nil {
		return g, err
	}
	response, err := callClient.Do(request)
	if err != nil {
		return g, err
	}
	defer func() { _ = response.Body.Close() }()
	found := 0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "orderwire_subscriptions":
			g.subscriptions, err = strconv.Atoi(value)
			found++
		case "orderwire_websockets":
			g.sockets, err = strconv.Atoi(value)
			found++
		}
		if err != nil {
			return g, err
		}
	}
	if found != 2 {
		return g, errors.Join(errors.New("the metrics lack orderwire_subscriptions or orderwire_websockets"), lines.Err())
	}
	_, err = io.Copy(io.Discard, response.Body)
	return g, err
}

func (r *run) awaitGauges(ctx context.Context, done func(gauges) bool) error {
	ctx, cancel := context.WithTimeout(ctx, stallTimeout)
	defer cancel()
	for {
		g, err := readGauges(ctx, r.replicas[0])
		if err != nil {
			return err
		}
		if done(g) {
			return nil
		}
		if !tick(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%w: the server has %+v", ctx.Err(), g)
		}
	}
}

// bulkyMetadata is as much as an order may carry.
func bulkyMetadata(rng *rand.Rand) []any {
	entries := make([]any, 20)
	for i := range entries {
		entries[i] = map[string]any{"key": fmt.Sprintf("key%d", i), "value": strings.Repeat(string(rune('a'+rng.IntN(26))), 500)}
	}
	return entries
}

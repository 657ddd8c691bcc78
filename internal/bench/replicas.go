package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// replicaOrders are followed, one after the other, with each of the two replicas as the sequencer.
	replicaOrders = 40
	// replicaDelay is long enough to subscribe before the provider is asked.
	replicaDelay = "50ms"
)

// replicas measures from the provider's answer, as it is handed to one replica, to its event on a socket of another.
func replicas(ctx context.Context, l *lab, report *Report) error {
	var took durations
	var found faults
	for _, sequencer := range []int{0, 1} {
		if err := l.replicate(ctx, sequencer, &took, &found); err != nil {
			return err
		}
	}
	report.add("replicas.p50", took.percentile(50))
	report.add("replicas.p99", took.percentile(99))
	faults := found.counted()
	report.add("replicas.faults", float64(faults.Sum()))
	return nil
}

// replicate starts two replicas on one database: orders are placed at the first, whose pipeline carries them on, and watched
// at the second. The one that is named starts first and so gives the positions.
func (l *lab) replicate(ctx context.Context, sequencer int, took *durations, found *faults) (err error) {
	shop, err := l.database(ctx)
	if err != nil {
		return err
	}
	provider, err := l.provider(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, provider.stop()) }()
	var servers [2]*program
	var proxies [2]*answerProxy
	for _, i := range []int{sequencer, 1 - sequencer} {
		if proxies[i], err = newAnswerProxy(ctx, provider.addr); err != nil {
			return err
		}
		defer proxies[i].server.Close() //nolint:errcheck // nothing comes any more
		servers[i], err = l.serverOn(ctx, shop, "SIMULATED_URL="+proxies[i].url, "PAYMENT_STEP_DELAY="+replicaDelay, "DELIVERY_DELAY=1h")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, servers[i].stop()) }()
	}
	hc := keepAlive()
	defer hc.CloseIdleConnections()
	buyer, err := newCreator(ctx, hc, servers[0].addr, "replicas")
	if err != nil {
		return err
	}
	watcher := &client{addr: servers[1].addr, token: buyer.user.token, http: hc}
	ws, err := watcher.socket(ctx)
	if err != nil {
		return err
	}
	defer ws.Close()
	watch := watched{ws: ws, faults: found}
	measured := 0
	for tries := 0; measured < replicaOrders; tries++ {
		if tries == 10*replicaOrders {
			return fmt.Errorf("only %d of %d orders were carried on where they were placed", measured, tries)
		}
		id, err := buyer.wire.create(buyer.request, buyer.keys+strconv.Itoa(tries))
		if err != nil {
			return err
		}
		if err := watch.subscribe(strconv.Itoa(tries), id); err != nil {
			return err
		}
		items, status := 0, ""
		for ; status != "CONFIRMED"; items++ {
			if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
				return err
			}
			if status, err = watch.next(); err != nil {
				return err
			}
		}
		arrived := time.Now()
		if err := watch.complete(); err != nil {
			return err
		}
		here, elsewhere := proxies[0].take(), proxies[1].take()
		// An order that the other replica has carried on says nothing, and neither does one that was watched too late.
		if !elsewhere.IsZero() || here.IsZero() || items == 1 {
			continue
		}
		took.add(arrived.Sub(here))
		measured++
	}
	return nil
}

// provider starts the simulated payment provider on a database of its own.
func (l *lab) provider(ctx context.Context) (*program, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	database, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	p, _, err := start(ctx, l.cfg.Log, []string{"ADDR=" + addr, "DATABASE_URL=" + l.cluster.URL(database), "LOG_LEVEL=warn"}, l.cfg.Server, "simprovider")
	if err != nil {
		return nil, err
	}
	p.addr = addr
	return p, nil
}

// answerProxy stands before the payment provider and notes when it hands an answer on.
type answerProxy struct {
	url    string
	server *http.Server
	noted  atomic.Pointer[time.Time]
}

func newAnswerProxy(ctx context.Context, to string) (*answerProxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &answerProxy{url: "http://" + listener.Addr().String()}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: to}) },
		ModifyResponse: func(*http.Response) error {
			now := time.Now()
			p.noted.Store(&now)
			return nil
		},
	}
	p.server = &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }() // until it is closed
	return p, nil
}

// take returns when the last answer was handed on, once; the zero time when there was none.
func (p *answerProxy) take() time.Time {
	if noted := p.noted.Swap(nil); noted != nil {
		return *noted
	}
	return time.Time{}
}

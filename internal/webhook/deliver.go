package webhook

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

const (
	// leaseMargin is the part of a lease beyond the time limit of the request: for the answer to be written down.
	leaseMargin = 15 * time.Second
	// settleTimeout bounds writing an answer down. Without it the request is repeated when the lease ends.
	settleTimeout = 5 * time.Second
	// stopGrace bounds running requests when the server stops.
	stopGrace = 3 * time.Second
	// outbid is the pause when another replica took what was due.
	outbid = 50 * time.Millisecond
	// pruneInterval is the interval at which old deliveries are deleted, pruneAtOnce the largest number in one statement.
	pruneInterval = time.Hour
	pruneAtOnce   = 1000

	// pendingGrace is the additional time for which pending deliveries are kept: longer than all repetitions of one take, so only
	// those go that were held up by a receiver that asks for pauses all the time, or by a disabled endpoint.
	pendingGrace = 3 * 24 * time.Hour
	// deletedFor is the time that an endpoint's row outlives its deletion, so that deleting it again succeeds.
	deletedFor = 24 * time.Hour
)

// Config of a Deliverer. A zero field takes the default.
type Config struct {
	// Destinations says where requests may go.
	Destinations Destinations
	// Timeout of a request, from connecting to the answer: 15 s.
	Timeout time.Duration
	// PerEndpoint bounds this process's simultaneous requests to one endpoint: 8. There is no limit across
	// endpoints, so that none ever waits for another.
	PerEndpoint int
	// Retention is after how long deliveries are deleted: 7 days.
	Retention time.Duration
	// DisableAfter is the time after which an endpoint without a single success is disabled. 0: for ever.
	DisableAfter time.Duration
	// Clock tells when attempts were made, when they are repeated, and signs requests. It must be the database's, which says what is due.
	Clock order.Clock
	// Observe is told of each attempt that was written down. Nil: nobody is.
	Observe func(*Claimed, Outcome)
	Logger  *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	if c.PerEndpoint == 0 {
		c.PerEndpoint = 8
	}
	if c.Retention == 0 {
		c.Retention = 7 * 24 * time.Hour
	}
	if c.Clock == nil {
		c.Clock = order.SystemClock
	}
	if c.Observe == nil {
		c.Observe = func(*Claimed, Outcome) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Deliverer sends what is due. Any number may run on one database. Killed at any moment, nothing is lost: an attempt is
// counted before it is made, and what was not written down is sent again, with the same id, when the lease ends.
type Deliverer struct {
	queue  Queue
	cfg    Config
	client *client
	signal chan struct{}

	counts Counts

	running sync.WaitGroup
	mu      sync.Mutex
	busy    map[id.Endpoint]int // requests that run, by endpoint
}

// NewDeliverer returns a deliverer; Run starts it.
func NewDeliverer(queue Queue, cfg Config) *Deliverer {
	cfg = cfg.withDefaults()
	return &Deliverer{
		queue: queue, cfg: cfg, client: newClient(cfg.Destinations, cfg.Timeout, cfg.PerEndpoint),
		signal: make(chan struct{}, 1), busy: map[id.Endpoint]int{},
	}
}

// Wake says that something may be due. It does not block.
func (d *Deliverer) Wake() { poke(d.signal) }

// Counts are this process's attempts since its start, by result.
type Counts struct {
	// Delivered were answered with 2xx, Failed given up after, Retried are to be made again.
	Delivered, Failed, Retried atomic.Int64
	// Disabled counts the endpoints that an attempt of this process disabled.
	Disabled atomic.Int64
}

// Counts returns the live counters.
func (d *Deliverer) Counts() *Counts { return &d.counts }

// Pending returns the number of deliveries that wait in the database, of all replicas.
func (d *Deliverer) Pending(ctx context.Context) (int, error) { return d.queue.PendingDeliveries(ctx) }

// Disabled returns the number of endpoints that the server has disabled and nobody has enabled since.
func (d *Deliverer) Disabled(ctx context.Context) (int, error) { return d.queue.DisabledEndpoints(ctx) }

// Run works until ctx ends, then gives requests that run a moment to end. Errors are logged and tried again; it returns
// nil.
func (d *Deliverer) Run(ctx context.Context) error {
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cut) })()
	prune := time.NewTicker(pruneInterval)
	defer prune.Stop()
	for ctx.Err() == nil {
		pause, err := d.step(ctx, requests)
		if err != nil && ctx.Err() == nil {
			d.cfg.Logger.ErrorContext(ctx, "looking for due webhook deliveries failed; retrying", "error", err)
			pause = errorPause
		}
		wait(ctx, d.signal, pause)
		select {
		case <-prune.C:
			d.prune(ctx)
		default:
		}
	}
	d.running.Wait()
	d.client.close()
	return nil
}

// step starts what is due, and says how long to wait before looking again.
func (d *Deliverer) step(ctx, requests context.Context) (pause time.Duration, err error) {
	busy, full := d.load()
	due, err := d.queue.NextDelivery(ctx, full)
	if err != nil || due == nil {
		return pollInterval, err
	}
	now := d.cfg.Clock()
	if until := due.Sub(now); until > 0 {
		return min(until, pollInterval), nil
	}
	claimed, err := d.queue.ClaimDeliveries(ctx, now, d.cfg.Timeout+leaseMargin, d.cfg.PerEndpoint, busy)
	if err != nil || len(claimed) == 0 {
		return outbid, err
	}
	for _, c := range claimed {
		d.begin(c.EndpointID)
		d.running.Go(func() {
			defer d.end(c.EndpointID)
			d.deliver(requests, c)
		})
	}
	return 0, nil
}

// load returns the number of running requests for each endpoint, and the endpoints that have reached their limit.
func (d *Deliverer) load() (busy map[id.Endpoint]int, full []id.Endpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	busy = make(map[id.Endpoint]int, len(d.busy))
	for endpointID, n := range d.busy {
		busy[endpointID] = n
		if n >= d.cfg.PerEndpoint {
			full = append(full, endpointID)
		}
	}
	return busy, full
}

func (d *Deliverer) begin(endpointID id.Endpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy[endpointID]++
}

func (d *Deliverer) end(endpointID id.Endpoint) {
	d.mu.Lock()
	if d.busy[endpointID]--; d.busy[endpointID] == 0 {
		delete(d.busy, endpointID)
	}
	d.mu.Unlock()
	d.Wake()
}

// deliver makes one attempt and stores its outcome.
func (d *Deliverer) deliver(ctx context.Context, c *Claimed) {
	defer func() {
		if r := recover(); r != nil {
			// The lease expires and the delivery is retried; the others continue.
			d.cfg.Logger.ErrorContext(ctx, "delivering a webhook panicked", "delivery", c.ID, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	answered, err := d.client.post(ctx, c.message(), d.cfg.Clock())
	outcome := d.judge(c, answered, err, ctx.Err() != nil)
	// Also when the server stops: what the receiver has answered should not be asked again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	settlement, settleErr := d.queue.SettleDelivery(ctx, c, outcome)
	if settleErr != nil {
		d.cfg.Logger.WarnContext(ctx, "storing a webhook's outcome failed; the webhook will be sent again", "delivery", c.ID, "error", settleErr)
		return
	}
	if !settlement.Settled {
		return // asked for again meanwhile, or this process was stopped for longer than its lease
	}
	if settlement.DisabledReason != "" {
		d.counts.Disabled.Add(1)
		d.cfg.Logger.ErrorContext(ctx, "a webhook endpoint was disabled; correct its receiver and enable it again",
			"endpoint", c.EndpointID, "reason", settlement.DisabledReason)
	}
	d.tell(ctx, c, outcome, err)
}

// tell counts and logs a settled attempt.
func (d *Deliverer) tell(ctx context.Context, c *Claimed, o Outcome, err error) {
	attributes := []any{"endpoint", c.EndpointID, "delivery", c.ID, "attempts", c.Attempts, "error", err}
	if o.ResponseStatus != nil {
		attributes = append(attributes, "status", *o.ResponseStatus)
	}
	switch o.Status {
	case Delivered:
		d.counts.Delivered.Add(1)
	case Failed:
		d.counts.Failed.Add(1)
		d.cfg.Logger.WarnContext(ctx, "a webhook delivery failed for good; staff can have it sent again", attributes...)
	case Pending:
		d.counts.Retried.Add(1)
		d.cfg.Logger.DebugContext(ctx, "a webhook attempt failed and will be repeated", attributes...)
	}
	d.cfg.Observe(c, o)
}

// prune deletes old deliveries, and those of deleted endpoints.
func (d *Deliverer) prune(ctx context.Context) {
	for ctx.Err() == nil {
		deleted, err := d.queue.PruneDeleted(ctx, d.cfg.Clock().Add(-deletedFor), pruneAtOnce)
		if err != nil && ctx.Err() == nil {
			d.cfg.Logger.WarnContext(ctx, "deliveries of deleted webhook endpoints could not be deleted", "error", err)
		}
		if err != nil || deleted < pruneAtOnce {
			break
		}
	}
	for ctx.Err() == nil {
		before := d.cfg.Clock().Add(-d.cfg.Retention)
		deleted, pending, err := d.queue.PruneDeliveries(ctx, before, before.Add(-pendingGrace), pruneAtOnce)
		if pending > 0 {
			d.cfg.Logger.WarnContext(ctx, "webhook deliveries were deleted because of their age and were never delivered", "deliveries", pending)
		}
		if err != nil && ctx.Err() == nil {
			d.cfg.Logger.WarnContext(ctx, "old webhook deliveries could not be deleted", "error", err)
		}
		if err != nil || deleted < pruneAtOnce {
			return
		}
	}
}

package webhookinbox

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

const (
	// batch is the number of events in one claim; they are worked on at the same time.
	batch = 32
	// lease is the time in which a processor has to process them. One that dies leaves them to others after that.
	lease = 30 * time.Second
	// workTimeout ends the work on a batch well before its lease does.
	workTimeout = 20 * time.Second
	// pollInterval is the interval at which we look for events without a wake-up: retries, and those of a replica that died.
	pollInterval = time.Second
	// maxClaims ends the retries of an event that cannot be worked on: after about an hour.
	maxClaims = 16
	// unknownClaims ends the wait for a payment that has the event's charge: after about two minutes. Our own call, whose
	// answer brings the reference, has ended long before.
	unknownClaims = 8

	backoffBase = time.Second
	backoffMax  = 10 * time.Minute
)

// ProcessorConfig of a Processor. All fields are required.
type ProcessorConfig struct {
	Store Store
	// RequestRecheck commits that the payment has to be looked up again at its provider. It may be called twice.
	RequestRecheck func(ctx context.Context, paymentID id.Payment) error
	Counts         *Counts
	Log            *slog.Logger
}

// Processor works on what is in the inbox. Any number may run on one database.
type Processor struct {
	cfg  ProcessorConfig
	wake chan struct{}
}

// NewProcessor returns a processor; Run starts it.
func NewProcessor(cfg ProcessorConfig) *Processor {
	return &Processor{cfg: cfg, wake: make(chan struct{}, 1)}
}

// Wake says that an event was stored. It does not block.
func (p *Processor) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, and finishes what it holds. Errors are logged and tried again; it returns nil.
func (p *Processor) Run(ctx context.Context) error {
	poll := time.NewTicker(pollInterval)
	defer poll.Stop()
	for ctx.Err() == nil {
		full, err := p.step(ctx)
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.ErrorContext(ctx, "processing webhooks failed; retrying", "error", err)
		}
		if full && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case <-p.wake:
		}
	}
	return nil
}

// step claims a batch and works on it. It reports whether there may be more.
func (p *Processor) step(ctx context.Context) (full bool, err error) {
	claims, err := p.cfg.Store.Claim(ctx, batch, lease)
	if err != nil || len(claims) == 0 {
		return false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workTimeout)
	defer cancel()
	verdicts := make([]Verdict, len(claims))
	var working sync.WaitGroup
	for i, claim := range claims {
		working.Go(func() { verdicts[i] = p.judge(ctx, claim) })
	}
	working.Wait()
	// Whether Finish commits or not, the payments are marked: an event that is worked on again only marks them again.
	if err := p.cfg.Store.Finish(ctx, verdicts); err != nil {
		return false, err
	}
	p.count(ctx, verdicts)
	return len(claims) == batch, nil
}

// judge does what one event asks for.
func (p *Processor) judge(ctx context.Context, c Claim) Verdict {
	switch {
	case c.PaymentID.IsNil() && c.ByReference && c.Claims < unknownClaims:
		// It may have overtaken the answer to our own call, which brings the reference.
		return Verdict{Claim: c, Status: Pending, Message: "no payment has this reference yet", Pause: backoff(c.Claims)}
	case c.PaymentID.IsNil():
		return Verdict{Claim: c, Status: Ignored, Message: "no payment of ours"}
	case c.Claims > maxClaims:
		// No earlier claim got as far as a verdict: processing it may crash the process.
		return Verdict{Claim: c, Status: Failed, Message: "never worked on to the end"}
	}
	err := p.cfg.RequestRecheck(ctx, c.PaymentID)
	switch {
	case err == nil:
		return Verdict{Claim: c, Status: Done}
	case c.Claims == maxClaims:
		return Verdict{Claim: c, Status: Failed, Message: messageOf(err)}
	default:
		return Verdict{Claim: c, Status: Pending, Message: messageOf(err), Pause: backoff(c.Claims)}
	}
}

const maxMessage = 500

// messageOf cuts an error to what the database keeps.
func messageOf(err error) string {
	message := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "?")
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "")
	}
	return message
}

func (p *Processor) count(ctx context.Context, verdicts []Verdict) {
	for _, v := range verdicts {
		attributes := []any{
			"provider", v.Provider, "event", v.EventID, "type", v.Type, "payment", v.PaymentID, "claims", v.Claims, "message", v.Message,
		}
		switch v.Status {
		case Done:
			p.cfg.Counts.Done.Add(1)
		case Ignored:
			p.cfg.Counts.Ignored.Add(1)
			// Not at info: another system's webhooks may be many.
			p.cfg.Log.DebugContext(ctx, "ignored a webhook: it belongs to no payment here", attributes...)
		case Failed:
			p.cfg.Counts.Failed.Add(1)
			p.cfg.Log.ErrorContext(ctx, "processing a webhook failed for good; the reconciler still compares its payment", attributes...)
		case Pending:
			p.cfg.Counts.Retried.Add(1)
			p.cfg.Log.DebugContext(ctx, "processing a webhook failed; retrying later", attributes...)
		}
	}
}

// backoff is the pause after the n-th claim (n ≥ 1): exponential from 1 s to 10 minutes.
func backoff(n int) time.Duration {
	if n > 10 {
		return backoffMax
	}
	return min(backoffBase<<(n-1), backoffMax)
}

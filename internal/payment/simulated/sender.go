package simulated

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/outbound"
)

const (
	// deliveryTimeout bounds one delivery, the receiver's answer included.
	deliveryTimeout = 10 * time.Second
	// deliveryLease is after how long a delivery that did not end counts as one whose sender died. It is above the
	// timeout, so that a sender that lives is never overtaken.
	deliveryLease = 30 * time.Second
	// earlyTimeout bounds what a call waits for its own webhook.
	earlyTimeout = 2 * time.Second
	// deliveriesAtOnce is the size of a batch.
	deliveriesAtOnce = 16
	// outboxPoll is the interval at which the outbox is read when nothing is known to be due: another process may have written.
	outboxPoll = time.Second
	// maxDeliveryTries ends an event that nobody takes: about 7 hours with the default pause.
	maxDeliveryTries  = 20
	maxDeliveryPause  = time.Hour
	bookkeepingBounds = 5 * time.Second
	// eventsPrune is the interval at which finished events older than 30 days are deleted.
	eventsPrune = time.Hour
)

// claimed is an event that this sender delivers.
type claimed struct {
	Event
	Tries int `db:"tries"`
}

// The outbox's statements. All are in autocommit, and lib/pq may run such a statement twice when its answer is lost: the
// claim of events that then nobody delivers runs out.
const (
	claimEventsSQL = `
UPDATE simulated.events SET tries = tries + 1, due_at = now() + $1::bigint * interval '1 microsecond'
WHERE id IN (
    SELECT id FROM simulated.events WHERE due_at <= now() ORDER BY due_at, created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, type, created_at, payment_id, reference, tries`

	claimEarlySQL = `
UPDATE simulated.events SET tries = tries + 1, due_at = now() + $1::bigint * interval '1 microsecond'
WHERE id = ANY($2::uuid[]) AND tries = 0
RETURNING id, type, created_at, payment_id, reference, tries`

	deliveredSQL = `UPDATE simulated.events SET due_at = NULL, delivered_at = now() WHERE id = $1 AND tries = $2`

	postponedSQL = `
UPDATE simulated.events SET due_at = now() + $3::bigint * interval '1 microsecond' WHERE id = $1 AND tries = $2`

	givenUpSQL = `UPDATE simulated.events SET due_at = NULL WHERE id = $1 AND tries = $2`

	pruneEventsSQL = `DELETE FROM simulated.events WHERE due_at IS NULL AND created_at < now() - interval '30 days'`

	nextEventSQL = `
SELECT (extract(epoch FROM min(due_at) - now()) * 1000000)::bigint FROM simulated.events WHERE due_at IS NOT NULL`
)

// SendWebhooks posts what is in the outbox to Options.Webhooks.URL until ctx ends. Several may run on one database. An
// event is sent again, with the same id, until a receiver answers 2xx: one that was killed between a delivery and its
// note of it sends twice. The order is not promised. Events that were delivered or given up are deleted after 30 days.
//
// Its error is always nil: what fails is tried again.
func (p *Provider) SendWebhooks(ctx context.Context) error {
	if p.opts.Webhooks.URL == "" {
		<-ctx.Done()
		return nil
	}
	var pruned time.Time
	for ctx.Err() == nil {
		if now := time.Now(); now.Sub(pruned) >= eventsPrune {
			pruned = now
			if _, err := p.db.ExecContext(ctx, pruneEventsSQL); err != nil {
				p.opts.Webhooks.Logger.DebugContext(ctx, "deleting the simulated provider's old events failed", "error", err)
			}
		}
		wait := p.sendDue(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-p.outbox:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// sendDue delivers one batch and says how long nothing more is to be done.
func (p *Provider) sendDue(ctx context.Context) time.Duration {
	var batch []claimed
	err := p.db.SelectContext(ctx, &batch, claimEventsSQL, deliveryLease.Microseconds(), deliveriesAtOnce)
	if err != nil {
		p.opts.Webhooks.Logger.DebugContext(ctx, "reading the simulated provider's outbox failed", "error", err)
		return outboxPoll
	}
	p.deliver(ctx, batch)
	var next *int64
	if err := p.db.GetContext(ctx, &next, nextEventSQL); err != nil || next == nil {
		return outboxPoll
	}
	return min(max(time.Duration(*next)*time.Microsecond, 0), outboxPoll)
}

// sendEarly delivers events of a call that is not answered yet. What fails is left to SendWebhooks.
func (p *Provider) sendEarly(ctx context.Context, ids []uuid.UUID) {
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), earlyTimeout)
	defer cancel()
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	var batch []claimed
	if err := p.db.SelectContext(ctx, &batch, claimEarlySQL, deliveryLease.Microseconds(), "{"+strings.Join(texts, ",")+"}"); err == nil {
		p.deliver(ctx, batch)
	}
}

func (p *Provider) deliver(ctx context.Context, batch []claimed) {
	var open sync.WaitGroup
	for _, c := range batch {
		open.Go(func() { p.note(ctx, c, p.deliverEvent(ctx, c.Event)) })
	}
	open.Wait()
}

// note writes down how a delivery ended. It is written when ctx is over, too: the next sender need not wait for the lease.
func (p *Provider) note(ctx context.Context, c claimed, failure error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookkeepingBounds)
	defer cancel()
	var err error
	switch {
	case failure == nil:
		_, err = p.db.ExecContext(ctx, deliveredSQL, c.ID, c.Tries)
	case c.Tries >= maxDeliveryTries:
		p.opts.Webhooks.Logger.WarnContext(ctx, "sending a webhook of the simulated provider failed for good",
			"event", c.ID.String(), "type", string(c.Type), "tries", c.Tries, "error", failure)
		_, err = p.db.ExecContext(ctx, givenUpSQL, c.ID, c.Tries)
	default:
		pause := p.opts.Webhooks.RetryAfter << (c.Tries - 1)
		if pause <= 0 || pause > maxDeliveryPause {
			pause = maxDeliveryPause
		}
		_, err = p.db.ExecContext(ctx, postponedSQL, c.ID, c.Tries, pause.Microseconds())
	}
	if err != nil { // the claim runs out and the event is sent again
		p.opts.Webhooks.Logger.DebugContext(ctx, "storing a webhook's delivery failed; it may be sent again", "event", c.ID.String(), "error", err)
	}
}

// deliverEvent posts an event, with chaos in two copies at once. One that arrives is enough.
func (p *Provider) deliverEvent(ctx context.Context, e Event) error {
	copies := 1
	if p.opts.Webhooks.Chaos.Duplicate {
		copies = 2
	}
	failures := make([]error, copies)
	var open sync.WaitGroup
	for i := range copies {
		open.Go(func() { failures[i] = p.postEvent(ctx, e) })
	}
	open.Wait()
	for _, failure := range failures {
		if failure == nil {
			return nil
		}
	}
	return errors.Join(failures...)
}

func (p *Provider) postEvent(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	e.Created = e.Created.UTC()
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.opts.Webhooks.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(SignatureHeader, signatureHeader(p.opts.Webhooks.Secrets, p.opts.Webhooks.Now(), body))
	response, err := p.deliveries.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxResponseBytes) // so that the connection can be used again
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("the receiver answered %d", response.StatusCode)
	}
	return nil
}

// newDeliveries is the client for webhooks. It follows no redirects: the receiver's operator sets its address.
func newDeliveries(config *tls.Config) *http.Client {
	transport := &http.Transport{}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = standard.Clone()
	}
	if config != nil {
		transport.TLSClientConfig = config
	}
	return &http.Client{
		Transport:     outbound.NoUpgrades(transport),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// wakeSender tells SendWebhooks that the outbox has grown.
func (p *Provider) wakeSender() {
	select {
	case p.outbox <- struct{}{}:
	default:
	}
}

package simulated

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// EventType of a webhook: what happened to a charge.
type EventType string

// The types of events.
const (
	EventActionRequired EventType = "charge.action_required"
	EventProcessing     EventType = "charge.processing"
	EventHeld           EventType = "charge.held"
	EventCaptured       EventType = "charge.captured"
	EventRefused        EventType = "charge.refused"
	EventReleased       EventType = "charge.released"
	EventRefunded       EventType = "charge.refunded"
	EventRefundPending  EventType = "charge.refund_pending"
	EventRefundFailed   EventType = "charge.refund_failed"
	EventDisputeOpened  EventType = "charge.dispute_opened"
	EventDisputeUpdated EventType = "charge.dispute_updated"
	EventDisputeClosed  EventType = "charge.dispute_closed"
)

// EventTypes lists every type, in the order in which they happen to a charge.
func EventTypes() []EventType {
	return []EventType{
		EventActionRequired, EventProcessing, EventHeld, EventCaptured, EventRefused, EventReleased, EventRefundPending, EventRefunded, EventRefundFailed,
		EventDisputeOpened, EventDisputeUpdated, EventDisputeClosed,
	}
}

// eventOf is the event of a move: a charge that came into this status by this journal entry; "" for none.
func eventOf(status payment.Outcome, entry kind) EventType {
	switch entry {
	case entryRefund:
		return EventRefunded
	case entryCapture: // the rest may still be held
		return EventCaptured
	case entryVoid: // a part may be captured
		return EventReleased
	case noEntry, entryAuthorize, entryReversal, entryDispute, entryReinstatement:
	}
	switch status {
	case payment.ActionRequired:
		return EventActionRequired
	case payment.Pending:
		return EventProcessing
	case payment.Held:
		return EventHeld
	case payment.Captured:
		return EventCaptured
	case payment.Released:
		return EventReleased
	case payment.Refused:
		return EventRefused
	case payment.Prepared, payment.Refunded, payment.NotFound: // no charge has such a status
		return ""
	default:
		return ""
	}
}

// WebhookMode says of what the provider sends webhooks.
type WebhookMode string

// The modes.
const (
	// WebhooksOff sends none.
	WebhooksOff WebhookMode = "off"
	// WebhooksOfActions sends what no answer of a call tells: an action was completed.
	WebhooksOfActions WebhookMode = "actions"
	// WebhooksOfAll sends every change of a charge.
	WebhooksOfAll WebhookMode = "all"
)

// Chaos has the faults that webhooks have on purpose.
type Chaos struct {
	// Duplicate sends each event twice, at the same time.
	Duplicate bool
	// Late holds every event back for ChaosDelay.
	Late bool
	// Reorder holds the events of a charge back by up to ChaosDelay, the earlier in its life the longer, so that what
	// follows within a third of it arrives first.
	Reorder bool
	// Early sends an event before the call that caused it is answered, whatever the other two say.
	Early bool
}

// ParseChaos reads the words duplicate, late, reorder and early.
func ParseChaos(words []string) (Chaos, error) {
	var c Chaos
	for _, word := range words {
		switch word {
		case "duplicate":
			c.Duplicate = true
		case "late":
			c.Late = true
		case "reorder":
			c.Reorder = true
		case "early":
			c.Early = true
		default:
			return Chaos{}, fmt.Errorf("simulated provider: %q: expected duplicate, late, reorder or early", word)
		}
	}
	return c, nil
}

// Webhooks says what the provider tells whom by itself. The zero value sends nothing and believes nothing.
type Webhooks struct {
	// Mode: empty is WebhooksOff. Events are written to the ledger's database with what caused them, so any provider on
	// that database that runs SendWebhooks sends them.
	Mode WebhookMode
	// URL to post to.
	URL string
	// Secrets to sign with, all of them, and to verify with, any of them: two while one is replaced by the other.
	Secrets []string
	Chaos   Chaos
	// ChaosDelay: default 3 seconds.
	ChaosDelay time.Duration
	// RetryAfter is the pause after the first delivery that failed; it doubles up to an hour. Default half a second.
	RetryAfter time.Duration
	// Now is the time that requests are signed with. Default time.Now.
	Now func() time.Time
	// TLS of an https URL; nil is Go's default, which checks the certificate.
	TLS *tls.Config
	// Logger hears of events that are given up. Default slog.Default.
	Logger *slog.Logger
}

const (
	defaultChaosDelay = 3 * time.Second
	defaultRetryAfter = 500 * time.Millisecond
)

func (w Webhooks) withDefaults() Webhooks {
	if w.ChaosDelay <= 0 {
		w.ChaosDelay = defaultChaosDelay
	}
	if w.RetryAfter <= 0 {
		w.RetryAfter = defaultRetryAfter
	}
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Logger == nil {
		w.Logger = slog.Default()
	}
	return w
}

func (w Webhooks) check() error {
	if w.URL != "" && w.Mode != WebhooksOff && w.Mode != "" && (len(w.Secrets) == 0 || slices.Contains(w.Secrets, "")) {
		return errors.New("simulated provider: webhooks need a secret to sign with")
	}
	switch w.Mode {
	case "", WebhooksOff, WebhooksOfActions, WebhooksOfAll:
		return nil
	}
	return fmt.Errorf("simulated provider: the mode of webhooks %q is none of actions, all and off", w.Mode)
}

// sends reports whether an event is to be sent; outside tells that no answer of a call tells the same.
func (w Webhooks) sends(outside bool) bool {
	return w.Mode == WebhooksOfAll || w.Mode == WebhooksOfActions && outside
}

// delay returns the time between an event of the type and its sending.
func (w Webhooks) delay(event EventType) time.Duration {
	var d time.Duration
	if w.Chaos.Late {
		d = w.ChaosDelay
	}
	if w.Chaos.Reorder {
		switch event {
		case EventActionRequired, EventProcessing:
			d += w.ChaosDelay
		case EventHeld:
			d += w.ChaosDelay * 2 / 3
		case EventCaptured, EventRefused:
			d += w.ChaosDelay / 3
		case EventReleased, EventRefundPending, EventRefunded, EventRefundFailed, EventDisputeOpened, EventDisputeUpdated, EventDisputeClosed:
		}
	}
	if w.Chaos.Early {
		d = max(d, earlyTimeout) // or SendWebhooks might have begun, and not ended, when the call is answered
	}
	return d
}

// outgoing is an event about to be written to the outbox with its move. The zero value writes none.
type outgoing struct {
	id    id.Null[uuid.UUID]
	event EventType
	delay time.Duration
}

// outgoing gives the event of what the operation with this key does to a charge. The id follows from it, so that a
// statement that runs twice writes one event.
func (w Webhooks) outgoing(key id.Attempt, reference string, event EventType, outside bool) outgoing {
	if event == "" || !w.sends(outside) {
		return outgoing{}
	}
	eventID := uuid.NewSHA1(uuid.UUID(key), []byte(reference+" "+string(event)))
	return outgoing{id: id.Some(eventID), event: event, delay: w.delay(event)}
}

// early lists the events to be sent before the answer.
func (w Webhooks) early(events ...outgoing) []uuid.UUID {
	if !w.Chaos.Early {
		return nil
	}
	var ids []uuid.UUID
	for _, e := range events {
		if e.id.Valid {
			ids = append(ids, e.id.ID)
		}
	}
	return slices.Clip(ids)
}

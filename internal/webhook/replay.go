package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// maxReplay bounds the events in the range of a replay.
	maxReplay = 100_000
	// commitDelay bounds the difference between the order of the feed and that of time: events are placed when they are committed, which
	// comes after they are recorded. No commit takes nearly as long.
	commitDelay = 10 * time.Minute
)

// ErrReplaying says that another replay of the endpoint is not finished.
var ErrReplaying = errors.New("another replay is not finished")

// Replay sends the events of a range of the feed to an endpoint once more.
type Replay struct {
	ID         uuid.UUID
	EndpointID id.Endpoint
	// Since is the position before the range, Position how far it has come, Until its last position.
	Since, Position, Until int64
	// From and To bound the time of the events: From is included, To is not. Nil: no bound.
	From, To *time.Time
	// Queued events became deliveries, Missed ones had left the log before their turn.
	Queued, Missed int
	CreatedAt      time.Time
	// FinishedAt is set when Position is Until.
	FinishedAt *time.Time
	// untilNow: the one who asked gave no end.
	untilNow bool
}

// Total returns the number of events in the range.
func (r *Replay) Total() int { return int(r.Until - r.Since) }

// Done returns the number of events in the range that have been looked at.
func (r *Replay) Done() int { return int(r.Position - r.Since) }

// covers tells whether an event is in the range, as far as time goes.
func (r *Replay) covers(at time.Time) bool {
	return (r.From == nil || !at.Before(*r.From)) && (r.To == nil || at.Before(*r.To))
}

// Same tells whether it is what asked asks for, once more. The log may have grown since.
func (r *Replay) Same(asked *Replay) bool {
	equal := func(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }
	byTime := r.From != nil && equal(r.From, asked.From) && equal(r.To, asked.To)
	byPosition := r.From == nil && asked.From == nil && r.Since == asked.Since && (asked.untilNow || r.Until == asked.Until)
	return byTime || byPosition
}

// Range selects past events: from From up to To, or after After up to Through. A nil end is now.
type Range struct {
	From, To       *time.Time
	After, Through *event.FeedCursor
}

// Log is the event log as Service reads it; see event.Log.
type Log interface {
	Feed
	Extent(ctx context.Context, at int64) (event.Extent, error)
}

// Replay starts a replay, and returns the endpoint with it. An equal one that is not finished is returned instead. User errors:
// ENDPOINT_NOT_FOUND, RANGE_INVALID, RANGE_TOO_LARGE, RANGE_NOT_KEPT, REPLAY_IN_PROGRESS. INVALID_CURSOR for a cursor of another log.
func (s *Service) Replay(ctx context.Context, p auth.Principal, endpointID id.Endpoint, of Range) (*Endpoint, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	now := s.clock()
	r := &Replay{ID: id.At[uuid.UUID](now), EndpointID: endpointID, From: micros(of.From), To: micros(of.To), CreatedAt: now}
	if err := s.locate(ctx, p, of, r, now); err != nil {
		return nil, err
	}
	if r.Total() > maxReplay {
		return nil, fault.User(fault.RangeTooLarge, fmt.Sprintf("The range has %d events, of at most %d; replay it in parts.", r.Total(), maxReplay), "input")
	}
	if r.Total() == 0 {
		r.FinishedAt = &now
	}
	entry := audit.New(now, p, "webhook.replay", endpointID, fmt.Sprintf("%d events", r.Total()))
	e, err := s.store.StartReplay(ctx, p, r, entry)
	if errors.Is(err, ErrReplaying) {
		return nil, fault.User(fault.ReplayInProgress, "Another replay of this endpoint is not finished; wait for it.", "input", "endpointId")
	}
	if err != nil {
		return nil, noSuchEndpoint(err)
	}
	s.changed()
	return e, nil
}

// locate finds the positions of a range.
func (s *Service) locate(ctx context.Context, p auth.Principal, of Range, r *Replay, now time.Time) error {
	extent, err := s.log.Extent(ctx, 0)
	if err != nil {
		return err
	}
	switch {
	case of.From != nil && of.After == nil && of.Through == nil:
		return s.locateTimes(ctx, p, extent, r, now)
	case of.After != nil && of.From == nil && of.To == nil:
		return s.locateCursors(ctx, of, extent, r)
	}
	return fault.User(fault.RangeInvalid, "Give either from, with or without to, or after, with or without through.", "input")
}

func (s *Service) locateCursors(ctx context.Context, of Range, extent event.Extent, r *Replay) error {
	r.Since, r.Until, r.untilNow = of.After.Position, extent.Last.Position, of.Through == nil
	if of.Through != nil {
		r.Until = of.Through.Position
	}
	for name, c := range map[string]*event.FeedCursor{"after": of.After, "through": of.Through} {
		if c == nil {
			continue
		}
		at, err := s.log.Extent(ctx, c.Position)
		if err != nil {
			return err
		}
		if !c.In(at) {
			return fault.New(fault.InvalidCursor, name+" is not a cursor of this log: pass one that a feed has given you, unchanged.")
		}
	}
	r.Position = r.Since
	if r.Since < extent.First-1 {
		return notKept("after")
	}
	if r.Until < r.Since {
		return fault.User(fault.RangeInvalid, "The range ends before it begins.", "input", "through")
	}
	return nil
}

func (s *Service) locateTimes(ctx context.Context, p auth.Principal, extent event.Extent, r *Replay, now time.Time) error {
	if r.From.After(now) {
		return fault.User(fault.RangeInvalid, "The range begins in the future.", "input", "from")
	}
	if r.To != nil && !r.To.After(*r.From) {
		return fault.User(fault.RangeInvalid, "The range ends before it begins.", "input", "to")
	}
	if extent.First > 1 && extent.First <= extent.Last.Position {
		oldest, err := s.recordedAt(ctx, p, extent.First)
		if err != nil {
			return err
		}
		if r.From.Before(oldest) {
			return notKept("from")
		}
	}
	begin, err := s.firstSince(ctx, p, extent, r.From.Add(-commitDelay))
	if err != nil {
		return err
	}
	r.Since, r.Until = begin-1, extent.Last.Position
	if r.To != nil {
		end, err := s.firstSince(ctx, p, extent, r.To.Add(commitDelay))
		if err != nil {
			return err
		}
		r.Until = end - 1
	}
	r.Position = r.Since
	return nil
}

// firstSince finds the first position whose event was recorded at a time or later, or the next to be given. It halves the feed.
func (s *Service) firstSince(ctx context.Context, p auth.Principal, extent event.Extent, at time.Time) (int64, error) {
	low, high := extent.First, extent.Last.Position+1
	for low < high {
		middle := low + (high-low)/2
		recorded, err := s.recordedAt(ctx, p, middle)
		if err != nil {
			return 0, err
		}
		if recorded.Before(at) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// recordedAt is the time of a position's event; the zero time, which is before all others, for one that has just left the log.
func (s *Service) recordedAt(ctx context.Context, p auth.Principal, position int64) (time.Time, error) {
	page, err := s.log.FeedPage(ctx, p, event.Everybody, position-1, 1)
	if err != nil || len(page.Items) == 0 {
		return time.Time{}, err
	}
	return page.Items[0].Event.At, nil
}

func notKept(field string) error {
	return fault.User(fault.RangeNotKept, "The range begins before the oldest event that is kept; begin later.", "input", field)
}

// micros is a time as PostgreSQL keeps it.
func micros(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.Truncate(time.Microsecond))
}

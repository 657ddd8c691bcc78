package event_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// countedLog counts the reads of the feed's end.
type countedLog struct {
	event.Log
	reads atomic.Int64
}

func (l *countedLog) FeedTail(ctx context.Context, p auth.Principal, after int64, limit int) (event.FeedTail, error) {
	l.reads.Add(1)
	return l.Log.FeedTail(ctx, p, after, limit)
}

// TestGrew: the feed is read once for each growth, however often it is announced, and never without subscribers.
func TestGrew(t *testing.T) {
	t.Parallel()
	db := postgrestest.Connect(t, postgrestest.URL(t))
	log := &countedLog{Log: postgres.NewLog(db.API)}
	hub := event.NewHub(log, event.Config{PollInterval: time.Hour})
	run(t, hub.Run)
	r := &replica{t: t, db: db, hub: hub}
	sequencer := postgres.NewSequencer(db.Worker, uuid.NewString(), time.Hour)
	if held, err := sequencer.Acquire(t.Context()); err != nil || !held {
		t.Fatalf("held %v, %v", held, err)
	}
	grow := func() int64 {
		t.Helper()
		r.place(ada)
		assigned, err := sequencer.Assign(t.Context())
		if err != nil || assigned.Count != 1 {
			t.Fatalf("assigned %+v, %v", assigned, err)
		}
		hub.Grew(assigned.Position)
		return assigned.Position
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for begun := time.Now(); !done(); runtime.Gosched() {
			if time.Since(begun) > patience {
				t.Fatal("in vain: ", what)
			}
		}
	}
	until("the first reading", func() bool { return log.reads.Load() == 1 })
	for range 3 {
		position := grow()
		until("following unread", func() bool { return hub.Position() == position })
	}
	if n := log.reads.Load(); n != 1 {
		t.Errorf("the feed was read %d times while nobody watched, want only at first", n)
	}
	watch := r.watchFeed(staff, event.Filter{}, "")
	expect(t, watch, event.Snapshot, 0)
	for range 3 {
		position := grow()
		expect(t, watch, event.Happened, 1)
		until("the hub's position", func() bool { return hub.Position() == position })
		hub.Grew(position)
		hub.Grew(position - 1)
	}
	if n := log.reads.Load(); n != 4 {
		t.Errorf("the feed was read %d times for three events that are watched, want once for each", n-1)
	}
}

package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

func await[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(eventually.Patience):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// background runs f until the test ends or stop is called, and waits for it.
func background(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func TestListener(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db := postgrestest.Connect(t, url)
	heard := make(chan string, 100)
	l, err := postgres.NewListener(url, nil, map[string]func(string){
		postgres.FeedChannel:   func(payload string) { heard <- payload },
		postgres.CommitChannel: func(string) {},
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if l.Connected() {
		t.Error("connected before Run")
	}
	background(t, l.Run)
	if got := await(t, "call after connecting", heard); got != "" {
		t.Errorf("payload %q after connecting, want none", got)
	}
	if !l.Connected() {
		t.Error("not connected although it listens")
	}
	s := sequencer(t, db, longLease)
	take(t, s, true)
	place(t, db)
	assign(t, s)
	if got := await(t, "notification", heard); got != "1" {
		t.Errorf("payload %q, want the feed's position 1", got)
	}
	var ended int
	err = db.GetContext(t.Context(), &ended, `
		SELECT count(*) FROM (
			SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%') t`)
	if err != nil || ended != 1 {
		t.Fatalf("%d connections ended, want 1; %v", ended, err)
	}
	if got := await(t, "call after the reconnect", heard); got != "" {
		t.Errorf("payload %q after the reconnect, want none", got)
	}
	place(t, db)
	assign(t, s)
	for got := ""; got != "2"; {
		got = await(t, "notification after the reconnect", heard)
	}
}

// TestSequencerTakeover runs two replicas. The one that does not lead announces commits; when the leader ends, it
// leads, and it finds what was committed meanwhile.
func TestSequencerTakeover(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db := postgrestest.Connect(t, url)
	assigned := make(chan struct{}, 100)
	replica := func() (*event.Sequencer, func()) {
		sequencer := postgres.NewSequencer(postgrestest.Connect(t, url).Worker, uuid.NewString(), event.Lease)
		s := event.NewSequencer(sequencer, func(int64) { assigned <- struct{}{} }, slog.New(slog.DiscardHandler))
		heard := make(chan struct{}, 100)
		l, err := postgres.NewListener(url, nil, map[string]func(string){
			postgres.CommitChannel: func(payload string) {
				if payload == postgres.LeaseFree {
					s.LeaseFree()
				} else {
					s.Announced()
				}
				heard <- struct{}{}
			},
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		background(t, l.Run)
		await(t, "listener", heard)
		return s, background(t, s.Run)
	}
	a, stopA := replica()
	place(t, db)
	a.Wake()
	await(t, "assignment by the first", assigned)
	b, _ := replica()
	place(t, db)
	b.Wake()
	await(t, "assignment by the first for the second", assigned)
	if !a.Leading() || b.Leading() {
		t.Errorf("first leads: %v, second leads: %v", a.Leading(), b.Leading())
	}
	place(t, db)
	stopA()
	place(t, db)
	b.Wake()
	for count(t, db, "feed") < 4 {
		await(t, "assignment by the second", assigned)
	}
	if a.Leading() || !b.Leading() {
		t.Errorf("first leads: %v, second leads: %v", a.Leading(), b.Leading())
	}
	checkFeed(t, db)
}

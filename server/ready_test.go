package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Probes are answered from a look at the database that others have had, and a clock that stands still has one look.
func TestReadyLooksOnceASecond(t *testing.T) {
	t.Parallel()
	app := startApp(t, postgrestest.URL(t))
	await(t.Context(), t, func() bool { return ready(t.Context(), app.URL()) })
	var looks, seconds atomic.Int64
	began := time.Now().Add(time.Hour)
	app.readiness.looking.Lock()
	look := app.readiness.look
	app.readiness.now = func() time.Time { return began.Add(time.Duration(seconds.Load()) * time.Second) }
	app.readiness.look = func(ctx context.Context) (string, error) {
		looks.Add(1)
		return look(ctx)
	}
	app.readiness.looking.Unlock()
	for second := range 3 {
		seconds.Store(int64(second))
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range 100 {
					if got, _ := status(t, app.URL(), "/readyz", ""); got != 200 {
						t.Errorf("%d", got)
					}
				}
			})
		}
		all.Wait()
		if got := looks.Load(); got != int64(second+1) {
			t.Fatalf("1,000 probes in each of %d seconds: %d looks at the database", second+1, got)
		}
	}
	app.draining.Store(true)
	if got, _ := status(t, app.URL(), "/readyz", ""); got != 503 {
		t.Errorf("a server that stops: %d, which a look of before must not hide", got)
	}
	app.draining.Store(false)
}

// Only changes are logged.
func TestReadyLogsChanges(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	away := errors.New("connection refused")
	r := newReadiness(nil, slog.New(slog.NewTextHandler(&log, nil)))
	for _, verdict := range []struct {
		problem string
		cause   error
	}{{"", nil}, {"database unavailable", away}, {"", nil}, {"draining", nil}} {
		for range 100 {
			r.say(t.Context(), verdict.problem, verdict.cause)
		}
	}
	if got := strings.Count(log.String(), "\n"); got != 3 || !strings.Contains(log.String(), "connection refused") {
		t.Errorf("%d lines, want one for each of three changes:\n%s", got, log.String())
	}
}

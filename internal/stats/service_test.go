package stats_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/stats"
)

var staff = auth.Principal{Role: auth.RoleStaff}

// counting is a store in which a reading takes a while by its own clock.
type counting struct {
	mu    sync.Mutex
	now   time.Time
	takes time.Duration
	reads int
	fails error
}

func (c *counting) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *counting) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *counting) Stats(context.Context, auth.Principal, stats.Span) (*stats.Stats, error) {
	c.pass(c.takes)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return &stats.Stats{InFlight: c.reads}, c.fails
}

func TestService(t *testing.T) {
	t.Parallel()
	setup := func(takes time.Duration) (*counting, func() int) {
		store := &counting{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), takes: takes}
		service := stats.NewService(store, func() int { return 7 }, store.clock)
		return store, func() int {
			got, err := service.Stats(t.Context(), staff, stats.LastHour)
			if err != nil || got.Subscribers != 7 {
				t.Fatalf("%+v, %v", got, err)
			}
			return got.InFlight
		}
	}
	t.Run("ManyBoardsCostOneReading", func(t *testing.T) {
		t.Parallel()
		store, read := setup(0)
		var boards sync.WaitGroup
		for range 20 {
			boards.Go(func() { read() })
		}
		boards.Wait()
		store.pass(999 * time.Millisecond)
		if got := read(); got != 1 {
			t.Errorf("read %d times within a second", got)
		}
		store.pass(time.Millisecond)
		if got := read(); got != 2 {
			t.Errorf("reading %d after a second", got)
		}
	})
	t.Run("WhatIsDearIsKeptLonger", func(t *testing.T) {
		t.Parallel()
		store, read := setup(500 * time.Millisecond)
		read()
		store.pass(4999 * time.Millisecond)
		if got := read(); got != 1 {
			t.Errorf("reading %d after less than ten times what it took", got)
		}
		store.pass(time.Millisecond)
		if got := read(); got != 2 {
			t.Errorf("reading %d after ten times what it took", got)
		}
	})
	t.Run("ErrIsNotKept", func(t *testing.T) {
		t.Parallel()
		store, read := setup(0)
		store.fails = errors.New("no database")
		service := stats.NewService(store, func() int { return 0 }, store.clock)
		if _, err := service.Stats(t.Context(), staff, stats.LastDay); !errors.Is(err, store.fails) {
			t.Errorf("error %v", err)
		}
		store.fails = nil
		read()
	})
	t.Run("ErrNotStaff", func(t *testing.T) {
		t.Parallel()
		store, _ := setup(0)
		service := stats.NewService(store, func() int { return 0 }, store.clock)
		customer := auth.Principal{Role: auth.RoleCustomer, Subject: "ada", CustomerID: [16]byte{1}}
		if _, err := service.Stats(t.Context(), customer, stats.LastDay); fault.CodeOf(err) != fault.Forbidden || store.reads != 0 {
			t.Errorf("a customer: %v, %d readings", err, store.reads)
		}
	})
}

func TestErrUnknownWindow(t *testing.T) {
	t.Parallel()
	service := stats.NewService(&counting{}, func() int { return 7 }, time.Now)
	for _, window := range []stats.Window{"", "LAST_YEAR", "last_hour"} {
		if got, err := service.Stats(t.Context(), staff, window); err == nil {
			t.Errorf("%q: %+v", window, got)
		}
	}
}

func TestSpanOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 29, 999, time.UTC)
	for window, want := range map[stats.Window]stats.Span{
		stats.Last15Minutes: {From: time.Date(2026, 5, 1, 11, 45, 30, 0, time.UTC), Step: 30 * time.Second, Points: 30},
		stats.LastHour:      {From: time.Date(2026, 5, 1, 11, 2, 0, 0, time.UTC), Step: 2 * time.Minute, Points: 30},
		stats.LastDay:       {From: time.Date(2026, 4, 30, 12, 30, 0, 0, time.UTC), Step: 30 * time.Minute, Points: 48},
	} {
		if got := stats.SpanOf(window, now); got != want {
			t.Errorf("%s is %+v, want %+v", window, got, want)
		}
	}
}

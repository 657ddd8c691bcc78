// Package stats gives staff the shop's figures for a board: the events within a window of time, and the open work.
package stats

import (
	"fmt"
	"time"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
)

// Window is the period of the figures, as in the GraphQL enum StatsWindow.
type Window string

// The windows.
const (
	Last15Minutes Window = "LAST_15_MINUTES"
	LastHour      Window = "LAST_HOUR"
	LastDay       Window = "LAST_DAY"
)

// grids has each window's points: few enough to draw and to send, so that a day costs no more than an hour.
var grids = map[Window]struct {
	step   time.Duration
	points int
}{
	Last15Minutes: {30 * time.Second, 30},
	LastHour:      {2 * time.Minute, 30},
	LastDay:       {30 * time.Minute, 48},
}

// Span is a window as of one moment: Points steps of equal length, the last of which contains the moment and so still
// grows. Steps begin at multiples of their length since 1970, so that they do not move from one reading to the next.
type Span struct {
	From   time.Time
	Step   time.Duration
	Points int
}

// SpanOf is the window that ends at now. It panics for a window that does not exist.
func SpanOf(w Window, now time.Time) Span {
	grid, ok := grids[w]
	if !ok {
		panic(fmt.Sprintf("no window %q", w))
	}
	last := now.UTC().Truncate(grid.step)
	return Span{From: last.Add(-grid.step * time.Duration(grid.points-1)), Step: grid.step, Points: grid.points}
}

// Stats are the figures of one span. What each counts is described where clients read it: schema/stats.graphqls.
type Stats struct {
	At              time.Time
	OrdersByStatus  []StatusCount
	Revenue         []money.Amount
	Throughput      []Point
	TimeToConfirmed Percentiles
	InFlight        int
	Attention       int
	Subscribers     int
}

// StatusCount is the number of orders in a status.
type StatusCount struct {
	Status order.Status
	Count  int
}

// Point has the figures of one step, which begins at At.
type Point struct {
	At                                      time.Time
	Created, Confirmed, Declined, Cancelled int
	// TimeToConfirmed is nil when nothing was confirmed.
	TimeToConfirmed *Percentiles
}

// Percentiles of durations, in whole milliseconds; 0 when there is nothing to measure.
type Percentiles struct {
	P50Ms, P95Ms, P99Ms int
}

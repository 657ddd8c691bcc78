package render

import (
	"context"
	"errors"
	"testing"
)

func TestBudget(t *testing.T) {
	t.Parallel()
	// endless renders until it is stopped.
	endless := func(run *Run) (Out, bool) {
		var out Out
		for range 10_000_000 {
			if !run.Object(out) {
				return nil, false
			}
			out = append(out, '{', '}')
		}
		return out, true
	}
	t.Run("ErrTooLarge", func(t *testing.T) {
		t.Parallel()
		ctx, budget := WithBudget(t.Context(), 1000)
		if _, done := Object(ctx, endless); !done || !errors.Is(budget.Err(), ErrTooLarge) {
			t.Errorf("%t, %v", done, budget.Err())
		}
		if n := budget.Objects(); n > 1000 {
			t.Errorf("%d objects were begun", n)
		}
	})
	t.Run("ErrEnded", func(t *testing.T) {
		t.Parallel()
		ended, cancel := context.WithCancel(t.Context())
		ctx, budget := WithBudget(ended, 1<<30)
		begun := 0
		_, done := Object(ctx, func(run *Run) (Out, bool) {
			for run.Object(nil) {
				if begun++; begun == 1000 {
					cancel()
				}
			}
			return nil, false
		})
		if !done || !errors.Is(budget.Err(), ErrEnded) || begun > 1000+runObjects {
			t.Errorf("%t, %v, %d objects were begun", done, budget.Err(), begun)
		}
	})
	t.Run("Executed", func(t *testing.T) {
		t.Parallel()
		ctx, budget := WithBudget(t.Context(), 40<<10)
		for range 3 { // what a renderer leaves to gqlgen is counted by Fields
			if _, done := Object(ctx, func(run *Run) (Out, bool) { return nil, run.Object(make(Out, 30<<10)) && false }); done {
				t.Error("gqlgen does not execute what could not be rendered")
			}
		}
		if budget.Err() != nil {
			t.Error(budget.Err())
		}
	})
}

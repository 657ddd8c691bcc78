package pipeline_test

import (
	"context"
	"errors"
	"time"

	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/pipeline"
)

// A worker is killed by failing its commit, before or after the database has made it: the worker drops the order and its lease
// stays behind, as in a process that is gone. What is to happen is drawn before a round and used up in it, one fate for each
// commit, one for each question to the provider.
type commitFate string

const (
	commits      commitFate = "commits"
	killedBefore commitFate = "killed before the commit"
	killedAfter  commitFate = "killed after the commit"
)

type callFate struct {
	// answer: it comes, or is lost before or after the provider has acted.
	answer string
	// meanwhile has the events between a request and its answer.
	meanwhile []string
}

const (
	answered   = "answered"
	lostBefore = "lost before"
	lostAfter  = "lost after"
)

func (l *life) drawFates() {
	l.commits = rapid.SliceOfN(rapid.SampledFrom([]commitFate{commits, commits, commits, killedBefore, killedAfter}), 0, 3).Draw(l.T, "commits")
	l.calls = nil
	for range rapid.IntRange(0, 2).Draw(l.T, "calls") {
		l.calls = append(l.calls, callFate{
			answer: rapid.SampledFrom([]string{answered, answered, answered, lostBefore, lostAfter}).Draw(l.T, "answer"),
			meanwhile: rapid.SliceOfN(rapid.SampledFrom([]string{
				"cancel", "webhook", "refund", "retry", "approve the first", "another worker takes over", "outside refund 700", "outside dispute 0 webhook", "outside capture 900 webhook",
			}), 0, 2).Draw(l.T, "meanwhile"),
		})
	}
}

var errKilled = errors.New("killed")

// mortal is the store as a worker has it that may be killed.
type mortal struct {
	pipeline.Store
	l *life
}

func (s mortal) ChangeOrder(ctx context.Context, p auth.Principal, orderID id.Order, change order.Change) (order.Outcome, error) {
	fate := commits
	if len(s.l.commits) > 0 {
		fate, s.l.commits = s.l.commits[0], s.l.commits[1:]
	}
	if fate == killedBefore {
		return order.Outcome{}, errKilled
	}
	outcome, err := s.Store.ChangeOrder(ctx, p, orderID, change)
	if err == nil && fate == killedAfter {
		return order.Outcome{}, errKilled
	}
	return outcome, err
}

// lossy is the provider behind a network that loses questions and answers.
type lossy struct {
	payment.Gateway
	l *life
}

var errLost = errors.New("no answer")

func (g lossy) ask(do func() (payment.Result, error)) (payment.Result, error) {
	fate := callFate{answer: answered}
	if len(g.l.calls) > 0 {
		fate, g.l.calls = g.l.calls[0], g.l.calls[1:]
	}
	if fate.answer == lostBefore {
		g.l.happen(fate.meanwhile)
		return payment.Result{}, errLost
	}
	r, err := do()
	if r.Action != nil { // its end is by the provider's clock, which no life waits for
		action, until := *r.Action, modelStart.Add(2*time.Hour)
		action.ExpiresAt, r.Action = &until, &action
	}
	g.l.happen(fate.meanwhile)
	if fate.answer == lostAfter {
		return payment.Result{}, errLost
	}
	return r, err
}

func (g lossy) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	return g.ask(func() (payment.Result, error) { return g.Gateway.Authorize(ctx, call) })
}

func (g lossy) Capture(ctx context.Context, call payment.Call) (payment.Result, error) {
	return g.ask(func() (payment.Result, error) { return g.Gateway.Capture(ctx, call) })
}

func (g lossy) Void(ctx context.Context, call payment.Call) (payment.Result, error) {
	return g.ask(func() (payment.Result, error) { return g.Gateway.Void(ctx, call) })
}

func (g lossy) Refund(ctx context.Context, call payment.Call) (payment.Result, error) {
	return g.ask(func() (payment.Result, error) { return g.Gateway.Refund(ctx, call) })
}

func (g lossy) LookUp(ctx context.Context, call payment.Call) (payment.Result, error) {
	return g.ask(func() (payment.Result, error) { return g.Gateway.LookUp(ctx, call) })
}

package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// lane bounds how many orders wait for one provider, so that a provider which hangs holds no slots that others need. The lane ""
// bounds the orders that are worked on without a provider; its circuit never opens.
type lane struct {
	name string
	// free has one token per free slot.
	free chan struct{}

	mu      sync.Mutex
	circuit circuit
}

func newLane(name string) *lane {
	l := &lane{name: name, free: make(chan struct{}, slots)}
	for range slots {
		l.free <- struct{}{}
	}
	return l
}

// pass is the right to a slot of a lane.
type pass struct {
	lane *lane
	// probe: it was given while the lane's circuit was open, for one call.
	probe bool
}

// enter returns passes for up to n orders, without waiting: only one for a probe while the circuit is open, none when it lets none through.
func (l *lane) enter(now time.Time, n int) []*pass {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok, probe := l.circuit.admits(now)
	if !ok {
		return nil
	}
	if probe {
		n = min(n, 1)
	}
	var passes []*pass
	for len(passes) < n {
		select {
		case <-l.free:
			passes = append(passes, &pass{lane: l, probe: probe})
			l.circuit.probing = probe
			continue
		default:
		}
		break
	}
	return passes
}

// leave gives a pass back. It reports whether there had been none.
func (p *pass) leave() (wasFull bool) {
	p.lane.mu.Lock()
	defer p.lane.mu.Unlock()
	if p.probe {
		p.lane.circuit.probing = false
	}
	p.lane.free <- struct{}{}
	return len(p.lane.free) == 1
}

// mayCall reports whether a call may be made with the pass. One that was given before the circuit opened may not be used any more.
func (p *pass) mayCall() bool {
	p.lane.mu.Lock()
	defer p.lane.mu.Unlock()
	return !p.lane.circuit.open || p.probe
}

// called records the result of a call and reports whether the circuit has opened or closed. An answer that the gateway gave by itself
// tells nothing of the provider.
func (p *pass) called(now time.Time, result payment.Result, err error) (opened, closed bool) {
	p.lane.mu.Lock()
	defer p.lane.mu.Unlock()
	_, missing := errors.AsType[*payment.NotConfiguredError](err)
	refused, definite := errors.AsType[*payment.DefiniteError](err)
	if missing || definite && refused.Unasked || err == nil && result.Unasked {
		return false, false
	}
	if err == nil || definite {
		p.probe = false
		return false, p.lane.circuit.answered()
	}
	if p.probe {
		p.probe, p.lane.circuit.probing = false, false
	}
	return p.lane.circuit.failed(now), false
}

// available reports whether an order could enter.
func (l *lane) available(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok, _ := l.circuit.admits(now)
	return ok && len(l.free) > 0
}

func (l *lane) isOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.circuit.open
}

// lane returns the lane with a name. A provider that is not configured gets one as soon as an order waits for it.
func (w *Worker) lane(name string) *lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lanes[name] == nil {
		w.lanes[name] = newLane(name)
	}
	return w.lanes[name]
}

// allLanes are the lanes so far.
func (w *Worker) allLanes() []*lane {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*lane, 0, len(w.lanes))
	for _, l := range w.lanes {
		all = append(all, l)
	}
	return all
}

// CircuitOpen reports whether calls to the provider are suspended in this process because it does not answer.
func (w *Worker) CircuitOpen(provider string) bool { return w.lane(provider).isOpen() }

// visit is the work on one order, with the passes that it has.
type visit struct {
	w      *Worker
	passes []*pass
}

// mayAsk reports whether the order may wait for the provider, and enters its lane if need be. An order in a provider's lane gives its other
// slot free.
func (v *visit) mayAsk(provider string) bool {
	if p := v.in(provider); p != nil {
		return p.mayCall()
	}
	entered := v.w.lane(provider).enter(v.w.clock(), 1)
	if len(entered) == 0 {
		return false
	}
	v.leave()
	v.passes = entered
	return true
}

func (v *visit) in(provider string) *pass {
	for _, p := range v.passes {
		if p.lane.name == provider {
			return p
		}
	}
	return nil
}

// leave gives all passes back, and has the worker look again for orders of a lane that was full.
func (v *visit) leave() {
	for _, p := range v.passes {
		if p.leave() {
			v.w.Wake(v.w.clock())
		}
	}
	v.passes = nil
}

// called records the result of a call to the provider. The log has a line when its circuit opens or closes.
func (v *visit) called(ctx context.Context, provider string, a *answer) {
	p := v.in(provider)
	if p == nil {
		return
	}
	opened, closed := p.called(v.w.clock(), a.result, a.err)
	switch {
	case opened:
		v.w.log.WarnContext(ctx, "payment provider does not answer; its orders wait, and it is probed", "provider", provider, "error", a.err)
	case closed:
		v.w.log.InfoContext(ctx, "payment provider answers again", "provider", provider)
		v.w.Wake(v.w.clock())
	}
}

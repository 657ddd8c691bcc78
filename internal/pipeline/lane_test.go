package pipeline

import (
	"errors"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// Only what a provider has answered says that it can be reached: not what its gateway knew by itself.
func TestCircuitCountsAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		result payment.Result
		err    error
		closes bool
	}{
		"Result":         {payment.Result{Outcome: payment.NotFound}, nil, true},
		"Refusal":        {payment.Result{}, &payment.DefiniteError{Message: "refused"}, true},
		"ResultUnasked":  {payment.Result{Outcome: payment.NotFound, Unasked: true}, nil, false},
		"RefusalUnasked": {payment.Result{}, &payment.DefiniteError{Message: "refused", Unasked: true}, false},
		"NotConfigured":  {payment.Result{}, &payment.NotConfiguredError{}, false},
		"NotSent":        {payment.Result{}, &payment.NotSentError{Message: "refused"}, false},
		"Unanswered":     {payment.Result{Unasked: true}, errors.New("timeout"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Unix(1_800_000_000, 0)
			l := newLane("acme")
			p := l.enter(now, 1)[0]
			for range tripAfter - 1 {
				p.called(now, payment.Result{}, errors.New("timeout"))
			}
			p.called(now, tt.result, tt.err)
			p.called(now, payment.Result{}, errors.New("timeout"))
			if l.isOpen() == tt.closes {
				t.Errorf("open: %v, though %+v, %v came between", l.isOpen(), tt.result, tt.err)
			}
			p.leave()
			for range tripAfter {
				p.called(now, payment.Result{}, errors.New("timeout"))
			}
			probe := l.enter(now.Add(2*probePause), 1)[0]
			if probe.called(now, tt.result, tt.err); l.isOpen() == tt.closes {
				t.Errorf("open: %v after a probe with %+v, %v", l.isOpen(), tt.result, tt.err)
			}
			probe.leave()
			if !tt.closes && len(l.enter(now.Add(4*probePause), 1)) != 1 {
				t.Error("the next probe is not let through")
			}
		})
	}
}

package simulated

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

// Latency is the least duration of a call: a time between Min and Max that the call's key decides. Half of it passes
// before the ledger is written and half after, so that a caller who gives up may do so on either side.
type Latency struct {
	Min, Max time.Duration
}

// UnmarshalText reads one duration, or the least and the greatest with a hyphen between them: 200ms, 50ms-2s.
func (l *Latency) UnmarshalText(text []byte) error {
	lowest, highest, isRange := strings.Cut(string(text), "-")
	if !isRange {
		highest = lowest
	}
	var read Latency
	var err error
	if read.Min, err = time.ParseDuration(strings.TrimSpace(lowest)); err != nil {
		return err
	}
	if read.Max, err = time.ParseDuration(strings.TrimSpace(highest)); err != nil {
		return err
	}
	if read.Max < read.Min {
		return fmt.Errorf("%v is below %v", read.Max, read.Min)
	}
	*l = read
	return nil
}

// maxUndecided ends the search for a call that gets through; with FailureRate 1 there is none.
const maxUndecided = 1000

func checkFaults(opts Options) error {
	if l := opts.Latency; l.Min < 0 || l.Max < l.Min {
		return fmt.Errorf("simulated provider: a latency from %v to %v", l.Min, l.Max)
	}
	if rate := opts.FailureRate; math.IsNaN(rate) || rate < 0 || rate > 1 {
		return fmt.Errorf("simulated provider: the failure rate %v is not from 0 to 1", rate)
	}
	return nil
}

// failureOf returns the failure of the nth call with a key: the first as the token says, all by FailureRate. Seed, key and n
// decide, and nothing else, so that a run can be repeated, and so that a call that is repeated gets through in the end.
// What the provider decides about the payment never depends on it.
func (p *Provider) failureOf(key id.Attempt, n int, scripted failure) failure {
	if n == 1 && scripted != noFailure {
		return scripted
	}
	if p.opts.FailureRate <= 0 {
		return noFailure
	}
	sum := p.draw("failure", key, n)
	if fraction(sum[:]) >= p.opts.FailureRate {
		return noFailure
	}
	return []failure{timeoutBefore, errorBefore, timeoutAfterCharge, errorAfterCharge}[sum[8]%4]
}

// undecidedCalls returns the number of calls with the key that fail before a decision.
func (p *Provider) undecidedCalls(key id.Attempt, scripted failure) int {
	n := 0
	for n < maxUndecided && p.failureOf(key, n+1, scripted).undecided() {
		n++
	}
	return n
}

// pause is one half of the latency of a call. Its error says that the caller gave up meanwhile.
func (p *Provider) pause(ctx context.Context, key id.Attempt) error {
	l := p.opts.Latency
	if l.Max <= 0 {
		return nil
	}
	sum := p.draw("latency", key, 0)
	timer := time.NewTimer((l.Min + time.Duration(fraction(sum[:])*float64(l.Max-l.Min))) / 2)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return &UnavailableError{Code: CodeTimeout, cause: ctx.Err()}
	case <-timer.C:
		return nil
	}
}

// draw is 32 bytes that look random and follow from their arguments and the seed.
func (p *Provider) draw(purpose string, key id.Attempt, n int) [sha256.Size]byte {
	text := make([]byte, 0, 64)
	text = binary.BigEndian.AppendUint64(text, uint64(p.opts.Seed))
	text = append(text, key[:]...)
	text = binary.BigEndian.AppendUint64(text, uint64(n))
	return sha256.Sum256(append(text, purpose...))
}

// fraction makes a number of the interval [0, 1) of the first 8 bytes.
func fraction(sum []byte) float64 {
	return float64(binary.BigEndian.Uint64(sum)>>11) / (1 << 53)
}

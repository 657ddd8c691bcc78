package bench

import (
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	var d durations
	if got := d.percentile(99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for i := 200; i > 0; i-- {
		d.add(time.Duration(i) * time.Millisecond)
	}
	for p, want := range map[int]float64{1: 2, 50: 100, 99: 198, 100: 200} {
		if got := d.percentile(p); got != want {
			t.Errorf("p%d of 1 to 200 ms: %v ms, want %v", p, got, want)
		}
	}
}

func TestTakeTurns(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	turns := 0
	err := takeTurns(strings.NewReader("\n\n"), &said, func() (any, error) {
		turns++
		return turns, nil
	})
	if want := "{\"ready\":true}\n1\n2\n"; err != nil || said.String() != want {
		t.Errorf("said %q, %v, want %q", said.String(), err, want)
	}
}

package main

import (
	"slices"
	"testing"
	"time"
)

func TestGCTuner(t *testing.T) {
	t.Parallel()
	// after counts each of the numbers and returns the indices at which memory was released.
	after := func(t *testing.T, numbers ...int) (released []int) {
		t.Helper()
		at := 0
		tuner := &gcTuner{count: func() int { return numbers[at] }, release: func() { released = append(released, at) }, setGOGC: func(int) {}}
		start := time.Now()
		for at = range numbers {
			tuner.observe(start.Add(time.Duration(at) * countInterval))
		}
		return released
	}
	// percents returns the values of GOGC that were set meanwhile.
	percents := func(t *testing.T, numbers ...int) (set []int) {
		t.Helper()
		at := 0
		tuner := &gcTuner{count: func() int { return numbers[at] }, release: func() {}, setGOGC: func(percent int) { set = append(set, percent) }}
		for at = range numbers {
			tuner.observe(time.Time{}.Add(time.Duration(at) * countInterval))
		}
		return set
	}
	// stays is a number that is counted n times.
	stays := func(number, n int) []int {
		all := make([]int, n)
		for i := range all {
			all[i] = number
		}
		return all
	}
	join := func(parts ...[]int) (all []int) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	rising := func(from, to, step int) (all []int) {
		for n := from; n != to; n += step {
			all = append(all, n)
		}
		return all
	}
	for name, c := range map[string]struct {
		numbers []int
		want    int
	}{
		"OKOnceAfterABurst":            {join(rising(0, 5000, 250), stays(5000, 100)), 1},
		"OKAgainWhenAllHaveLeft":       {join(stays(5000, 50), rising(5000, 0, -250), stays(0, 100)), 2},
		"OKWhenTheBurstPauses":         {join(rising(0, 5000, 250), stays(5000, 20), rising(5000, 9000, 250), stays(9000, 20)), 2},
		"NoneDuringABurst":             {rising(0, 20_000, 250), 0},
		"NoneUnderASteadyLoad":         {stays(100, 1000), 0},
		"NoneWhenAFewComeAndGo":        {join(rising(0, 400, 20), stays(400, 50), rising(400, 0, -20), stays(0, 50)), 0},
		"OnceWhenATwentiethFollows":    {join(stays(20_000, 20), rising(20_000, 21_000, 250), stays(21_000, 50)), 1},
		"SeldomUnderConsecutiveBursts": {join(stays(0, 3), stays(1000, 4), stays(0, 4), stays(1000, 4), stays(0, 4)), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := after(t, c.numbers...); len(got) != c.want {
				t.Errorf("released at %v, want %d times", got, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		numbers []int
		want    []int
	}{
		"OKSetDuringABurst":             {join(stays(0, 5), rising(0, 5000, 250), stays(5000, 100)), []int{burstGOGC, normalGOGC}},
		"OKSetThroughAShortPause":       {join(rising(0, 5000, 250), stays(5000, 2), rising(5000, 9000, 250), stays(9000, 20)), []int{burstGOGC, normalGOGC}},
		"OKNotSetWithManyConnections":   {join(rising(0, 50_000, 1000), stays(50_000, 20), rising(50_000, 60_000, 1000)), []int{burstGOGC, normalGOGC}},
		"OKNotSetWhileConnectionsClose": {join(stays(5000, 1), rising(5000, 0, -250)), []int{burstGOGC, normalGOGC}},
		"OKNotSetUnderASteadyLoad":      {stays(0, 1000), nil},
		"OKNotSetByAFew":                {join(stays(0, 1), stays(0, 9)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := percents(t, c.numbers...); !slices.Equal(got, c.want) {
				t.Errorf("GOGC set to %v, want %v", got, c.want)
			}
		})
	}
}

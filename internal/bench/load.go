package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// takeTurns writes {"ready":true}. For each line that it reads it runs turn and writes the result, until in ends.
func takeTurns(in io.Reader, out io.Writer, turn func() (any, error)) error {
	say, next := json.NewEncoder(out), bufio.NewReader(in)
	if err := say.Encode(map[string]bool{"ready": true}); err != nil {
		return err
	}
	for {
		if _, err := next.ReadString('\n'); errors.Is(err, io.EOF) {
			return nil // who has started this has seen enough
		} else if err != nil {
			return err
		}
		seen, err := turn()
		if err != nil {
			return err
		}
		if err := say.Encode(seen); err != nil {
			return err
		}
	}
}

// durations are collected by many at a time.
type durations struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *durations) add(took ...time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, took...)
}

// percentile is that of all so far, in milliseconds; 0 of none. It is the smallest that p of 100 are not above
// (nearest rank).
func (d *durations) percentile(p int) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.all)
	if n == 0 {
		return 0
	}
	slices.Sort(d.all)
	return float64(d.all[(n*p+99)/100-1].Microseconds()) / 1000
}

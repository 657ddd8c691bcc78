package pipeline

import "context"

// Round claims once what is due and returns when it is worked on: a worker whose time only passes when told.
func (w *Worker) Round(ctx context.Context) error {
	_, err := w.claim(ctx)
	w.busy.Wait()
	return err
}

// MostAtOnce is how many orders a worker works on or holds.
const MostAtOnce = slots + maxSubmitted

// TripAfter is how many calls without an answer open a circuit.
const TripAfter = tripAfter

// Slots is how many orders may wait for one provider.
const Slots = slots

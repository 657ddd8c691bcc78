package pipeline

import "context"

// Round claims once what is due and returns when it is worked on: a worker whose time only passes when told.
func (w *Worker) Round(ctx context.Context) error {
	_, err := w.claim(ctx)
	w.busy.Wait()
	return err
}

// MostAtOnce bounds the orders that a worker works on or holds.
const MostAtOnce = slots + maxSubmitted

// TripAfter is the number of calls without an answer that opens a circuit.
const TripAfter = tripAfter

// Slots bounds the orders that wait for one provider.
const Slots = slots

package webhook

import "context"

// Step makes the deliveries of one page of the feed.
func (f *Fanout) Step(ctx context.Context) (more bool, err error) {
	more, _, err = f.step(ctx)
	return more, err
}

// WithoutAddress is an error as the log has it.
var WithoutAddress = withoutAddress

// Body returns the body sent for an event.
var Body = body

// Tries is after how many attempts a delivery has failed.
var Tries = len(backoff) + 1

// Prune deletes what is older than the retention.
func (d *Deliverer) Prune(ctx context.Context) { d.prune(ctx) }

// Step adds a page of each replay that may go on.
func (r *Replayer) Step(ctx context.Context) (moved bool, err error) {
	moved, _, err = r.step(ctx)
	return moved, err
}

const (
	// ReplayDue bounds the due deliveries of an endpoint to which a replay adds more.
	ReplayDue = replayDue
	// CommitDelay bounds the difference between the feed's order and that of time.
	CommitDelay = commitDelay
	// DeletedFor is the time that a deleted endpoint's row is kept.
	DeletedFor = deletedFor
)

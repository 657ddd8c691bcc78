package stream

import "context"

// Source is where the items of one subscription come from, *T each. It has no goroutine: Poll returns what there is. Its
// methods other than Close are never called concurrently.
type Source[T any] interface {
	// Notify names who is woken when Poll, having found nothing, is to be called again. It is called before Poll.
	Notify(Waker)
	// Poll returns the next item, or nil when there is none now. It does not wait for one, though it may read from a database. An
	// error ends the subscription; which ones there are says Stream.Next.
	Poll(ctx context.Context) (*T, error)
	// Waiting reports whether Poll finds its next item in memory.
	Waiting() bool
	// Close gives back what the source holds. It may be called more than once.
	Close()
}

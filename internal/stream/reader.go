package stream

import "context"

// Reader waits for a Stream's items, for a transport that has a goroutine for each operation anyway. Make it with
// NewReader.
type Reader struct {
	stream Stream
	signal chan struct{} // one slot: who is woken looks at everything
}

// NewReader becomes the stream's Waker. Closing the stream is still the caller's.
func NewReader(s Stream) *Reader {
	r := &Reader{stream: s, signal: make(chan struct{}, 1)}
	s.Notify(r)
	return r
}

// Wake implements Waker.
func (r *Reader) Wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// Next waits for the next item. Errors are those of Stream.Next.
func (r *Reader) Next(ctx context.Context) (Item, error) {
	draining := Draining(ctx)
	for {
		item, ok, err := r.stream.Next(ctx)
		if ok || err != nil {
			return item, err
		}
		select {
		case <-r.signal:
		case <-draining:
			draining = nil // the stream says what that means, once
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
	}
}

package stream

import "context"

// Reader waits for the items of a Stream. It is for a transport that has a goroutine for each operation anyway.
type Reader struct {
	stream Stream
	signal chan struct{} // one slot is enough: the reader looks at everything when it is woken
}

// NewReader returns a reader that is the stream's Waker. The caller still closes the stream.
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

// Next waits for the next item. Its errors are those of Stream.Next.
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
			draining = nil // the stream itself returns ErrDraining, at its own time
		case <-ctx.Done():
			return Item{}, ctx.Err()
		}
	}
}

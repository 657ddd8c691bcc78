package streamtest

import (
	"context"
	"strconv"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/stream"
)

// counter is the stream of `count`: all its items are in memory.
type counter struct {
	field *ast.Field
	n, to int
	over  func()
}

func (c *counter) Notify(stream.Waker) {}
func (c *counter) Close()              { c.over() }

func (c *counter) Next(context.Context) (stream.Item, bool, error) {
	if c.n++; c.n > c.to {
		return stream.Item{}, false, stream.ErrDone
	}
	return stream.Item{Cursor: strconv.Itoa(c.n), Response: data(c.field, strconv.Itoa(c.n)), More: c.n < c.to}, true, nil
}

// late is the stream of `late`: it calls Wake just before Next returns nothing.
type late struct {
	field *ast.Field
	asked int
	waker stream.Waker
	over  func()
}

func (l *late) Notify(w stream.Waker) { l.waker = w }
func (l *late) Close()                { l.over() }

func (l *late) Next(context.Context) (stream.Item, bool, error) {
	switch l.asked++; l.asked {
	case 1:
		l.waker.Wake()
		return stream.Item{}, false, nil
	case 2:
		return stream.Item{Cursor: "1", Response: data(l.field, "1")}, true, nil
	}
	return stream.Item{}, false, stream.ErrDone
}

// outlived is the stream of `outlived`.
type outlived struct{ over func() }

func (o outlived) Notify(stream.Waker) {}
func (o outlived) Close()              { o.over() }

func (o outlived) Next(ctx context.Context) (stream.Item, bool, error) {
	<-ctx.Done()
	return stream.Item{}, false, ctx.Err()
}

// plain is the stream of `plain`.
type plain struct {
	field *ast.Field
	n     int
	over  func()
}

func (p *plain) Notify(stream.Waker) {}
func (p *plain) Close()              { p.over() }

func (p *plain) Next(context.Context) (stream.Item, bool, error) {
	if p.n++; p.n > 2 {
		return stream.Item{}, false, stream.ErrDone
	}
	return stream.Item{Response: data(p.field, strconv.Itoa(p.n))}, true, nil
}

// crashing is the stream of `crashing`.
type crashing struct{ over func() }

func (c crashing) Notify(stream.Waker) {}
func (c crashing) Close()              { c.over() }

func (c crashing) Next(context.Context) (stream.Item, bool, error) { panic("crash") }

// feed is the stream of `feed`. It takes an item from the server only when it was polled and has none.
type feed struct {
	server *Server
	field  *ast.Field
	over   func()
	waker  stream.Waker
	closed chan struct{}

	mu    sync.Mutex
	asked bool
	got   *Item
	n     int
}

func (f *feed) Notify(w stream.Waker) { f.waker = w }

func (f *feed) Next(ctx context.Context) (stream.Item, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if item := f.got; item != nil {
		f.got = nil
		if item.Err != nil {
			return stream.Item{}, false, item.Err
		}
		f.n++
		return stream.Item{Cursor: strconv.Itoa(f.n), Response: data(f.field, strconv.Quote(item.Value))}, true, nil
	}
	if stream.IsDraining(ctx) {
		return stream.Item{}, false, stream.ErrDraining
	}
	select {
	case <-ctx.Done():
		return stream.Item{}, false, ctx.Err()
	default:
	}
	if !f.asked {
		f.asked = true
		select {
		case f.server.Pulled <- struct{}{}:
		default:
		}
		go f.receive()
	}
	return stream.Item{}, false, nil
}

// receive takes an item for the stream and wakes it.
func (f *feed) receive() {
	select {
	case item := <-f.server.Items:
		f.mu.Lock()
		f.asked, f.got = false, &item
		f.mu.Unlock()
		f.waker.Wake()
	case <-f.closed:
	}
}

func (f *feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
	f.over()
}

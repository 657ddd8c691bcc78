package gqlsse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/stream"
)

// response writes one event stream.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	cfg     *Config
	cancel  context.CancelCauseFunc
	drain   func() // asks the operation to end by itself
	unread  *addresslimit.Account

	mu        sync.Mutex // the heartbeat and the operation write concurrently
	heartbeat *time.Timer
	finished  bool
}

// start sends the headers and a first comment, so that the client and the proxies before it see the open stream.
func (r *response) start() error {
	h := r.w.Header()
	h.Set("Content-Type", eventStream+"; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // or nginx would buffer events
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heartbeat = time.AfterFunc(r.cfg.Heartbeat, r.beat)
	return r.write([]byte(":\n\n"))
}

func (r *response) beat() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.finished {
		_ = r.write([]byte(":\n\n")) // a failure cancels the stream
	}
}

// next sends one execution result, with its cursor as id if it has one.
func (r *response) next(cursor string, result *graphql.Response) error {
	data, err := json.Marshal(result) // json.Marshal compacts, so the data has no line breaks
	if err != nil {
		r.cancel(err)
		return err
	}
	event := nextEvent(cursor, data)
	held, ok := r.unread.ReserveAnswer(len(event))
	if !ok {
		return &stream.SlowConsumerError{}
	}
	defer r.unread.Release(held)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(event)
}

// completeEvent ends the operation. Its data field is empty but present, because a browser's EventSource drops an event
// without one.
const completeEvent = "event: complete\ndata:\n\n"

// answer sends the only result of an operation and completes it, in one write, so that no client gets one without the other.
// It writes nothing when it returns an error: addresslimit.ErrUnread, or the one of a result that is not valid JSON. A mutation's
// result is sent however much the client has not read, because the client would otherwise repeat the mutation.
func (r *response) answer(result *graphql.Response, mutation bool) error {
	data, err := json.Marshal(result)
	if err != nil {
		return err
	}
	held, ok := r.unread.ReserveAnswer(len(data))
	switch {
	case !ok && mutation:
		held = r.unread.Add(len(data))
	case !ok:
		return addresslimit.ErrUnread
	}
	defer r.unread.Release(held)
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write(append(nextEvent("", data), completeEvent...)) // nothing follows, so its failure changes nothing
	return nil
}

func nextEvent(cursor string, data []byte) []byte {
	var event bytes.Buffer
	event.Grow(len(data) + len(cursor) + 64)
	event.WriteString("event: next\n")
	if cursor != "" && !strings.ContainsAny(cursor, "\r\n\x00") {
		event.WriteString("id: " + cursor + "\n")
	}
	event.WriteString("data: ")
	event.Write(data)
	event.WriteString("\n\n")
	return event.Bytes()
}

// complete ends the operation.
func (r *response) complete() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write([]byte(completeEvent)) // see answer
}

// fail sends errors as the last result, and completes.
func (r *response) fail(errs gqlerror.List) {
	data, err := json.Marshal(map[string]any{"errors": errs})
	if err != nil {
		data = []byte(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write([]byte("event: next\ndata: " + string(data) + "\n\n" + completeEvent)) // see answer
}

// comment says why the stream ends, for people who look at it.
func (r *response) comment(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write([]byte(": " + strings.ReplaceAll(text, "\n", " ") + "\n\n")) // see answer
}

// write writes bytes within WriteTimeout and postpones the heartbeat. The lock is held.
func (r *response) write(event []byte) error {
	err := r.control.SetWriteDeadline(time.Now().Add(r.cfg.WriteTimeout))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		if _, err = r.w.Write(event); err == nil {
			err = r.control.Flush()
		}
		// A deadline that passes ends an HTTP/2 stream even while nothing is being written.
		_ = r.control.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		r.cancel(errGone)
		return err
	}
	r.heartbeat.Reset(r.cfg.Heartbeat)
	return nil
}

// finish stops the heartbeat: the ResponseWriter may not be used after the handler has returned.
func (r *response) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished = true
	if r.heartbeat != nil {
		r.heartbeat.Stop()
	}
}

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

	"github.com/orderwire/orderwire/internal/quota"
	"github.com/orderwire/orderwire/internal/stream"
)

// response writes one event stream.
type response struct {
	w       http.ResponseWriter
	control *http.ResponseController
	cfg     *Config
	cancel  context.CancelCauseFunc
	drain   func() // lets the operation end by itself
	unread  *quota.Account

	mu        sync.Mutex // the heartbeat writes beside the operation
	heartbeat *time.Timer
	finished  bool
}

// start sends the headers and a first comment, so that the client and what lies between see that the stream is open.
func (r *response) start() error {
	h := r.w.Header()
	h.Set("Content-Type", eventStream+"; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no") // nginx would collect events otherwise
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

// next sends one execution result, with its cursor as id when it has one.
func (r *response) next(cursor string, result *graphql.Response) error {
	data, err := json.Marshal(result) // compacts: the data has no line breaks
	if err != nil {
		r.cancel(err)
		return err
	}
	event := nextEvent(cursor, data)
	held, ok := r.unread.Hold(len(event))
	if !ok {
		return &stream.SlowConsumerError{}
	}
	defer r.unread.Release(held)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.write(event)
}

// completeEvent says that the operation is over. It has empty data, because a browser's EventSource drops an event without
// a data field.
const completeEvent = "event: complete\ndata:\n\n"

// answer sends the only result of an operation and completes it, in one write: no client has the one without the other. Its
// error is quota.ErrUnread, or that of a result that is no JSON; nothing was written then. A mutation's result is sent however much the
// client has not read, because the client would send the mutation again.
func (r *response) answer(result *graphql.Response, mutation bool) error {
	data, err := json.Marshal(result)
	if err != nil {
		return err
	}
	held, ok := r.unread.Hold(len(data))
	switch {
	case !ok && mutation:
		held = r.unread.Add(len(data))
	case !ok:
		return quota.ErrUnread
	}
	defer r.unread.Release(held)
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write(append(nextEvent("", data), completeEvent...)) // it is the last word in any case
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

// complete says that the operation is over.
func (r *response) complete() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write([]byte(completeEvent)) // as in answer
}

// fail sends errors as the last result and completes.
func (r *response) fail(errs gqlerror.List) {
	data, err := json.Marshal(map[string]any{"errors": errs})
	if err != nil {
		data = []byte(`{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL"}}]}`)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write([]byte("event: next\ndata: " + string(data) + "\n\n" + completeEvent)) // as in answer
}

// comment tells people who look at the stream why it ends.
func (r *response) comment(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.write([]byte(": " + strings.ReplaceAll(text, "\n", " ") + "\n\n")) // as in answer
}

// write sends bytes within WriteTimeout and puts off the heartbeat. It is called with the lock held.
func (r *response) write(event []byte) error {
	err := r.control.SetWriteDeadline(time.Now().Add(r.cfg.WriteTimeout))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		if _, err = r.w.Write(event); err == nil {
			err = r.control.Flush()
		}
		// HTTP/2 ends a stream whose deadline passes, whether something is being written or not.
		_ = r.control.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		r.cancel(errGone)
		return err
	}
	r.heartbeat.Reset(r.cfg.Heartbeat)
	return nil
}

// finish stops the heartbeat: net/http takes the ResponseWriter back when the handler returns.
func (r *response) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finished = true
	if r.heartbeat != nil {
		r.heartbeat.Stop()
	}
}

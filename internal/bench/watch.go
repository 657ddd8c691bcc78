package bench

import (
	"bytes"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/gorilla/websocket"
)

// faults counts what must not happen to deliveries.
type faults struct {
	Lost       atomic.Int64
	Duplicated atomic.Int64
	Disordered atomic.Int64
}

// Faults counts faulty deliveries.
type Faults struct {
	Lost       int64 `json:"lost"`
	Duplicated int64 `json:"duplicated"`
	Disordered int64 `json:"disordered"`
}

func (f *faults) counted() Faults {
	return Faults{Lost: f.Lost.Load(), Duplicated: f.Duplicated.Load(), Disordered: f.Disordered.Load()}
}

// Sum of all.
func (f Faults) Sum() int64 { return f.Lost + f.Duplicated + f.Disordered }

// watched is an order's subscription on a socket of its own, or one of several after each other.
type watched struct {
	ws     *websocket.Conn
	id     string // of the subscription
	mark   []byte // in its messages, wherever a server has the id in them
	faults *faults
	buffer bytes.Buffer
	// version is the last that was seen; 0 before the snapshot. From there each is to be one more.
	version int
}

// subscribe begins to watch an order.
func (w *watched) subscribe(id, orderID string) error {
	id = "watch-" + id
	w.id, w.mark, w.version = id, fmt.Appendf(nil, `"id":%q`, id), 0
	return w.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil,
		`{"id":%q,"type":"subscribe","payload":{"query":%q,"variables":{"id":%q}}}`, id, watchOrder, orderID))
}

// complete ends the subscription.
func (w *watched) complete() error {
	return w.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"id":%q,"type":"complete"}`, w.id))
}

// next waits for the next item and returns the order's status in it.
func (w *watched) next() (status string, err error) {
	for {
		_, r, err := w.ws.NextReader()
		if err != nil {
			return "", err
		}
		w.buffer.Reset()
		if _, err := w.buffer.ReadFrom(r); err != nil {
			return "", err
		}
		message := w.buffer.Bytes()
		if !bytes.Contains(message, []byte(`"type":"next"`)) {
			if bytes.Contains(message, []byte(`"type":"error"`)) {
				return "", fmt.Errorf("instead of an item: %.300s", message)
			}
			continue // a ping, a complete
		}
		if !bytes.Contains(message, w.mark) {
			continue // of an earlier subscription
		}
		at := bytes.Index(message, []byte(`"order":{`))
		if at < 0 {
			return "", fmt.Errorf("an item without an order: %.300s", message)
		}
		version, err := numberBehind(message[at:], `"version":`)
		if err != nil {
			return "", err
		}
		w.saw(version)
		return string(between(message[at:], `"status":"`)), nil
	}
}

// saw counts the fault, if the version is not the next one.
func (w *watched) saw(version int) {
	switch {
	case w.version == 0 || version == w.version+1:
	case version == w.version:
		w.faults.Duplicated.Add(1)
	case version < w.version:
		w.faults.Disordered.Add(1)
	default:
		w.faults.Lost.Add(int64(version - w.version - 1)) // those between, also if they come late
	}
	w.version = version
}

// numberBehind is the number behind mark.
func numberBehind(message []byte, mark string) (int, error) {
	_, rest, found := bytes.Cut(message, []byte(mark))
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	if !found || end == 0 {
		return 0, fmt.Errorf("no number behind %s in %.300s", mark, message)
	}
	return strconv.Atoi(string(rest[:end]))
}

package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// wire is a kept-alive HTTP/1.1 connection that sends GraphQL requests of one user. It is written by hand because the load
// generator shares the machine with the server: net/http's client costs as much CPU as the server's side.
type wire struct {
	conn    net.Conn
	in      *bufio.Reader
	head    []byte // of every request, up to the value of Content-Length
	request []byte
	body    []byte
}

// wire opens a connection of the user.
func (c *client) wire(ctx context.Context) (*wire, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.addr)
	if err != nil {
		return nil, err
	}
	head := "POST /graphql HTTP/1.1\r\nHost: " + c.addr + "\r\nAuthorization: Bearer " + c.token +
		"\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: "
	return &wire{conn: conn, in: bufio.NewReader(conn), head: []byte(head)}, nil
}

// post sends a body and returns that of the answer, which is good until the next one.
func (w *wire) post(body []byte) ([]byte, error) {
	w.request = append(w.request[:0], w.head...)
	w.request = strconv.AppendInt(w.request, int64(len(body)), 10)
	w.request = append(w.request, "\r\n\r\n"...)
	w.request = append(w.request, body...)
	if _, err := w.conn.Write(w.request); err != nil {
		return nil, err
	}
	return w.answer()
}

func (w *wire) answer() ([]byte, error) {
	line, err := w.in.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	ok := bytes.HasPrefix(line, []byte("HTTP/1.1 200 "))
	status := string(bytes.TrimSpace(line))
	length, chunked := -1, false
	for {
		if line, err = w.in.ReadSlice('\n'); err != nil {
			return nil, err
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case len(name) == 0 && chunked:
			err = w.chunks()
		case len(name) == 0 && length < 0:
			return nil, errors.New("an answer without a length")
		case len(name) == 0:
			err = w.read(length)
		case bytes.EqualFold(name, []byte("Content-Length")):
			length, err = strconv.Atoi(string(value))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = string(value) == "chunked"
		}
		if err == nil && len(name) == 0 && !ok {
			err = fmt.Errorf("%s: %.200s", status, w.body)
		}
		if err != nil || len(name) == 0 {
			return w.body, err
		}
		w.body = w.body[:0]
	}
}

// chunks reads a chunked body (RFC 9112 section 7.1) without trailers.
func (w *wire) chunks() error {
	for {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return err
		}
		if err := w.read(int(size)); err != nil {
			return err
		}
		if _, err := w.in.Discard(len("\r\n")); err != nil || size == 0 {
			return err
		}
	}
}

// read adds n bytes to the body.
func (w *wire) read(n int) error {
	from := len(w.body)
	w.body = append(w.body, make([]byte, n)...)
	_, err := io.ReadFull(w.in, w.body[from:])
	return err
}

// orderRequest is the body of an orderCreate, the document included, up to the idempotency key.
func orderRequest(product string) []byte {
	return fmt.Appendf(nil, `{"query":%q,"variables":{"input":{"items":[{"productId":%q,"quantity":1}],"paymentMethod":{"token":"sim_approve"},"idempotencyKey":"`,
		orderCreate, product)
}

// create places an order with a request of orderRequest and a key, and returns its id.
func (w *wire) create(request []byte, key string) (string, error) {
	answer, err := w.post(append(append(request[:len(request):len(request)], key...), `"}}}`...))
	if err != nil {
		return "", err
	}
	id := between(answer, `"order":{"id":"`)
	if id == nil || !bytes.Contains(answer, []byte(`"userErrors":[]`)) || bytes.Contains(answer, []byte(`"errors":`)) {
		return "", fmt.Errorf("orderCreate: %.300s", answer)
	}
	return string(id), nil
}

// Command webhook-receiver is a small back end that receives Orderwire's webhooks: it verifies each request, ignores repeated
// events, and prints the order's status. It needs only the standard library.
//
// First create an endpoint with the URL http://127.0.0.1:9000/ (see docs/webhooks.md) and keep its secret, which is shown only once. Then run:
//
//	WEBHOOK_SECRET=whsec_… go run ./examples/webhook-receiver -addr 127.0.0.1:9000
//
// Orderwire repeats requests that it sent before the receiver listened.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"time"
)

const maxBody = 80 << 10

func main() {
	addr := flag.String("addr", "127.0.0.1:9000", "where to listen, host:port")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *addr, os.Getenv("WEBHOOK_SECRET")); err != nil {
		fmt.Fprintln(os.Stderr, "webhook-receiver:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, secret string) error {
	key, err := keyOf(secret)
	if err != nil {
		return fmt.Errorf("WEBHOOK_SECRET: %w", err)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Printf("listening at http://%s/\n", listener.Addr())
	server := &http.Server{Handler: newReceiver(key, os.Stdout), ReadTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// message has the fields of a body that this receiver reads. New fields may be added: ignore unknown ones.
type message struct {
	Type string `json:"type"`
	Data struct {
		OrderID      string `json:"orderId"`
		OrderNumber  string `json:"orderNumber"`
		OrderVersion int    `json:"orderVersion"`
		OrderStatus  string `json:"orderStatus"`
	} `json:"data"`
}

// receiver keeps its state in memory. A real one keeps it in its database, in the transaction that processes the message.
type receiver struct {
	key []byte
	out io.Writer

	mu       sync.Mutex
	seen     map[string]bool // webhook-ids
	versions map[string]int  // the newest version of each order
}

func newReceiver(key []byte, out io.Writer) *receiver {
	return &receiver{key: key, out: out, seen: map[string]bool{}, versions: map[string]int{}}
}

// ServeHTTP answers 204 when the message is stored, so that it is not sent again, and 400 when its signature is invalid.
func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, in.Body, maxBody))
	if err == nil {
		err = verify(r.key, in.Header, body, time.Now()) // before anything in the body is used
	}
	var m message
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	r.keep(in.Header.Get("webhook-id"), &m)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) keep(id string, m *message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen[id] {
		return // a repeated request, because our answer was lost
	}
	r.seen[id] = true
	if m.Type == "WEBHOOK_TEST" {
		fmt.Fprintln(r.out, "a test event arrived")
		return // it has no order
	}
	if m.Data.OrderVersion <= r.versions[m.Data.OrderID] {
		fmt.Fprintf(r.out, "%s %d %s (late)\n", m.Data.OrderNumber, m.Data.OrderVersion, m.Type)
		return // a newer event arrived first and has the order's state
	}
	r.versions[m.Data.OrderID] = m.Data.OrderVersion
	fmt.Fprintf(r.out, "%s %d %s %s\n", m.Data.OrderNumber, m.Data.OrderVersion, m.Type, m.Data.OrderStatus)
}

// Command webhook-receiver is a small back end that gets Orderwire's webhooks: it verifies each request, drops what it has
// already, and prints how the order stands. Only the standard library is needed.
//
// First create an endpoint with the URL http://127.0.0.1:9000/ (see docs/webhooks.md) and keep its secret, which is shown only then. With it:
//
//	WEBHOOK_SECRET=whsec_… go run ./examples/webhook-receiver -addr 127.0.0.1:9000
//
// What was sent before it listened is sent again.
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

const maxBody = 64 << 10

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

// message is what this receiver reads of a body. New fields may come: do not refuse them.
type message struct {
	Type string `json:"type"`
	Data struct {
		OrderID      string `json:"orderId"`
		OrderNumber  string `json:"orderNumber"`
		OrderVersion int    `json:"orderVersion"`
		OrderStatus  string `json:"orderStatus"`
	} `json:"data"`
}

// receiver remembers in memory what a real one keeps in its database, in the transaction that acts on the message.
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

// ServeHTTP answers 204 when the message is kept, so that it is not sent again, and 400 when it is not Orderwire's.
func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, in.Body, maxBody))
	if err == nil {
		err = verify(r.key, in.Header, body, time.Now()) // before anything in it is believed
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
		return // sent again because our answer was lost
	}
	r.seen[id] = true
	if m.Data.OrderVersion <= r.versions[m.Data.OrderID] {
		fmt.Fprintf(r.out, "%s %d %s (late)\n", m.Data.OrderNumber, m.Data.OrderVersion, m.Type)
		return // something newer came first; the order stands as that said
	}
	r.versions[m.Data.OrderID] = m.Data.OrderVersion
	fmt.Fprintf(r.out, "%s %d %s %s\n", m.Data.OrderNumber, m.Data.OrderVersion, m.Type, m.Data.OrderStatus)
}

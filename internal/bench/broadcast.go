package bench

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Broadcaster is the reference for deliveries: gorilla/websocket and nothing else. A socket belongs to the group it names. A
// message posted to a group is written to each of its sockets, one after the other. It has no queues, order, log or authorization,
// and drops a client that it cannot write to.
type Broadcaster struct {
	mu     sync.Mutex
	groups map[string]*group
}

type group struct {
	mu      sync.Mutex
	sockets []*websocket.Conn
}

// Run serves at a free address of this machine, which it says first, until in ends.
func (b *Broadcaster) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	b.groups = map[string]*group{}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /socket", b.socket)
	mux.HandleFunc("POST /publish", b.publish)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends when the parent process does
		_ = server.Close()
	}()
	if err := json.NewEncoder(out).Encode(map[string]string{"addr": listener.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (b *Broadcaster) group(name string) *group {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.groups[name] == nil {
		b.groups[name] = &group{}
	}
	return b.groups[name]
}

var broadcastUpgrader = websocket.Upgrader{
	ReadBufferSize: 1024, WriteBufferSize: 4096, WriteBufferPool: &sync.Pool{}, Subprotocols: []string{"graphql-transport-ws"},
}

func (b *Broadcaster) socket(w http.ResponseWriter, r *http.Request) {
	ws, err := broadcastUpgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	g := b.group(r.URL.Query().Get("group"))
	g.mu.Lock()
	g.sockets = append(g.sockets, ws)
	g.mu.Unlock()
	go func() {
		for {
			if _, _, err := ws.NextReader(); err != nil {
				return
			}
		}
	}()
}

func (b *Broadcaster) publish(w http.ResponseWriter, r *http.Request) {
	message, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g := b.group(r.URL.Query().Get("group"))
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, ws := range g.sockets {
		_ = ws.SetWriteDeadline(time.Now().Add(5 * time.Second)) // as the server has one
		_ = ws.WriteMessage(websocket.TextMessage, message)      // a client that is gone is missed by the load generator
	}
	_, _ = io.WriteString(w, "{}")
}

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

const (
	// mayBeUnread is MAX_UNREAD_PER_ADDRESS of the test, which has room for three answers of nearly 1 MiB.
	mayBeUnread = 3 << 20
	wholeAnswer = `{ products(first: 100) { nodes { description } } }`
	nonReaders  = 20
)

// TestUnreadAnswers has 20 clients that ask for an answer of nearly a megabyte and do not read it, over each transport. Few are held, the
// others are told so, the heap stays as it was, and who reads, however slowly, gets all of it meanwhile. It is not parallel to others,
// whose memory would count.
func TestUnreadAnswers(t *testing.T) { //nolint:paralleltest // see above
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	url := postgrestest.URL(t)
	env := []string{fmt.Sprintf("MAX_UNREAD_PER_ADDRESS=%d", mayBeUnread)}
	app := startApp(t, url, env...)
	secure := startApp(t, url, append(env, "TLS_CERT="+certFile, "TLS_KEY="+keyFile)...)
	db := postgrestest.Connect(t, url)
	if _, err := db.ExecContext(t.Context(), `UPDATE products SET description = repeat('d', 950000 / (SELECT count(*)::integer FROM products))`); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		app  *App
		// ask sends the query and reads only as much as shows whether it was accepted. The client lives until close.
		ask func(t *testing.T, app *App) (accepted bool, closes io.Closer)
	}{
		{"HTTP1", app, func(t *testing.T, app *App) (bool, io.Closer) { return askRaw(t, app, "application/json") }},
		{"SSE", app, func(t *testing.T, app *App) (bool, io.Closer) { return askRaw(t, app, "text/event-stream") }},
		{"Websocket", app, askWebsocket},
		{"HTTP2", secure, askHTTP2},
	} {
		t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // as above
			before := heapInUse()
			var clients []io.Closer
			accepted := 0
			for range nonReaders {
				ok, client := c.ask(t, c.app)
				clients = append(clients, client)
				if ok {
					accepted++
				}
				if held := c.app.unread.Held(); held > mayBeUnread {
					t.Errorf("%d bytes are held of at most %d", held, mayBeUnread)
				}
			}
			grown := int64(heapInUse()) - int64(before) //nolint:gosec // less than there is memory
			t.Logf("%d of %d were accepted, %d bytes are held, the heap has grown by %.1f MiB", accepted, nonReaders, c.app.unread.Held(), float64(grown)/(1<<20))
			if accepted == 0 || accepted == nonReaders {
				t.Errorf("%d of %d were accepted", accepted, nonReaders)
			}
			if grown > 5*mayBeUnread {
				t.Errorf("the heap has grown by %d bytes", grown)
			}
			readSlowly(t, c.app)
			for _, client := range clients {
				_ = client.Close()
			}
			eventuallyHolds(t, c.app, 0)
		})
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// eventuallyHolds waits until the clients hold so many bytes.
func eventuallyHolds(t *testing.T, app *App, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for app.unread.Held() != want {
		select {
		case <-ctx.Done():
			t.Fatalf("%d bytes are held, want %d", app.unread.Held(), want)
		case <-tick.C:
		}
	}
}

// stuck connects as a client whose kernel buffers few unread bytes.
func stuck(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = tcp.SetReadBuffer(8 << 10)
	}
	return conn, err
}

func askRaw(t *testing.T, app *App, accept string) (bool, io.Closer) {
	t.Helper()
	conn, err := stuck(t.Context(), "tcp", app.address.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"query":%q}`, wholeAnswer)
	if _, err := fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: %s\r\nContent-Length: %d\r\n\r\n%s", accept, len(body), body); err != nil {
		t.Fatal(err)
	}
	// Byte by byte, until the answer says whether it has data.
	var read []byte
	one := make([]byte, 1)
	for {
		if _, err := conn.Read(one); err != nil {
			t.Fatalf("%v after %q", err, read)
		}
		read = append(read, one[0])
		switch {
		case bytes.HasSuffix(read, []byte(`{"data"`)):
			return true, conn
		case bytes.HasSuffix(read, []byte("RATE_LIMITED")):
			return false, conn
		}
	}
}

func askWebsocket(t *testing.T, app *App) (bool, io.Closer) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}, NetDialContext: stuck, HandshakeTimeout: eventually.Patience}
	conn, response, err := dialer.DialContext(t.Context(), strings.Replace(app.URL(), "http", "ws", 1)+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	for _, message := range []map[string]any{
		{"type": "connection_init"}, {"id": "1", "type": "subscribe", "payload": map[string]string{"query": wholeAnswer}},
	} {
		if err := conn.WriteJSON(message); err != nil {
			t.Fatal(err)
		}
	}
	for {
		_, message, err := conn.NextReader()
		if websocket.IsCloseError(err, 4008) {
			return false, conn
		}
		if err != nil {
			t.Fatal(err)
		}
		head := make([]byte, 40)
		n, err := io.ReadFull(message, head)
		switch {
		case bytes.Contains(head[:n], []byte(`"next"`)):
			return true, conn
		case bytes.Contains(head[:n], []byte(`"error"`)):
			return false, conn
		case bytes.Contains(head[:n], []byte(`"connection_ack"`)):
		default:
			t.Fatalf("%s, %v", head[:n], err)
		}
	}
}

func askHTTP2(t *testing.T, app *App) (bool, io.Closer) {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true, //nolint:gosec // its certificate is nobody's
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 32 << 10, MaxReceiveBufferPerConnection: 32 << 10},
	}
	response, err := (&http.Client{Transport: transport}).Do(question(t, app)) //nolint:bodyclose // who asked closes it
	if err != nil {
		t.Fatal(err)
	}
	if response.ProtoMajor != 2 {
		t.Fatalf("it is %s", response.Proto)
	}
	return response.StatusCode == http.StatusOK, closing(func() error {
		err := response.Body.Close()
		transport.CloseIdleConnections()
		return err
	})
}

type closing func() error

func (c closing) Close() error { return c() }

func question(t *testing.T, app *App) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL()+"/graphql", strings.NewReader(fmt.Sprintf(`{"query":%q}`, wholeAnswer)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return request
}

// readSlowly asks from another address and reads a little at a time.
func readSlowly(t *testing.T, app *App) {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // its certificate is nobody's
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext(ctx, network, address)
		},
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(question(t, app))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	total, little := 0, make([]byte, 1000)
	for err == nil {
		var n int
		n, err = response.Body.Read(little)
		total += n
		runtime.Gosched()
	}
	if err != io.EOF || response.StatusCode != http.StatusOK || total < 900_000 { //nolint:errorlint // io.Reader's own
		t.Errorf("%s with %d bytes, %v", response.Status, total, err)
	}
}

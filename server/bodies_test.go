package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// TestUnfinishedBodies has clients that send bodies without the last byte. All bodies of an address count together, on any path:
// one too many is told to wait and not kept, and each finished one makes room.
func TestUnfinishedBodies(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	ctx, cancel := context.WithTimeout(t.Context(), eventually.Patience)
	defer cancel()
	app := startApp(t, postgrestest.URL(t), fmt.Sprintf("MAX_UNREAD_PER_ADDRESS=%d", limit), "RATE_PER_ADDRESS=100000")
	address := app.address.Addr().String()
	post := func(path, body string) (status int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode
	}
	for _, c := range []struct {
		path          string
		size, clients int // more than enough
		whole         int // the answer to a whole, small body
	}{
		{"/graphql", 60 << 10, 30, http.StatusOK},
		{"/webhooks/simulated", 250 << 10, 20, http.StatusBadRequest},
	} {
		var clients []net.Conn
		for range c.clients {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			clients = append(clients, conn)
			if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
				c.path, address, c.size, strings.Repeat(" ", c.size-1)); err != nil {
				t.Fatal(err)
			}
		}
		// Each connection takes as much as it can; only refused ones are not held.
		await(ctx, t, func() bool { return app.bodies.Held() > limit-(64<<10) })
		if held := app.bodies.Held(); held > limit {
			t.Errorf("%s: %d bytes are held, of at most %d", c.path, held, limit)
		}
		for _, conn := range clients {
			_ = conn.Close()
		}
		await(ctx, t, func() bool { return app.bodies.Held() == 0 })
		if status := post(c.path, `{"query":"{__typename}"}`); status != c.whole {
			t.Errorf("%s: %d, want %d", c.path, status, c.whole)
		}
	}
}

// An HTTP/2 frame that comes in part is kept until the rest is there, before anybody looks at it: one of more than 16 KiB ends the
// connection at its header.
func TestLargeHTTP2Frames(t *testing.T) {
	t.Parallel()
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	app := startApp(t, postgrestest.URL(t), "TLS_CERT="+certFile, "TLS_KEY="+keyFile)
	conn, err := tls.Dial("tcp", app.address.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // our own
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// The preface, empty SETTINGS, and the header of a frame of an unknown type with 16 KiB and a byte (RFC 9113 sections 3.4 and 4.1).
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"+"\x00\x40\x01\xaa\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(eventually.Patience)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if goAway := regexp.MustCompile(`(?s)\x07\x00\x00\x00\x00\x00.{4}\x00\x00\x00\x06`); err != nil || !goAway.Match(got) {
		t.Errorf("%q, %v, want a GOAWAY with FRAME_SIZE_ERROR", got, err)
	}
}

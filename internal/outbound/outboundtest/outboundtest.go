// Package outboundtest has servers that do not answer as they should, to test our requests with.
package outboundtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Upgrades returns the address of a server that answers each request with 101, says nothing more, and keeps the connection until the
// test ends or the client leaves.
func Upgrades(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() { // the server forgets a hijacked connection
			<-t.Context().Done()
			_ = conn.Close()
		}()
		if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: silence\r\nConnection: Upgrade\r\n\r\n"); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

package addresslimit_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/fault"
)

// stalled is a body that has arrived in part; the test sends the rest.
type stalled struct {
	io.Reader
	wait chan struct{}
	rest io.Reader
}

func (s *stalled) Read(p []byte) (int, error) {
	if n, err := s.Reader.Read(p); err == nil {
		return n, nil
	}
	<-s.wait
	return s.rest.Read(p)
}

func TestBodies(t *testing.T) {
	t.Parallel()
	const step = 16 << 10
	bodies := addresslimit.NewBodies(4*step, func(r *http.Request) string { return r.Header.Get("From") })
	errs := make(chan error)
	handler := bodies.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		errs <- err
	}))
	send := func(from string, body io.Reader) {
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.Header.Set("From", from)
		go handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	refused := func(err error) bool { return fault.CodeOf(err) == fault.RateLimited }

	wait, begun := make(chan struct{}), make(chan struct{})
	begins := readerFunc(func([]byte) (int, error) { close(begun); return 0, io.EOF })
	send("ada", &stalled{io.MultiReader(strings.NewReader(strings.Repeat("x", 3*step)), begins), wait, strings.NewReader("x")})
	<-begun
	if bodies.Held() != 3*step {
		t.Errorf("%d bytes are held of a body of which %d have come", bodies.Held(), 3*step)
	}
	send("ada", strings.NewReader(strings.Repeat("x", 2*step)))
	if err := <-errs; !refused(err) {
		t.Errorf("a second body of the address that is too large beside the first: %v", err)
	}
	for _, from := range []string{"ada", "bob"} { // a small body, and one of another address
		if send(from, strings.NewReader("x")); true {
			if err := <-errs; err != nil {
				t.Errorf("%s: %v", from, err)
			}
		}
	}
	close(wait)
	if err := <-errs; err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("the first: %v", err)
	}
	if bodies.Held() != 0 {
		t.Errorf("%d bytes are held by nobody", bodies.Held())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

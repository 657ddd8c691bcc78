package outbound_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/outbound"
)

// post sends what net/http repeats by itself, because it has an Idempotency-Key.
func post(ctx context.Context, t *testing.T, url string, transport http.RoundTripper) error {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", "key")
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func notSent(err error) bool {
	_, ok := errors.AsType[*outbound.NotSentError](err)
	return ok
}

func TestTellNotSent(t *testing.T) {
	t.Parallel()
	listen := func() net.Listener {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() }) // some are closed already
		return l
	}
	t.Run("OKRefused", func(t *testing.T) {
		t.Parallel()
		l := listen()
		_ = l.Close() // nothing to lose
		if err := post(t.Context(), t, "http://"+l.Addr().String(), outbound.TellNotSent(&http.Transport{})); !notSent(err) {
			t.Error(err)
		}
	})
	t.Run("OKNoAddress", func(t *testing.T) {
		t.Parallel()
		if err := post(t.Context(), t, "http://nowhere.invalid", outbound.TellNotSent(&http.Transport{})); !notSent(err) {
			t.Error(err)
		}
	})
	t.Run("OKNoHandshake", func(t *testing.T) {
		t.Parallel()
		l := listen()                                                        // accepts by its queue and says nothing
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // the test is about its end
		defer cancel()
		err := post(ctx, t, "https://"+l.Addr().String(), outbound.TellNotSent(&http.Transport{}))
		if !notSent(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("ErrNoAnswer", func(t *testing.T) {
		t.Parallel()
		l := listen()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // the test is about its end
		defer cancel()
		if err := post(ctx, t, "http://"+l.Addr().String(), outbound.TellNotSent(&http.Transport{})); err == nil || notSent(err) {
			t.Errorf("a request without an answer was said not to be sent: %v", err)
		}
	})
	// The server has the request, breaks the connection and is gone. net/http dials again, and returns the error of that.
	t.Run("ErrRepeated", func(t *testing.T) {
		t.Parallel()
		var seen atomic.Int64
		server := httptest.NewUnstartedServer(nil)
		server.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			if seen.Add(1) > 1 {
				_ = server.Listener.Close()
				panic(http.ErrAbortHandler)
			}
		})
		server.Start()
		defer server.Close()
		transport := outbound.TellNotSent(&http.Transport{})
		if err := post(t.Context(), t, server.URL, transport); err != nil {
			t.Fatal(err)
		}
		err := post(t.Context(), t, server.URL, transport)
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			t.Errorf("net/http no longer repeats a request: %v", err)
		}
		if notSent(err) || seen.Load() < 2 {
			t.Errorf("a request that the server has was said not to be sent: %v", err)
		}
	})
}

package fault_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
)

func TestWriteHTTP(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	e := fault.Wrap(errors.New("secret"), fault.Unavailable, `not "now"`)
	fault.WriteHTTP(w, 503, e, map[string]string{"requestId": "r1", "code": "OVERWRITTEN"})
	want := `{"errors":[{"message":"not \"now\"","extensions":{"code":"UNAVAILABLE","requestId":"r1"}}]}` + "\n"
	if w.Code != 503 || w.Body.String() != want {
		t.Errorf("got %d %s, want 503 %s", w.Code, w.Body, want)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q", got)
	}
}

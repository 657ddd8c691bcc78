package fault_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

func TestRetryLater(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{
		0: 1, time.Millisecond: 1, time.Second: 1, time.Second + 1: 2, time.Minute: 60, -time.Second: 1,
	} {
		err := fmt.Errorf("here: %w", fault.RetryLater(fault.RateLimited, "wait", after))
		if got, ok := fault.RetryAfter(err); got != want || !ok || fault.CodeOf(err) != fault.RateLimited {
			t.Errorf("%v: %d, %v; want %d", after, got, ok, want)
		}
	}
	for _, err := range []error{nil, errors.New("x"), fault.New(fault.RateLimited, "wait")} {
		if _, ok := fault.RetryAfter(err); ok {
			t.Errorf("%v says when", err)
		}
	}
	for after, want := range map[time.Duration]string{0: "1 second", time.Minute: "60 seconds", 121 * time.Second: "3 minutes", time.Hour: "60 minutes"} {
		err := fault.UserLater("TOO_MANY", "Too many.", after, "input")
		if list, ok := fault.UserErrors(err); !ok || list[0].Message != "Too many. Try again in "+want+"." || list[0].Field[0] != "input" {
			t.Errorf("%v: %v", after, err)
		}
	}
	w := httptest.NewRecorder()
	fault.WriteHTTP(w, 429, fault.RetryLater(fault.RateLimited, "wait", 2500*time.Millisecond), nil)
	want := `{"errors":[{"message":"wait","extensions":{"code":"RATE_LIMITED","retryAfter":3}}]}` + "\n"
	if w.Body.String() != want || w.Header().Get("Retry-After") != "3" {
		t.Errorf("%s with Retry-After %q, want %s", w.Body, w.Header().Get("Retry-After"), want)
	}
}

package fakestripe

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Fault is a kind of failed request.
type Fault string

// The faults.
const (
	// DropBefore ends the connection before anything is done.
	DropBefore Fault = "drop before"
	// DropAfter does what was asked, then ends the connection without an answer.
	DropAfter Fault = "drop after"
	// HangAfter does what was asked and does not answer until the caller has gone. Its key is in use until then.
	HangAfter Fault = "hang after"
	// RateLimited is 429, nothing done: https://docs.stripe.com/rate-limits.
	RateLimited Fault = "rate limited"
	// Locked is 429 with lock_timeout, nothing done: another request holds the object. https://docs.stripe.com/rate-limits#object-lock-timeouts
	Locked Fault = "locked"
	// KeyInUse is 409, as if a request with the key were under way; nothing done: https://docs.stripe.com/error-low-level.
	KeyInUse Fault = "key in use"
	// ServerError is 500, nothing done and nothing remembered.
	ServerError Fault = "server error"
	// RetryableError is 500, nothing done, which says that it is safe to retry: https://docs.stripe.com/error-low-level#stripe-should-retry.
	RetryableError Fault = "retryable server error"
	// ErrorRemembered is 500, nothing done, which the key answers from now on: https://docs.stripe.com/api/idempotent_requests.
	ErrorRemembered Fault = "server error, remembered"
	// ErrorRememberedAfter does what was asked, and answers 500, which the key answers from now on.
	ErrorRememberedAfter Fault = "server error after, remembered"
	// Unavailable is 503, nothing done.
	Unavailable Fault = "unavailable"
	// BadGateway does what was asked; a proxy between answers in its place, with a page.
	BadGateway Fault = "bad gateway"
)

// serverError is an answer of https://docs.stripe.com/error-low-level#server-errors.
var serverError = failed(http.StatusInternalServerError, "api_error", "", "")

// refusals are the faults that are answers, given before anything is done.
var refusals = map[Fault]answer{
	RateLimited: failed(http.StatusTooManyRequests, "invalid_request_error", "rate_limit", "").
		saying("Retry-After", "3", "Stripe-Should-Retry", "true", "Stripe-Rate-Limited-Reason", "global-rate"),
	Locked:         failed(http.StatusTooManyRequests, "invalid_request_error", "lock_timeout", "").saying("Stripe-Should-Retry", "true"),
	KeyInUse:       failed(http.StatusConflict, "idempotency_error", "idempotency_key_in_use", ""),
	ServerError:    serverError,
	RetryableError: serverError.saying("Stripe-Should-Retry", "true"),
	Unavailable:    failed(http.StatusServiceUnavailable, "api_error", "", "").saying("Retry-After", "30"),
}

// Fail makes the next requests of an operation go wrong, one each. Operations: create, listIntents, retrieve, confirm,
// capture, cancel, refund, list, listDisputes, listWarnings.
func (s *Stripe) Fail(operation string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = append(s.faults[operation], faults...)
}

// GoDown makes every request go wrong for a time on the fake's clock. Those that Fail has prepared wait until it is over.
func (s *Stripe) GoDown(fault Fault, lasts time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.upAt = fault, s.now().Add(lasts)
}

// Deny makes an operation answer 403, as a restricted key without the permission is answered: https://docs.stripe.com/keys/restricted-api-keys.
func (s *Stripe) Deny(operation string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[operation] = true
}

// Hung has one value for each request that HangAfter holds.
func (s *Stripe) Hung() <-chan struct{} { return s.hung }

// Calls returns the number of requests for an operation, failed ones and replayed ones included.
func (s *Stripe) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

// saved is the stored answer of an idempotency key.
type saved struct {
	request [32]byte
	answer  answer
	at      time.Time
}

func (s *Stripe) handle(operation, pattern string, do func(id string, form url.Values) answer) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		form := r.URL.Query()
		if err == nil && r.Method == http.MethodPost {
			form, err = url.ParseQuery(string(body))
		}
		if err != nil {
			write(w, invalid("", ""))
			return
		}
		fault, denied := s.called(operation)
		if fault == DropBefore {
			panic(http.ErrAbortHandler)
		}
		if denied {
			write(w, failed(http.StatusForbidden, "invalid_request_error", "more_permissions_required", ""))
			return
		}
		if a, ok := refusals[fault]; ok {
			write(w, a)
			return
		}
		a, done := s.once(r, body, func() answer {
			if fault == ErrorRemembered {
				return serverError
			}
			a := do(r.PathValue("id"), form)
			if fault == ErrorRememberedAfter {
				return serverError
			}
			return a
		})
		defer done()
		// The others were answered above.
		//exhaustive:ignore
		switch fault {
		case HangAfter:
			s.hung <- struct{}{}
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		case DropAfter:
			panic(http.ErrAbortHandler)
		case BadGateway:
			http.Error(w, "<html>sk_test_hidden</html>", http.StatusBadGateway)
			return
		default:
		}
		write(w, a)
	})
}

func (s *Stripe) called(operation string) (fault Fault, denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[operation]++
	if s.down != "" && s.now().Before(s.upAt) {
		return s.down, false
	}
	if queue := s.faults[operation]; len(queue) > 0 {
		fault, s.faults[operation] = queue[0], queue[1:]
	}
	return fault, s.denied[operation]
}

// once does what an idempotency key asks for the first time, and answers the same until the key is pruned. Another request under
// the same key is refused, and so is one that comes while the first is not answered. done ends that.
// https://docs.stripe.com/api/idempotent_requests
func (s *Stripe) once(r *http.Request, body []byte, do func() answer) (a answer, done func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick()
	if r.Method != http.MethodPost {
		return do(), func() {}
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return failed(http.StatusBadRequest, "invalid_request_error", "idempotency_key_missing_in_test", ""), func() {}
	}
	if s.running[key] {
		return refusals[KeyInUse], func() {}
	}
	request := sha256.Sum256([]byte(r.Method + r.URL.Path + "\n" + string(body)))
	if before, ok := s.keys[key]; ok {
		if before.request != request {
			return failed(http.StatusBadRequest, "idempotency_error", "", ""), func() {}
		}
		return before.answer.saying("Idempotent-Replayed", "true"), func() {}
	}
	a = do()
	if executed(a) {
		s.keys[key] = saved{request: request, answer: a, at: s.now()}
	}
	s.running[key] = true
	return a, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, key)
	}
}

// executed: an answer is saved once the endpoint has begun to execute. Parameters that fail validation are refused before:
// https://docs.stripe.com/api/idempotent_requests.
func executed(a answer) bool {
	body, _ := a.body.(object)
	e, _ := body["error"].(object)
	code, _ := e["code"].(string)
	return a.status != http.StatusBadRequest || !strings.HasPrefix(code, "parameter_")
}

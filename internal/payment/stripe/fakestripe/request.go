package fakestripe

import (
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
)

// Fault is how a request goes wrong.
type Fault string

// The faults.
const (
	// DropBefore ends the connection before anything is done.
	DropBefore Fault = "drop before"
	// DropAfter does what was asked, then ends the connection without an answer.
	DropAfter Fault = "drop after"
	// HangAfter does what was asked and does not answer until the caller has gone.
	HangAfter Fault = "hang after"
	// RateLimited is 429, nothing done.
	RateLimited Fault = "rate limited"
	// KeyInUse is 409, as if a request with the key were under way; nothing done.
	KeyInUse Fault = "key in use"
	// ServerError is 500, nothing done and nothing remembered.
	ServerError Fault = "server error"
	// BadGateway does what was asked; a proxy between answers in its place, with a page.
	BadGateway Fault = "bad gateway"
)

// refusals are the faults that are answers, given before anything is done.
var refusals = map[Fault]answer{
	RateLimited: failed(http.StatusTooManyRequests, "invalid_request_error", "rate_limit", ""),
	KeyInUse:    failed(http.StatusConflict, "idempotency_error", "idempotency_key_in_use", ""),
	ServerError: failed(http.StatusInternalServerError, "api_error", "", ""),
}

// Fail makes the next requests of an operation go wrong, one each. Operations: create, listIntents, retrieve, confirm,
// capture, cancel, refund, list.
func (s *Stripe) Fail(operation string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = append(s.faults[operation], faults...)
}

// Hung has one value for each request that HangAfter holds.
func (s *Stripe) Hung() <-chan struct{} { return s.hung }

// Calls is how often an operation was asked for, with those that went wrong and those answered from memory.
func (s *Stripe) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[operation]
}

// saved is what an idempotency key answers from now on.
type saved struct {
	request [32]byte
	answer  answer
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
		fault := s.called(operation)
		if fault == DropBefore {
			panic(http.ErrAbortHandler)
		}
		if a, ok := refusals[fault]; ok {
			write(w, a)
			return
		}
		a, replayed := s.once(r, body, func() answer { return do(r.PathValue("id"), form) })
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
		if replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		write(w, a)
	})
}

func (s *Stripe) called(operation string) (fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[operation]++
	if queue := s.faults[operation]; len(queue) > 0 {
		fault, s.faults[operation] = queue[0], queue[1:]
	}
	return fault
}

// once does what an idempotency key asks for the first time, and answers the same ever after. Another request under the
// same key is refused: https://docs.stripe.com/api/idempotent_requests.
func (s *Stripe) once(r *http.Request, body []byte, do func() answer) (a answer, replayed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost {
		return do(), false
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		return failed(http.StatusBadRequest, "invalid_request_error", "idempotency_key_missing_in_test", ""), false
	}
	request := sha256.Sum256([]byte(r.Method + r.URL.Path + "\n" + string(body)))
	if before, ok := s.keys[key]; ok {
		if before.request != request {
			return failed(http.StatusBadRequest, "idempotency_error", "", ""), false
		}
		return before.answer, true
	}
	a = do()
	s.keys[key] = saved{request: request, answer: a}
	return a, false
}

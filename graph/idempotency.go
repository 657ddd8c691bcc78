package graph

import (
	"context"
	"net/http"
	"strings"

	"github.com/orderwire/orderwire/internal/fault"
)

type idempotencyKey struct{}

// WithIdempotencyKey returns a context that carries the request's Idempotency-Key header.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, idempotencyKey{}, key)
}

// IdempotencyKeyHeader puts the Idempotency-Key header of a request into its context. The quotes of the structured form
// (draft-ietf-httpapi-idempotency-key-header, section 2.1) are optional. A websocket's upgrade is not an operation, so
// its header is ignored.
func IdempotencyKeyHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values := r.Header.Values("Idempotency-Key"); len(values) > 0 && r.Header.Get("Upgrade") == "" {
			key := strings.Join(values, ", ")
			if n := len(key); n >= 2 && key[0] == '"' && key[n-1] == '"' {
				key = key[1 : n-1]
			}
			r = r.WithContext(WithIdempotencyKey(r.Context(), key))
		}
		next.ServeHTTP(w, r)
	})
}

// keyOf returns a mutation's idempotency key: the input's, or the header's when the input's is empty. Two different ones are BAD_USER_INPUT.
func keyOf(ctx context.Context, input string) (string, error) {
	header, _ := ctx.Value(idempotencyKey{}).(string)
	if header != "" && input != "" && header != input {
		return "", fault.New(fault.BadUserInput, "The Idempotency-Key header and input.idempotencyKey differ; send one, or the same in both.")
	}
	if input == "" {
		return header, nil
	}
	return input, nil
}

package gqlsse

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
)

// refusal answers a request that is not a GraphQL request, as GraphQL over HTTP defines it: JSON with a 4xx or 5xx status.
// Errors of the operation itself are answered on the stream.
type refusal struct {
	status int
	allow  string // Allow header, with 405
	retry  int    // Retry-After header in seconds, when above 0
	header http.Header
	fault  *fault.Error
}

func (r *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	maps.Copy(h, r.header)
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if r.allow != "" {
		h.Set("Allow", r.allow)
	}
	if r.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retry))
	}
	w.WriteHeader(r.status)
	// An error means that the client is gone.
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": gqlerror.List{present(r.fault)}})
}

// busy refuses a request for a few random seconds, so that clients do not return all at once.
func busy(status int, f *fault.Error) *refusal {
	return &refusal{status: status, retry: 1 + rand.IntN(5), fault: f}
}

func (t *Transport) readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	read := gqlrequest.Get
	if r.Method == http.MethodPost {
		read = gqlrequest.Post
		r.Body = http.MaxBytesReader(w, r.Body, t.cfg.MaxBodyBytes)
	}
	params, err := read(r)
	if refused, ok := errors.AsType[*gqlrequest.Error](err); ok {
		return nil, &refusal{status: refused.Status, header: refused.Header, fault: refused.Fault}
	}
	return params, nil
}

// present returns a fault as a GraphQL error, complete with its code even where no error presenter runs.
func present(f *fault.Error) *gqlerror.Error {
	extensions := map[string]any{"code": string(f.Code)}
	maps.Copy(extensions, f.Extensions)
	return &gqlerror.Error{Err: f, Message: f.Message, Extensions: extensions}
}

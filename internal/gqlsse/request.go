package gqlsse

import (
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

// refusal answers a request that is no GraphQL request, as GraphQL over HTTP defines it: JSON with a 4xx or 5xx status.
// What is wrong with the operation itself is answered on the stream.
type refusal struct {
	status int
	allow  string // Allow header, with 405
	retry  int    // Retry-After header in seconds, when above 0
	fault  *fault.Error
}

func (r *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if r.allow != "" {
		h.Set("Allow", r.allow)
	}
	if r.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retry))
	}
	w.WriteHeader(r.status)
	// The client may be gone; then there is nobody to tell.
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": gqlerror.List{present(r.fault)}})
}

func badRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, fault: fault.New(fault.BadUserInput, message)}
}

// busy asks the client to come back after a few seconds, not all clients after the same.
func busy(status int, f *fault.Error) *refusal {
	return &refusal{status: status, retry: 1 + rand.IntN(5), fault: f}
}

func (t *Transport) readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *refusal) {
	params := &graphql.RawParams{Headers: r.Header, ReadTime: graphql.TraceTiming{Start: graphql.Now()}}
	var refused *refusal
	if r.Method == http.MethodGet {
		refused = readQuery(r, params)
	} else {
		refused = t.readBody(w, r, params)
	}
	if refused != nil {
		return nil, refused
	}
	if params.Query == "" && params.Extensions == nil { // a persisted query has its hash in extensions
		return nil, badRequest("The request has no `query`.")
	}
	params.ReadTime.End = graphql.Now()
	return params, nil
}

func (t *Transport) readBody(w http.ResponseWriter, r *http.Request, params *graphql.RawParams) *refusal {
	// Only a content type that browsers preflight: a form of a foreign page must not reach a mutation.
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return &refusal{
			status: http.StatusUnsupportedMediaType,
			fault:  fault.New(fault.BadUserInput, "Send the request as application/json."),
		}
	}
	err := decode(http.MaxBytesReader(w, r.Body, t.cfg.MaxBodyBytes), params)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &refusal{
			status: http.StatusRequestEntityTooLarge,
			fault:  fault.New(fault.DocumentTooLarge, "The request is larger than "+strconv.FormatInt(t.cfg.MaxBodyBytes, 10)+" bytes."),
		}
	}
	if err != nil {
		return badRequest("The body is not a JSON object of a GraphQL request.")
	}
	return nil
}

func readQuery(r *http.Request, params *graphql.RawParams) *refusal {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badRequest("The query string is malformed.")
	}
	params.Query = query.Get("query")
	params.OperationName = query.Get("operationName")
	for name, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		if text := query.Get(name); text != "" {
			if decode(strings.NewReader(text), into) != nil {
				return badRequest("`" + name + "` is not a JSON object.")
			}
		}
	}
	return nil
}

// decode reads exactly one JSON value; numbers keep their digits.
func decode(r io.Reader, into any) error {
	dec := json.NewDecoder(r)
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return err
	}
	switch _, err := dec.Token(); {
	case err == nil:
		return errors.New("more than one JSON value")
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// present is a fault as a GraphQL error, whole even where no error presenter runs.
func present(f *fault.Error) *gqlerror.Error {
	return &gqlerror.Error{Err: f, Message: f.Message, Extensions: map[string]any{"code": string(f.Code)}}
}

package graph

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/fault"
)

const (
	typeJSON     = "application/json"
	typeResponse = "application/graphql-response+json"
)

// plainHTTP answers one request with one response, as "GraphQL over HTTP" defines it
// (https://graphql.github.io/graphql-over-http/draft/). It supports every request, so it comes last, and refuses what is
// no GraphQL request with a 4xx status and an error with a code.
type plainHTTP struct{}

// Supports implements graphql.Transport.
func (plainHTTP) Supports(*http.Request) bool { return true }

// Do implements graphql.Transport.
func (plainHTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	mediaType, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		refuse(w, http.StatusNotAcceptable, fault.BadUserInput, "Accept application/json or application/graphql-response+json.")
		return
	}
	params, ok := readParams(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	operation, errs := exec.CreateOperationContext(ctx, params)
	if errs != nil {
		status := http.StatusOK // what application/json may say is in the body; see section 6.4.1
		if mediaType == typeResponse {
			status = http.StatusBadRequest
		}
		write(w, status, mediaType, exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs))
		return
	}
	switch {
	case operation.Operation.Operation == ast.Subscription:
		refuse(w, http.StatusBadRequest, fault.BadUserInput, "A subscription needs a websocket, or Accept: text/event-stream.")
	case operation.Operation.Operation == ast.Mutation && r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost) // a foreign page's image or link is a GET
		refuse(w, http.StatusMethodNotAllowed, fault.BadUserInput, "Mutations need POST.")
	default:
		responses, ctx := exec.DispatchOperation(ctx, operation)
		response := responses(ctx)
		if response == nil { // the client is gone
			return
		}
		write(w, http.StatusOK, mediaType, response)
	}
}

// readParams reads the request, or answers it and reports false.
func readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, bool) {
	params := &graphql.RawParams{Headers: r.Header, ReadTime: graphql.TraceTiming{Start: graphql.Now()}}
	var err error
	switch r.Method {
	case http.MethodGet:
		err = readQuery(r.URL.RawQuery, params)
	case http.MethodPost:
		if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != typeJSON {
			refuse(w, http.StatusUnsupportedMediaType, fault.BadUserInput, "Send the request as application/json.")
			return nil, false
		}
		err = decode(r.Body, params)
	default:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, fault.BadUserInput, "Use POST, or GET for queries.")
		return nil, false
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, fault.DocumentTooLarge, "The request body is too large.")
	case err != nil:
		refuse(w, http.StatusBadRequest, fault.BadUserInput, "This is not a GraphQL request: query and operationName are strings, variables and extensions are objects.")
	case params.Query == "" && params.Extensions == nil: // a persisted query has its hash in extensions
		refuse(w, http.StatusBadRequest, fault.BadUserInput, "The request has no query.")
	default:
		params.ReadTime.End = graphql.Now()
		return params, true
	}
	return nil, false
}

func readQuery(text string, params *graphql.RawParams) error {
	query, err := url.ParseQuery(text)
	if err != nil {
		return err
	}
	params.Query, params.OperationName = query.Get("query"), query.Get("operationName")
	for name, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		if value := query.Get(name); value != "" {
			if err := decode(strings.NewReader(value), into); err != nil {
				return err
			}
		}
	}
	return nil
}

// decode reads exactly one JSON value; numbers keep their digits.
func decode(r io.Reader, into any) error {
	decoder := json.NewDecoder(r)
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("more than one JSON value"), err)
	}
	return nil
}

// negotiate picks the answer's media type from the Accept headers; application/json when nothing is asked for. It takes
// no account of weights: both types carry the same.
func negotiate(accept []string) (mediaType string, ok bool) {
	if len(accept) == 0 {
		return typeJSON, true
	}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		switch mediaType, _, _ := mime.ParseMediaType(part); mediaType {
		case typeResponse:
			return typeResponse, true
		case typeJSON, "application/*", "*/*":
			return typeJSON, true
		}
	}
	return "", false
}

func refuse(w http.ResponseWriter, status int, code fault.Code, message string) {
	fault.WriteHTTP(w, status, fault.New(code, message), nil)
}

func write(w http.ResponseWriter, status int, mediaType string, response *graphql.Response) {
	body, err := json.Marshal(response)
	if err != nil { // Data is the only part that is not plain, and the schema's scalars write valid JSON
		status = http.StatusInternalServerError
		body, _ = json.Marshal(graphql.Response{Errors: gqlerror.List{{
			Message: internalMessage, Extensions: map[string]any{"code": string(fault.Internal)},
		}}})
	}
	w.Header().Set("Content-Type", mediaType+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}

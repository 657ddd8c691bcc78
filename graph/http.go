package graph

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/accept"
	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlrequest"
	"github.com/orderwire/orderwire/internal/stream"
)

// readTimeout bounds the time in which a client reads a response.
const readTimeout = time.Minute

const (
	typeJSON     = "application/json"
	typeResponse = "application/graphql-response+json"
)

// plainHTTP answers one request with one response, as "GraphQL over HTTP" defines it
// (https://graphql.github.io/graphql-over-http/draft/). It supports every request, so it comes last. It refuses anything but a
// GraphQL request with a 4xx status and an error with a code.
type plainHTTP struct {
	// unread is Settings.Unread.
	unread func(*http.Request) *addresslimit.Account
}

// Supports implements graphql.Transport.
func (plainHTTP) Supports(*http.Request) bool { return true }

// Do implements graphql.Transport.
func (t plainHTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// Without an Accept header it is application/json, which every client reads (section 6.1).
	mediaType := accept.Best(r.Header.Values("Accept"), typeJSON, typeResponse)
	if mediaType == "" {
		refuse(w, http.StatusNotAcceptable, fault.BadUserInput, "Accept application/json or application/graphql-response+json.")
		return
	}
	params, ok := readParams(w, r)
	if !ok {
		return
	}
	ctx := r.Context()
	operation, errs := exec.CreateOperationContext(ctx, params)
	if operation.Operation != nil && !answerable(w, r.Method, operation.Operation.Operation) {
		return
	}
	var unread *addresslimit.Account
	if t.unread != nil {
		unread = t.unread(r)
	}
	if errs == nil && unread.Full() {
		errs = limited(addresslimit.ErrUnread)
	}
	if errs != nil {
		status := http.StatusOK // what application/json may say is in the body; see section 6.4.1
		if mediaType == typeResponse {
			status = http.StatusBadRequest
		}
		write(w, comeAgain(w.Header(), status, errs), mediaType, exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs))
		return
	}
	// When a connection is cut in the middle of a response, browsers send the request again, even a mutation. So the client's time for reading
	// begins when there is something to read. OPERATION_TIMEOUT limits how long an operation may take.
	deadline := http.NewResponseController(w)
	_ = deadline.SetWriteDeadline(time.Time{}) // not every ResponseWriter has one
	responses, inner := exec.DispatchOperation(ctx, operation)
	response := responses(inner)
	if response == nil { // its context ended before it began; a client that went away does not read this
		response = exec.DispatchError(graphql.WithOperationContext(ctx, operation), gqlerror.List{{Err: stream.ErrUnanswered}})
	}
	held, ok := unread.ReserveAnswer(len(response.Data))
	switch {
	case !ok && operation.Operation.Operation == ast.Query:
		errs = limited(addresslimit.ErrUnread)
		write(w, comeAgain(w.Header(), http.StatusOK, errs), mediaType, exec.DispatchError(graphql.WithOperationContext(ctx, operation), errs))
		return
	case !ok: // a begun operation must get its answer
		held = unread.Add(len(response.Data))
	}
	defer unread.Release(held)
	_ = deadline.SetWriteDeadline(time.Now().Add(readTimeout))
	write(w, http.StatusOK, mediaType, response)
}

// answerable reports whether this method may ask for an operation of this kind. It refuses the request if not.
func answerable(w http.ResponseWriter, method string, kind ast.Operation) bool {
	switch {
	case kind == ast.Subscription: // another method would not help
		refuse(w, http.StatusBadRequest, fault.BadUserInput, "A subscription needs a websocket, or an Accept header that prefers text/event-stream.")
	case kind != ast.Query && method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost) // a foreign page's image or link is a GET
		refuse(w, http.StatusMethodNotAllowed, fault.BadUserInput, "A GET only reads: send a "+string(kind)+" with POST.")
	default:
		return true
	}
	return false
}

// readParams reads the request. It reports false after having refused one that it cannot read.
func readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, bool) {
	read := gqlrequest.Post
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet:
		read = gqlrequest.Get
	default:
		w.Header().Set("Allow", "GET, POST, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, fault.BadUserInput, "Use POST, or GET for queries.")
		return nil, false
	}
	params, err := read(r)
	if refused, ok := errors.AsType[*gqlrequest.Error](err); ok {
		maps.Copy(w.Header(), refused.Header)
		fault.WriteHTTP(w, refused.Status, refused.Fault, nil)
		return nil, false
	}
	return params, true
}

func refuse(w http.ResponseWriter, status int, code fault.Code, message string) {
	fault.WriteHTTP(w, status, fault.New(code, message), nil)
}

// write writes a response, without "data" when nothing was executed (section 7.2.3 of the GraphQL specification).
func write(w http.ResponseWriter, status int, mediaType string, response *graphql.Response) {
	body, err := encode(response)
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

// encode returns the response as JSON.
func encode(response *graphql.Response) ([]byte, error) {
	if len(response.Data) == 0 {
		return json.Marshal(struct {
			Errors     gqlerror.List  `json:"errors"`
			Extensions map[string]any `json:"extensions,omitempty"`
		}{response.Errors, response.Extensions})
	}
	if len(response.Errors) > 0 || len(response.Extensions) > 0 {
		return json.Marshal(response)
	}
	// Data is JSON that gqlgen has just written. json.Marshal would parse and compact a json.RawMessage once more, which took a twelfth of the
	// time of a list.
	const head, tail = `{"data":`, `}`
	body := append(make([]byte, 0, len(head)+len(response.Data)+len(tail)), head...)
	return append(append(body, response.Data...), tail...), nil
}

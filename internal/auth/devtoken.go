package auth

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/fault"
)

// maxTokenRequestBytes bounds the body of a sign-in.
const maxTokenRequestBytes = 4 << 10

// DevTokenHandler is POST /dev/token, development sign-in. It takes
//
//	{"user": "ada", "role": "CUSTOMER", "ttlSeconds": 3600}
//
// with the role CUSTOMER or STAFF and the optional lifetime 1 second to 30 days, and answers
//
//	{"token": "…", "expiresAt": "2026-11-05T15:00:00Z"}
//
// Mount it in development only: it signs a token for any name. A request that came through a proxy is refused with 403. Only
// application/json is taken, which a foreign page cannot send without a preflight. Refusals are 4xx with the body of
// fault.WriteHTTP.
//
// clock gives the moment that tokens say they were issued at, see Dev.IssueAt; nil: this machine's. When it fails, the
// answer is 503.
func DevTokenHandler(dev *Dev, clock func(context.Context) (time.Time, error)) http.Handler {
	if clock == nil {
		clock = func(context.Context) (time.Time, error) { return dev.now(), nil }
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if trace := proxied(r); trace != "" {
			fault.WriteHTTP(w, http.StatusForbidden, fault.New(fault.Forbidden, "Development sign-in lets anyone be anyone, so it is for this machine only, "+
				"and this request came through a proxy ("+trace+"). Set AUTH_MODE=oidc where others can reach the server."), nil)
			return
		}
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			refuseSignIn(w, http.StatusMethodNotAllowed, "use POST")
			return
		}
		if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
			refuseSignIn(w, http.StatusUnsupportedMediaType, "Content-Type must be application/json")
			return
		}
		request, status, problem := readTokenRequest(http.MaxBytesReader(w, r.Body, maxTokenRequestBytes))
		if problem != "" {
			refuseSignIn(w, status, problem)
			return
		}
		ttl, ok := request.ttl()
		if !ok {
			ttl = -1 // Issue says what is allowed
		}
		issuedAt, err := clock(r.Context())
		if err != nil {
			refuse(w, fault.Wrap(err, fault.Unavailable, "Signing in is not possible at the moment. Try again."))
			return
		}
		token, expiresAt, err := dev.IssueAt(issuedAt, request.User, request.Role, ttl)
		var f *fault.Error
		switch {
		case errors.As(err, &f):
			fault.WriteHTTP(w, http.StatusBadRequest, f, nil)
			return
		case err != nil:
			fault.WriteHTTP(w, http.StatusInternalServerError, fault.New(fault.Internal, "the token could not be signed"), nil)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(struct { // a client that went away needs no answer
			Token     string    `json:"token"`
			ExpiresAt time.Time `json:"expiresAt"`
		}{token, expiresAt})
	})
}

type tokenRequest struct {
	User       string
	Role       Role
	TTLSeconds *int64
}

// ttl is false for a lifetime that is not allowed, checked in seconds, since a large one overflows a Duration.
func (r tokenRequest) ttl() (time.Duration, bool) {
	if r.TTLSeconds == nil {
		return DefaultTTL, true
	}
	if *r.TTLSeconds < 1 || *r.TTLSeconds > int64(MaxTTL/time.Second) {
		return 0, false
	}
	return time.Duration(*r.TTLSeconds) * time.Second, true
}

// readTokenRequest gives an HTTP status and a problem unless the body is exactly one well-formed request.
func readTokenRequest(body io.Reader) (request tokenRequest, status int, problem string) {
	const form = `the body must be one JSON object such as {"user":"ada","role":"CUSTOMER"}`
	text, err := io.ReadAll(body)
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return request, http.StatusRequestEntityTooLarge, "the body is above 4 KB"
		}
		return request, http.StatusBadRequest, form
	}
	members, err := exactjson.Object(text)
	if err != nil {
		return request, http.StatusBadRequest, form + ", with each member once"
	}
	for name, value := range members {
		ok := true
		switch name {
		case "user":
			request.User, ok = exactjson.String(value)
		case "role":
			var role string
			role, ok = exactjson.String(value)
			request.Role = Role(role)
		case "ttlSeconds":
			if exactjson.Unmarshal(value, &request.TTLSeconds) != nil {
				return request, http.StatusBadRequest, "ttlSeconds must be a whole number"
			}
		default:
			return request, http.StatusBadRequest, "unknown field " + fault.Quote(name) + ": only user, role and ttlSeconds are known"
		}
		if !ok {
			return request, http.StatusBadRequest, name + " must be a string"
		}
	}
	return request, 0, ""
}

func refuseSignIn(w http.ResponseWriter, status int, message string) {
	fault.WriteHTTP(w, status, fault.New(fault.BadUserInput, message), nil)
}

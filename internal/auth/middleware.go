package auth

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/fault"
)

// Middleware puts the principal of the Authorization header (RFC 6750: "Bearer" and a token) into the request's
// context. Without the header the request continues as anonymous. With a header that is malformed, or whose token is not
// valid, it ends here: 401 with a WWW-Authenticate challenge and the GraphQL error UNAUTHENTICATED, since answering as
// anonymous would look like lost data. 503 says that the token cannot be checked now.
func Middleware(verifier Verifier, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers := r.Header.Values("Authorization")
		if len(headers) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		token, err := bearer(headers)
		if err != nil {
			refuse(w, err)
			return
		}
		principal, err := verifier.Verify(r.Context(), token)
		if err != nil {
			refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), principal)))
	})
}

// StaffOnly answers callers who are not staff: 401 for anonymous ones, 403 for customers. It stands behind Middleware.
func StaffOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := RequireStaff(FromContext(r.Context()))
		f, refused := errors.AsType[*fault.Error](err)
		switch {
		case err == nil:
			next.ServeHTTP(w, r)
		case refused && f.Code == fault.Forbidden:
			fault.WriteHTTP(w, http.StatusForbidden, f, nil)
		default:
			refuse(w, err)
		}
	})
}

// Bearer takes the token out of an Authorization value, "Bearer" and a token, as connection_init carries one too.
// Anything else gives UNAUTHENTICATED. The scheme's case does not matter (RFC 9110 section 11.1).
func Bearer(authorization string) (token string, err error) {
	scheme, token, found := strings.Cut(authorization, " ")
	token = strings.Trim(token, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") || token == "" || strings.ContainsAny(token, " \t,") {
		return "", fault.New(fault.Unauthenticated, `authorization must be "Bearer" and a token`)
	}
	return token, nil
}

func bearer(headers []string) (string, error) {
	if len(headers) > 1 {
		return "", fault.New(fault.Unauthenticated, "more than one Authorization header")
	}
	return Bearer(headers[0])
}

func refuse(w http.ResponseWriter, err error) {
	var f *fault.Error
	if !errors.As(err, &f) {
		f = fault.Wrap(err, fault.Unavailable, "the token cannot be checked now: try again")
	}
	if f.Code != fault.Unauthenticated {
		w.Header().Set("Retry-After", strconv.Itoa(int(lookEvery/time.Second))) // by then an unknown key is asked for
		fault.WriteHTTP(w, http.StatusServiceUnavailable, f, nil)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="orderwire", error="invalid_token"`)
	fault.WriteHTTP(w, http.StatusUnauthorized, f, nil)
}

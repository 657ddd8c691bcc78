package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/session"
)

// issued is a Verifier for which every token is ada's and was issued at that time.
type issued time.Time

func (at issued) Verify(context.Context, string) (auth.Principal, error) {
	return auth.Principal{
		CustomerID: customer("ada"), Role: auth.RoleCustomer, Issuer: auth.DevIssuer, Subject: "ada", IssuedAt: time.Time(at),
	}, nil
}

// Most issuers write iat in whole seconds. A token of the second of a revocation may have been issued before it, so it is
// void. One of the next second is valid.
func TestWholeSeconds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	at, err := w.replica(session.Config{}).SignOut(t.Context(), verify(t, w.replica(session.Config{}), w.token("ada")))
	if err != nil {
		t.Fatal(err)
	}
	second := at.Truncate(time.Second)
	for name, c := range map[string]struct {
		iat  time.Time
		good bool
	}{
		"no time of issue":   {time.Time{}, false},
		"second before":      {second.Add(-time.Second), false},
		"same second":        {second, false},
		"same moment":        {at, false},
		"microsecond later":  {at.Add(time.Microsecond), true},
		"the second after":   {second.Add(time.Second), true},
		"long after signing": {second.Add(time.Hour), true},
	} {
		r, err := session.NewRegistry(t.Context(), w.store, issued(c.iat), session.Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Verify(t.Context(), "")
		if c.good && err != nil || !c.good && fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

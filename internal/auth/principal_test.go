package auth_test

import (
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
)

func TestCanSee(t *testing.T) {
	t.Parallel()
	ada, grace := id.ForCustomer("orderwire-dev", "ada"), id.ForCustomer("orderwire-dev", "grace")
	cases := []struct {
		name            string
		p               auth.Principal
		own, others     bool
		signedIn, staff bool
	}{
		{"anonymous", auth.Principal{}, false, false, false, false},
		{"anonymous with an id by mistake", auth.Principal{CustomerID: ada}, false, false, false, false},
		{"customer", auth.Principal{Role: auth.RoleCustomer, CustomerID: ada}, true, false, true, false},
		{"staff", auth.Principal{Role: auth.RoleStaff, CustomerID: grace}, true, true, true, true},
		{"system", auth.System, true, true, true, false},
		{"unknown role", auth.Principal{Role: "ADMIN", CustomerID: ada}, false, false, true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.p.CanSee(ada); got != c.own {
				t.Errorf("ada's: %v, want %v", got, c.own)
			}
			if got := c.p.CanSee(grace); got != c.others {
				t.Errorf("grace's: %v, want %v", got, c.others)
			}
			if got := c.p.SignedIn(); got != c.signedIn {
				t.Errorf("signed in: %v, want %v", got, c.signedIn)
			}
			if got := c.p.Staff(); got != c.staff {
				t.Errorf("staff: %v, want %v", got, c.staff)
			}
		})
	}
	if (auth.Principal{}).CanSee(id.Customer{}) {
		t.Error("anonymous sees what belongs to the zero customer")
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 5, 14, 0, 0, 0, time.UTC)
	p := auth.Principal{Role: auth.RoleCustomer, ExpiresAt: end}
	if p.Expired(end.Add(-1)) || !p.Expired(end) || !p.Expired(end.Add(1)) {
		t.Error("a session does not end at ExpiresAt")
	}
	if auth.System.Expired(end) {
		t.Error("the system's session ends")
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	ada := auth.Principal{Role: auth.RoleCustomer, Issuer: "i", Subject: "ada"}
	renewed := ada
	renewed.ExpiresAt = time.Unix(1, 0)
	if !ada.Same(renewed) {
		t.Error("a renewed session is taken for somebody else")
	}
	for name, change := range map[string]func(*auth.Principal){
		"issuer":  func(p *auth.Principal) { p.Issuer = "j" },
		"subject": func(p *auth.Principal) { p.Subject = "grace" },
		"role":    func(p *auth.Principal) { p.Role = auth.RoleStaff },
	} {
		other := ada
		change(&other)
		if ada.Same(other) {
			t.Errorf("another %s is taken for the same", name)
		}
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	if p := auth.FromContext(t.Context()); p != (auth.Principal{}) {
		t.Errorf("an empty context has %+v", p)
	}
	if p := auth.FromContext(auth.NewContext(t.Context(), auth.System)); p != auth.System {
		t.Errorf("got %+v back", p)
	}
}

// Package auth identifies the caller. A Verifier turns a bearer token into a Principal, which travels in the context to every
// resolver and store call. Every access decision depends on it.
//
// In development (AUTH_MODE=dev) the server signs tokens itself, for anyone who asks: see Dev.
package auth

import (
	"context"
	"time"

	"github.com/orderwire/orderwire/internal/id"
)

// Role bounds the rights of a principal. The values are those of signed tokens and of the schema.
type Role string

// The roles.
const (
	// RoleAnonymous is nobody in particular: may read the catalogue. It is the zero Role.
	RoleAnonymous Role = ""
	// RoleCustomer sees and changes their own orders.
	RoleCustomer Role = "CUSTOMER"
	// RoleStaff sees all orders and works on them.
	RoleStaff Role = "STAFF"
	// RoleSystem is the pipeline itself. No token can have it.
	RoleSystem Role = "SYSTEM"
)

// Principal is the caller of an operation. The zero Principal is anonymous.
type Principal struct {
	// CustomerID is id.ForCustomer(Issuer, Subject). Staff have one too, since staff may place orders.
	CustomerID id.Customer
	Role       Role
	// Issuer and Subject are the token's iss and sub: together they name one person for ever.
	Issuer, Subject string
	// Name is for display, may be empty and identifies nobody.
	Name string
	// IssuedAt is the token's iat, in UTC. A revocation ends the tokens issued at or before it. Zero: not known.
	IssuedAt time.Time
	// ExpiresAt is the end of the session, in UTC. Zero: never.
	ExpiresAt time.Time
}

// System is the principal of work that no person asked for: pipeline steps, timers, expiry.
var System = Principal{Role: RoleSystem, Name: "system"}

// SignedIn tells whether this is a person or the system, not anonymous.
func (p Principal) SignedIn() bool { return p.Role != RoleAnonymous }

// Staff tells whether this is a member of staff.
func (p Principal) Staff() bool { return p.Role == RoleStaff }

// CanSee tells whether p may see what belongs to the given customer: the customer, staff and the system may.
// It looks at memory only, so it can be asked for each event of each subscriber.
func (p Principal) CanSee(customerID id.Customer) bool {
	switch p.Role {
	case RoleStaff, RoleSystem:
		return true
	case RoleCustomer:
		return p.CustomerID == customerID
	case RoleAnonymous:
		return false
	default: // a role from nowhere sees nothing
		return false
	}
}

// Expired tells whether the session has ended at the given time.
func (p Principal) Expired(now time.Time) bool {
	return !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt)
}

// Same reports whether both are the same person in the same role, in any session. A refreshed token must be the same as the
// socket's.
func (p Principal) Same(other Principal) bool {
	return p.Issuer == other.Issuer && p.Subject == other.Subject && p.Role == other.Role
}

type contextKey struct{}

// NewContext returns ctx with the principal.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, &p)
}

// FromContext is the principal of ctx, anonymous when there is none.
func FromContext(ctx context.Context) Principal {
	if p, ok := ctx.Value(contextKey{}).(*Principal); ok {
		return *p
	}
	return Principal{}
}

// Shared returns ctx's principal if it equals p, else a copy of p. So everything that a connection keeps shares one principal. Do
// not change it.
func Shared(ctx context.Context, p Principal) *Principal {
	if own, ok := ctx.Value(contextKey{}).(*Principal); ok && *own == p {
		return own
	}
	return &p
}

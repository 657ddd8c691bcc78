package auth

import "github.com/orderwire/orderwire/internal/fault"

// SignInFirst is the message of UNAUTHENTICATED for a caller without a token.
const SignInFirst = "Sign in first: send an Authorization header with a bearer token."

// RequireSignedIn returns UNAUTHENTICATED for an anonymous principal.
func RequireSignedIn(p Principal) error {
	if p.SignedIn() {
		return nil
	}
	return fault.New(fault.Unauthenticated, SignInFirst)
}

// RequireStaff returns UNAUTHENTICATED for an anonymous principal and FORBIDDEN for a customer.
func RequireStaff(p Principal) error {
	if err := RequireSignedIn(p); err != nil {
		return err
	}
	if p.Staff() || p.Role == RoleSystem {
		return nil
	}
	return fault.New(fault.Forbidden, "Only staff may do this.")
}

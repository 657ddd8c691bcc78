package auth

import "github.com/orderwire/orderwire/internal/fault"

// RequireSignedIn returns UNAUTHENTICATED for an anonymous principal.
func RequireSignedIn(p Principal) error {
	if p.SignedIn() {
		return nil
	}
	return fault.New(fault.Unauthenticated, "Sign in first: send an Authorization header with a bearer token.")
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

package graph_test

import (
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
)

const userRevoke = `mutation($input: UserRevokeInput!) { userRevoke(input: $input) { revokedAt userErrors { field message code } } }`

func TestUserRevoke(t *testing.T) {
	t.Parallel()
	w := setup(t)
	revoke := func(w *world, p auth.Principal, customerID string) *answer {
		return w.do(p, userRevoke, vars{"input": vars{"customerId": customerID}})
	}
	adasID := ada.CustomerID.TypeID()
	t.Run("OKCustomerWithOrders", func(t *testing.T) {
		w := w.in(t)
		w.order(ada, w.product("revoked", 100, "EUR"), "sim_approve")
		first := revoke(w, staff, adasID).ok().want("userRevoke.userErrors", []any{}).text("userRevoke.revokedAt")
		if again := revoke(w, staff, adasID).ok().text("userRevoke.revokedAt"); again <= first {
			t.Errorf("revoked at %s and again at %s", first, again)
		}
	})
	t.Run("OKAfterSigningOut", func(t *testing.T) {
		w := w.in(t)
		w.do(bob, `mutation { viewerSignOut { signedOutAt } }`, nil).ok().text("viewerSignOut.signedOutAt")
		revoke(w, staff, bob.CustomerID.TypeID()).ok().want("userRevoke.userErrors", []any{})
	})
	t.Run("ErrUserNotFound", func(t *testing.T) {
		revoke(w.in(t), staff, id.ForCustomer("test", "nobody").TypeID()).ok().
			want("userRevoke.revokedAt", nil).
			want("userRevoke.userErrors.0.code", "USER_NOT_FOUND").
			want("userRevoke.userErrors.0.field", []any{"input", "customerId"})
	})
	t.Run("ErrMalformed", func(t *testing.T) { revoke(w.in(t), staff, "ada").refused("BAD_USER_INPUT") })
	t.Run("ErrCustomer", func(t *testing.T) { revoke(w.in(t), ada, adasID).refused("FORBIDDEN") })
	t.Run("ErrAnonymous", func(t *testing.T) { revoke(w.in(t), anonymous, adasID).refused("UNAUTHENTICATED") })
}

func TestViewerSignOutErrAnonymous(t *testing.T) {
	t.Parallel()
	setup(t).do(anonymous, `mutation { viewerSignOut { signedOutAt } }`, nil).refused("UNAUTHENTICATED")
}

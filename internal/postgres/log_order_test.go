package postgres_test

import (
	"sync"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// Subscriptions that begin at the same time are read for together, and each still sees what it may see, and no more.
func TestOrdersTogether(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store, log := postgrestest.Store(t, db.API, nil), postgres.NewLog(db.API)
	hers, his := create(t, store, ada).ID, create(t, store, grace).ID
	var callers sync.WaitGroup
	for range 20 {
		for _, call := range []struct {
			p       auth.Principal
			orderID id.Order
			sees    bool
		}{
			{ada, hers, true},
			{ada, his, false},
			{grace, his, true},
			{grace, hers, false},
			{staff, hers, true},
			{auth.System, his, true},
			{auth.Principal{}, hers, false},
			{staff, id.New[id.Order](), false},
		} {
			callers.Go(func() {
				o, err := log.Order(t.Context(), call.p, call.orderID, 0)
				if call.sees && (err != nil || o.Order.ID != call.orderID) || !call.sees && fault.CodeOf(err) != fault.NotFound {
					t.Errorf("%s asks for %s: %v, %v", call.p.Role, call.orderID, o, err)
				}
			})
		}
	}
	callers.Wait()
}

package postgres

import (
	"context"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/groupcommit"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// AsPrincipal and SettingOf let a test run a query of its own as the store does.
var (
	AsPrincipal = asPrincipal
	SettingOf   = settingOf
)

// LoadForChange tells whether a change would be given the order to decide on.
func (s *Store) LoadForChange(ctx context.Context, p auth.Principal, orderID id.Order) (bool, error) {
	c := &groupcommit.Call[changeCall, order.Outcome]{In: changeCall{principal: p, orderID: orderID}}
	found, err := s.loadForChange(ctx, []*groupcommit.Call[changeCall, order.Outcome]{c})
	return len(found) > 0, err
}

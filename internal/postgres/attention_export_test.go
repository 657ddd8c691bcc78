package postgres

import (
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
)

// AttentionQuery lets a test ask for the plan of what PaymentsNeedingAttention runs.
var AttentionQuery = func(p auth.Principal, r pagination.Request) (string, []any) {
	return attentionQuery(p, r, order.AllParts)
}

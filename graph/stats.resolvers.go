package graph

import (
	"context"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/stats"
)

// Stats is the resolver for the stats field.
func (r *queryResolver) Stats(ctx context.Context, window stats.Window) (*stats.Stats, error) {
	return r.Resolver.Stats.Stats(ctx, auth.FromContext(ctx), window)
}

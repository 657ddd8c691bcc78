package graph

import (
	"context"
	"fmt"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/page"
)

func (r *queryResolver) Node(ctx context.Context, id string) (model.Node, error) {
	nodes, err := r.nodes(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	return nodes[0], nil
}

func (r *queryResolver) Nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	if len(ids) > page.Max {
		return nil, fault.New(fault.BadUserInput, fmt.Sprintf("At most %d ids, not %d.", page.Max, len(ids)))
	}
	return r.nodes(ctx, ids)
}

func (r *Resolver) Query() generated.QueryResolver { return &queryResolver{r} }

type queryResolver struct{ *Resolver }

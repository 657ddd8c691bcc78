package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
)

// ID is the resolver for the id field.
func (r *actorResolver) ID(ctx context.Context, obj *order.Actor) (*string, error) {
	if obj.ID.IsNil() || !auth.FromContext(ctx).Staff() {
		return nil, nil
	}
	actorID := obj.ID.TypeID()
	return &actorID, nil
}

// Actor returns generated.ActorResolver implementation.
func (r *Resolver) Actor() generated.ActorResolver { return &actorResolver{r} }

type actorResolver struct{ *Resolver }

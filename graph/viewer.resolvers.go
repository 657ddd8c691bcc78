package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
)

// Viewer is the resolver for the viewer field.
func (r *queryResolver) Viewer(ctx context.Context) (*auth.Principal, error) {
	p := auth.FromContext(ctx)
	if !p.SignedIn() {
		return nil, nil
	}
	return &p, nil
}

// ID is the resolver for the id field.
func (r *viewerResolver) ID(ctx context.Context, obj *auth.Principal) (string, error) {
	return id.Format(id.Customer, obj.CustomerID), nil
}

// Viewer returns generated.ViewerResolver implementation.
func (r *Resolver) Viewer() generated.ViewerResolver { return &viewerResolver{r} }

type viewerResolver struct{ *Resolver }

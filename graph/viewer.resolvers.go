package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
)

// ViewerSignOut is the resolver for the viewerSignOut field.
func (r *mutationResolver) ViewerSignOut(ctx context.Context) (*model.ViewerSignOutPayload, error) {
	p := auth.FromContext(ctx)
	at, err := r.Sessions.SignOut(ctx, p)
	if err != nil {
		return nil, err
	}
	return &model.ViewerSignOutPayload{SignedOutAt: at}, nil
}

// UserRevoke is the resolver for the userRevoke field.
func (r *mutationResolver) UserRevoke(ctx context.Context, input model.UserRevokeInput) (*model.UserRevokePayload, error) {
	customerID, err := id.Parse[id.Customer](input.CustomerID)
	if err != nil {
		return nil, err
	}
	at, err := r.Sessions.Revoke(ctx, auth.FromContext(ctx), customerID)
	if err != nil {
		return userRevokeRefused(err)
	}
	return &model.UserRevokePayload{RevokedAt: &at}, nil
}

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
	return obj.CustomerID.TypeID(), nil
}

// Viewer returns generated.ViewerResolver implementation.
func (r *Resolver) Viewer() generated.ViewerResolver { return &viewerResolver{r} }

type viewerResolver struct{ *Resolver }

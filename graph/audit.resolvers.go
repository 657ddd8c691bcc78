package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
)

// ID is the resolver for the id field.
func (r *auditEntryResolver) ID(ctx context.Context, obj *audit.Entry) (string, error) {
	return obj.ID.TypeID(), nil
}

// ActorID is the resolver for the actorId field.
func (r *auditEntryResolver) ActorID(ctx context.Context, obj *audit.Entry) (string, error) {
	return obj.ActorID.TypeID(), nil
}

// AuditTrail is the resolver for the auditTrail field.
func (r *queryResolver) AuditTrail(ctx context.Context, first *int, after *string) (*model.AuditEntryConnection, error) {
	p := auth.FromContext(ctx)
	request, err := auditList.forward(first, after)
	if err != nil {
		return nil, err
	}
	result, err := r.Audit.AuditTrail(ctx, p, request)
	if err != nil {
		return nil, err
	}
	return auditEntryConnection(auditList.connect(result)), nil
}

// AuditEntry returns generated.AuditEntryResolver implementation.
func (r *Resolver) AuditEntry() generated.AuditEntryResolver { return &auditEntryResolver{r} }

type auditEntryResolver struct{ *Resolver }

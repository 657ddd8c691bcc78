// Package graph answers the schema's fields: resolvers parse, call one service and map what it returns. It also says
// how errors look to a client (ErrorPresenter) and sees that a list costs no more SQL statements than one item (scope).
//
// The .resolvers.go files follow the .graphqls files; generated/ is gqlgen's, model/ has the shapes that exist in
// GraphQL only. After a change of the schema: go generate ./graph.
package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/reconcile"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/stats"
	"github.com/orderwire/orderwire/internal/webhook"
)

// Resolver has what the resolvers call. All fields are required but Source.
type Resolver struct {
	OrderService   *order.Service
	ProductService *product.Service
	WebhookService *webhook.Service
	// Reconciler lists where the payment provider's books differ.
	Reconciler *reconcile.Reconciler
	// Walker lists charges at the payment provider that no payment stands for.
	Walker *reconcile.Walker
	// Stats has the board's figures.
	Stats *stats.Service
	// Audit has what staff did.
	Audit audit.Trail
	// Hub is where subscriptions come from.
	Hub *event.Hub
	// Sessions ends them.
	Sessions *session.Registry
	// Source is which client address a request comes from, as a keyed hash. Nil: it is not known.
	Source func(context.Context) uuid.UUID
}

func (r *Resolver) source(ctx context.Context) uuid.UUID {
	if r.Source == nil {
		return uuid.Nil
	}
	return r.Source(ctx)
}

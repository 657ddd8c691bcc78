// Package graph resolves the schema's fields: a resolver parses its arguments, calls one service and maps the result. The package also makes
// the errors that a client sees (ErrorPresenter) and keeps a list from taking more SQL statements than one item (scope).
//
// There is one .resolvers.go file for each .graphqls file. generated/ and the .generated.go files are written by internal/gqlgen, model/ has the
// shapes that exist in GraphQL only. After a change of the schema: go generate ./graph.
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

// Resolver has the services that resolvers call. All fields but Source are required.
type Resolver struct {
	OrderService   *order.Service
	ProductService *product.Service
	WebhookService *webhook.Service
	// Reconciler lists where our books differ from the payment provider's.
	Reconciler *reconcile.Reconciler
	// Walker lists orphaned charges: charges at the payment provider that belong to no payment.
	Walker *reconcile.Walker
	// Stats counts the board's figures.
	Stats *stats.Service
	// Audit lists what staff did.
	Audit audit.Trail
	// Hub opens the sources of subscriptions.
	Hub *event.Hub
	// Sessions ends sessions.
	Sessions *session.Registry
	// Source returns a keyed hash of the client address that a request comes from. Nil: addresses are not known.
	Source func(context.Context) uuid.UUID
}

func (r *Resolver) source(ctx context.Context) uuid.UUID {
	if r.Source == nil {
		return uuid.Nil
	}
	return r.Source(ctx)
}

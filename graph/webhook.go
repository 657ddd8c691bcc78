package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/page"
	"github.com/orderwire/orderwire/internal/webhook"
)

// The kinds of cursor of the webhooks' lists.
const (
	endpointCursor = "endpoints"
	deliveryCursor = "deliveries"
)

func endpointConnection(result page.Result[*webhook.Endpoint]) *model.WebhookEndpointConnection {
	edges, info := connect(endpointCursor, result, func(e *webhook.Endpoint) (string, *model.WebhookEndpointEdge) {
		cursor := page.Cursor(endpointCursor, e.ID)
		return cursor, &model.WebhookEndpointEdge{Cursor: cursor, Node: e}
	})
	return &model.WebhookEndpointConnection{Edges: edges, Nodes: result.Items, PageInfo: info}
}

func deliveryConnection(result page.Result[*webhook.Delivery]) *model.WebhookDeliveryConnection {
	edges, info := connect(deliveryCursor, result, func(d *webhook.Delivery) (string, *model.WebhookDeliveryEdge) {
		cursor := page.Cursor(deliveryCursor, d.ID)
		return cursor, &model.WebhookDeliveryEdge{Cursor: cursor, Node: d}
	})
	return &model.WebhookDeliveryConnection{Edges: edges, Nodes: result.Items, PageInfo: info}
}

func toDeliveryFilter(endpointID *string, status *webhook.Status) (filter webhook.Filter, err error) {
	if status != nil {
		filter.Status = *status
	}
	filter.EndpointID, err = optionalID(id.Endpoint, endpointID)
	return filter, err
}

// revealed is a secret for the one answer that shows it; null when there is none.
func revealed(secret webhook.Secret) *string {
	if secret == nil {
		return nil
	}
	text := secret.Reveal()
	return &text
}

// webhookNodes reads endpoints or deliveries by id. For all but staff there are none.
func (r *Resolver) webhookNodes(ctx context.Context, p auth.Principal, kind id.Prefix, keys []uuid.UUID) (map[uuid.UUID]model.Node, error) {
	nodes := map[uuid.UUID]model.Node{}
	if !p.Staff() {
		return nodes, nil
	}
	if kind == id.Endpoint {
		endpoints, err := r.WebhookService.EndpointsByID(ctx, p, keys)
		for key, e := range endpoints {
			nodes[key] = e
		}
		return nodes, err
	}
	deliveries, err := r.WebhookService.DeliveriesByID(ctx, p, keys)
	for key, d := range deliveries {
		nodes[key] = d
	}
	return nodes, err
}

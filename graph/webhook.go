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
	connection := &model.WebhookEndpointConnection{
		Edges: make([]*model.WebhookEndpointEdge, len(result.Items)),
		Nodes: result.Items,
	}
	cursors := make([]string, len(result.Items))
	for i, e := range result.Items {
		cursors[i] = page.Cursor(endpointCursor, e.ID)
		connection.Edges[i] = &model.WebhookEndpointEdge{Cursor: cursors[i], Node: e}
	}
	connection.PageInfo = pageInfo(cursors, result.HasPrevious, result.HasNext)
	return connection
}

func deliveryConnection(result page.Result[*webhook.Delivery]) *model.WebhookDeliveryConnection {
	connection := &model.WebhookDeliveryConnection{
		Edges: make([]*model.WebhookDeliveryEdge, len(result.Items)),
		Nodes: result.Items,
	}
	cursors := make([]string, len(result.Items))
	for i, d := range result.Items {
		cursors[i] = page.Cursor(deliveryCursor, d.ID)
		connection.Edges[i] = &model.WebhookDeliveryEdge{Cursor: cursors[i], Node: d}
	}
	connection.PageInfo = pageInfo(cursors, result.HasPrevious, result.HasNext)
	return connection
}

func toDeliveryFilter(endpointID *string, status *webhook.Status) (filter webhook.Filter, err error) {
	if status != nil {
		filter.Status = *status
	}
	if endpointID != nil {
		filter.EndpointID, err = id.Parse(id.Endpoint, *endpointID)
	}
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

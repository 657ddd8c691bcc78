package graph

import (
	"context"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

func toDeliveryFilter(endpointID *string, status *webhook.Status) (filter webhook.Filter, err error) {
	if status != nil {
		filter.Status = *status
	}
	filter.EndpointID, err = optionalID[id.Endpoint](endpointID)
	return filter, err
}

func toReplayRange(input model.WebhookReplayInput) (of webhook.Range, err error) {
	of.From, of.To = input.From, input.To
	for _, end := range []struct {
		cursor *string
		to     **event.FeedCursor
	}{{input.After, &of.After}, {input.Through, &of.Through}} {
		if end.cursor == nil {
			continue
		}
		c, err := event.ParseFeed(*end.cursor)
		if err != nil {
			return webhook.Range{}, err
		}
		*end.to = &c
	}
	return of, nil
}

// revealed returns a secret as text, for the only response that shows it; nil when there is none.
func revealed(secret webhook.Secret) *string {
	if secret == nil {
		return nil
	}
	text := secret.Reveal()
	return &text
}

// webhookNodes reads endpoints or deliveries by id. Only staff get any.
func (r *Resolver) webhookNodes(ctx context.Context, p auth.Principal, kind id.Kind, keys []uuid.UUID) (map[uuid.UUID]model.Node, error) {
	nodes := map[uuid.UUID]model.Node{}
	if !p.Staff() {
		return nodes, nil
	}
	if kind == id.EndpointKind {
		endpoints, err := r.WebhookService.EndpointsByID(ctx, p, of[id.Endpoint](keys))
		add(nodes, endpoints)
		return nodes, err
	}
	deliveries, err := r.WebhookService.DeliveriesByID(ctx, p, of[id.Delivery](keys))
	add(nodes, deliveries)
	return nodes, err
}

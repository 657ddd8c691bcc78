package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
)

// WebhookReplay is the resolver for the webhookReplay field.
func (r *mutationResolver) WebhookReplay(ctx context.Context, input model.WebhookReplayInput) (*model.WebhookReplayPayload, error) {
	endpointID, err := id.Parse[id.Endpoint](input.EndpointID)
	if err != nil {
		return nil, err
	}
	of, err := toReplayRange(input)
	if err != nil {
		return nil, err
	}
	endpoint, err := r.WebhookService.Replay(ctx, auth.FromContext(ctx), endpointID, of)
	if err != nil {
		return webhookReplayRefused(err)
	}
	return &model.WebhookReplayPayload{Endpoint: endpoint, Replay: endpoint.Replay}, nil
}

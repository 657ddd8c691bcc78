package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

// WebhookEndpointCreate is the resolver for the webhookEndpointCreate field.
func (r *mutationResolver) WebhookEndpointCreate(ctx context.Context, input model.WebhookEndpointCreateInput) (*model.WebhookEndpointCreatePayload, error) {
	made, secret, err := r.WebhookService.Create(ctx, auth.FromContext(ctx), webhook.Input{
		URL: input.URL, EventTypes: input.EventTypes, Description: input.Description,
	})
	if err != nil {
		return webhookEndpointCreateRefused(err)
	}
	return &model.WebhookEndpointCreatePayload{Endpoint: made, Secret: revealed(secret)}, nil
}

// WebhookEndpointUpdate is the resolver for the webhookEndpointUpdate field.
func (r *mutationResolver) WebhookEndpointUpdate(ctx context.Context, input model.WebhookEndpointUpdateInput) (*model.WebhookEndpointUpdatePayload, error) {
	p := auth.FromContext(ctx)
	endpointID, err := id.Parse[id.Endpoint](input.EndpointID)
	if err != nil {
		return nil, err
	}
	change := webhook.Change{URL: input.URL, Enabled: input.Enabled, Description: input.Description}
	if input.EventTypes != nil {
		change.EventTypes = &input.EventTypes
	}
	changed, err := r.WebhookService.Update(ctx, p, endpointID, change)
	if err != nil {
		return webhookEndpointUpdateRefused(err)
	}
	return &model.WebhookEndpointUpdatePayload{Endpoint: changed}, nil
}

// WebhookEndpointRotateSecret is the resolver for the webhookEndpointRotateSecret field.
func (r *mutationResolver) WebhookEndpointRotateSecret(ctx context.Context, input model.WebhookEndpointRotateSecretInput) (*model.WebhookEndpointRotateSecretPayload, error) {
	p := auth.FromContext(ctx)
	endpointID, err := id.Parse[id.Endpoint](input.EndpointID)
	if err != nil {
		return nil, err
	}
	rotated, secret, err := r.WebhookService.RotateSecret(ctx, p, endpointID)
	if err != nil {
		return webhookEndpointRotateSecretRefused(err)
	}
	return &model.WebhookEndpointRotateSecretPayload{Endpoint: rotated, Secret: revealed(secret)}, nil
}

// WebhookRedeliver is the resolver for the webhookRedeliver field.
func (r *mutationResolver) WebhookRedeliver(ctx context.Context, input model.WebhookRedeliverInput) (*model.WebhookRedeliverPayload, error) {
	p := auth.FromContext(ctx)
	deliveryID, err := id.Parse[id.Delivery](input.DeliveryID)
	if err != nil {
		return nil, err
	}
	delivery, err := r.WebhookService.Redeliver(ctx, p, deliveryID)
	if err != nil {
		return webhookRedeliverRefused(err)
	}
	return &model.WebhookRedeliverPayload{Delivery: delivery}, nil
}

// WebhookEndpointDelete is the resolver for the webhookEndpointDelete field.
func (r *mutationResolver) WebhookEndpointDelete(ctx context.Context, input model.WebhookEndpointDeleteInput) (*model.WebhookEndpointDeletePayload, error) {
	endpointID, err := id.Parse[id.Endpoint](input.EndpointID)
	if err != nil {
		return nil, err
	}
	if err := r.WebhookService.Delete(ctx, auth.FromContext(ctx), endpointID); err != nil {
		return webhookEndpointDeleteRefused(err)
	}
	return &model.WebhookEndpointDeletePayload{DeletedEndpointID: &input.EndpointID}, nil
}

// WebhookEndpointTest is the resolver for the webhookEndpointTest field.
func (r *mutationResolver) WebhookEndpointTest(ctx context.Context, input model.WebhookEndpointTestInput) (*model.WebhookEndpointTestPayload, error) {
	endpointID, err := id.Parse[id.Endpoint](input.EndpointID)
	if err != nil {
		return nil, err
	}
	tested, err := r.WebhookService.Test(ctx, auth.FromContext(ctx), endpointID)
	if err != nil {
		return webhookEndpointTestRefused(err)
	}
	return &model.WebhookEndpointTestPayload{
		Endpoint: tested.Endpoint, Delivered: tested.Delivered(), ResponseStatus: tested.Status, Problem: tested.Problem,
	}, nil
}

// WebhookEndpoints is the resolver for the webhookEndpoints field.
func (r *queryResolver) WebhookEndpoints(ctx context.Context, first *int, after *string) (*model.WebhookEndpointConnection, error) {
	request, err := endpointList.forward(first, after)
	if err != nil {
		return nil, err
	}
	result, err := r.WebhookService.Endpoints(ctx, auth.FromContext(ctx), request)
	if err != nil {
		return nil, err
	}
	return webhookEndpointConnection(endpointList.connect(result)), nil
}

// WebhookDeliveries is the resolver for the webhookDeliveries field.
func (r *queryResolver) WebhookDeliveries(ctx context.Context, endpointID *string, status *webhook.Status, first *int, after *string) (*model.WebhookDeliveryConnection, error) {
	request, err := deliveryList.forward(first, after)
	if err != nil {
		return nil, err
	}
	filter, err := toDeliveryFilter(endpointID, status)
	if err != nil {
		return nil, err
	}
	result, err := r.WebhookService.Deliveries(ctx, auth.FromContext(ctx), filter, request)
	if err != nil {
		return nil, err
	}
	return webhookDeliveryConnection(deliveryList.connect(result)), nil
}

// ID is the resolver for the id field.
func (r *webhookDeliveryResolver) ID(ctx context.Context, obj *webhook.Delivery) (string, error) {
	return obj.ID.TypeID(), nil
}

// EventID is the resolver for the eventId field.
func (r *webhookDeliveryResolver) EventID(ctx context.Context, obj *webhook.Delivery) (string, error) {
	return obj.EventID.TypeID(), nil
}

// ID is the resolver for the id field.
func (r *webhookEndpointResolver) ID(ctx context.Context, obj *webhook.Endpoint) (string, error) {
	return obj.ID.TypeID(), nil
}

// WebhookDelivery returns generated.WebhookDeliveryResolver implementation.
func (r *Resolver) WebhookDelivery() generated.WebhookDeliveryResolver {
	return &webhookDeliveryResolver{r}
}

// WebhookEndpoint returns generated.WebhookEndpointResolver implementation.
func (r *Resolver) WebhookEndpoint() generated.WebhookEndpointResolver {
	return &webhookEndpointResolver{r}
}

type (
	webhookDeliveryResolver struct{ *Resolver }
	webhookEndpointResolver struct{ *Resolver }
)

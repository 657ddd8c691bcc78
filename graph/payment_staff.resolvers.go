package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/requestid"
)

// PaymentCapture is the resolver for the paymentCapture field.
func (r *mutationResolver) PaymentCapture(ctx context.Context, input model.PaymentCaptureInput) (*model.PaymentCapturePayload, error) {
	p := auth.FromContext(ctx)
	paymentID, err := id.Parse[id.Payment](input.PaymentID)
	if err != nil {
		return nil, err
	}
	changed, err := r.OrderService.Capture(ctx, p, order.CaptureInput{
		PaymentInput: order.PaymentInput{PaymentID: paymentID, ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx)},
		AmountMinor:  input.AmountMinor,
	})
	if err != nil {
		return paymentCaptureRefused(err)
	}
	scopeOf(ctx).hold(changed)
	return &model.PaymentCapturePayload{Order: changed, Payment: paymentOf(changed, paymentID)}, nil
}

// PaymentVoid is the resolver for the paymentVoid field.
func (r *mutationResolver) PaymentVoid(ctx context.Context, input model.PaymentVoidInput) (*model.PaymentVoidPayload, error) {
	p := auth.FromContext(ctx)
	paymentID, err := id.Parse[id.Payment](input.PaymentID)
	if err != nil {
		return nil, err
	}
	changed, err := r.OrderService.Void(ctx, p, order.PaymentInput{
		PaymentID: paymentID, ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx),
	})
	if err != nil {
		return paymentVoidRefused(err)
	}
	scopeOf(ctx).hold(changed)
	return &model.PaymentVoidPayload{Order: changed, Payment: paymentOf(changed, paymentID)}, nil
}

// PaymentResolve is the resolver for the paymentResolve field.
func (r *mutationResolver) PaymentResolve(ctx context.Context, input model.PaymentResolveInput) (*model.PaymentResolvePayload, error) {
	p := auth.FromContext(ctx)
	paymentID, err := id.Parse[id.Payment](input.PaymentID)
	if err != nil {
		return nil, err
	}
	changed, err := r.OrderService.Resolve(ctx, p, order.ResolveInput{
		PaymentInput: order.PaymentInput{PaymentID: paymentID, ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx)},
		Resolution:   input.Resolution, Note: input.Note,
	})
	if err != nil {
		return paymentResolveRefused(err)
	}
	scopeOf(ctx).hold(changed)
	return &model.PaymentResolvePayload{Order: changed, Payment: paymentOf(changed, paymentID)}, nil
}

// PaymentsRecheck is the resolver for the paymentsRecheck field.
func (r *mutationResolver) PaymentsRecheck(ctx context.Context, input model.PaymentsRecheckInput) (*model.PaymentsRecheckPayload, error) {
	request, err := attentionList.forward(nil, input.After)
	if err != nil {
		return nil, err
	}
	done, err := r.OrderService.RecheckAttention(ctx, auth.FromContext(ctx), order.RecheckInput{Attention: input.Attention, After: request.After})
	if err != nil {
		return nil, err
	}
	payload := &model.PaymentsRecheckPayload{Rechecked: done.Count}
	if done.Next.Valid {
		next := pagination.Cursor(attentionList.cursor, done.Next.ID)
		payload.NextCursor = &next
	}
	return payload, nil
}

package graph

import (
	"context"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// ID is the resolver for the id field.
func (r *paymentResolver) ID(ctx context.Context, obj *payment.Payment) (string, error) {
	return obj.ID.TypeID(), nil
}

// Order is the resolver for the order field.
func (r *paymentResolver) Order(ctx context.Context, obj *payment.Payment) (*order.Order, error) {
	return scopeOf(ctx).order(obj.OrderID), nil
}

// Captured is the resolver for the captured field.
func (r *paymentResolver) Captured(ctx context.Context, obj *payment.Payment) (*money.Amount, error) {
	return amount(obj.Captured, obj.Amount.Currency), nil
}

// Capturable is the resolver for the capturable field.
func (r *paymentResolver) Capturable(ctx context.Context, obj *payment.Payment) (*money.Amount, error) {
	return amount(obj.Capturable(), obj.Amount.Currency), nil
}

// CapturesInParts is the resolver for the capturesInParts field.
func (r *paymentResolver) CapturesInParts(ctx context.Context, obj *payment.Payment) (bool, error) {
	return r.OrderService.CapturesInParts(obj), nil
}

// Refunded is the resolver for the refunded field.
func (r *paymentResolver) Refunded(ctx context.Context, obj *payment.Payment) (*money.Amount, error) {
	return amount(obj.Refunded, obj.Amount.Currency), nil
}

// Disputed is the resolver for the disputed field.
func (r *paymentResolver) Disputed(ctx context.Context, obj *payment.Payment) (*money.Amount, error) {
	return amount(obj.Disputed(), obj.Amount.Currency), nil
}

// ProviderReference is the resolver for the providerReference field.
func (r *paymentResolver) ProviderReference(ctx context.Context, obj *payment.Payment) (*string, error) {
	if !auth.FromContext(ctx).Staff() {
		return nil, nil
	}
	return given(obj.Reference), nil
}

// NextAction is the resolver for the nextAction field.
func (r *paymentResolver) NextAction(ctx context.Context, obj *payment.Payment) (*payment.NextAction, error) {
	s := scopeOf(ctx)
	o := s.order(obj.OrderID)
	// Clients keep updates, and the log replays them. The next action can be a secret, so it is never part of an update.
	if s.past || o == nil || !s.principal.SignedIn() || s.principal.CustomerID != o.CustomerID {
		return nil, nil
	}
	if obj.Status != payment.RequiresAction {
		return nil, nil
	}
	return obj.NextAction, nil
}

// Attempts is the resolver for the attempts field.
func (r *paymentResolver) Attempts(ctx context.Context, obj *payment.Payment) ([]*payment.Attempt, error) {
	s := scopeOf(ctx)
	if !s.principal.Staff() {
		return []*payment.Attempt{}, nil
	}
	attempts, err := s.attemptsOf(ctx, obj.ID)
	attempts = attempts[max(0, len(attempts)-order.ShownAttempts):]
	pointers := make([]*payment.Attempt, len(attempts))
	for i := range attempts {
		pointers[i] = &attempts[i]
	}
	return pointers, err
}

// ID is the resolver for the id field.
func (r *paymentAttemptResolver) ID(ctx context.Context, obj *payment.Attempt) (string, error) {
	return obj.ID.TypeID(), nil
}

// Message is the resolver for the message field.
func (r *paymentAttemptResolver) Message(ctx context.Context, obj *payment.Attempt) (*string, error) {
	return given(obj.Message), nil
}

// URL is the resolver for the url field.
func (r *paymentNextActionResolver) URL(ctx context.Context, obj *payment.NextAction) (*string, error) {
	return given(obj.URL), nil
}

// ClientSecret is the resolver for the clientSecret field.
func (r *paymentNextActionResolver) ClientSecret(ctx context.Context, obj *payment.NextAction) (*string, error) {
	return given(obj.ClientSecret), nil
}

// Payment is the resolver for the payment field.
func (r *queryResolver) Payment(ctx context.Context, id string) (*payment.Payment, error) {
	p := auth.FromContext(ctx)
	paymentID, err := parsePaymentID(id)
	if err != nil {
		return nil, err
	}
	orders, err := r.OrderService.ByPayment(ctx, p, only(paymentID))
	if err != nil || orders[paymentID] == nil {
		return nil, err
	}
	scopeOf(ctx).holdPayments([]*order.Order{orders[paymentID]}, paymentID)
	return paymentOf(orders[paymentID], paymentID), nil
}

// Attention is the resolver for the attention field.
func (r *queryResolver) Attention(ctx context.Context, first *int, after *string) (*model.PaymentConnection, error) {
	p := auth.FromContext(ctx)
	request, err := attentionList.forward(first, after)
	if err != nil {
		return nil, err
	}
	result, err := r.OrderService.NeedingAttention(selected(ctx), p, request)
	if err != nil {
		return nil, err
	}
	orders, payments := make([]*order.Order, len(result.Items)), make([]id.Payment, len(result.Items))
	for i, item := range result.Items {
		orders[i], payments[i] = item.Order, item.Payment.ID
	}
	scopeOf(ctx).holdPayments(orders, payments...)
	return paymentConnection(attentionList.connect(pagination.Map(result, func(p *order.PaymentOf) *payment.Payment { return p.Payment }))), nil
}

// Payment returns generated.PaymentResolver implementation.
func (r *Resolver) Payment() generated.PaymentResolver { return &paymentResolver{r} }

// PaymentAttempt returns generated.PaymentAttemptResolver implementation.
func (r *Resolver) PaymentAttempt() generated.PaymentAttemptResolver {
	return &paymentAttemptResolver{r}
}

// PaymentNextAction returns generated.PaymentNextActionResolver implementation.
func (r *Resolver) PaymentNextAction() generated.PaymentNextActionResolver {
	return &paymentNextActionResolver{r}
}

type (
	paymentResolver           struct{ *Resolver }
	paymentAttemptResolver    struct{ *Resolver }
	paymentNextActionResolver struct{ *Resolver }
)

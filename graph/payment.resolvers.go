package graph

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/requestid"
)

// PaymentRetry is the resolver for the paymentRetry field.
func (r *mutationResolver) PaymentRetry(ctx context.Context, input model.PaymentRetryInput) (*model.PaymentRetryPayload, error) {
	key, err := keyOf(ctx, input.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	p := auth.FromContext(ctx)
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	orderID, err := id.Parse(id.Order, input.OrderID)
	if err != nil {
		return nil, err
	}
	outcome, err := r.OrderService.Retry(ctx, p, order.RetryInput{
		IdempotencyKey: key, OrderID: orderID, PaymentToken: token(input.PaymentMethod),
		ExpectedVersion: input.ExpectedVersion, RequestID: requestid.FromContext(ctx),
	})
	refused, err := userErrors(err, func(code model.PaymentRetryErrorCode, f *fault.Error) *model.PaymentRetryUserError {
		return &model.PaymentRetryUserError{Field: f.Field, Message: f.Message, Code: code}
	})
	if err != nil || refused != nil {
		return &model.PaymentRetryPayload{UserErrors: refused}, err
	}
	scopeOf(ctx).hold(outcome.Order)
	return &model.PaymentRetryPayload{
		Order: outcome.Order, Payment: paymentOf(outcome.Order, outcome.EntityID), Replayed: outcome.Replayed,
	}, nil
}

// ID is the resolver for the id field.
func (r *paymentResolver) ID(ctx context.Context, obj *payment.Payment) (string, error) {
	return id.Format(id.Payment, obj.ID), nil
}

// Order is the resolver for the order field.
func (r *paymentResolver) Order(ctx context.Context, obj *payment.Payment) (*order.Order, error) {
	return scopeOf(ctx).order(obj.OrderID), nil
}

// Captured is the resolver for the captured field.
func (r *paymentResolver) Captured(ctx context.Context, obj *payment.Payment) (*money.Amount, error) {
	return amount(obj.Captured, obj.Amount.Currency), nil
}

// Refunded is the resolver for the refunded field.
func (r *paymentResolver) Refunded(ctx context.Context, obj *payment.Payment) (*money.Amount, error) {
	return amount(obj.Refunded, obj.Amount.Currency), nil
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
	// An update may be replayed to others and kept by clients: what it may hold is a secret of this moment.
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
	attempts, _, err := s.attempts.load(ctx, obj.ID)
	pointers := make([]*payment.Attempt, len(attempts))
	for i := range attempts {
		pointers[i] = &attempts[i]
	}
	return pointers, err
}

// ID is the resolver for the id field.
func (r *paymentAttemptResolver) ID(ctx context.Context, obj *payment.Attempt) (string, error) {
	return id.Format(id.Attempt, obj.ID), nil
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
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	paymentID, err := parsePaymentID(id)
	if err != nil {
		return nil, err
	}
	orders, err := r.OrderService.ByPayment(ctx, p, []uuid.UUID{paymentID})
	if err != nil || orders[paymentID] == nil {
		return nil, err
	}
	scopeOf(ctx).hold(orders[paymentID])
	return paymentOf(orders[paymentID], paymentID), nil
}

// ID is the resolver for the id field.
func (r *refundResolver) ID(ctx context.Context, obj *payment.Refund) (string, error) {
	return id.Format(id.Refund, obj.ID), nil
}

// Order is the resolver for the order field.
func (r *refundResolver) Order(ctx context.Context, obj *payment.Refund) (*order.Order, error) {
	return scopeOf(ctx).order(obj.OrderID), nil
}

// Payment is the resolver for the payment field.
func (r *refundResolver) Payment(ctx context.Context, obj *payment.Refund) (*payment.Payment, error) {
	return paymentOf(scopeOf(ctx).order(obj.OrderID), obj.PaymentID), nil
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

// Refund returns generated.RefundResolver implementation.
func (r *Resolver) Refund() generated.RefundResolver { return &refundResolver{r} }

type (
	paymentResolver           struct{ *Resolver }
	paymentAttemptResolver    struct{ *Resolver }
	paymentNextActionResolver struct{ *Resolver }
	refundResolver            struct{ *Resolver }
)

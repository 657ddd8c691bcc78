package order

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// ActionOutcome is the action of a simulated customer, as in the GraphQL argument PaymentCompleteActionInput.outcome.
type ActionOutcome string

// The outcomes of an action.
const (
	ActionApprove ActionOutcome = "APPROVE"
	ActionRefuse  ActionOutcome = "REFUSE"
)

// CompleteActionInput says that the customer has acted.
type CompleteActionInput struct {
	PaymentID id.Payment
	// Outcome acts for the customer, if the payment's provider has payment.Provider.Actions; "" asks the provider what the customer did.
	Outcome   ActionOutcome
	RequestID string
}

// CompleteAction has the provider asked at once for the result of the customer's action, instead of waiting for its webhook. The
// pipeline processes the answer later, so the returned order does not have it yet. Repeating it after the action ended as asked is a
// no-op. BAD_USER_INPUT for an outcome with a provider that cannot act for its customers.
// User errors: PAYMENT_NOT_FOUND, NOT_ALLOWED_IN_STATE.
func (s *Service) CompleteAction(ctx context.Context, p auth.Principal, in CompleteActionInput) (*Order, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return nil, err
	}
	if _, known := actionEndedIn[in.Outcome]; !known {
		return nil, fmt.Errorf("unknown outcome %q of an action", in.Outcome)
	}
	o, err := s.orderOfPayment(ctx, p, in.PaymentID)
	if err != nil {
		return nil, paymentNotFound(err)
	}
	of := o.PaymentByID(in.PaymentID)
	completer, err := s.completerOf(of, in.Outcome)
	if err != nil {
		return nil, err
	}
	if of.ActionAsked && slices.Contains(actionEndedIn[in.Outcome], of.Status) {
		return o, nil
	}
	refused := notInState(of, "The payment does not wait for an action.")
	if !o.CanCompleteAction(of) {
		return nil, refused
	}
	if in.Outcome != "" {
		_, err := completer.Complete(ctx, in.PaymentID, in.Outcome == ActionApprove)
		var definite *payment.DefiniteError
		switch {
		case errors.As(err, &definite):
			return nil, refused
		case err != nil:
			return nil, fault.New(fault.Unavailable, "The payment provider does not answer; try again.")
		}
	}
	c := s.cause(p, in.RequestID)
	o, err = s.changePayment(ctx, p, in.PaymentID, Change{
		Audit: audited(c, p, "payment.completeAction", in.PaymentID, string(in.Outcome)),
		Apply: func(o *Order) (uuid.UUID, error) {
			o.RequestRecheck(c, in.PaymentID)
			return uuid.Nil, nil
		},
	})
	return o, paymentNotFound(err)
}

// completerOf returns who acts for the customer of a payment; nil if there is no outcome that asks for it.
func (s *Service) completerOf(of *payment.Payment, outcome ActionOutcome) (payment.ActionCompleter, error) {
	if outcome == "" {
		return nil, nil
	}
	provider, err := s.providers.Of(of.Provider)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "The payment's provider is not configured on this server.")
	}
	if provider.Actions == nil {
		return nil, fault.New(fault.BadUserInput, "outcome is only for payment providers that simulate their customers; leave it out.")
	}
	return provider.Actions, nil
}

// actionEndedIn has, for each outcome, where it leads: completing the action again is then a repeat.
var actionEndedIn = map[ActionOutcome][]payment.Status{
	"":            {payment.Processing, payment.Authorized, payment.Confirmed, payment.Declined},
	ActionApprove: {payment.Processing, payment.Authorized, payment.Confirmed},
	ActionRefuse:  {payment.Processing, payment.Declined},
}

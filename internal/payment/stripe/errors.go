package stripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/outbound"
	"github.com/orderwire/orderwire/internal/payment"
)

// UndecidedError is a call after which we do not know, or Stripe does not know yet, what becomes of the money. It is
// never a *payment.DefiniteError: the attempt stays open under its key and is looked up.
type UndecidedError struct {
	// Reason is safe to show to staff.
	Reason string
	// cause is for errors.Is.
	cause error
}

func (e *UndecidedError) Error() string { return "stripe: outcome unknown: " + e.Reason }

// Unwrap gives the cause, if there is one.
func (e *UndecidedError) Unwrap() error { return e.cause }

func undecided(reason string) error { return &UndecidedError{Reason: reason} }

func refuse(reason string) error { return &payment.DefiniteError{Message: "stripe: " + reason} }

// stateInError gives the PaymentIntent that comes with the error that it is not in the state for an operation; nil for
// any other error. Usually an earlier call did the operation, and then its state is the answer. Otherwise this call did
// nothing, and a repeat would not either: Stripe answers a key the same again.
func stateInError(err error) *stripego.PaymentIntent {
	var e *stripego.Error
	if errors.As(err, &e) && e.Code == stripego.ErrorCodePaymentIntentUnexpectedState {
		return e.PaymentIntent
	}
	return nil
}

// refusal is the answer that an error of a call that moves money amounts to: a decline is a Result, a refusal of the
// request a *payment.DefiniteError, anything else an *UndecidedError.
// https://docs.stripe.com/api/errors
func refusal(err error) (payment.Result, error) {
	var e *stripego.Error
	if !errors.As(err, &e) {
		return payment.Result{}, unanswered(err)
	}
	switch e.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired:
	default:
		// Of these, 401 and 403 (our key), 409 (the key is in use by a call under way) and 429 moved nothing. But that will
		// change, and then the same call is to be made again, which only an open attempt is. 404 is a charge that has to be
		// somewhere. 5xx is what it says: Stripe does not know.
		return payment.Result{}, unanswered(err)
	}
	switch {
	case e.Type == stripego.ErrorTypeCard:
		r := payment.Result{Outcome: payment.Refused, Code: declineCode(e)}
		if e.PaymentIntent != nil {
			r.Reference = e.PaymentIntent.ID
		}
		return r, nil
	case e.Type != stripego.ErrorTypeInvalidRequest, e.Code == stripego.ErrorCodePaymentIntentUnexpectedState, missingCharge(e):
		// Also idempotency_error: the key was used for another request, so an earlier call may have done something else.
		return payment.Result{}, unanswered(err)
	}
	return payment.Result{}, refuse("refused: " + describe(e))
}

// missingCharge: the PaymentIntent itself is unknown, as when the key is that of another account.
func missingCharge(e *stripego.Error) bool {
	return e.Code == stripego.ErrorCodeResourceMissing && (e.Param == "intent" || e.Param == "payment_intent")
}

// unanswered is an error that decides nothing, or a *payment.NotSentError. The messages of stripe-go and Stripe are left out, except those of the
// network: they may repeat what was sent, and whole bodies.
func unanswered(err error) error {
	var e *stripego.Error
	var network *url.Error
	if unsent, ok := errors.AsType[*outbound.NotSentError](err); ok {
		return &payment.NotSentError{Message: "stripe: " + unsent.Error(), Cause: err}
	}
	switch {
	case errors.As(err, &e):
		return &UndecidedError{Reason: describe(e), cause: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &UndecidedError{Reason: "no answer in time", cause: err}
	case errors.As(err, &network) && network.Timeout():
		return &UndecidedError{Reason: "no answer in time", cause: err}
	case errors.As(err, &network):
		return &UndecidedError{Reason: network.Err.Error(), cause: err}
	default:
		return &UndecidedError{Reason: "the answer cannot be read", cause: err}
	}
}

// describe names an error by what Stripe promises not to vary: type, code, parameter and the request's id, by which
// Stripe's support and dashboard find the rest.
func describe(e *stripego.Error) string {
	parts := []string{http.StatusText(e.HTTPStatusCode)}
	for _, part := range []string{string(e.Type), string(e.Code), e.Param, e.RequestID} {
		if part = word(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// word gives text only if it looks like a name.
func word(text string) string {
	if len(text) > 80 || strings.Trim(text, tokenAlphabet+"[].-") != "" {
		return ""
	}
	return text
}

func statusWord(s stripego.PaymentIntentStatus) string {
	if w := word(string(s)); w != "" {
		return w
	}
	return "unknown_status"
}

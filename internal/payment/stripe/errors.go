package stripe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

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

// refuse refuses without asking Stripe.
func refuse(reason string) error {
	return &payment.DefiniteError{Message: "stripe: " + reason, Unasked: true}
}

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

// holdGone: the bank has let the hold go, so the charge cannot take money any more, whatever its PaymentIntent says yet:
// https://docs.stripe.com/error-codes#charge-expired-for-capture.
func holdGone(err error) bool {
	var e *stripego.Error
	return errors.As(err, &e) && e.Code == stripego.ErrorCodeChargeExpiredForCapture
}

// tooMuch: the charge has less left to refund than was asked for. Stripe has no code for that, but names the parameter:
// https://docs.stripe.com/api/refunds/create.
func tooMuch(err error) bool {
	var e *stripego.Error
	return errors.As(err, &e) && e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripego.ErrorTypeInvalidRequest && e.Param == "amount" &&
		(e.Code == "" || e.Code == stripego.ErrorCodeAmountTooLarge)
}

// reason returns the reason of a refusal, where our rules depend on it: https://docs.stripe.com/error-codes.
func reason(e *stripego.Error) payment.RefusalReason {
	//exhaustive:ignore
	switch e.Code {
	case stripego.ErrorCodeChargeAlreadyRefunded:
		return payment.AlreadyRefunded
	case stripego.ErrorCodeChargeDisputed, stripego.ErrorCodeRefundDisputedPayment:
		return payment.InDispute
	default:
		return ""
	}
}

// Headers of answers: https://docs.stripe.com/error-low-level#stripe-should-retry, https://docs.stripe.com/api/idempotent_requests.
const (
	headerShouldRetry = "Stripe-Should-Retry"
	headerReplayed    = "Idempotent-Replayed"
)

func header(e *stripego.Error, name string) string {
	if e.LastResponse == nil {
		return ""
	}
	return e.LastResponse.Header.Get(name)
}

// spent: Stripe answers the key with a failure that another call with the key would be given again, so what the operation did has to
// be looked up, and after that a fresh key is safe. That is a key that was used with other parameters, an answer from memory, and a
// 500, which may be remembered (nothing in it tells), unless Stripe says that the same request may be repeated.
// https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/error-low-level
func spent(e *stripego.Error) bool {
	if e.HTTPStatusCode < http.StatusInternalServerError {
		return e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripego.ErrorTypeIdempotency
	}
	switch retry := header(e, headerShouldRetry); {
	case header(e, headerReplayed) == "true", retry == "false":
		return true
	case retry == "true":
		return false
	default:
		return e.HTTPStatusCode == http.StatusInternalServerError
	}
}

// refusal is the answer that an error of a call that moves money amounts to: a decline is a Result, a refusal of the
// request a *payment.DefiniteError, a failure that the key remembers a *payment.SpentKeyError, anything else an *UndecidedError.
// https://docs.stripe.com/api/errors
func refusal(err error) (payment.Result, error) {
	var e *stripego.Error
	switch {
	case !errors.As(err, &e):
		return payment.Result{}, unanswered(err)
	case spent(e):
		return payment.Result{}, &payment.SpentKeyError{Message: "stripe: the key remembers a failure: " + describe(e)}
	case header(e, headerShouldRetry) == "true":
		return payment.Result{}, unanswered(err)
	}
	switch e.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired:
	default:
		// Of these, 401 and 403 (our key), 409 (the key is in use by a call under way) and 429 moved nothing. But that will
		// change, and then the same call is to be made again, which only an open attempt is. 404 is a charge that has to be
		// somewhere. 5xx: Stripe does not know. 502 and 503 come from before the endpoint, which saves nothing.
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
		return payment.Result{}, unanswered(err)
	}
	return payment.Result{}, &payment.DefiniteError{Message: "stripe: refused: " + describe(e), Why: reason(e)}
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
		return busy(e, &UndecidedError{Reason: describe(e), cause: err})
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

// busy adds the pause that Stripe asks for in its header Retry-After, in seconds: https://docs.stripe.com/rate-limits.
func busy(e *stripego.Error, undecided *UndecidedError) error {
	seconds, err := strconv.ParseUint(header(e, "Retry-After"), 10, 16)
	if err != nil {
		return undecided
	}
	return &payment.BusyError{Message: undecided.Error(), RetryAfter: time.Duration(seconds) * time.Second, Cause: undecided}
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

// unmoved is an error of a call that creates a PaymentIntent. Without an answer to it nobody has its id, so nobody can confirm it, and it
// moves no money: https://docs.stripe.com/payments/paymentintents/lifecycle.
func unmoved(err error) error {
	_, busy := errors.AsType[*payment.BusyError](err)
	if undecided, ok := errors.AsType[*UndecidedError](err); ok && !busy {
		return &payment.UnmovedError{Message: undecided.Error(), Cause: err}
	}
	return err
}

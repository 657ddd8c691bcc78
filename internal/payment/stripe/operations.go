package stripe

import (
	"context"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/payment"
)

// Capture takes call.Amount of the hold, and Stripe releases the rest: capturing several times is for accounts with IC+ pricing and has to be
// asked for when the PaymentIntent is made (https://docs.stripe.com/payments/multicapture), which this adapter does not. So is capturing more
// than is held (https://docs.stripe.com/payments/overcapture). Results: Captured, Released when the hold is gone, Refused.
// Errors: *payment.DefiniteError, *payment.SpentKeyError, *UndecidedError.
func (g *Gateway) Capture(ctx context.Context, call payment.Call) (payment.Result, error) {
	amount, err := toStripe(call.Amount)
	if err != nil {
		return payment.Result{}, err
	}
	intent, err := g.api.V1PaymentIntents.Capture(ctx, call.Reference, &stripego.PaymentIntentCaptureParams{
		Params:          stepCapture.params(call),
		AmountToCapture: stripego.Int64(amount),
	})
	found := stateInError(err)
	switch {
	case holdGone(err):
		return payment.Result{Outcome: payment.Released, Reference: call.Reference, RanOut: true}, nil
	case found != nil && found.Status != stripego.PaymentIntentStatusSucceeded && found.Status != stripego.PaymentIntentStatusCanceled:
		return notDone(found)
	case found != nil:
		intent, err = found, nil
	}
	if err != nil {
		return refusal(err)
	}
	r, err := captureState(intent, call)
	if err == nil && r.Outcome == payment.NotFound {
		return payment.Result{}, undecided("the hold is still uncaptured")
	}
	return r, err
}

// errUnknownStatus is for a status that this version does not know: what it means for the money only a person can say.
var errUnknownStatus = undecided("the PaymentIntent has an unknown status")

// notDone is an operation that the PaymentIntent's state did not allow.
func notDone(intent *stripego.PaymentIntent) (payment.Result, error) {
	switch intent.Status {
	case stripego.PaymentIntentStatusCanceled, stripego.PaymentIntentStatusProcessing, stripego.PaymentIntentStatusRequiresAction,
		stripego.PaymentIntentStatusRequiresCapture, stripego.PaymentIntentStatusRequiresConfirmation,
		stripego.PaymentIntentStatusRequiresPaymentMethod, stripego.PaymentIntentStatusSucceeded:
		return payment.Result{Outcome: payment.Refused, Reference: intent.ID, Code: statusWord(intent.Status)}, nil
	default:
		return payment.Result{}, errUnknownStatus
	}
}

// captureState maps a PaymentIntent's status to the result of its capture; NotFound: not captured yet.
func captureState(intent *stripego.PaymentIntent, call payment.Call) (payment.Result, error) {
	r := payment.Result{Reference: intent.ID}
	switch intent.Status {
	case stripego.PaymentIntentStatusSucceeded:
		return capturedState(intent, call)
	case stripego.PaymentIntentStatusRequiresCapture:
		r.Outcome = payment.NotFound
	case stripego.PaymentIntentStatusCanceled:
		return releasedState(intent), nil
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		r.Outcome, r.Code = payment.Refused, declineCode(intent.LastPaymentError)
	case stripego.PaymentIntentStatusProcessing, stripego.PaymentIntentStatusRequiresAction, stripego.PaymentIntentStatusRequiresConfirmation:
		fallthrough
	default:
		return payment.Result{}, undecided("the PaymentIntent is " + statusWord(intent.Status))
	}
	return r, nil
}

// Void cancels the PaymentIntent, which releases a hold and lets no confirmation through any more. One whose id we never
// got was never confirmed and has nothing to release.
// Results: Released, Captured, Pending while Stripe processes the payment and cancels nothing, Refused (a new attempt may succeed).
// Errors: *payment.DefiniteError, *payment.SpentKeyError, *UndecidedError.
func (g *Gateway) Void(ctx context.Context, call payment.Call) (payment.Result, error) {
	if call.Reference == "" {
		return payment.Result{Outcome: payment.Released, Unasked: true}, nil
	}
	intent, err := g.api.V1PaymentIntents.Cancel(ctx, call.Reference, &stripego.PaymentIntentCancelParams{Params: stepCancel.params(call)})
	if found := stateInError(err); found != nil {
		// What the state does not allow is final for this key, and a new attempt may find another state.
		if r, err := voidState(found, call); err != nil || r.Outcome != payment.NotFound {
			return r, err
		}
		return notDone(found)
	}
	if err != nil {
		return refusal(err)
	}
	r, err := voidState(intent, call)
	if err == nil && r.Outcome == payment.NotFound {
		return payment.Result{}, undecided("the PaymentIntent is " + statusWord(intent.Status))
	}
	return r, err
}

// voidState maps a PaymentIntent's status to the result of its cancellation; NotFound: not cancelled yet.
func voidState(intent *stripego.PaymentIntent, call payment.Call) (payment.Result, error) {
	r := payment.Result{Reference: intent.ID}
	switch intent.Status {
	case stripego.PaymentIntentStatusCanceled:
		return releasedState(intent), nil
	case stripego.PaymentIntentStatusSucceeded:
		return capturedState(intent, call)
	case stripego.PaymentIntentStatusProcessing:
		r.Outcome = payment.Pending
	case stripego.PaymentIntentStatusRequiresAction, stripego.PaymentIntentStatusRequiresCapture,
		stripego.PaymentIntentStatusRequiresConfirmation, stripego.PaymentIntentStatusRequiresPaymentMethod:
		r.Outcome = payment.NotFound
	default:
		return payment.Result{}, errUnknownStatus
	}
	return r, nil
}

// Refund gives call.Amount back. Results: Refunded, Refused, Pending when the bank or the customer has to act first. Errors:
// *payment.DefiniteError, *payment.SpentKeyError, *UndecidedError.
func (g *Gateway) Refund(ctx context.Context, call payment.Call) (payment.Result, error) {
	amount, err := toStripe(call.Amount)
	if err != nil {
		return payment.Result{}, err
	}
	refund, err := g.api.V1Refunds.Create(ctx, &stripego.RefundCreateParams{
		Params:        stepRefund.params(call),
		PaymentIntent: stripego.String(call.Reference),
		Amount:        stripego.Int64(amount),
		Metadata:      metadata(call),
	})
	if tooMuch(err) {
		return payment.Result{}, &payment.DefiniteError{Message: "stripe: refused: more than is left to refund", Why: payment.AlreadyRefunded}
	}
	if err != nil {
		return refusal(err)
	}
	return refundState(refund, call)
}

func refundState(refund *stripego.Refund, call payment.Call) (payment.Result, error) {
	r := payment.Result{Reference: call.Reference}
	switch refund.Status {
	case stripego.RefundStatusSucceeded:
		r.Outcome = payment.Refunded
	case stripego.RefundStatusFailed, stripego.RefundStatusCanceled:
		r.Outcome, r.Code = payment.Refused, safeCode(string(refund.FailureReason), codeRefundFailed)
	case stripego.RefundStatusPending, stripego.RefundStatusRequiresAction:
		r.Outcome = payment.Pending
	default:
		return payment.Result{}, undecided("the refund has an unknown status")
	}
	return r, nil
}

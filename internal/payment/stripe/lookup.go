package stripe

import (
	"context"
	"fmt"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/payment"
)

// refundPage is the most that Stripe lists at once.
const refundPage = 100

// LookUp reads the state of an operation; it changes nothing at Stripe. Errors are *UndecidedError.
//
// An authorization without a Reference is NotFound: its PaymentIntent was not created, or the answer with its id was
// lost and it lies there unconfirmed. Either way no money moved, and creating it again is right. Stripe's search could
// find a lost one, but minutes late at worst, so nothing could be concluded from not finding it.
//
// A PaymentIntent that Stripe does not know is an error, never NotFound: its id came from Stripe, so the key is likely
// another account's, or of the other mode, and the money may well have moved.
func (g *Gateway) LookUp(ctx context.Context, call payment.Call) (payment.Result, error) {
	if call.Reference == "" {
		return payment.Result{Outcome: payment.NotFound, Unasked: true}, nil
	}
	switch call.Operation {
	case payment.OperationRefund:
		return g.lookUpRefund(ctx, call)
	case payment.OperationAuthorize, payment.OperationCapture, payment.OperationVoid:
		return g.lookUpIntent(ctx, call)
	default:
		return payment.Result{}, fmt.Errorf("unknown operation %q", call.Operation)
	}
}

func (g *Gateway) lookUpIntent(ctx context.Context, call payment.Call) (payment.Result, error) {
	intent, err := g.retrieve(ctx, call.Reference)
	if err != nil {
		return payment.Result{}, err
	}
	if call.Operation == payment.OperationCapture {
		return captureState(intent, call)
	}
	if call.Operation == payment.OperationVoid {
		return voidState(intent, call)
	}
	r, err := chargeState(intent, call)
	if err != nil {
		return payment.Result{}, err
	}
	r.Charge, err = g.seen(ctx, intent, call.Amount.Currency)
	return r, err
}

// lookUpRefund finds the refund by the attempt in its metadata, among those of the PaymentIntent.
func (g *Gateway) lookUpRefund(ctx context.Context, call payment.Call) (payment.Result, error) {
	params := &stripego.RefundListParams{PaymentIntent: stripego.String(call.Reference)}
	params.Limit = stripego.Int64(refundPage)
	attempt := call.Key.TypeID()
	for refund, err := range g.api.V1Refunds.List(ctx, params).All(ctx) {
		if err != nil {
			return payment.Result{}, unanswered(err)
		}
		if refund.Metadata[metaAttempt] == attempt {
			return refundState(refund, call)
		}
	}
	return payment.Result{Outcome: payment.NotFound}, nil
}

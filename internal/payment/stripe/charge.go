package stripe

import (
	"context"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/payment"
)

// retrieve reads a PaymentIntent with the charge that holds its refunds.
func (g *Gateway) retrieve(ctx context.Context, reference string) (*stripego.PaymentIntent, error) {
	params := &stripego.PaymentIntentRetrieveParams{}
	params.AddExpand("latest_charge")
	intent, err := g.api.V1PaymentIntents.Retrieve(ctx, reference, params)
	if err != nil {
		return nil, unanswered(err)
	}
	return intent, nil
}

// chargeState is what a PaymentIntent's status means for the payment:
// https://docs.stripe.com/payments/paymentintents/lifecycle.
func chargeState(intent *stripego.PaymentIntent, call payment.Call) (payment.Result, error) {
	r := payment.Result{Reference: intent.ID}
	switch intent.Status {
	case stripego.PaymentIntentStatusSucceeded:
		r.Outcome = payment.Captured
	case stripego.PaymentIntentStatusRequiresCapture:
		r.Outcome = payment.Held
	case stripego.PaymentIntentStatusRequiresConfirmation:
		r.Outcome = payment.Prepared
	case stripego.PaymentIntentStatusRequiresAction:
		r.Outcome, r.Action = payment.ActionRequired, nextAction(intent)
	case stripego.PaymentIntentStatusCanceled:
		r.Outcome = payment.Released
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		if call.Method == "" {
			// The customer has not paid in the browser yet, or was declined there and may try another card.
			r.Outcome, r.Action = payment.ActionRequired, clientSecret(intent)
			break
		}
		r.Outcome, r.Code = payment.Refused, declineCode(intent.LastPaymentError)
	case stripego.PaymentIntentStatusProcessing:
		// No decision yet, and no outcome says so: it would have to be final. An undecided answer keeps the attempt open,
		// and the pipeline looks again until the bank has decided.
		return payment.Result{}, undecided("Stripe is still processing the payment")
	default:
		return payment.Result{}, errUnknownStatus
	}
	return r, nil
}

// nextAction is a redirect to the bank's page when Stripe gives one, which it does when it was given a return URL.
// Every other action is one that Stripe.js knows how to handle, with the client secret.
func nextAction(intent *stripego.PaymentIntent) *payment.NextAction {
	if a := intent.NextAction; a != nil && a.RedirectToURL != nil && a.RedirectToURL.URL != "" {
		return &payment.NextAction{Type: payment.ActionRedirect, URL: a.RedirectToURL.URL}
	}
	return clientSecret(intent)
}

func clientSecret(intent *stripego.PaymentIntent) *payment.NextAction {
	return &payment.NextAction{Type: payment.ActionClientSecret, ClientSecret: intent.ClientSecret}
}

// totals is what Stripe's books say of a PaymentIntent that was retrieved.
func totals(intent *stripego.PaymentIntent, currency string) (*payment.Totals, error) {
	t := &payment.Totals{}
	var err error
	if t.Captured, err = fromStripe(intent.AmountReceived, currency); err != nil {
		return nil, err
	}
	// A hold that was released counts as refunded at Stripe, though no money had moved.
	if charge := intent.LatestCharge; charge != nil && t.Captured > 0 {
		t.Refunded, err = fromStripe(charge.AmountRefunded, currency)
	}
	return t, err
}

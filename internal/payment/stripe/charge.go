package stripe

import (
	"context"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/payment"
)

// retrieve reads a PaymentIntent with the charge that holds its refunds.
func (g *Gateway) retrieve(ctx context.Context, reference string) (*stripego.PaymentIntent, error) {
	params := &stripego.PaymentIntentRetrieveParams{}
	params.AddExpand(expandRefunds)
	intent, err := g.api.V1PaymentIntents.Retrieve(ctx, reference, params)
	if err != nil {
		return nil, unanswered(err)
	}
	return intent, nil
}

// chargeState maps a PaymentIntent's status to the payment's:
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

// nextAction is a redirect to the bank's page when Stripe gives one, which it does when it was given a return URL, or to the
// voucher that the customer has to pay, within days. Every other action is one that Stripe.js knows how to handle, with the client
// secret. https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action
func nextAction(intent *stripego.PaymentIntent) *payment.NextAction {
	a := intent.NextAction
	if a == nil {
		return clientSecret(intent)
	}
	if a.RedirectToURL != nil && a.RedirectToURL.URL != "" {
		return &payment.NextAction{Type: payment.ActionRedirect, URL: a.RedirectToURL.URL}
	}
	var page string
	var until int64
	switch {
	case a.BoletoDisplayDetails != nil:
		page, until = a.BoletoDisplayDetails.HostedVoucherURL, a.BoletoDisplayDetails.ExpiresAt
	case a.KonbiniDisplayDetails != nil:
		page, until = a.KonbiniDisplayDetails.HostedVoucherURL, a.KonbiniDisplayDetails.ExpiresAt
	case a.MultibancoDisplayDetails != nil:
		page, until = a.MultibancoDisplayDetails.HostedVoucherURL, a.MultibancoDisplayDetails.ExpiresAt
	case a.OXXODisplayDetails != nil:
		page, until = a.OXXODisplayDetails.HostedVoucherURL, a.OXXODisplayDetails.ExpiresAfter
	}
	action := clientSecret(intent)
	if page != "" {
		action = &payment.NextAction{Type: payment.ActionRedirect, URL: page}
	}
	if until > 0 {
		expires := time.Unix(until, 0).UTC()
		action.ExpiresAt = &expires
	}
	return action
}

func clientSecret(intent *stripego.PaymentIntent) *payment.NextAction {
	return &payment.NextAction{Type: payment.ActionClientSecret, ClientSecret: intent.ClientSecret}
}

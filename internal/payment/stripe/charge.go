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
		return capturedState(intent, call)
	case stripego.PaymentIntentStatusRequiresCapture:
		r.Outcome = payment.Held
	case stripego.PaymentIntentStatusRequiresConfirmation:
		r.Outcome = payment.Prepared
	case stripego.PaymentIntentStatusRequiresAction:
		r.Outcome, r.Action = payment.ActionRequired, nextAction(intent)
	case stripego.PaymentIntentStatusCanceled:
		return releasedState(intent), nil
	case stripego.PaymentIntentStatusRequiresPaymentMethod:
		if call.Method == "" {
			// The customer has not paid in the browser yet, or was declined there and may try another card.
			r.Outcome, r.Action = payment.ActionRequired, clientSecret(intent)
			break
		}
		// Until it is cancelled, the customer can confirm it with another card.
		r.Outcome, r.Code, r.Payable = payment.Refused, declineCode(intent.LastPaymentError), true
	case stripego.PaymentIntentStatusProcessing:
		// The bank decides, within minutes or days: https://docs.stripe.com/payments/payment-methods#payment-notification
		r.Outcome = payment.Pending
	default:
		return payment.Result{}, errUnknownStatus
	}
	return r, nil
}

// capturedState is a PaymentIntent that has taken money, perhaps a part of what it held.
func capturedState(intent *stripego.PaymentIntent, call payment.Call) (payment.Result, error) {
	r := payment.Result{Outcome: payment.Captured, Reference: intent.ID}
	minor, err := fromStripe(intent.AmountReceived, call.Amount.Currency)
	if err != nil {
		return payment.Result{}, err
	}
	if minor > 0 && minor != call.Amount.Minor {
		r.Captured = &minor
	}
	return r, nil
}

// releasedState is a canceled PaymentIntent. Stripe cancels one by itself when its hold was not captured in time:
// https://docs.stripe.com/api/payment_intents/object#payment_intent_object-cancellation_reason
func releasedState(intent *stripego.PaymentIntent) payment.Result {
	ranOut := intent.CancellationReason == stripego.PaymentIntentCancellationReasonAutomatic ||
		intent.CancellationReason == stripego.PaymentIntentCancellationReasonExpired
	return payment.Result{Outcome: payment.Released, Reference: intent.ID, RanOut: ranOut}
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

package stripe

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/payment"
)

// Authorize creates the PaymentIntent when the call has no Reference yet, which gives Prepared, and confirms it when it
// has one. Without a Method there is nothing to confirm: the customer does that in the browser, and the answer is
// ActionRequired with the client secret.
//
// Results: Prepared, Captured, Held, ActionRequired, Pending, Refused. Errors: *payment.DefiniteError, *payment.SpentKeyError,
// *UndecidedError.
func (g *Gateway) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	switch {
	case call.Reference == "":
		return g.create(ctx, call)
	case call.Method == "":
		intent, err := g.retrieve(ctx, call.Reference)
		if err != nil {
			return payment.Result{}, err
		}
		return authorized(intent, call)
	default:
		return g.confirm(ctx, call)
	}
}

func (g *Gateway) create(ctx context.Context, call payment.Call) (payment.Result, error) {
	if !g.ValidMethod(call.Method) {
		return payment.Result{}, refuse("the payment token is not a Stripe PaymentMethod's id")
	}
	amount, err := toStripe(call.Amount)
	if err != nil {
		return payment.Result{}, err
	}
	capture, err := captureMethod(call.Capture)
	if err != nil {
		return payment.Result{}, err
	}
	params := &stripego.PaymentIntentCreateParams{
		Params:        stepCreate.params(call),
		Amount:        stripego.Int64(amount),
		Currency:      stripego.String(strings.ToLower(call.Amount.Currency)),
		CaptureMethod: stripego.String(string(capture)),
		Metadata:      metadata(call),
		AutomaticPaymentMethods: &stripego.PaymentIntentCreateAutomaticPaymentMethodsParams{
			Enabled: stripego.Bool(true),
		},
	}
	if call.Installation != uuid.Nil {
		params.Metadata[metaInstallation] = call.Installation.String()
	}
	if call.OrderNumber != "" {
		params.Description = stripego.String("Order " + call.OrderNumber)
	}
	if call.Method != "" {
		params.PaymentMethod = stripego.String(call.Method)
		if g.returnURL == "" {
			// Stripe would want an address to come back to from a bank's page at the confirmation.
			params.AutomaticPaymentMethods.AllowRedirects = stripego.String("never")
		}
	}
	intent, err := g.api.V1PaymentIntents.Create(ctx, params)
	if err != nil {
		r, err := refusal(err)
		return r, unmoved(err)
	}
	if intent.ID == "" {
		return payment.Result{}, undecided("the answer names no PaymentIntent")
	}
	// Also without a method: the id is committed before the customer can be told the client secret.
	return payment.Result{Outcome: payment.Prepared, Reference: intent.ID}, nil
}

func captureMethod(m payment.CaptureMethod) (stripego.PaymentIntentCaptureMethod, error) {
	switch m {
	case payment.CaptureAutomatic:
		return stripego.PaymentIntentCaptureMethodAutomatic, nil
	case payment.CaptureManual:
		return stripego.PaymentIntentCaptureMethodManual, nil
	default:
		return "", fmt.Errorf("unknown capture method %q", m)
	}
}

func (g *Gateway) confirm(ctx context.Context, call payment.Call) (payment.Result, error) {
	params := &stripego.PaymentIntentConfirmParams{Params: stepConfirm.params(call)}
	if g.returnURL != "" {
		params.ReturnURL = stripego.String(strings.ReplaceAll(g.returnURL, "{order}", call.OrderID.TypeID()))
	}
	intent, err := g.api.V1PaymentIntents.Confirm(ctx, call.Reference, params)
	if found := stateInError(err); found != nil {
		intent, err = found, nil
	}
	if err != nil {
		r, err := refusal(err)
		r.Payable = r.Outcome == payment.Refused // the PaymentIntent is requires_payment_method now
		return r, err
	}
	return authorized(intent, call)
}

// authorized is chargeState as the answer to an authorization, which says Refused where a look-up says Released.
func authorized(intent *stripego.PaymentIntent, call payment.Call) (payment.Result, error) {
	r, err := chargeState(intent, call)
	switch {
	case err != nil:
		return payment.Result{}, err
	case r.Outcome == payment.Released:
		r.Outcome, r.Code, r.RanOut = payment.Refused, codeCanceled, false
	case r.Outcome == payment.Prepared:
		// A confirmation that leaves it unconfirmed decided nothing, and saying Prepared would be asked again at once.
		return payment.Result{}, undecided("the PaymentIntent is still unconfirmed")
	}
	return r, nil
}

package stripe

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// chargePage is the most that Stripe lists at once.
const chargePage = 100

// Charges lists the PaymentIntents that carry the installation's id, newest first, a page of Stripe's at a time.
//
// Stripe's search would select by metadata, but what it finds is behind by a minute, and by up to an hour during outages
// (https://docs.stripe.com/search#data-freshness). Lists are not, and their pages go by the id of the last PaymentIntent
// (https://docs.stripe.com/api/pagination), so what is created meanwhile moves nothing. The installation's ids are therefore read
// here.
//
// Errors are payment.ErrPlaceGone and *UndecidedError.
func (g *Gateway) Charges(ctx context.Context, r payment.ChargeRange) (payment.ChargePage, error) {
	params := &stripego.PaymentIntentListParams{CreatedRange: &stripego.RangeQueryParams{
		GreaterThanOrEqual: r.From.Unix(), LesserThanOrEqual: r.Until.Unix(),
	}}
	params.Limit = stripego.Int64(chargePage)
	params.AddExpand("data." + expandRefunds)
	if r.After != "" {
		params.StartingAfter = stripego.String(r.After)
	}
	list := g.api.V1PaymentIntents.List(ctx, params)
	if err := list.Err(); err != nil {
		if placeGone(err) {
			return payment.ChargePage{}, payment.ErrPlaceGone
		}
		return payment.ChargePage{}, unanswered(err)
	}
	var page payment.ChargePage
	intents := list.Data()
	for _, intent := range intents {
		if !marked(intent, r.Installation) {
			continue
		}
		charge, err := chargeOf(intent)
		if err != nil {
			return payment.ChargePage{}, err
		}
		page.Charges = append(page.Charges, charge)
	}
	if list.Meta().HasMore {
		if len(intents) == 0 {
			return payment.ChargePage{}, undecided("a page of PaymentIntents is empty and not the last")
		}
		page.Next = intents[len(intents)-1].ID
	}
	return page, nil
}

// Charge is one PaymentIntent as it is now. Errors are *UndecidedError, also for one that Stripe does not know: see LookUp.
func (g *Gateway) Charge(ctx context.Context, reference string) (payment.Charge, error) {
	intent, err := g.retrieve(ctx, reference)
	if err != nil {
		return payment.Charge{}, err
	}
	return chargeOf(intent)
}

// placeGone: the PaymentIntent that a page starts after does not exist, as when an account's test data was deleted.
func placeGone(err error) bool {
	var e *stripego.Error
	return errors.As(err, &e) && e.Code == stripego.ErrorCodeResourceMissing && e.Param == "starting_after"
}

// marked: we made it, in this installation. Other users of the account may have metadata of the same names, and people may change
// ours in the dashboard, so metadata that cannot be read is not ours.
func marked(intent *stripego.PaymentIntent, installation uuid.UUID) bool {
	mark, err := uuid.Parse(intent.Metadata[metaInstallation])
	if err != nil || mark != installation || mark == uuid.Nil {
		return false
	}
	_, orderErr := id.Parse[id.Order](intent.Metadata[metaOrder])
	_, paymentErr := id.Parse[id.Payment](intent.Metadata[metaPayment])
	return orderErr == nil && paymentErr == nil
}

func chargeOf(intent *stripego.PaymentIntent) (payment.Charge, error) {
	currency := strings.ToUpper(string(intent.Currency))
	amount, err := fromStripe(intent.Amount, currency)
	if err != nil {
		return payment.Charge{}, err
	}
	t, err := totals(intent, currency)
	if err != nil {
		return payment.Charge{}, err
	}
	orderID, orderErr := id.Parse[id.Order](intent.Metadata[metaOrder])
	paymentID, paymentErr := id.Parse[id.Payment](intent.Metadata[metaPayment])
	if orderErr != nil || paymentErr != nil {
		return payment.Charge{}, undecided("the PaymentIntent's metadata does not name an order and a payment")
	}
	return payment.Charge{
		Reference: intent.ID, OrderID: orderID, PaymentID: paymentID, Amount: money.New(amount, currency), Totals: t,
		Status: t.ChargeStatus(withoutMoney(intent.Status)), CreatedAt: time.Unix(intent.Created, 0).UTC(),
	}, nil
}

// totals returns Stripe's amounts of a PaymentIntent as far as they are known without another request. Of more than ten refunds
// those that are pending and not among the newest count as succeeded.
func totals(intent *stripego.PaymentIntent, currency string) (payment.Totals, error) {
	c := payment.SeenCharge{}
	var err error
	if c.Captured, err = fromStripe(intent.AmountReceived, currency); err != nil || c.Captured == 0 || intent.LatestCharge == nil {
		return c.Totals, err
	}
	refunds, more := listedRefunds(intent.LatestCharge)
	if err = addRefunds(&c, refunds, intent.LatestCharge, currency); err == nil && more {
		c.Refunded, err = refundedWithoutList(refunds, intent.LatestCharge, currency)
	}
	return c.Totals, err
}

// withoutMoney maps a PaymentIntent's status as long as nothing was captured:
// https://docs.stripe.com/payments/paymentintents/lifecycle.
func withoutMoney(status stripego.PaymentIntentStatus) payment.ChargeStatus {
	switch status {
	case stripego.PaymentIntentStatusRequiresCapture:
		return payment.ChargeAuthorized
	case stripego.PaymentIntentStatusCanceled:
		return payment.ChargeReleased
	case stripego.PaymentIntentStatusRequiresPaymentMethod, stripego.PaymentIntentStatusRequiresConfirmation,
		stripego.PaymentIntentStatusRequiresAction, stripego.PaymentIntentStatusProcessing, stripego.PaymentIntentStatusSucceeded:
	}
	return payment.ChargePending // also a status of a later version of Stripe's
}

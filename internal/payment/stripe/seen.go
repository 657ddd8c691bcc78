package stripe

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// expandRefunds asks for the charge with its ten newest refunds in the PaymentIntent's own answer.
const expandRefunds = "latest_charge.refunds"

// seen reads what was done to a PaymentIntent that was retrieved, by us or by others. Refunds come with it, unless there are more
// than ten. Disputes are listed when the charge says that there are any, and early fraud warnings when it was paid with a card:
// nothing in a charge tells of those. So a look-up takes one request before money has moved, and two after.
func (g *Gateway) seen(ctx context.Context, intent *stripego.PaymentIntent, currency string) (*payment.SeenCharge, error) {
	c := &payment.SeenCharge{}
	var err error
	if c.Captured, err = fromStripe(intent.AmountReceived, currency); err != nil {
		return nil, err
	}
	if c.Capturable, err = fromStripe(intent.AmountCapturable, currency); err != nil {
		return nil, err
	}
	charge := intent.LatestCharge
	// A hold that was released counts as refunded at Stripe, though no money had moved.
	if charge == nil || c.Captured == 0 {
		return c, nil
	}
	refunds, more := listedRefunds(charge)
	if more {
		if refunds, more, err = g.refunds(ctx, intent.ID); err != nil {
			return nil, err
		}
	}
	if err := addRefunds(c, refunds, charge, currency); err != nil {
		return nil, err
	}
	if more {
		c.More = true
		c.Refunded, err = refundedWithoutList(refunds, charge, currency)
	}
	if err == nil {
		err = g.addDisputes(ctx, c, intent, currency)
	}
	return c, err
}

// listedRefunds are those that came with the charge, newest first; more says that there are others.
func listedRefunds(charge *stripego.Charge) (refunds []*stripego.Refund, more bool) {
	if charge.Refunds == nil {
		return nil, true
	}
	return charge.Refunds.Data, charge.Refunds.HasMore
}

// refunds lists a PaymentIntent's newest, at most payment.MaxSeen.
func (g *Gateway) refunds(ctx context.Context, reference string) (refunds []*stripego.Refund, more bool, err error) {
	params := &stripego.RefundListParams{PaymentIntent: stripego.String(reference)}
	params.Limit = stripego.Int64(payment.MaxSeen)
	list := g.api.V1Refunds.List(ctx, params)
	if err := list.Err(); err != nil {
		return nil, false, unanswered(err)
	}
	return list.Data(), list.Meta().HasMore, nil
}

// addRefunds adds refunds, which are given newest first.
func addRefunds(c *payment.SeenCharge, refunds []*stripego.Refund, charge *stripego.Charge, currency string) error {
	for _, refund := range slices.Backward(refunds) {
		if released(refund, charge) {
			continue
		}
		minor, err := fromStripe(refund.Amount, currency)
		if err != nil {
			return err
		}
		status, known := refundStatuses[refund.Status]
		if !known {
			c.More = true // staff are told that there is something at Stripe that this version cannot read
			continue
		}
		seen := payment.SeenRefund{Reference: refund.ID, Minor: minor, Status: status, CreatedAt: time.Unix(refund.Created, 0).UTC()}
		if refundID, err := id.Parse[id.Refund](refund.Metadata[metaRefund]); err == nil {
			seen.RefundID = refundID
		}
		switch status {
		case payment.RefundSucceeded:
			c.Refunded += minor
		case payment.RefundFailed:
			seen.Code = safeCode(string(refund.FailureReason), codeRefundFailed)
		case payment.RefundPending:
		}
		c.Refunds = append(c.Refunds, seen)
	}
	return nil
}

// refundStatuses: https://docs.stripe.com/api/refunds/object#refund_object-status. A canceled refund was one that waited for the
// customer; it gives its amount back, as a failed one does.
var refundStatuses = map[stripego.RefundStatus]payment.RefundStatus{
	stripego.RefundStatusSucceeded:      payment.RefundSucceeded,
	stripego.RefundStatusPending:        payment.RefundPending,
	stripego.RefundStatusRequiresAction: payment.RefundPending,
	stripego.RefundStatusFailed:         payment.RefundFailed,
	stripego.RefundStatusCanceled:       payment.RefundFailed,
}

// released: Stripe writes the refund when a capture takes a part of a hold and the rest is released. It moved no money, so
// there is no transaction on the account's balance.
func released(refund *stripego.Refund, charge *stripego.Charge) bool {
	return refund.Reason == stripego.RefundReasonExpiredUncapturedCharge ||
		refund.BalanceTransaction == nil && refund.Status == stripego.RefundStatusSucceeded && refund.Metadata[metaRefund] == "" &&
			charge.AmountCaptured < charge.Amount
}

// refundedWithoutList returns the refunded amount if there are more refunds than were read: the charge's sum has those that are
// pending too, and the released rest of a hold.
func refundedWithoutList(refunds []*stripego.Refund, charge *stripego.Charge, currency string) (int64, error) {
	minor := charge.AmountRefunded
	if charge.AmountRefunded > charge.AmountCaptured {
		minor -= charge.Amount - charge.AmountCaptured
	}
	for _, refund := range refunds {
		if refundStatuses[refund.Status] == payment.RefundPending {
			minor -= refund.Amount
		}
	}
	return fromStripe(max(minor, 0), currency)
}

// addDisputes adds what banks and card issuers say of a charge.
func (g *Gateway) addDisputes(ctx context.Context, c *payment.SeenCharge, intent *stripego.PaymentIntent, currency string) error {
	if intent.LatestCharge.Disputed {
		if err := g.listDisputes(ctx, c, intent, currency); err != nil {
			return err
		}
	}
	if details := intent.LatestCharge.PaymentMethodDetails; details == nil || details.Type == stripego.ChargePaymentMethodDetailsTypeCard {
		if err := g.listWarnings(ctx, c, intent); err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.Disputes, func(x, y payment.SeenDispute) int { return x.CreatedAt.Compare(y.CreatedAt) })
	if above := len(c.Disputes) - payment.MaxSeen; above > 0 {
		c.Disputes, c.More = c.Disputes[above:], true
	}
	return nil
}

func (g *Gateway) listDisputes(ctx context.Context, c *payment.SeenCharge, intent *stripego.PaymentIntent, currency string) error {
	params := &stripego.DisputeListParams{PaymentIntent: stripego.String(intent.ID)}
	params.Limit = stripego.Int64(payment.MaxSeen)
	list := g.api.V1Disputes.List(ctx, params)
	if err := list.Err(); err != nil {
		if !notPermitted(err) {
			return unanswered(err)
		}
		c.More = true // the charge is disputed, and a restricted key hides how
		return nil
	}
	for _, dispute := range slices.Backward(list.Data()) {
		status, known := disputeStatus(dispute)
		if !known {
			c.More = true
			continue
		}
		minor := c.Captured
		if strings.EqualFold(string(dispute.Currency), currency) {
			of, err := fromStripe(dispute.Amount, currency)
			if err != nil {
				return err
			}
			minor = min(of, c.Captured) // banks convert, so it may be a little more: https://docs.stripe.com/api/disputes/object#dispute_object-amount
		}
		seen := payment.SeenDispute{
			Reference: dispute.ID, Minor: minor, Status: status, Reason: word(string(dispute.Reason)), CreatedAt: time.Unix(dispute.Created, 0).UTC(),
		}
		if due := dispute.EvidenceDetails; due != nil && due.DueBy > 0 {
			by := time.Unix(due.DueBy, 0).UTC()
			seen.RespondBy = &by
		}
		c.Disputes = append(c.Disputes, seen)
	}
	c.More = c.More || list.Meta().HasMore
	return nil
}

// disputeStatus: https://docs.stripe.com/api/disputes/object#dispute_object-status.
func disputeStatus(d *stripego.Dispute) (status payment.DisputeStatus, known bool) {
	switch d.Status {
	case stripego.DisputeStatusWarningNeedsResponse, stripego.DisputeStatusWarningUnderReview:
		return payment.DisputeWarning, true
	case stripego.DisputeStatusNeedsResponse:
		return payment.DisputeNeedsResponse, true
	case stripego.DisputeStatusUnderReview:
		return payment.DisputeUnderReview, true
	case stripego.DisputeStatusWon, stripego.DisputeStatusWarningClosed:
		return payment.DisputeWon, true
	case stripego.DisputeStatusLost:
		return payment.DisputeLost, true
	case stripego.DisputeStatusPrevented:
		// Settled before it began, with the money or without: the account's balance tells.
		var net int64
		for _, moved := range d.BalanceTransactions {
			net += moved.Amount
		}
		if net < 0 {
			return payment.DisputeLost, true
		}
		return payment.DisputeWon, true
	default:
		return "", false
	}
}

// warningLife is the time after which an early fraud warning no longer asks for staff. Stripe never ends one by time, but a warning is
// followed by a dispute soon or not at all: card networks let holders dispute a charge for about 120 days.
const warningLife = 120 * 24 * time.Hour

// listWarnings adds the early fraud warnings: the card's issuer says that the charge may be fraud. No money has moved. A warning ends
// when the charge is disputed or wholly refunded (https://docs.stripe.com/disputes/measuring#early-fraud-warnings), or after warningLife.
func (g *Gateway) listWarnings(ctx context.Context, c *payment.SeenCharge, intent *stripego.PaymentIntent) error {
	params := &stripego.RadarEarlyFraudWarningListParams{PaymentIntent: stripego.String(intent.ID)}
	params.Limit = stripego.Int64(payment.MaxSeen)
	list := g.api.V1RadarEarlyFraudWarnings.List(ctx, params)
	if err := list.Err(); err != nil {
		if notPermitted(err) {
			return nil // a restricted key without Radar sees none
		}
		return unanswered(err)
	}
	for _, warning := range slices.Backward(list.Data()) {
		made := time.Unix(warning.Created, 0).UTC()
		status := payment.DisputeWon
		if warning.Actionable && g.clock().Sub(made) < warningLife {
			status = payment.DisputeWarning
		}
		c.Disputes = append(c.Disputes, payment.SeenDispute{
			Reference: warning.ID, Minor: c.Captured, Status: status, CreatedAt: made,
			Reason: cmp.Or(word(string(warning.FraudType)), "fraud"),
		})
	}
	c.More = c.More || list.Meta().HasMore
	return nil
}

// notPermitted: the restricted key lacks the permission: https://docs.stripe.com/error-low-level.
func notPermitted(err error) bool {
	var e *stripego.Error
	return errors.As(err, &e) && e.HTTPStatusCode == http.StatusForbidden
}

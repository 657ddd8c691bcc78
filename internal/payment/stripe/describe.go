package stripe

import (
	"time"

	"github.com/orderwire/orderwire/internal/payment"
)

// Describe returns the provider as the server uses it.
func (g *Gateway) Describe() *payment.Provider {
	return &payment.Provider{
		Name: Name, Gateway: g, ValidMethod: g.ValidMethod, Limits: payment.Limits{Amounts: amounts, ManualCapture: true},
		KeyLife:  keyLife,
		Webhooks: g, Charges: g, Shop: shop(g.live),
	}
}

// keyLife: Stripe may prune keys that are at least 24 hours old. https://docs.stripe.com/api/idempotent_requests
const keyLife = 24 * time.Hour

// shop has no means of payment where money is real: entering a card takes Stripe's own form, which the shop does not have.
func shop(live bool) payment.Shop {
	s := payment.Shop{ClientSecretHint: "The bank’s question is answered through Stripe.js, which this shop does not load. " +
		"Set STRIPE_RETURN_URL, and it gets a page of its own."}
	if live {
		s.Notice = "This server takes real cards through Stripe, and this shop has no card form. Order through the API with a payment method made by Stripe.js."
		return s
	}
	s.TestMoney, s.Notice = true, "Stripe’s test cards: no real money."
	// Stripe's own payment methods for test keys: https://docs.stripe.com/testing
	s.Methods = []payment.TestMethod{
		{Token: "pm_card_visa", Label: "Visa that is approved", Hint: "Confirmed, then delivered"},
		{Token: "pm_card_visa_chargeDeclined", Label: "Visa that is declined", Hint: "You may pay again with another"},
		{Token: "pm_card_visa_chargeDeclinedInsufficientFunds", Label: "Visa without funds", Hint: "Declined with its reason"},
		{Token: "pm_card_authenticationRequired", Label: "Card that asks you first", Hint: "Confirm at the bank’s page"},
	}
	return s
}

package simulated

import (
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// Describe returns the provider as the server uses it. The pages belong to it where Options.PublicURL leads to them.
func (p *Provider) Describe() *payment.Provider {
	d := describe(p)
	d.Limits = limits(p.opts.Amounts)
	d.Pages, d.Run, d.Close = p.Pages(), p.SendWebhooks, p.Close
	return d
}

// Describe returns the provider that runs elsewhere. Its pages and its webhooks are sent from there.
func (c *Client) Describe() *payment.Provider { return describe(c) }

// anywhere has the provider's methods that work in process and over HTTP.
type anywhere interface {
	payment.Gateway
	payment.WebhookVerifier
	payment.ChargeBooks
	payment.ActionCompleter
	outsider
}

func describe(p anywhere) *payment.Provider {
	return &payment.Provider{
		Name: Name, Gateway: p, ValidMethod: ValidToken, Limits: limits(payment.Amounts{}),
		Webhooks: p, Charges: p, Actions: p, Shop: shop(), Dashboard: serveOutside(p),
	}
}

// limits are the same amounts in every currency.
func limits(of payment.Amounts) payment.Limits {
	return payment.Limits{ManualCapture: true, MultiCapture: true, OverCapture: overCapture, Amounts: func(currency string) (payment.Amounts, bool) { return of, money.Valid(currency) }}
}

func shop() payment.Shop {
	s := payment.Shop{TestMoney: true, Notice: "Simulated: no real card, no real money."}
	for _, t := range tokens {
		s.Methods = append(s.Methods, payment.TestMethod{Token: t.name, Label: t.label, Hint: t.hint, Fault: t.script.firstCall != noFailure})
	}
	return s
}

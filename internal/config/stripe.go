package config

import (
	"strings"

	"github.com/orderwire/orderwire/internal/payment/stripe"
)

// StripeWebhookSecrets are the secrets in STRIPE_WEBHOOK_SECRET: two while one is rotated.
func (c Config) StripeWebhookSecrets() []string {
	return entries(strings.Split(c.StripeWebhookSecret.Reveal(), ","))
}

// checkStripe reports what makes Stripe unusable, or dangerous, with the other settings.
func (c Config) checkStripe(report func(format string, args ...any)) {
	if c.StripeSecretKey == "" {
		report("STRIPE_SECRET_KEY: PAYMENT_PROVIDER=stripe needs the secret key of the Stripe account, in it or in the file that STRIPE_SECRET_KEY_FILE names")
		return
	}
	live, _ := stripe.KeyMode(c.StripeSecretKey.Reveal())
	if live && c.DevAuth() {
		report("STRIPE_SECRET_KEY: a live key moves real money, and AUTH_MODE=dev lets anyone sign in as anyone; use a test key")
	}
	if live && c.StripeAPIBase != "" && !strings.HasPrefix(c.StripeAPIBase, "https://") {
		report("STRIPE_API_BASE: a live key is not sent without TLS; use https:// or a test key")
	}
}

func checkStripeKey(value string) []string {
	if _, ok := stripe.KeyMode(value); !ok {
		return []string{"expected a secret key that begins with " + stripe.KeyForms + " (the value is not shown)"}
	}
	return nil
}

func checkStripeWebhookSecrets(value string) []string {
	secrets := entries(strings.Split(value, ","))
	for _, secret := range secrets {
		if !strings.HasPrefix(secret, "whsec_") {
			return []string{"expected a signing secret that begins with whsec_, or two separated by a comma (the value is not shown)"}
		}
	}
	if len(secrets) > 2 {
		return []string{"expected one signing secret, or two while it is rotated"}
	}
	return nil
}

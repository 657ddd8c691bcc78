package config_test

import (
	"slices"
	"strings"
	"testing"
)

func TestStripe(t *testing.T) {
	t.Parallel()
	cfg := load(t, "PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=sk_test_x", "STRIPE_WEBHOOK_SECRET=whsec_old, whsec_new",
		"STRIPE_API_BASE=http://127.0.0.1:12111", "STRIPE_RETURN_URL=https://shop.example/order/{order}")
	if cfg.StripeSecretKey.Reveal() != "sk_test_x" || !slices.Equal(cfg.StripeWebhookSecrets(), []string{"whsec_old", "whsec_new"}) ||
		cfg.StripeAPIBase != "http://127.0.0.1:12111" || cfg.StripeReturnURL != "https://shop.example/order/{order}" {
		t.Errorf("got %+v", cfg)
	}
	load(t, "PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=rk_live_x", "AUTH_MODE=oidc", "OIDC_ISSUER=https://login.example", "OIDC_AUDIENCE=shop")
	// A key that is not used does no harm.
	load(t, "STRIPE_SECRET_KEY=sk_live_x")

	for environ, want := range map[string]string{
		"":                                 "STRIPE_SECRET_KEY: PAYMENT_PROVIDER=stripe needs the secret key",
		"STRIPE_SECRET_KEY=pk_test_hidden": "STRIPE_SECRET_KEY: expected a secret key that begins with sk_test_",
		"STRIPE_SECRET_KEY=sk_live_hidden": "STRIPE_SECRET_KEY: a live key moves real money",
		"STRIPE_SECRET_KEY=sk_test_x STRIPE_WEBHOOK_SECRET=hidden":                  "STRIPE_WEBHOOK_SECRET: expected a signing secret that begins with whsec_",
		"STRIPE_SECRET_KEY=sk_test_x STRIPE_API_BASE=stripe":                        `STRIPE_API_BASE="stripe": expected a URL`,
		"STRIPE_SECRET_KEY=sk_test_x STRIPE_RETURN_URL=/order":                      `STRIPE_RETURN_URL="/order": expected a URL`,
		"STRIPE_SECRET_KEY=sk_test_x STRIPE_WEBHOOK_SECRET=whsec_a,whsec_b,whsec_c": "STRIPE_WEBHOOK_SECRET: expected one signing secret, or two",
	} {
		t.Run(environ, func(t *testing.T) {
			t.Parallel()
			got := problems(t, append(strings.Fields(environ), "PAYMENT_PROVIDER=stripe")...)
			if len(got) != 1 || !strings.Contains(got[0], want) || strings.Contains(got[0], "hidden") {
				t.Errorf("problems %q, want %q", got, want)
			}
		})
	}
	t.Run("ErrLiveKeyWithoutTLS", func(t *testing.T) {
		t.Parallel()
		got := problems(t, "PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=sk_live_x", "STRIPE_API_BASE=http://stripe", "AUTH_MODE=oidc",
			"OIDC_ISSUER=https://login.example", "OIDC_AUDIENCE=shop")
		if len(got) != 1 || !strings.HasPrefix(got[0], "STRIPE_API_BASE: a live key is not sent without TLS") {
			t.Errorf("problems %q", got)
		}
	})
}

package stripe_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/payment/stripe"
)

func read(t *testing.T, environ ...string) *stripe.Settings {
	t.Helper()
	settings := &stripe.Settings{}
	if _, err := config.Load(environ, settings); err != nil {
		t.Fatal(err)
	}
	return settings
}

// problems reads an environment that must be refused.
func problems(t *testing.T, environ ...string) []string {
	t.Helper()
	_, err := config.Load(environ, &stripe.Settings{})
	var refused *config.Error
	if !errors.As(err, &refused) {
		t.Fatalf("err = %v, want a *config.Error", err)
	}
	return refused.Problems
}

func TestSettings(t *testing.T) {
	t.Parallel()
	cfg := read(t, "PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=sk_test_x", "STRIPE_WEBHOOK_SECRET=whsec_old, whsec_new",
		"STRIPE_API_BASE=http://127.0.0.1:12111", "STRIPE_RETURN_URL=https://shop.example/order/{order}")
	if cfg.SecretKey.Reveal() != "sk_test_x" || !slices.Equal(cfg.WebhookSecret.List(), []string{"whsec_old", "whsec_new"}) ||
		cfg.APIBase != "http://127.0.0.1:12111" || cfg.ReturnURL != "https://shop.example/order/{order}" {
		t.Errorf("got %+v", cfg)
	}
	read(t, "PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=rk_live_x", "AUTH_MODE=oidc", "OIDC_ISSUER=https://login.example", "OIDC_AUDIENCE=shop")
	// A key that is not used does no harm.
	if _, err := config.Load([]string{"STRIPE_SECRET_KEY=sk_live_x"}, &simulated.Settings{}, &stripe.Settings{}); err != nil {
		t.Error(err)
	}

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

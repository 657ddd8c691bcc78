package stripe

import (
	"context"
	"strings"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/secret"
)

// Settings are the environment's, with the tags of package config.
type Settings struct {
	SecretKey     secret.Text `env:"STRIPE_SECRET_KEY" shown:"none" kind:"key" help:"The secret key of the Stripe account: sk_test_…, sk_live_… or a restricted key. Needed if PAYMENT_PROVIDER has stripe."`
	WebhookSecret secret.Text `env:"STRIPE_WEBHOOK_SECRET" shown:"none" kind:"webhook secrets" help:"The signing secret of the endpoint /webhooks/stripe, whsec_…. During a rotation give both, separated by a comma. Without it Stripe's webhooks are refused, and changes at Stripe are only found later by look-ups."`
	APIBase       string      `env:"STRIPE_API_BASE" shown:"https://api.stripe.com" kind:"url" help:"The base URL of Stripe's API, for tests."`
	ReturnURL     string      `env:"STRIPE_RETURN_URL" shown:"none" kind:"url" help:"The URL to which a bank's page sends the customer back; {order} in it is replaced by the order's id. Without it, authentication is left to Stripe.js in your page."`
}

// Name is that of the provider.
func (*Settings) Name() string { return Name }

// Kinds has the checks of single settings.
func (*Settings) Kinds() map[string]func(value string) []string {
	return map[string]func(value string) []string{"key": checkKey, "webhook secrets": checkWebhookSecrets}
}

// Check reports what makes Stripe unusable, or dangerous.
func (s *Settings) Check(dev bool, report func(format string, args ...any)) {
	if s.SecretKey == "" {
		report("STRIPE_SECRET_KEY: PAYMENT_PROVIDER=stripe needs the secret key of the Stripe account, in it or in the file that STRIPE_SECRET_KEY_FILE names")
		return
	}
	live, _ := KeyMode(s.SecretKey.Reveal())
	if live && dev {
		report("STRIPE_SECRET_KEY: a live key moves real money, and AUTH_MODE=dev lets anyone sign in as anyone; use a test key")
	}
	if live && s.APIBase != "" && !strings.HasPrefix(s.APIBase, "https://") {
		report("STRIPE_API_BASE: a live key is not sent without TLS; use https:// or a test key")
	}
}

func checkKey(value string) []string {
	if _, ok := KeyMode(value); !ok {
		return []string{"expected a secret key that begins with " + KeyForms + " (the value is not shown)"}
	}
	return nil
}

func checkWebhookSecrets(value string) []string {
	secrets := secret.Text(value).List()
	for _, s := range secrets {
		if !strings.HasPrefix(s, "whsec_") {
			return []string{"expected a signing secret that begins with whsec_, or two separated by a comma (the value is not shown)"}
		}
	}
	if len(secrets) > 2 {
		return []string{"expected one signing secret, or two while it is rotated"}
	}
	return nil
}

// Open returns Stripe as the payment provider. Nothing is asked of it yet: a Stripe that is down keeps no server from starting.
func (s *Settings) Open(ctx context.Context, host payment.Host) (*payment.Provider, error) {
	secrets := s.WebhookSecret.List()
	if len(secrets) == 0 {
		host.Log.WarnContext(ctx, "STRIPE_WEBHOOK_SECRET is not set: customers' actions at Stripe are only found by look-ups, later")
	}
	gateway, err := New(Options{SecretKey: s.SecretKey.Reveal(), WebhookSecrets: secrets, APIBase: s.APIBase, ReturnURL: s.ReturnURL})
	if err != nil {
		return nil, err
	}
	return gateway.Describe(), nil
}

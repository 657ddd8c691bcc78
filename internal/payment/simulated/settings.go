package simulated

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/secret"
)

// Settings are the environment's, with the tags of package config.
type Settings struct {
	URL           string        `env:"SIMULATED_URL" shown:"inside this process" kind:"url" help:"The URL of a simulated provider that runs as a process of its own."`
	PublicURL     string        `env:"SIMULATED_PUBLIC_URL" shown:"its own address" kind:"url" help:"The URL at which browsers reach the simulated provider's process. It serves a page for each payment that waits for its customer."`
	Webhooks      string        `env:"SIMULATED_WEBHOOKS" envDefault:"actions" oneof:"actions,all,off" help:"Which webhooks the simulated provider sends. actions: only what no answer to a call reports, such as a customer's decision."`
	WebhookURL    string        `env:"SIMULATED_WEBHOOK_URL" shown:"our own /webhooks/simulated" kind:"url" help:"The URL that the simulated provider sends webhooks to. A process of its own has no default, and sends no webhooks without it."`
	WebhookSecret secret.Text   `env:"SIMULATED_WEBHOOK_SECRET" shown:"made and kept in the database" kind:"webhook secrets" help:"The secret that signs the simulated provider's webhooks. During a rotation give both, separated by a comma. With SIMULATED_URL both sides need it."`
	WebhookChaos  []string      `env:"SIMULATED_WEBHOOK_CHAOS" shown:"none" oneof:"duplicate,late,reorder,early" help:"Faults that the simulated provider's webhooks have on purpose. early: sent before the call that caused it is answered."`
	Latency       Latency       `env:"SIMULATED_LATENCY" envDefault:"0s" help:"The shortest time that the simulated provider takes for a call: a duration, or a range such as 50ms-2s."`
	FailureRate   float64       `env:"SIMULATED_FAILURE_RATE" envDefault:"0" help:"The share of calls, 0 to 1, that the simulated provider leaves unanswered, half of them before and half after booking them."`
	MinAmount     int64         `env:"SIMULATED_MIN_AMOUNT" envDefault:"1" min:"1" help:"The smallest payment that the simulated provider takes, in minor units of whatever currency. With SIMULATED_URL both sides need the same."`
	MaxAmount     int64         `env:"SIMULATED_MAX_AMOUNT" envDefault:"1000000000000" min:"1" help:"The largest payment that the simulated provider takes, in minor units of whatever currency. With SIMULATED_URL both sides need the same."`
	KeyLife       time.Duration `env:"SIMULATED_KEY_LIFE" envDefault:"0s" min:"0s" help:"How long the server may rely on the simulated provider's idempotency keys, 0s for ever. It repeats a call without an answer until an hour before that, then staff are asked."`
	ActionExpiry  time.Duration `env:"SIMULATED_ACTION_EXPIRY" envDefault:"15m" min:"1s" help:"How long the customer of a sim_requires_action payment has to act. The order does not expire before that."`
	Seed          int64         `env:"SIMULATED_SEED" envDefault:"0" help:"Seed of the simulated latencies and failures."`
}

const (
	// maxLatency leaves the server time to stop.
	maxLatency = time.Minute
	// minSecret makes a secret that is guessed unlikely: 16 characters of hexadecimal are 64 bits.
	minSecret = 16
)

// Name is that of the provider.
func (*Settings) Name() string { return Name }

// Kinds has the checks of single settings.
func (*Settings) Kinds() map[string]func(value string) []string {
	return map[string]func(value string) []string{"webhook secrets": checkSecrets}
}

// Check refuses limits that no payment is within.
func (s *Settings) Check(_ bool, refuse func(format string, args ...any)) {
	if s.MinAmount > s.MaxAmount {
		refuse("SIMULATED_MIN_AMOUNT: expected at most SIMULATED_MAX_AMOUNT (%d), not %d", s.MaxAmount, s.MinAmount)
	}
}

// amounts are those of a payment in any currency.
func (s *Settings) amounts() payment.Amounts {
	return payment.Amounts{Smallest: s.MinAmount, Largest: s.MaxAmount}
}

func checkSecrets(value string) []string {
	secrets := secret.Text(value).List()
	if len(secrets) > 2 {
		return []string{"expected one secret, or two while it is rotated (the value is not shown)"}
	}
	for _, s := range secrets {
		if len(s) < minSecret {
			return []string{"expected at least 16 characters, hard to guess (the value is not shown)"}
		}
	}
	return nil
}

// Expected says what UnmarshalText reads.
func (Latency) Expected() string {
	return "a duration such as 200ms, or a range such as 50ms-2s"
}

// Problems says what is wrong with a latency that was read.
func (l Latency) Problems() []string {
	if l.Min < 0 || l.Max > maxLatency {
		return []string{"expected durations from 0s to 1m"}
	}
	return nil
}

// Open opens the provider in this process, or the one that runs at URL.
func (s *Settings) Open(ctx context.Context, host payment.Host) (*payment.Provider, error) {
	if s.URL != "" {
		return s.find(host)
	}
	// Its pages serve strangers too, so it works in a role, and on connections of its own.
	db, err := host.OpenDatabase(ctx, func(ctx context.Context, owner *sqlx.DB, role string) error {
		if err := Migrate(ctx, owner); err != nil {
			return err
		}
		return Grant(ctx, owner, role)
	})
	if err != nil {
		return nil, err
	}
	secrets := s.WebhookSecret.List()
	if len(secrets) == 0 {
		// Replicas send to each other's addresses, so they share it.
		shared, err := host.SharedSecret(ctx, "simulated-webhook-secret")
		if err != nil {
			return nil, err
		}
		secrets = []string{shared}
	}
	options, err := s.options(host)
	if err != nil {
		return nil, err
	}
	options.PublicURL = host.URL + "/" + Name
	if s.PublicURL != "" {
		options.PublicURL = strings.TrimSuffix(s.PublicURL, "/") + "/" + Name
	}
	if options.Webhooks.URL == "" {
		options.Webhooks.URL = host.URL + "/webhooks/" + Name
		// The certificate is for the name that others know the server by, and this is the same process. A webhook has no
		// secret in it and is believed by its signature.
		options.Webhooks.TLS = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // as said above
	}
	options.Webhooks.Secrets = secrets
	options.Webhooks.Now = host.Now // as its receiver has it
	provider, err := New(db, options)
	if err != nil {
		return nil, err
	}
	d := provider.Describe()
	d.KeyLife = s.KeyLife
	return d, nil
}

// find returns the provider that runs at URL.
func (s *Settings) find(host payment.Host) (*payment.Provider, error) {
	secrets := s.WebhookSecret.List()
	if len(secrets) == 0 {
		host.Log.Info("SIMULATED_WEBHOOK_SECRET is not set: customers' actions at the simulated provider are only found by look-ups, later")
	}
	client, err := NewClient(s.URL, &http.Client{Timeout: clientTimeout}, secrets...)
	if err != nil {
		return nil, err
	}
	d := client.Describe()
	d.Limits, d.KeyLife = limits(s.amounts()), s.KeyLife
	return d, nil
}

// options are those that do not depend on where the provider runs.
func (s *Settings) options(host payment.Host) (Options, error) {
	chaos, err := ParseChaos(s.WebhookChaos)
	if err != nil {
		return Options{}, err
	}
	return Options{
		Amounts: s.amounts(), Latency: s.Latency, FailureRate: s.FailureRate, ActionExpiry: s.ActionExpiry, Seed: s.Seed,
		Webhooks: Webhooks{
			Mode: WebhookMode(s.Webhooks), URL: s.WebhookURL, Secrets: s.WebhookSecret.List(), Chaos: chaos, Logger: host.Log,
		},
	}, nil
}

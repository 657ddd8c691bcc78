package simulated_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment/simulated"
)

func read(t *testing.T, environ ...string) *simulated.Settings {
	t.Helper()
	settings := &simulated.Settings{}
	if _, err := config.Load(environ, settings); err != nil {
		t.Fatal(err)
	}
	return settings
}

func TestSettings(t *testing.T) {
	t.Parallel()
	cfg := read(t, "SIMULATED_PUBLIC_URL=https://pay.example", "SIMULATED_WEBHOOKS=all", "SIMULATED_WEBHOOK_URL=https://shop.example/webhooks/simulated",
		"SIMULATED_WEBHOOK_SECRET=0123456789abcdef, fedcba9876543210", "SIMULATED_WEBHOOK_CHAOS=late, early", "SIMULATED_LATENCY=50ms-2s",
		"SIMULATED_FAILURE_RATE=0.25", "SIMULATED_SEED=-7")
	if cfg.PublicURL != "https://pay.example" || cfg.Webhooks != "all" || cfg.WebhookURL != "https://shop.example/webhooks/simulated" ||
		!slices.Equal(cfg.WebhookSecret.List(), []string{"0123456789abcdef", "fedcba9876543210"}) ||
		!slices.Equal(cfg.WebhookChaos, []string{"late", "early"}) ||
		cfg.Latency != (simulated.Latency{Min: 50 * time.Millisecond, Max: 2 * time.Second}) ||
		cfg.FailureRate != 0.25 || cfg.Seed != -7 {
		t.Errorf("got %+v", cfg)
	}
	if got := read(t, "SIMULATED_LATENCY=300ms").Latency; got != (simulated.Latency{Min: 300 * time.Millisecond, Max: 300 * time.Millisecond}) {
		t.Errorf("one duration is read as %+v", got)
	}
	if got := read(t).WebhookSecret.List(); len(got) != 0 {
		t.Errorf("no secret is read as %q", got)
	}
}

func TestSettingsErr(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"SIMULATED_PUBLIC_URL=pay.example":                                   `SIMULATED_PUBLIC_URL="pay.example": expected a URL`,
		"SIMULATED_WEBHOOKS=some":                                            `SIMULATED_WEBHOOKS="some": expected actions, all or off`,
		"SIMULATED_WEBHOOK_URL=ftp://shop":                                   `expected a URL`,
		"SIMULATED_WEBHOOK_SECRET=short":                                     `SIMULATED_WEBHOOK_SECRET: expected at least 16 characters`,
		"SIMULATED_WEBHOOK_CHAOS=late,wild":                                  `SIMULATED_WEBHOOK_CHAOS="late,wild": "wild": expected duplicate, late, reorder or early`,
		"SIMULATED_LATENCY=2s-1s":                                            `SIMULATED_LATENCY="2s-1s": expected a duration such as 200ms, or a range such as 50ms-2s`,
		"SIMULATED_LATENCY=1s-":                                              `expected a duration such as`,
		"SIMULATED_LATENCY=-1s":                                              `expected a duration such as`,
		"SIMULATED_LATENCY=61s":                                              `expected durations from 0s to 1m`,
		"SIMULATED_FAILURE_RATE=1.5":                                         `SIMULATED_FAILURE_RATE="1.5": expected a number from 0 to 1`,
		"SIMULATED_FAILURE_RATE=-0.1":                                        `expected a number from 0 to 1`,
		"SIMULATED_FAILURE_RATE=NaN":                                         `expected a number from 0 to 1`,
		"SIMULATED_FAILURE_RATE=half":                                        `expected a number from 0 to 1`,
		"SIMULATED_MIN_AMOUNT=0":                                             `SIMULATED_MIN_AMOUNT="0": expected a number of at least 1`,
		"SIMULATED_MIN_AMOUNT=1000000000001":                                 `SIMULATED_MIN_AMOUNT: expected at most SIMULATED_MAX_AMOUNT (1000000000000), not 1000000000001`,
		"SIMULATED_SEED=x":                                                   `expected a whole number`,
		"SIMULATED_WEBHOOK_SECRET=" + strings.Repeat("0123456789abcdef,", 3): `expected one secret, or two`,
	} {
		_, err := config.Load([]string{variable}, &simulated.Settings{})
		var problems *config.Error
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", variable, err, want)
		}
		if err != nil && strings.Contains(variable, "SECRET=") && strings.Contains(err.Error(), "short") {
			t.Errorf("the secret is shown: %v", err)
		}
	}
}

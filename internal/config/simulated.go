package config

import (
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/payment/simulated"
)

const (
	// maxLatency leaves the server time to stop.
	maxLatency = time.Minute
	// minWebhookSecret makes a secret that is guessed unlikely: 16 characters of hexadecimal are 64 bits.
	minWebhookSecret = 16
)

// SimulatedWebhookSecrets are the secrets in SIMULATED_WEBHOOK_SECRET: two while one is rotated.
func (c Config) SimulatedWebhookSecrets() []string {
	return entries(strings.Split(c.SimulatedWebhookSecret.Reveal(), ","))
}

func checkSimulatedWebhookSecrets(value string) []string {
	secrets := entries(strings.Split(value, ","))
	if len(secrets) > 2 {
		return []string{"expected one secret, or two while it is rotated (the value is not shown)"}
	}
	for _, secret := range secrets {
		if len(secret) < minWebhookSecret {
			return []string{"expected at least 16 characters, hard to guess (the value is not shown)"}
		}
	}
	return nil
}

func checkLatency(l simulated.Latency) []string {
	if l.Min < 0 || l.Max > maxLatency {
		return []string{"expected durations from 0s to 1m"}
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/orderwire/orderwire/internal/config"
)

// shopSettings is what the web app has to know of this server before it asks for anything. It is public: every visitor
// gets it, in the page itself, so that no request has to be waited for. web/src/shared/settings.ts reads it.
type shopSettings struct {
	// Auth is AUTH_MODE: dev or oidc.
	Auth string `json:"auth"`
	// Issuer and ClientID are where and as whom the app sends people to sign in; both empty in development. Audience is
	// what the tokens have to be for, if that is not the client; some issuers want to be asked for it.
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"clientId,omitempty"`
	Audience string `json:"audience,omitempty"`
	// Payments is PAYMENT_PROVIDER; TestMoney says that no payment moves real money.
	Payments  string `json:"payments"`
	TestMoney bool   `json:"testMoney"`
	// Introspection is INTROSPECTION: whether there are a playground and a schema to link to.
	Introspection bool `json:"introspection"`
}

// shopSettingsOf gives what of the configuration visitors may know.
func shopSettingsOf(cfg config.Config) shopSettings {
	s := shopSettings{Auth: cfg.AuthMode, Payments: cfg.PaymentProvider, TestMoney: cfg.PaymentProvider == "simulated", Introspection: cfg.Introspection}
	if key := cfg.StripeSecretKey.Reveal(); cfg.PaymentProvider == "stripe" {
		s.TestMoney = strings.HasPrefix(key, "sk_test_") || strings.HasPrefix(key, "rk_test_")
	}
	if !cfg.DevAuth() {
		s.Issuer, s.ClientID = cfg.OIDCIssuer, cfg.OIDCClientID
		if cfg.OIDCAudience != cfg.OIDCClientID {
			s.Audience = cfg.OIDCAudience
		}
	}
	return s
}

// settingsMark is where the built pages have room for the settings.
const settingsMark = `<meta name="orderwire" content=""`

// into writes the settings into a page. A page without room for them is as it was: the app then takes its defaults.
func (s shopSettings) into(page []byte) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("settings of the shop: %w", err)
	}
	filled := strings.TrimSuffix(settingsMark, `"`) + html.EscapeString(string(text)) + `"`
	return []byte(strings.Replace(string(page), settingsMark, filled, 1)), nil
}

// policy is a page's content security policy with the issuer as the one other origin it may connect to, for the
// requests that turn a sign-in into tokens and renew them.
func (s shopSettings) policy(base string) string {
	issuer, err := url.Parse(s.Issuer)
	if err != nil || issuer.Host == "" {
		return base
	}
	return base + "; connect-src 'self' " + issuer.Scheme + "://" + issuer.Host
}

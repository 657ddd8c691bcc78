package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment"
)

// shopSettings has the settings that the web app needs before its first request. They are public: every visitor gets them in the
// page itself, so that the app waits for no request. web/src/shared/settings.ts reads it.
type shopSettings struct {
	// Auth is AUTH_MODE: dev or oidc.
	Auth string `json:"auth"`
	// Issuer and ClientID are for the sign-in; both are empty in development. Audience is the tokens' audience if it is not the
	// client; some issuers need it in the request.
	Issuer   string `json:"issuer,omitempty"`
	ClientID string `json:"clientId,omitempty"`
	Audience string `json:"audience,omitempty"`
	// Payments is the provider that takes new payments; the other fields are its methods and limits, as in payment.Shop and
	// payment.Limits.
	Payments      string               `json:"payments"`
	TestMoney     bool                 `json:"testMoney"`
	ManualCapture bool                 `json:"manualCapture"`
	Methods       []payment.TestMethod `json:"methods"`
	MethodsNotice string               `json:"methodsNotice"`
	// ClientSecretHint is about actions of any of the providers.
	ClientSecretHint string `json:"clientSecretHint"`
	// Introspection is INTROSPECTION: whether there are a playground and a schema to link to.
	Introspection bool `json:"introspection"`
}

// shopSettingsOf returns what visitors may know of the configuration and of the payment providers.
func shopSettingsOf(cfg config.Config, providers *payment.Registry) shopSettings {
	first := providers.First()
	s := shopSettings{
		Auth: cfg.AuthMode, Introspection: cfg.Introspection,
		Payments: first.Name, TestMoney: first.Shop.TestMoney, ManualCapture: first.Limits.ManualCapture,
		Methods: append([]payment.TestMethod{}, first.Shop.Methods...), MethodsNotice: first.Shop.Notice,
	}
	for _, provider := range providers.All() {
		s.ClientSecretHint = cmp.Or(s.ClientSecretHint, provider.Shop.ClientSecretHint)
	}
	if !cfg.DevAuth() {
		s.Issuer, s.ClientID = cfg.OIDCIssuer, cfg.OIDCClientID
		if cfg.OIDCAudience != cfg.OIDCClientID {
			s.Audience = cfg.OIDCAudience
		}
	}
	return s
}

// settingsMark is the placeholder for the settings in the built pages.
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

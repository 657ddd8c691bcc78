package main

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/httpguard"
	"github.com/orderwire/orderwire/web"
)

// The page brings what the app has to know of the server, nothing that is secret, and may connect to its issuer only.
func TestShopSettings(t *testing.T) {
	t.Parallel()
	oidc := []string{"AUTH_MODE=oidc", "OIDC_ISSUER=https://id.example/realms/a", "OIDC_CLIENT_ID=shop"}
	for name, c := range map[string]struct {
		env    []string
		want   shopSettings
		policy string
	}{
		"development": {
			want:   shopSettings{Auth: "dev", Payments: "simulated", TestMoney: true, Introspection: true},
			policy: httpguard.ContentSecurityPolicy,
		},
		"an issuer": {
			env:    oidc,
			want:   shopSettings{Auth: "oidc", Issuer: "https://id.example/realms/a", ClientID: "shop", Payments: "simulated", TestMoney: true},
			policy: httpguard.ContentSecurityPolicy + "; connect-src 'self' https://id.example",
		},
		"an audience of its own": {
			env:    append([]string{"OIDC_AUDIENCE=api"}, oidc...),
			want:   shopSettings{Auth: "oidc", Issuer: "https://id.example/realms/a", ClientID: "shop", Audience: "api", Payments: "simulated", TestMoney: true},
			policy: httpguard.ContentSecurityPolicy + "; connect-src 'self' https://id.example",
		},
		"Stripe's test mode": {
			env:    []string{"PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=sk_test_abc<\">"},
			want:   shopSettings{Auth: "dev", Payments: "stripe", TestMoney: true, Introspection: true},
			policy: httpguard.ContentSecurityPolicy,
		},
		"real money": {
			env:    append([]string{"PAYMENT_PROVIDER=stripe", "STRIPE_SECRET_KEY=sk_live_abc"}, oidc...),
			want:   shopSettings{Auth: "oidc", Issuer: "https://id.example/realms/a", ClientID: "shop", Payments: "stripe"},
			policy: httpguard.ContentSecurityPolicy + "; connect-src 'self' https://id.example",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Load(c.env)
			if err != nil {
				t.Fatal(err)
			}
			files := fstest.MapFS{"index.html": {Data: []byte(`<head><meta name="orderwire" content="" /></head>`)}}
			mux := http.NewServeMux()
			newPages(files, shopSettingsOf(cfg)).routes(mux, false)
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/payment", nil))

			meta := regexp.MustCompile(`<meta name="orderwire" content="([^"]*)" />`).FindStringSubmatch(answer.Body.String())
			if meta == nil {
				t.Fatalf("the page has no settings: %s", answer.Body)
			}
			var got shopSettings
			if err := json.Unmarshal([]byte(html.UnescapeString(meta[1])), &got); err != nil || got != c.want {
				t.Errorf("the page is told %+v, want %+v (%v)", got, c.want, err)
			}
			if policy := answer.Header().Get("Content-Security-Policy"); policy != c.policy {
				t.Errorf("the policy is %q, want %q", policy, c.policy)
			}
			if key := cfg.StripeSecretKey.Reveal(); key != "" && strings.Contains(answer.Body.String(), key[:6]) {
				t.Error("the page has a secret")
			}
		})
	}
}

// A mistyped address is the shop's own page in a browser, a line of text for everything else, and a 404 for both.
func TestMissingPage(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"index.html": {Data: []byte(`<title>Orderwire</title>`)}}
	mux := http.NewServeMux()
	newPages(files, shopSettings{}).routes(mux, false)
	for accept, html := range map[string]bool{"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8": true, "*/*": false, "": false, "text/*": false, "text/html;q=0, */*": false} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/nowhere", nil)
		request.Header.Set("Accept", accept)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, request)
		if answer.Code != http.StatusNotFound || strings.Contains(answer.Body.String(), "<title>") != html {
			t.Errorf("Accept %q: %d\n%s", accept, answer.Code, answer.Body)
		}
	}
}

// Settings are text, whatever they contain.
func TestShopSettingsAreEscaped(t *testing.T) {
	t.Parallel()
	page, err := shopSettings{ClientID: `"><script>alert(1)</script>`}.into([]byte(`<meta name="orderwire" content="" />`))
	if err != nil || strings.Contains(string(page), "<script") || strings.Count(string(page), `"`) != 4 {
		t.Errorf("%s, %v", page, err)
	}
}

// The built pages have room for the settings; without it the app would take its defaults for the truth.
func TestBuiltPagesHaveRoomForSettings(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"index.html", "playground.html"} {
		file, err := web.Files().Open(name)
		if err != nil {
			t.Skip("the web app is not built")
		}
		content := make([]byte, 4096)
		n, _ := file.Read(content)
		_ = file.Close()
		if !strings.Contains(string(content[:n]), settingsMark) {
			t.Errorf("%s has no room for the settings:\n%s", name, content[:n])
		}
	}
}

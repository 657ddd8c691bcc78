package main

import (
	"encoding/json"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/httpguard"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/web"
)

// The images that a product may have are exactly those that the shop's page may show. The judge is CSP level 3, section 6.7.2.7:
// 'self' is the page's own origin, https: is any host by https, and nothing else matches.
func TestImagesAsThePolicy(t *testing.T) {
	t.Parallel()
	_, sources, _ := strings.Cut(httpguard.ContentSecurityPolicy, "img-src ")
	sources, _, _ = strings.Cut(sources, ";")
	if sources != "'self' https:" {
		t.Fatalf("img-src is %q, for which this test has no rule", sources)
	}
	shop := &url.URL{Scheme: "http", Host: "127.0.0.1:8080", Path: "/"}
	for _, image := range []string{
		"/products/mug.svg", "/a", "/a?b=c#d", "https://img.example/mug.png", "https://img.example:8443/a%20b.png", "https://192.0.2.1/x", "HTTPS://img.example/x",
		"", "/", "//img.example/x", "/\\img.example/x", "/\t/img.example/x", "/\n/img.example/x", "/\x00", "/\x7f", "/\u0085", "/a\n", "/a b", "\t/a", "mug.svg",
		"http://img.example/x", "https:img.example", "https://", "https:///x", "https://?x", "https://user:secret@img.example/x", "https://img.example\t/x",
		"data:image/png;base64,AAAA", "blob:https://img.example/x", "javascript:alert(1)", "ftp://img.example/x", "/%", "https://img.example:x/",
	} {
		// As browsers do (WHATWG URL, basic URL parser): without tabs and line breaks, a backslash is a slash.
		read := strings.NewReplacer("\t", "", "\n", "", "\\", "/").Replace(image)
		u, err := shop.Parse(read)
		shown := err == nil && (u.Scheme == "https" || u.Scheme == shop.Scheme && u.Host == shop.Host)
		if product.ValidImage(image) && !shown {
			t.Errorf("%q may be a product's image, and the page may not show it", image)
		}
		path := strings.HasPrefix(image, "/") && u != nil && u.Host == shop.Host
		plain := image == read && len(image) > 1 && err == nil && u.User == nil && u.Hostname() != "" && !strings.ContainsFunc(image, func(r rune) bool { return r <= ' ' || r >= 0x7f })
		if shown && plain && (path || strings.HasPrefix(image, "https://")) && !product.ValidImage(image) {
			t.Errorf("%q may be shown, and is refused as a product's image", image)
		}
	}
}

// The page contains the app's settings and no secret, and may connect to its issuer only.
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
			cfg, err := config.Load(append([]string{"SIMULATED_URL=http://127.0.0.1:1"}, c.env...), providerSettings()...)
			if err != nil {
				t.Fatal(err)
			}
			providers := providersOf(t, cfg)
			first := providers.First()
			c.want.ManualCapture, c.want.Methods, c.want.MethodsNotice = true, append([]payment.TestMethod{}, first.Shop.Methods...), first.Shop.Notice
			c.want.ClientSecretHint = first.Shop.ClientSecretHint
			files := fstest.MapFS{"index.html": {Data: []byte(`<head><meta name="orderwire" content="" /></head>`)}}
			mux := http.NewServeMux()
			newPages(files, shopSettingsOf(cfg, providers)).routes(mux, false)
			answer := httptest.NewRecorder()
			mux.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/payment", nil))

			meta := regexp.MustCompile(`<meta name="orderwire" content="([^"]*)" />`).FindStringSubmatch(answer.Body.String())
			if meta == nil {
				t.Fatalf("the page has no settings: %s", answer.Body)
			}
			var got shopSettings
			if err := json.Unmarshal([]byte(html.UnescapeString(meta[1])), &got); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("the page is told %+v, want %+v (%v)", got, c.want, err)
			}
			if policy := answer.Header().Get("Content-Security-Policy"); policy != c.policy {
				t.Errorf("the policy is %q, want %q", policy, c.policy)
			}
			if body := answer.Body.String(); strings.Contains(body, "sk_") {
				t.Error("the page has a secret")
			}
		})
	}
}

// providersOf opens a configuration's providers without a server around them.
func providersOf(t *testing.T, cfg config.Config) *payment.Registry {
	t.Helper()
	var providers []*payment.Provider
	for _, section := range cfg.Sections {
		kind, ok := section.(providerKind)
		if !ok || !slices.Contains(cfg.PaymentProviders, section.Name()) {
			continue
		}
		provider, err := kind.Open(t.Context(), payment.Host{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		providers = append(providers, provider)
	}
	return paymenttest.Registry(t, providers...)
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

package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/payment/stripe"
)

// sections are payment providers' settings, not read yet.
func sections() []config.Section { return []config.Section{&simulated.Settings{}, &stripe.Settings{}} }

func load(t *testing.T, environ ...string) config.Config {
	t.Helper()
	cfg, err := config.Load(environ, sections()...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// problems loads an environment that must be refused.
func problems(t *testing.T, environ ...string) []string {
	t.Helper()
	cfg, err := config.Load(environ, sections()...)
	var refused *config.Error
	if !errors.As(err, &refused) {
		t.Fatalf("err = %v, want a *config.Error", err)
	}
	if !reflect.DeepEqual(cfg, config.Config{}) {
		t.Error("refused, and still a configuration")
	}
	return refused.Problems
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	want := config.Config{
		Addr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:9090",
		DatabaseMaxConns: 20, DataDir: "./.data", EventRetention: 720 * time.Hour,
		PaymentProviders: []string{"simulated"}, Sections: []config.Section{&simulated.Settings{Webhooks: "actions", ActionExpiry: 15 * time.Minute, MinAmount: 1, MaxAmount: 1_000_000_000_000}, &stripe.Settings{}}, PaymentStepDelay: 3 * time.Second, Delivery: "timer", DeliveryDelay: 3 * time.Second,
		ReconcileInterval: 10 * time.Minute, ReconcileWindow: 72 * time.Hour, ReconcileRate: 25,
		OrphanInterval: time.Hour, OrphanGrace: 10 * time.Minute,
		OrderExpiry: 30 * time.Minute, AuthorizationExpiry: 144 * time.Hour,
		AuthMode: "dev", OIDCRoleClaim: "role", OIDCTokenType: "any", Introspection: true, MaxPaymentsPerOrder: 10, AttemptsWindow: time.Hour,
		WSPingInterval: 25 * time.Second, WSMaxInitBytes: 1024, WSAnonymousIdle: 5 * time.Minute, MaxSockets: 10_000, MaxSocketsPerUser: 256, MaxSocketsPerAddress: 1000, MaxConnections: 30_000, MaxConnectionsPerAddress: 2000, MaxUnreadPerAddress: 16 << 20, MaxSubscriptionsPerSocket: 100, SubscriptionQueue: 256,
		MaxBodyBytes: 64 << 10, MaxTokens: 1000,
		MaxDepth: 12, MaxIntrospectionDepth: 20, MaxFields: 500, MaxAliases: 15, MaxDirectives: 10, MaxRootFields: 5, MaxMutationFields: 1,
		MaxCost: 100_000, MaxAnswerBytes: 1 << 20, MaxErrors: 5, DocumentCacheBytes: 32 << 20, PersistedQueryBytes: 4 << 20,
		WebhookTimeout: 15 * time.Second, WebhookConcurrency: 8, WebhookRetention: 168 * time.Hour, WebhookDisableAfter: 72 * time.Hour, WebhookMaxEndpoints: 50,
		OperationTimeout: 15 * time.Second, ReadTimeout: 2 * time.Second, LogLevel: slog.LevelInfo, LogFormat: "text", ShutdownTimeout: 10 * time.Second,
	}
	if got := load(t); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
	// A compose file passes variables on that nobody set as empty ones.
	var empty []string
	for _, name := range config.Names(sections()...) {
		if name != "ADMIN_ADDR" {
			empty = append(empty, name+"=")
		}
	}
	if got := load(t, empty...); !reflect.DeepEqual(got, want) {
		t.Errorf("with empty variables: got\n%+v, want\n%+v", got, want)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	got := load(t,
		"ADDR=:8443", "ADMIN_ADDR=[::1]:0", "DATABASE_URL=postgres://u:p@db/orderwire", "DATABASE_MAX_CONNS=4", "DATA_DIR=/data", "PG_BIN=/pg/bin",
		"NATS_URL=nats://u:p@a:4222, tls://b",
		"EVENT_RETENTION=48h", "PAYMENT_PROVIDER=simulated", "SIMULATED_URL=http://sim:8081", "SIMULATED_ACTION_EXPIRY=30m", "PAYMENT_STEP_DELAY=0s", "DELIVERY=manual", "DELIVERY_DELAY=0", "ORDER_EXPIRY=1h30m", "AUTHORIZATION_EXPIRY=1ms",
		"AUTH_MODE=dev", "DEV_AUTH_INSECURE=true", "ALLOWED_ORIGINS=https://a.example, http://localhost:5173,", "ALLOWED_HOSTS=a.example,10.0.0.1", "INTROSPECTION=off",
		"TRUSTED_PROXIES=10.0.0.1, fd00::/8", "RATE_PER_ADDRESS=1", "RATE_PER_USER=2", "RATE_COST_PER_USER=3", "RATE_ORDERS_PER_USER=4",
		"MAX_PAYMENTS_PER_ORDER=20", "ATTEMPTS_PER_CUSTOMER=5", "ATTEMPTS_PER_ADDRESS=6", "ATTEMPTS_WINDOW=2h",
		"TLS_CERT=cert.pem", "TLS_KEY=key.pem", "PPROF=on",
		"WS_PING_INTERVAL=50ms", "WS_MAX_INIT_BYTES=2048", "WS_ANONYMOUS_IDLE=1m", "MAX_SOCKETS=1", "MAX_SOCKETS_PER_USER=5", "MAX_SOCKETS_PER_ADDRESS=6", "MAX_CONNECTIONS=100", "MAX_CONNECTIONS_PER_ADDRESS=7", "MAX_UNREAD_PER_ADDRESS=2097152", "MAX_SUBSCRIPTIONS_PER_SOCKET=2", "SUBSCRIPTION_QUEUE=3", "MAX_BODY_BYTES=1024", "MAX_TOKENS=200",
		"MAX_DEPTH=2", "MAX_INTROSPECTION_DEPTH=3", "MAX_FIELDS=4", "MAX_ALIASES=5", "MAX_DIRECTIVES=6", "MAX_ROOT_FIELDS=7", "MAX_MUTATION_FIELDS=8",
		"MAX_COST=9", "MAX_ANSWER_BYTES=70000", "MAX_ERRORS=10", "DOCUMENT_CACHE_BYTES=11", "PERSISTED_QUERY_BYTES=12", "TRUSTED_DOCUMENTS=trusted.json",
		"WEBHOOK_TIMEOUT=1s", "WEBHOOK_CONCURRENCY=2", "WEBHOOK_RETENTION=2h", "WEBHOOK_DISABLE_AFTER=36h", "WEBHOOK_MAX_ENDPOINTS=3",
		"LOG_LEVEL=debug", "LOG_FORMAT=json", "SHUTDOWN_DELAY=2s", "SHUTDOWN_TIMEOUT=1s", "HOME=/nowhere", "ADDRESS=unknown variables are left alone",
	)
	want := config.Config{
		Addr: ":8443", AdminAddr: "[::1]:0", AdminAddrSet: true,
		DatabaseURL: "postgres://u:p@db/orderwire", DatabaseMaxConns: 4, DataDir: "/data", PGBin: "/pg/bin",
		NATSURL:        "nats://u:p@a:4222, tls://b",
		EventRetention: 48 * time.Hour, PaymentProviders: []string{"simulated"}, Sections: []config.Section{&simulated.Settings{URL: "http://sim:8081", Webhooks: "actions", ActionExpiry: 30 * time.Minute, MinAmount: 1, MaxAmount: 1_000_000_000_000}, &stripe.Settings{}}, Delivery: "manual", OrderExpiry: 90 * time.Minute, AuthorizationExpiry: time.Millisecond,
		ReconcileInterval: 10 * time.Minute, ReconcileWindow: 72 * time.Hour, ReconcileRate: 25,
		OrphanInterval: time.Hour, OrphanGrace: 10 * time.Minute,
		AuthMode: "dev", OIDCRoleClaim: "role", OIDCTokenType: "any", DevAuthInsecure: true,
		AllowedOrigins: []string{"https://a.example", "http://localhost:5173"}, AllowedHosts: []string{"a.example", "10.0.0.1"},
		TrustedProxies: []string{"10.0.0.1", "fd00::/8"}, RatePerAddress: 1, RatePerUser: 2, RateCost: 3, RateOrders: 4,
		MaxPaymentsPerOrder: 20, AttemptsPerCustomer: 5, AttemptsPerAddress: 6, AttemptsWindow: 2 * time.Hour,
		TLSCert: "cert.pem", TLSKey: "key.pem", PProf: true,
		WSPingInterval: 50 * time.Millisecond, WSMaxInitBytes: 2048, WSAnonymousIdle: time.Minute, MaxSockets: 1, MaxSocketsPerUser: 5, MaxSocketsPerAddress: 6, MaxConnections: 100, MaxConnectionsPerAddress: 7, MaxUnreadPerAddress: 1 << 21, MaxSubscriptionsPerSocket: 2, SubscriptionQueue: 3, MaxBodyBytes: 1024, MaxTokens: 200,
		MaxDepth: 2, MaxIntrospectionDepth: 3, MaxFields: 4, MaxAliases: 5, MaxDirectives: 6, MaxRootFields: 7, MaxMutationFields: 8,
		MaxCost: 9, MaxAnswerBytes: 70000, MaxErrors: 10, DocumentCacheBytes: 11, PersistedQueryBytes: 12, TrustedDocuments: "trusted.json",
		WebhookTimeout: time.Second, WebhookConcurrency: 2, WebhookRetention: 2 * time.Hour, WebhookDisableAfter: 36 * time.Hour, WebhookMaxEndpoints: 3,
		OperationTimeout: 15 * time.Second, ReadTimeout: 2 * time.Second, LogLevel: slog.LevelDebug, LogFormat: "json", ShutdownDelay: 2 * time.Second, ShutdownTimeout: time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestPaymentProviders(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		"": {"simulated"}, "simulated": {"simulated"}, "stripe, simulated,": {"stripe", "simulated"}, "simulated,stripe": {"simulated", "stripe"},
	} {
		if got := load(t, "PAYMENT_PROVIDER="+value, "STRIPE_SECRET_KEY=sk_test_x").PaymentProviders; !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", value, got, want)
		}
	}
	for value, want := range map[string]string{
		",":                   "PAYMENT_PROVIDER: expected simulated or stripe",
		"simulated,cash":      `PAYMENT_PROVIDER="simulated,cash": "cash": expected simulated or stripe`,
		"simulated,simulated": "simulated stands in it twice",
		// Also one that only serves what it took needs its settings.
		"simulated,stripe": "STRIPE_SECRET_KEY: PAYMENT_PROVIDER=stripe needs the secret key",
	} {
		if got := problems(t, "PAYMENT_PROVIDER="+value); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q: problems %q, want %q", value, got, want)
		}
	}
}

func TestEmptyAdminAddrMeansNone(t *testing.T) {
	t.Parallel()
	if cfg := load(t, "ADMIN_ADDR="); cfg.AdminAddr != "" || !cfg.AdminAddrSet {
		t.Errorf("AdminAddr = %q, set: %v", cfg.AdminAddr, cfg.AdminAddrSet)
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"on": true, "ON": true, "true": true, "1": true, "off": false, "false": false, "0": false} {
		if got := load(t, "INTROSPECTION="+value).Introspection; got != want {
			t.Errorf("INTROSPECTION=%s is %v", value, got)
		}
	}
}

func TestErrSaysWhatIsWrongAndWhatIsAllowed(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]string{
		"ADDR=8080":                          `ADDR="8080": expected host:port`,
		"ADDR=127.0.0.1:http":                `ADDR="127.0.0.1:http": expected host:port`,
		"ADDR=127.0.0.1:65536":               `expected host:port`,
		"ADMIN_ADDR=nowhere":                 `ADMIN_ADDR="nowhere": expected host:port`,
		"DATABASE_MAX_CONNS=0":               `DATABASE_MAX_CONNS="0": expected a number of at least 4`,
		"DATABASE_MAX_CONNS=many":            `DATABASE_MAX_CONNS="many": expected a whole number`,
		"MAX_TOKENS=99999999999999999999":    `expected a whole number`,
		"MAX_BODY_BYTES=64KB":                `MAX_BODY_BYTES="64KB": expected a whole number`,
		"PAYMENT_STEP_DELAY=3":               `PAYMENT_STEP_DELAY="3": expected a duration such as`,
		"PAYMENT_STEP_DELAY=-1s":             `PAYMENT_STEP_DELAY="-1s": expected a duration of at least 0s`,
		"WS_PING_INTERVAL=0s":                `WS_PING_INTERVAL="0s": expected a duration of at least 10ms`,
		"PAYMENT_PROVIDER=cash":              `PAYMENT_PROVIDER="cash": expected simulated or stripe`,
		"AUTH_MODE=none":                     `AUTH_MODE="none": expected dev or oidc`,
		"OIDC_ISSUER=http://login.example":   `OIDC_ISSUER="http://login.example": expected https`,
		"OIDC_ISSUER=https://login.example":  `AUTH_MODE=dev lets anyone sign in as anyone`,
		"SIMULATED_PUBLIC_URL=https://a'b":   `is not a host name`,
		"TRUSTED_PROXIES=proxy.example":      `"proxy.example" is not an address or a network`,
		"RATE_PER_USER=-1":                   `RATE_PER_USER="-1": expected a number of at least 0`,
		"MAX_PAYMENTS_PER_ORDER=21":          `an order has at most 20 payments`,
		"ATTEMPTS_WINDOW=0s":                 `ATTEMPTS_WINDOW="0s": expected a duration of at least 1s`,
		"TLS_CERT=cert.pem":                  `TLS_CERT: it and TLS_KEY are needed together`,
		"OIDC_TOKEN_TYPE=jwt":                `OIDC_TOKEN_TYPE="jwt": expected any or at+jwt`,
		"INTROSPECTION=maybe":                `INTROSPECTION="maybe": expected true or false`,
		"DEV_AUTH_INSECURE=yes please":       `expected true or false`,
		"ALLOWED_ORIGINS=https://a.b,*":      `"*" is not an origin`,
		"ALLOWED_HOSTS=a.b:80":               `"a.b:80" is not a host name`,
		"SIMULATED_URL=sim:8081":             `expected a URL such as`,
		"LOG_LEVEL=loud":                     `LOG_LEVEL="loud": expected debug, info, warn or error`,
		"LOG_FORMAT=xml":                     `LOG_FORMAT="xml": expected text or json`,
		"DATABASE_URL=mysql://u:hunter2@db":  `DATABASE_URL: expected postgres://`,
		"DATABASE_URL=postgres://u:%zz@db":   `DATABASE_URL: expected postgres://`,
		"DATABASE_URL_FILE=/does/not/exist":  `DATABASE_URL_FILE: expected the path of a file: no such file`,
		"ADDR=0.0.0.0:8080":                  `DEV_AUTH_INSECURE=true allows it`,
		"ADDR=:8080":                         `DEV_AUTH_INSECURE=true allows it`,
		"ADDR=[::]:8080":                     `DEV_AUTH_INSECURE=true allows it`,
		"ADDR=192.168.1.2:8080":              `DEV_AUTH_INSECURE=true allows it`,
		"ADDR=localhost.evil.example:8080":   `DEV_AUTH_INSECURE=true allows it`,
		"ADDR=" + strings.Repeat("x", 1<<16): `(65536 bytes)`,
	} {
		t.Run(fmt.Sprintf("%.40s", environ), func(t *testing.T) {
			t.Parallel()
			got := problems(t, environ)
			name, _, _ := strings.Cut(environ, "=")
			if len(got) != 1 || !strings.Contains(got[0], want) || !strings.HasPrefix(got[0], name) {
				t.Errorf("problems %.200q: want one that begins with %s and says %q", got, name, want)
			}
			if strings.Contains(got[0], "hunter2") || len(got[0]) > 400 {
				t.Errorf("the problem shows a secret, or too much: %.400q", got[0])
			}
		})
	}
}

func TestLoopbackAddressesNeedNoPermission(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:0", "127.8.8.8:80", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "[::ffff:127.0.0.1]:8080"} {
		load(t, "ADDR="+addr)
	}
	load(t, "ADDR=0.0.0.0:8080", "DEV_AUTH_INSECURE=true")
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	cfg := load(t, "AUTH_MODE=oidc", "ADDR=:8080", "OIDC_ISSUER=https://login.example/", "OIDC_AUDIENCE=api",
		"OIDC_CLIENT_ID=shop", "OIDC_ROLE_CLAIM=a.b", "OIDC_TOKEN_TYPE=at+jwt")
	if cfg.DevAuth() || cfg.Introspection || cfg.OIDCIssuer != "https://login.example/" || cfg.OIDCAudience != "api" ||
		cfg.OIDCClientID != "shop" || cfg.OIDCRoleClaim != "a.b" || cfg.OIDCTokenType != "at+jwt" {
		t.Errorf("got %+v", cfg)
	}
	cfg = load(t, "AUTH_MODE=oidc", "OIDC_ISSUER=http://127.0.0.1:9998", "OIDC_CLIENT_ID=shop", "RATE_PER_USER=0", "RATE_COST_PER_USER=1")
	if cfg.RatePerAddress != 500 || cfg.RatePerUser != 0 || cfg.RateCost != 1 || cfg.RateOrders != 300 || cfg.AttemptsPerCustomer != 20 || cfg.AttemptsPerAddress != 50 || cfg.WSMaxInitBytes != 8192 {
		t.Errorf("the limits on rates are %d, %d, %d, %d", cfg.RatePerAddress, cfg.RatePerUser, cfg.RateCost, cfg.RateOrders)
	}
	got := problems(t, "AUTH_MODE=oidc")
	if len(got) != 2 || !strings.HasPrefix(got[0], "OIDC_AUDIENCE: ") || !strings.HasPrefix(got[1], "OIDC_ISSUER: ") {
		t.Errorf("problems %q: want what is missing", got)
	}
}

func TestErrAllAtOnce(t *testing.T) {
	t.Parallel()
	got := problems(t, "ADDR=x", "LOG_FORMAT=xml", "ORDER_EXPIRY=soon", "MAX_SOCKETS=-1", "AUTH_MODE=none")
	for i, name := range []string{"ADDR", "AUTH_MODE", "LOG_FORMAT", "MAX_SOCKETS", "ORDER_EXPIRY"} {
		if len(got) != 5 || !strings.HasPrefix(got[i], name+"=") {
			t.Fatalf("problems %q, want one for each of five in order", got)
		}
	}
}

func TestSecretFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte("postgres://u:hunter2@db/orderwire\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := load(t, "DATABASE_URL_FILE="+path).DatabaseURL.Reveal(); got != "postgres://u:hunter2@db/orderwire" {
		t.Errorf("read %q", got)
	}
	t.Run("ErrBoth", func(t *testing.T) {
		t.Parallel()
		if got := problems(t, "DATABASE_URL_FILE="+path, "DATABASE_URL=postgres://db/x"); !strings.Contains(got[0], "only one") {
			t.Errorf("problems %q", got)
		}
	})
	t.Run("ErrEmpty", func(t *testing.T) {
		t.Parallel()
		empty := filepath.Join(t.TempDir(), "empty")
		if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := problems(t, "DATABASE_URL_FILE="+empty); !strings.Contains(got[0], "empty") {
			t.Errorf("problems %q", got)
		}
	})
	t.Run("only secrets have one", func(t *testing.T) {
		t.Parallel()
		if got := load(t, "ADDR_FILE="+path).Addr; got != "127.0.0.1:8080" {
			t.Errorf("ADDR_FILE was read: %q", got)
		}
	})
}

// What people paste where it does not belong is not shown, nor is any part of a password that a URL was split at.
func TestPastedSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"DATABASE_URL=postgres://u:hunter2/x@db:1/a":                       `percent-encoded`,
		"DATABASE_URL=postgres://u:12/hunter2@db:1/a":                      `percent-encoded`,
		"DATABASE_URL=postgres://u:hunter2?x@db:1/a":                       `percent-encoded`,
		"DATABASE_URL_FILE=postgres://u:hunter2@db/a":                      `expected the path of a file`,
		"OIDC_ISSUER=https://u:hunter2@login.example":                      `OIDC_ISSUER="https://***@login.example": expected`,
		"SIMULATED_URL=https://u:hunter2@sim.example?x":                    `SIMULATED_URL="https://***@sim.example?x": expected`,
		"SIMULATED_URL=ftp://u:hunter2" + strings.Repeat("x", 50) + "@sim": `SIMULATED_URL="ftp://***@sim": expected`,
		"ALLOWED_ORIGINS=https://a.b,https://u:hunter2@a.b":                `"https://***@a.b" must not have a user name or password`,
		"TLS_KEY=-----BEGIN PRIVATE KEY-----\nhunter2":                     `TLS_KEY: expected the path of a file`,
		"TLS_CERT=-----BEGIN CERTIFICATE-----\nhunter2":                    `TLS_CERT: expected the path of a file`,
	} {
		got := strings.Join(problems(t, setting), "\n")
		if !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("%s: %s, want %s and no secret", setting, got, want)
		}
	}
}

func TestSecretStaysOutOfLogs(t *testing.T) {
	t.Parallel()
	cfg := load(t, "DATABASE_URL=postgres://u:hunter2@db/x")
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("started", "config", cfg, "url", cfg.DatabaseURL)
	asJSON, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"%v": fmt.Sprintf("%v", cfg), "%+v": fmt.Sprintf("%+v", cfg), "%#v": fmt.Sprintf("%#v", cfg), "%q": fmt.Sprintf("%q", cfg.DatabaseURL),
		"slog": log.String(), "json": string(asJSON),
	} {
		if strings.Contains(text, "hunter2") || !strings.Contains(text, "secret") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// A host gets into headers: the issuer's into Content-Security-Policy.
func TestErrHostOfURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://login.example;script-src*", "https://*", "https://a,b", "https://a'b", `https://a"b`} {
		_, err := config.Load([]string{"AUTH_MODE=oidc", "OIDC_AUDIENCE=orderwire", "OIDC_ISSUER=" + url})
		if err == nil || !strings.Contains(err.Error(), "is not a host name") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"https://login.example:8443/realms/shop", "https://login.example.", "https://[2001:db8::1]:8443", "http://127.0.0.1:9"} {
		if _, err := config.Load([]string{"AUTH_MODE=oidc", "OIDC_AUDIENCE=orderwire", "OIDC_ISSUER=" + url}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

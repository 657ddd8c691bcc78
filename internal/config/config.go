// Package config reads the server's settings from the environment.
//
// The struct Config has names, defaults, bounds and explanations as its tags. Parts of the program that are chosen by name, such as payment
// providers, have structs of their own with the same tags: see Section. The text of `server --help` and the table of
// docs/configuration.md are made from all of them.
package config

import (
	"log/slog"
	"time"

	"github.com/orderwire/orderwire/internal/secret"
)

// Config has all settings. Their tags: group is the heading above a setting and those after it; env is the variable's name; envDefault
// its default; shown replaces a default that cannot be written down in the documentation; oneof lists the allowed values; min is the
// lowest value; kind names a check of the value's form; help explains the setting to operators.
//
// A variable that is set to nothing counts as not set, except ADMIN_ADDR. A variable whose type is Secret can be given
// as NAME_FILE too: the path of a file that holds it.
type Config struct {
	Addr      string `group:"Addresses and TLS" env:"ADDR" envDefault:"127.0.0.1:8080" kind:"address" help:"The address to serve on, host:port. Port 0 takes a free port."`
	AdminAddr string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090" kind:"optional address" help:"The address for operators only (metrics, profiles), host:port. ALLOWED_HOSTS applies to it too. Empty: not served."`
	TLSCert   string `env:"TLS_CERT" shown:"none" kind:"file" help:"The PEM file with the certificate chain to serve TLS with. It is read again when it changes. Needs TLS_KEY."`
	TLSKey    string `env:"TLS_KEY" shown:"none" kind:"file" help:"The PEM file with the certificate's private key."`
	PProf     bool   `env:"PPROF" envDefault:"false" help:"Serves Go's profiles at ADMIN_ADDR under /debug/pprof/. Profiles show memory, so only people who may see all data should reach them."`

	DatabaseURL      Secret        `group:"Database, events and replicas" env:"DATABASE_URL" shown:"a private PostgreSQL in DATA_DIR" kind:"database" help:"The PostgreSQL database, postgres://user:password@host:port/database. Several hosts are separated by commas; see docs/deployment/postgresql.md."`
	DatabaseAPIURL   Secret        `env:"DATABASE_API_URL" shown:"a login that the server makes" kind:"database" help:"DATABASE_URL with the login that serves requests, which must be a member of orderwire_api and of no other role. Needed if the user of DATABASE_URL may not create roles, or if a pooler only accepts the users on its list."`
	DatabaseMaxConns int           `env:"DATABASE_MAX_CONNS" envDefault:"20" min:"4" help:"The largest number of this process's connections to PostgreSQL for requests (two thirds) and background work (one third). A few more are opened for the sequencer, migrations and LISTEN. A payment provider that keeps its books in this process opens up to a third more."`
	DataDir          string        `env:"DATA_DIR" envDefault:"./.data" help:"The folder of the private PostgreSQL. Unused with DATABASE_URL."`
	PGBin            string        `env:"PG_BIN" shown:"search" help:"The folder with initdb and postgres for the private PostgreSQL. By default the server looks for what make run has installed, then in PATH and the usual folders."`
	EventRetention   time.Duration `env:"EVENT_RETENTION" envDefault:"720h" min:"1m" help:"How long a feed can be resumed, and the shortest time for which a finished order keeps its events."`
	NATSURL          Secret        `env:"NATS_URL" shown:"none" kind:"nats" help:"The NATS server that carries events between replicas, nats://host:port. Without it each replica reads the database."`

	// PaymentProviders name sections.
	PaymentProviders []string `group:"Payment providers" env:"PAYMENT_PROVIDER" oneof:"sections" help:"The payment providers. The first takes new payments; the others serve the payments that they took."`
	// Sections are the settings of the payment providers, whichever of them are used.
	Sections []Section `env:"-"`

	PaymentStepDelay    time.Duration `group:"Payments and orders" env:"PAYMENT_STEP_DELAY" envDefault:"3s" min:"0s" help:"How long a payment stays in each step."`
	Delivery            string        `env:"DELIVERY" envDefault:"timer" oneof:"timer,manual" help:"How paid orders are delivered. timer: by themselves, after DELIVERY_DELAY. manual: only by staff, with orderDeliver or on the board."`
	DeliveryDelay       time.Duration `env:"DELIVERY_DELAY" envDefault:"3s" min:"0s" help:"How long after its confirmation an order is delivered with DELIVERY=timer."`
	OrderExpiry         time.Duration `env:"ORDER_EXPIRY" envDefault:"30m" min:"0s" help:"How long an order may stay unpaid before it is cancelled. It is not cancelled while the payment provider does not answer."`
	AuthorizationExpiry time.Duration `env:"AUTHORIZATION_EXPIRY" envDefault:"144h" min:"0s" help:"How long an authorized payment may wait for its capture."`
	ReconcileInterval   time.Duration `env:"RECONCILE_INTERVAL" envDefault:"10m" min:"0s" help:"How often payments are compared with the provider's books. 0: never."`
	ReconcileWindow     time.Duration `env:"RECONCILE_WINDOW" envDefault:"72h" min:"1m" help:"How long after its last change a payment is compared with the provider's books. A payment that differs is compared until it agrees."`
	ReconcileRate       int           `env:"RECONCILE_RATE" envDefault:"25" min:"1" help:"The largest number of look-ups at the provider in a second for these comparisons. Pages of the provider's charges count too."`
	OrphanInterval      time.Duration `env:"ORPHAN_INTERVAL" envDefault:"1h" min:"0s" help:"How often the provider's charges are searched for those without a payment here, as there are after a restore. 0: never."`
	OrphanGrace         time.Duration `env:"ORPHAN_GRACE" envDefault:"10m" min:"0s" help:"The age from which a charge without a payment here is reported."`

	AuthMode        string `group:"Sign-in" env:"AUTH_MODE" envDefault:"dev" oneof:"dev,oidc" help:"How users sign in. dev: anyone as any user, for development only. oidc: with access tokens of an OpenID Connect issuer."`
	DevAuthInsecure bool   `env:"DEV_AUTH_INSECURE" envDefault:"false" help:"Allows AUTH_MODE=dev on an address that other machines can reach."`
	OIDCIssuer      string `env:"OIDC_ISSUER" shown:"none" kind:"issuer" help:"The issuer's URL, exactly as in the iss claim of its tokens: https, or http on this machine. Needed with AUTH_MODE=oidc."`
	OIDCAudience    string `env:"OIDC_AUDIENCE" shown:"OIDC_CLIENT_ID" help:"The value that the aud claim of tokens must contain. AUTH_MODE=oidc needs this or OIDC_CLIENT_ID. If only OIDC_CLIENT_ID is set, a token whose typ is not at+jwt must have scope, scp or client_id, which ID tokens lack."`
	OIDCClientID    string `env:"OIDC_CLIENT_ID" shown:"any" help:"The client whose tokens are accepted: a token with another client in client_id or azp is refused. Without it tokens of any client are accepted, but their client_id and azp must be equal."`
	OIDCRoleClaim   string `env:"OIDC_ROLE_CLAIM" envDefault:"role" help:"The claim with the user's roles, a string or a list. Dots lead into objects, as in realm_access.roles. The value STAFF, in capitals, makes the user staff."`
	OIDCTokenType   string `env:"OIDC_TOKEN_TYPE" envDefault:"any" oneof:"any,at+jwt" help:"The typ that tokens must have in their header. any: at+jwt, JWT or none, because many issuers differ. at+jwt: only access tokens by RFC 9068."`

	TrustedProxies []string `group:"Proxies and browsers" env:"TRUSTED_PROXIES" shown:"none" kind:"networks" help:"Addresses and networks (10.0.0.0/8) of the proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted, separated by commas."`
	AllowedOrigins []string `env:"ALLOWED_ORIGINS" shown:"our own" kind:"origins" help:"Origins of other sites' pages that may use the API, separated by commas. https://*.shop.example matches names with exactly one label more. Apps can have an origin such as capacitor://localhost."`
	AllowedHeaders []string `env:"ALLOWED_HEADERS" shown:"none" kind:"headers" help:"Additional request headers that pages of ALLOWED_ORIGINS may send, separated by commas. The headers of GraphQL clients and of tracing are always allowed."`
	AllowedHosts   []string `env:"ALLOWED_HOSTS" shown:"loopback and ADDR" kind:"hosts" help:"Additional host names that the server answers to, separated by commas."`
	Introspection  bool     `env:"INTROSPECTION" shown:"on with AUTH_MODE=dev, else off" help:"Whether to serve introspection, /playground and /schema.graphql."`

	RatePerAddress int `group:"Rate limits" env:"RATE_PER_ADDRESS" shown:"0 with AUTH_MODE=dev, else 500" min:"0" help:"The largest number of requests and websocket operations from one address in a second. More get RATE_LIMITED. Webhooks of a payment provider count only if they are refused. 0: no limit."`
	RatePerUser    int `env:"RATE_PER_USER" shown:"0 with AUTH_MODE=dev, else 200" min:"0" help:"The largest number of operations that one user may start on this replica in a second. 0: no limit."`
	RateCost       int `env:"RATE_COST_PER_USER" shown:"0 with AUTH_MODE=dev, else 400000" min:"0" help:"The largest total cost (see extensions.cost) of the operations of one user, or of one address without a user, on this replica in a second. Each event of a customer's subscription counts too; above the limit events are delayed, not dropped. 0: no limit."`
	RateOrders     int `env:"RATE_ORDERS_PER_USER" shown:"0 with AUTH_MODE=dev, else 300" min:"0" help:"The largest number of orders that one user may place in a minute on all replicas together. Each replica may exceed it by a tenth. 0: no limit."`

	MaxPaymentsPerOrder int           `env:"MAX_PAYMENTS_PER_ORDER" envDefault:"10" min:"1" help:"The largest number of payments of one order, declined ones included; at most 20. More get TOO_MANY_ATTEMPTS."`
	AttemptsPerCustomer int           `env:"ATTEMPTS_PER_CUSTOMER" shown:"0 with AUTH_MODE=dev, else 20" min:"0" help:"The largest number of one customer's payments that may be declined or under way within ATTEMPTS_WINDOW, on all replicas together. Payments that succeed do not count. More get TOO_MANY_ATTEMPTS. 0: no limit."`
	AttemptsPerAddress  int           `env:"ATTEMPTS_PER_ADDRESS" shown:"0 with AUTH_MODE=dev, else 50" min:"0" help:"The largest number of declined payments from one client address (IPv6: one /64) within ATTEMPTS_WINDOW, on all replicas together. Each payment that succeeds makes up for a declined one. 0: no limit."`
	AttemptsWindow      time.Duration `env:"ATTEMPTS_WINDOW" envDefault:"1h" min:"1s" help:"The period of ATTEMPTS_PER_CUSTOMER and ATTEMPTS_PER_ADDRESS. Used-up payments become available again evenly over it."`

	WSPingInterval            time.Duration `group:"Connections and subscriptions" env:"WS_PING_INTERVAL" envDefault:"25s" min:"10ms" help:"How often a websocket is pinged. It is closed after two unanswered pings."`
	WSMaxInitBytes            int64         `env:"WS_MAX_INIT_BYTES" shown:"1024 with AUTH_MODE=dev, else 8192" min:"128" help:"The largest websocket message before connection_ack; connection_init carries the access token. A larger one is closed with 1009."`
	WSAnonymousIdle           time.Duration `env:"WS_ANONYMOUS_IDLE" envDefault:"5m" min:"0s" help:"How long a websocket without a signed-in user stays open without an operation. Then it is closed with 1000. 0: no limit."`
	MaxSockets                int           `env:"MAX_SOCKETS" envDefault:"10000" min:"1" help:"The largest number of open websockets, and the same of open event streams. More get 429."`
	MaxSocketsPerUser         int           `env:"MAX_SOCKETS_PER_USER" envDefault:"256" min:"1" help:"The largest number of websockets and event streams that one user may have open on this replica. More are closed with 4029, or get 429."`
	MaxSocketsPerAddress      int           `env:"MAX_SOCKETS_PER_ADDRESS" envDefault:"1000" min:"1" help:"The largest number of websockets and event streams that one IPv4 address or IPv6 /64 network may have open on this replica. More get 429."`
	MaxConnections            int           `env:"MAX_CONNECTIONS" envDefault:"30000" min:"100" help:"The largest number of open connections, websockets and event streams included; never more than the system's limit of open files less 500. One more replaces the connection that has been idle longest, or is closed."`
	MaxConnectionsPerAddress  int           `env:"MAX_CONNECTIONS_PER_ADDRESS" envDefault:"2000" min:"1" help:"The largest number of open connections of one IPv4 address or IPv6 /64 network, websockets not included. Connections of TRUSTED_PROXIES are not counted."`
	MaxUnreadPerAddress       int           `env:"MAX_UNREAD_PER_ADDRESS" envDefault:"16777216" min:"1048576" help:"The largest number of bytes of answers and events that clients of one IPv4 address or IPv6 /64 network may leave unread, and the same of requests that have arrived only in part. Each counts as at least 16 KiB. More get RATE_LIMITED, or 4008 on a websocket."`
	MaxSubscriptionsPerSocket int           `env:"MAX_SUBSCRIPTIONS_PER_SOCKET" envDefault:"100" min:"1" help:"The largest number of active operations on one websocket. More get TOO_MANY_SUBSCRIPTIONS; the socket stays open."`
	SubscriptionQueue         int           `env:"SUBSCRIPTION_QUEUE" envDefault:"256" min:"1" help:"The largest number of events that may wait for a slow subscriber. With more its stream ends, and it has to resume."`

	OperationTimeout      time.Duration `group:"Documents and operations" env:"OPERATION_TIMEOUT" envDefault:"15s" min:"0s" help:"The longest time for a query or a mutation, waiting for a connection to PostgreSQL included. One that takes longer gets UNAVAILABLE. 0: no limit."`
	ReadTimeout           time.Duration `env:"READ_TIMEOUT" envDefault:"2s" min:"0s" help:"The longest time for one reading statement of a query or a subscription; its operation then gets UNAVAILABLE. 0: the limit of all other statements. One user, or one address without a user, uses at most half of the connections for requests to read."`
	MaxBodyBytes          int64         `env:"MAX_BODY_BYTES" envDefault:"65536" min:"1024" help:"The largest request body."`
	MaxTokens             int           `env:"MAX_TOKENS" envDefault:"1000" min:"200" help:"The largest number of tokens in a GraphQL document. The introspection query has 184."`
	MaxDepth              int           `env:"MAX_DEPTH" envDefault:"12" min:"2" help:"The deepest nesting of fields in a document."`
	MaxIntrospectionDepth int           `env:"MAX_INTROSPECTION_DEPTH" envDefault:"20" min:"1" help:"The deepest nesting below __schema and __type. The introspection query has 15."`
	MaxFields             int           `env:"MAX_FIELDS" envDefault:"500" min:"1" help:"The largest number of fields of an operation, counted each time their fragments are spread."`
	MaxAliases            int           `env:"MAX_ALIASES" envDefault:"15" min:"1" help:"The largest number of fields of an operation that have an alias or are repeated."`
	MaxDirectives         int           `env:"MAX_DIRECTIVES" envDefault:"10" min:"1" help:"The largest number of directives in an operation."`
	MaxRootFields         int           `env:"MAX_ROOT_FIELDS" envDefault:"5" min:"1" help:"The largest number of root fields of an operation."`
	MaxMutationFields     int           `env:"MAX_MUTATION_FIELDS" envDefault:"1" min:"1" help:"The largest number of root fields of a mutation."`
	MaxCost               int           `env:"MAX_COST" envDefault:"100000" min:"1" help:"The largest cost of an operation (see extensions.cost): about its microseconds of CPU, in the server or in the database, when every list is as long and every order as large as possible."`
	MaxAnswerBytes        int           `env:"MAX_ANSWER_BYTES" envDefault:"1048576" min:"65536" help:"The largest answer of a query or a mutation, and the largest item of a subscription. A larger one is ANSWER_TOO_LARGE."`
	MaxErrors             int           `env:"MAX_ERRORS" envDefault:"5" min:"1" help:"The largest number of errors in an answer."`
	DocumentCacheBytes    int           `env:"DOCUMENT_CACHE_BYTES" envDefault:"33554432" min:"0" help:"The memory for parsed documents, so that the same document is parsed and validated once."`
	PersistedQueryBytes   int           `env:"PERSISTED_QUERY_BYTES" envDefault:"4194304" min:"0" help:"The memory for automatically persisted queries. 0: none are kept."`
	TrustedDocuments      string        `env:"TRUSTED_DOCUMENTS" shown:"any document" help:"A file with the only documents that may be executed, as server manifest writes it."`

	WebhookTimeout      time.Duration `group:"Outgoing webhooks" env:"WEBHOOK_TIMEOUT" envDefault:"15s" min:"100ms" help:"How long a receiver of webhooks may take to answer."`
	WebhookConcurrency  int           `env:"WEBHOOK_CONCURRENCY" envDefault:"8" min:"1" help:"The largest number of simultaneous requests of this process to one webhook endpoint."`
	WebhookRetention    time.Duration `env:"WEBHOOK_RETENTION" envDefault:"168h" min:"1h" help:"How long webhook deliveries can be seen and sent again."`
	WebhookDisableAfter time.Duration `env:"WEBHOOK_DISABLE_AFTER" envDefault:"72h" min:"0s" help:"How long all requests to a webhook endpoint may fail before the server disables it. Staff can enable it again. 0: it is never disabled."`
	WebhookMaxEndpoints int           `env:"WEBHOOK_MAX_ENDPOINTS" envDefault:"50" min:"1" help:"The largest number of webhook endpoints, disabled ones included."`

	LogLevel        slog.Level    `group:"Log and shutdown" env:"LOG_LEVEL" envDefault:"info" oneof:"debug,info,warn,error" help:"The lowest level to log."`
	LogFormat       string        `env:"LOG_FORMAT" envDefault:"text" oneof:"text,json" help:"The format of the log."`
	ShutdownDelay   time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s" min:"0s" help:"How long the server still serves after /readyz has begun to fail at shutdown, so that load balancers notice first."`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"10s" min:"0s" help:"How long requests and websockets have to end when the server stops."`

	// AdminAddrSet tells whether ADMIN_ADDR was given: a default port that is taken is left out with a warning, a
	// given one is an error.
	AdminAddrSet bool `env:"-"`
}

// DevAuth tells whether users sign in by saying who they are.
func (c Config) DevAuth() bool { return c.AuthMode == "dev" }

// ManualDelivery reports whether only staff deliver orders.
func (c Config) ManualDelivery() bool { return c.Delivery == "manual" }

// Secret is a setting that must not get into logs.
type Secret = secret.Text

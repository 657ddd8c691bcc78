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

// Config is everything that can be set. Tags: env is the variable's name; envDefault its default; shown is what the
// documentation says instead of a default that cannot be written down; oneof lists the allowed values; min is the
// lowest; kind asks for a check of the value's form; help is one sentence for operators.
//
// A variable that is set to nothing counts as not set, except ADMIN_ADDR. A variable whose type is Secret can be given
// as NAME_FILE too: the path of a file that holds it.
type Config struct {
	Addr      string `env:"ADDR" envDefault:"127.0.0.1:8080" kind:"address" help:"Where to serve, host:port. Port 0 takes a free one."`
	AdminAddr string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090" kind:"optional address" help:"Where to serve what is for operators only, host:port; ALLOWED_HOSTS holds there too. Empty: nowhere."`

	DatabaseURL      Secret        `env:"DATABASE_URL" shown:"a private PostgreSQL in DATA_DIR" kind:"database" help:"The PostgreSQL to use, postgres://user:password@host:port/database, with several hosts separated by commas if need be; see docs/deployment/postgresql.md."`
	DatabaseAPIURL   Secret        `env:"DATABASE_API_URL" shown:"a login that the server makes" kind:"database" help:"DATABASE_URL with the login that serves requests: a member of orderwire_api and of nothing else. For a DATABASE_URL whose user may not make roles, and for poolers with a list of users."`
	DatabaseMaxConns int           `env:"DATABASE_MAX_CONNS" envDefault:"20" min:"4" help:"How many connections to PostgreSQL this process works on at most: a third for background work, the rest for requests. A few more are for the sequencer, migrations and listening, and as many as for background work for a payment provider that keeps its books in this process."`
	DataDir          string        `env:"DATA_DIR" envDefault:"./.data" help:"The folder of the private PostgreSQL. Not used with DATABASE_URL."`
	PGBin            string        `env:"PG_BIN" shown:"search" help:"The folder with initdb and postgres for the private PostgreSQL. Default: installed by make run, then PATH and the usual folders."`
	EventRetention   time.Duration `env:"EVENT_RETENTION" envDefault:"720h" min:"1m" help:"How long a feed can be resumed, and how long at least a finished order keeps its events."`
	NATSURL          Secret        `env:"NATS_URL" shown:"none" kind:"nats" help:"The NATS that carries events between replicas, nats://host:port. Without: each replica reads the database."`

	// PaymentProviders name sections.
	PaymentProviders []string `env:"PAYMENT_PROVIDER" oneof:"sections" help:"Who takes the payments. Of several, the first takes new payments, and each of the others goes on with those that it took."`
	// Sections are the settings of the payment providers, whichever of them are used.
	Sections []Section `env:"-"`

	PaymentStepDelay    time.Duration `env:"PAYMENT_STEP_DELAY" envDefault:"3s" min:"0s" help:"How long a payment stays in each step."`
	DeliveryDelay       time.Duration `env:"DELIVERY_DELAY" envDefault:"3s" min:"0s" help:"How long after its confirmation an order is delivered."`
	OrderExpiry         time.Duration `env:"ORDER_EXPIRY" envDefault:"30m" min:"0s" help:"How long an order may stay unpaid before it is cancelled."`
	AuthorizationExpiry time.Duration `env:"AUTHORIZATION_EXPIRY" envDefault:"144h" min:"0s" help:"How long an authorized payment may wait for its capture."`
	ReconcileInterval   time.Duration `env:"RECONCILE_INTERVAL" envDefault:"10m" min:"0s" help:"How often payments are compared with the provider's books. 0: never."`
	ReconcileWindow     time.Duration `env:"RECONCILE_WINDOW" envDefault:"72h" min:"1m" help:"How long after its last change a payment is compared. One that differs is compared until it agrees."`
	ReconcileRate       int           `env:"RECONCILE_RATE" envDefault:"25" min:"1" help:"How many payments a second are looked up at the provider at most, to compare them; pages of its charges count too."`
	OrphanInterval      time.Duration `env:"ORPHAN_INTERVAL" envDefault:"1h" min:"0s" help:"How often the provider's charges are walked for ones whose payment is not here, as after a restore. 0: never."`
	OrphanGrace         time.Duration `env:"ORPHAN_GRACE" envDefault:"10m" min:"0s" help:"How old a charge must be before its payment is missed."`

	AuthMode        string   `env:"AUTH_MODE" envDefault:"dev" oneof:"dev,oidc" help:"How users sign in. dev: anyone as anyone, for development. oidc: with access tokens of an OpenID Connect issuer."`
	DevAuthInsecure bool     `env:"DEV_AUTH_INSECURE" envDefault:"false" help:"Allows AUTH_MODE=dev on an address that other machines reach."`
	OIDCIssuer      string   `env:"OIDC_ISSUER" shown:"none" kind:"issuer" help:"The issuer's URL, as its tokens have it in iss. https, or http on this machine. Needed with AUTH_MODE=oidc."`
	OIDCAudience    string   `env:"OIDC_AUDIENCE" shown:"OIDC_CLIENT_ID" help:"What tokens must have in aud. It or OIDC_CLIENT_ID is needed with AUTH_MODE=oidc. With OIDC_CLIENT_ID in its place a token whose typ is not at+jwt must have scope, scp or client_id, which ID tokens lack."`
	OIDCClientID    string   `env:"OIDC_CLIENT_ID" shown:"any" help:"The client whose tokens are accepted: those that name another in client_id or azp are refused. Not set: of any client, but client_id and azp must then be the same."`
	OIDCRoleClaim   string   `env:"OIDC_ROLE_CLAIM" envDefault:"role" help:"The claim with the user's roles, a text or a list; dots lead into objects, as in realm_access.roles. The word STAFF in it, in capitals, makes staff."`
	OIDCTokenType   string   `env:"OIDC_TOKEN_TYPE" envDefault:"any" oneof:"any,at+jwt" help:"Which typ tokens have in their header. any: at+jwt, JWT or none, as many issuers write. at+jwt: only access tokens by RFC 9068."`
	TrustedProxies  []string `env:"TRUSTED_PROXIES" shown:"none" kind:"networks" help:"Addresses and networks (10.0.0.0/8) of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, separated by commas."`
	AllowedOrigins  []string `env:"ALLOWED_ORIGINS" shown:"our own" kind:"origins" help:"Origins of foreign pages that may use the API, separated by commas. https://*.shop.example stands for all names with one label more; an app's own pages have one such as capacitor://localhost."`
	AllowedHeaders  []string `env:"ALLOWED_HEADERS" shown:"none" kind:"headers" help:"Further request headers that pages of ALLOWED_ORIGINS may send, separated by commas. Those of GraphQL clients and of tracing are allowed anyway."`
	AllowedHosts    []string `env:"ALLOWED_HOSTS" shown:"loopback and ADDR" kind:"hosts" help:"Further host names under which the server answers, separated by commas."`
	Introspection   bool     `env:"INTROSPECTION" shown:"on with AUTH_MODE=dev, else off" help:"Introspection, /playground and /schema.graphql."`

	RatePerAddress int `env:"RATE_PER_ADDRESS" shown:"0 with AUTH_MODE=dev, else 500" min:"0" help:"How many requests, and operations on websockets, one address may send in a second, and how many webhooks that are refused. One more gets RATE_LIMITED. 0: any number."`
	RatePerUser    int `env:"RATE_PER_USER" shown:"0 with AUTH_MODE=dev, else 200" min:"0" help:"How many operations one user may start here in a second. 0: any number."`
	RateCost       int `env:"RATE_COST_PER_USER" shown:"0 with AUTH_MODE=dev, else 400000" min:"0" help:"How much the operations of one user, or of an address without one, may cost here in a second, as extensions.cost counts. A customer's subscriptions count with each event; their items wait for their turn. 0: anything."`
	RateOrders     int `env:"RATE_ORDERS_PER_USER" shown:"0 with AUTH_MODE=dev, else 300" min:"0" help:"How many orders one user may place in a minute on all replicas together; each replica may exceed it by a tenth. 0: any number."`

	MaxPaymentsPerOrder int           `env:"MAX_PAYMENTS_PER_ORDER" envDefault:"10" min:"1" help:"How many payments one order may have, the declined ones included, 20 at most. One more gets TOO_MANY_ATTEMPTS."`
	AttemptsPerCustomer int           `env:"ATTEMPTS_PER_CUSTOMER" shown:"0 with AUTH_MODE=dev, else 20" min:"0" help:"How many payments of one customer may be declined or under way in ATTEMPTS_WINDOW, on all replicas together; those that succeed do not count. One more gets TOO_MANY_ATTEMPTS. 0: any number."`
	AttemptsPerAddress  int           `env:"ATTEMPTS_PER_ADDRESS" shown:"0 with AUTH_MODE=dev, else 50" min:"0" help:"How many payments from one client address, IPv6 by /64, may be declined in ATTEMPTS_WINDOW, on all replicas together; each that succeeds makes up for one. 0: any number."`
	AttemptsWindow      time.Duration `env:"ATTEMPTS_WINDOW" envDefault:"1h" min:"1s" help:"The time that ATTEMPTS_PER_CUSTOMER and ATTEMPTS_PER_ADDRESS are for. What was used up comes back evenly."`

	WSPingInterval            time.Duration `env:"WS_PING_INTERVAL" envDefault:"25s" min:"10ms" help:"How often a websocket is pinged. It is dead after two misses."`
	WSMaxInitBytes            int64         `env:"WS_MAX_INIT_BYTES" shown:"1024 with AUTH_MODE=dev, else 8192" min:"128" help:"How large a websocket message may be before connection_ack; connection_init has the access token. A larger one is closed with 1009."`
	WSAnonymousIdle           time.Duration `env:"WS_ANONYMOUS_IDLE" envDefault:"5m" min:"0s" help:"How long a websocket without a signed-in user stays open without an operation; then it is closed with 1000. 0: for ever."`
	MaxSockets                int           `env:"MAX_SOCKETS" envDefault:"10000" min:"1" help:"How many websockets, and how many event streams, may be open. One more gets 429."`
	MaxSocketsPerUser         int           `env:"MAX_SOCKETS_PER_USER" envDefault:"256" min:"1" help:"How many websockets and event streams one user may have open here. One more is closed with 4029, or gets 429."`
	MaxSocketsPerAddress      int           `env:"MAX_SOCKETS_PER_ADDRESS" envDefault:"1000" min:"1" help:"How many websockets and event streams one IPv4 address, or IPv6 /64 network, may have open here. One more gets 429."`
	MaxConnections            int           `env:"MAX_CONNECTIONS" envDefault:"30000" min:"100" help:"How many connections may be open, websockets and event streams among them; never more than the open files that the system allows, less 500. One more takes the place of the one that has been idle longest, or is closed."`
	MaxConnectionsPerAddress  int           `env:"MAX_CONNECTIONS_PER_ADDRESS" envDefault:"2000" min:"1" help:"The same for one IPv4 address, or IPv6 /64 network, without its websockets. Those of TRUSTED_PROXIES are not counted."`
	MaxUnreadPerAddress       int           `env:"MAX_UNREAD_PER_ADDRESS" envDefault:"16777216" min:"1048576" help:"How many bytes of answers and events the clients of one IPv4 address, or IPv6 /64 network, may leave unread, and how many bytes of requests they may have sent in part, each counted as 16 KiB at least. One that would add to that gets RATE_LIMITED, or 4008 on a websocket."`
	MaxSubscriptionsPerSocket int           `env:"MAX_SUBSCRIPTIONS_PER_SOCKET" envDefault:"100" min:"1" help:"How many operations may be active on one websocket."`
	SubscriptionQueue         int           `env:"SUBSCRIPTION_QUEUE" envDefault:"256" min:"1" help:"How many events may wait for a slow subscriber before it has to resume."`
	OperationTimeout          time.Duration `env:"OPERATION_TIMEOUT" envDefault:"15s" min:"0s" help:"How long a query or a mutation may take before it is UNAVAILABLE, as when all connections to PostgreSQL are in use. 0: any time."`
	ReadTimeout               time.Duration `env:"READ_TIMEOUT" envDefault:"2s" min:"0s" help:"How long one statement of a query or a subscription may read before it is UNAVAILABLE. 0: as long as any other statement. One user, or one address without a user, reads on half of the connections that requests have at most."`
	MaxBodyBytes              int64         `env:"MAX_BODY_BYTES" envDefault:"65536" min:"1024" help:"How large a request's body may be."`
	MaxTokens                 int           `env:"MAX_TOKENS" envDefault:"1000" min:"200" help:"How many tokens a GraphQL document may have. The introspection query has 184."`
	MaxDepth                  int           `env:"MAX_DEPTH" envDefault:"12" min:"2" help:"How deep fields may be nested in a document."`
	MaxIntrospectionDepth     int           `env:"MAX_INTROSPECTION_DEPTH" envDefault:"20" min:"1" help:"The same below __schema and __type. The introspection query has 15."`
	MaxFields                 int           `env:"MAX_FIELDS" envDefault:"500" min:"1" help:"How many fields an operation may have, counted as often as their fragments are spread."`
	MaxAliases                int           `env:"MAX_ALIASES" envDefault:"15" min:"1" help:"How many fields of an operation may have an alias or be repeated."`
	MaxDirectives             int           `env:"MAX_DIRECTIVES" envDefault:"10" min:"1" help:"How many directives an operation may use."`
	MaxRootFields             int           `env:"MAX_ROOT_FIELDS" envDefault:"5" min:"1" help:"How many root fields an operation may have."`
	MaxMutationFields         int           `env:"MAX_MUTATION_FIELDS" envDefault:"1" min:"1" help:"How many root fields a mutation may have."`
	MaxCost                   int           `env:"MAX_COST" envDefault:"100000" min:"1" help:"How much an operation may cost, as extensions.cost counts: about the microseconds of CPU that it takes, here or in the database, when every list is as long and every order as large as it can be."`
	MaxAnswerBytes            int           `env:"MAX_ANSWER_BYTES" envDefault:"1048576" min:"65536" help:"How large an answer may be: a query's or a mutation's, or one item's of a subscription. A larger one is ANSWER_TOO_LARGE."`
	MaxErrors                 int           `env:"MAX_ERRORS" envDefault:"5" min:"1" help:"How many errors an answer has at most."`
	DocumentCacheBytes        int           `env:"DOCUMENT_CACHE_BYTES" envDefault:"33554432" min:"0" help:"How much memory parsed documents may hold, so that the same one is parsed and validated once."`
	PersistedQueryBytes       int           `env:"PERSISTED_QUERY_BYTES" envDefault:"4194304" min:"0" help:"How many bytes of automatically persisted queries are kept. 0: none."`
	TrustedDocuments          string        `env:"TRUSTED_DOCUMENTS" shown:"any document" help:"A file with the only documents that may be run, as server manifest writes it."`

	TLSCert string `env:"TLS_CERT" shown:"none" kind:"file" help:"The file with the certificate chain to serve TLS with, PEM. It is read again when it changes. Needs TLS_KEY."`
	TLSKey  string `env:"TLS_KEY" shown:"none" kind:"file" help:"The file with the certificate's private key, PEM."`
	PProf   bool   `env:"PPROF" envDefault:"false" help:"Serves Go's profiles at ADMIN_ADDR, /debug/pprof/. They show memory: for people who may see everything."`

	WebhookTimeout      time.Duration `env:"WEBHOOK_TIMEOUT" envDefault:"15s" min:"100ms" help:"How long a receiver of webhooks has to answer."`
	WebhookConcurrency  int           `env:"WEBHOOK_CONCURRENCY" envDefault:"8" min:"1" help:"How many requests this process sends to one webhook endpoint at the same time."`
	WebhookRetention    time.Duration `env:"WEBHOOK_RETENTION" envDefault:"168h" min:"1h" help:"How long webhook deliveries can be seen and sent again."`
	WebhookMaxEndpoints int           `env:"WEBHOOK_MAX_ENDPOINTS" envDefault:"50" min:"1" help:"How many webhook endpoints there may be, disabled ones included."`

	LogLevel        slog.Level    `env:"LOG_LEVEL" envDefault:"info" oneof:"debug,info,warn,error" help:"The least important messages to log."`
	LogFormat       string        `env:"LOG_FORMAT" envDefault:"text" oneof:"text,json" help:"How to log."`
	ShutdownDelay   time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s" min:"0s" help:"How long the server goes on after it has said at /readyz that it stops, so that load balancers notice first."`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"10s" min:"0s" help:"How long requests and sockets have to end when the server stops."`

	// AdminAddrSet tells whether ADMIN_ADDR was given: a default port that is taken is left out with a warning, a
	// given one is an error.
	AdminAddrSet bool `env:"-"`
}

// DevAuth tells whether users sign in by saying who they are.
func (c Config) DevAuth() bool { return c.AuthMode == "dev" }

// Secret is a setting that must not get into logs.
type Secret = secret.Text

package main

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/graph"
	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/httpguard"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/ratelimit"
	"github.com/orderwire/orderwire/internal/session"
	"github.com/orderwire/orderwire/internal/stats"
	"github.com/orderwire/orderwire/internal/webhook"
	"github.com/orderwire/orderwire/schema"
	"github.com/orderwire/orderwire/web"
)

// routes is the whole surface of the server: every path is here.
func (a *App) routes(orders *order.Service, products *product.Service, webhooks *webhook.Service) (http.Handler, error) {
	addresses, err := addresslimit.NewAddresses(a.cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	guard, err := httpguard.New(httpguard.Config{
		Addr: a.cfg.Addr, AllowedHosts: a.cfg.AllowedHosts, AllowedOrigins: a.cfg.AllowedOrigins, AllowedHeaders: a.cfg.AllowedHeaders, Secure: addresses.Secure, Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	trusted, err := trustedDocuments(a.cfg.TrustedDocuments)
	if err != nil {
		return nil, err
	}
	rates := ratelimit.New(ratelimit.Config{
		PerAddress: a.cfg.RatePerAddress, PerUser: a.cfg.RatePerUser, CostPerUser: a.cfg.RateCost, Address: addresses.Of, SourceKey: a.sourceKey,
		Orders: ratelimit.NewShared(a.cfg.RateOrders, postgres.LeaseOrders(a.db.api, a.cfg.RateOrders)),
	})
	live := sessions{registry: a.sessions}
	a.perAddress = addresslimit.New(a.cfg.MaxSocketsPerAddress)
	reserve := func(r *http.Request) (func(), bool) { return a.perAddress.Acquire(addresses.Of(r)) }
	a.connections = addresslimit.NewConnections(addresslimit.ConnectionsConfig{
		PerAddress: a.cfg.MaxConnectionsPerAddress, Total: min(a.cfg.MaxConnections, mostConnections()), Address: addresses.Peer,
		Others: func() int { return a.sockets.Sockets() },
	})
	a.unread = addresslimit.NewUnread(a.cfg.MaxUnreadPerAddress)
	unread := func(r *http.Request) *addresslimit.Account { return a.unread.Of(addresses.Of(r)) }
	a.bodies = addresslimit.NewBodies(a.cfg.MaxUnreadPerAddress, addresses.Of)
	a.sockets = gqlws.New(gqlws.Config{
		Unread: unread,
		Init:   live.init, Refresh: live.refresh, SessionAlive: session.Alive, CheckOrigin: guard.CheckOrigin, Reserve: reserve, BaseContext: socketContext,
		PingInterval: a.cfg.WSPingInterval, MaxSubscriptions: a.cfg.MaxSubscriptionsPerSocket, MaxSockets: a.cfg.MaxSockets,
		MaxMessageBytes: a.cfg.MaxBodyBytes + envelopeBytes, MaxInitBytes: a.cfg.WSMaxInitBytes, AnonymousIdle: a.cfg.WSAnonymousIdle, CountMessage: rates.Message,
		Logger: a.log,
	})
	a.streams = gqlsse.New(gqlsse.Config{
		Unread:  unread,
		Expires: func(ctx context.Context) time.Time { return auth.FromContext(ctx).ExpiresAt },
		Open:    live.open, Reserve: reserve,
		MaxBodyBytes: a.cfg.MaxBodyBytes, MaxStreams: a.cfg.MaxSockets, Logger: a.log,
	})
	a.admin.gauge("connections", "Open connections to ADDR, without websockets.", a.connections.Open)
	a.admin.counter("connections_ended_total", "Connections to ADDR that were closed because there were too many.", nil, a.connections.Ended)
	a.admin.gauge("websockets", "Open websockets.", a.sockets.Sockets)
	a.admin.gauge("unread_bytes", "Bytes of answers and events that clients have not read.", a.unread.Held)
	a.admin.gauge("body_bytes", "Bytes of requests that have not arrived whole.", a.bodies.Held)
	a.admin.gauge("event_streams", "Open server-sent event streams.", a.streams.Streams)
	a.admin.gauge("sessions", "Signed-in websockets and event streams.", a.sessions.Sessions)
	a.admin.gauge("subscriptions", "Open subscriptions.", a.hub.Subscribers)
	gql := graph.NewHandler(&graph.Resolver{OrderService: orders, ProductService: products, WebhookService: webhooks, Reconciler: a.reconciler, Walker: a.walkers[0], Stats: stats.NewService(a.store, a.hub.Subscribers, a.clock.Now), Audit: a.store, Hub: a.hub, Sessions: a.sessions, Source: rates.Source}, graph.Settings{
		Logger: a.log, Introspection: a.cfg.Introspection, Limits: limits(a.cfg),
		DocumentCacheBytes: a.cfg.DocumentCacheBytes, PersistedQueryBytes: a.cfg.PersistedQueryBytes, Trusted: trusted,
		Reading: a.reading(), Rates: rates, AnswerBytes: a.cfg.MaxAnswerBytes, Timeout: a.cfg.OperationTimeout, Unread: unread, Transports: []graphql.Transport{a.sockets, a.streams},
	})

	mux := http.NewServeMux()
	mux.Handle("/graphql", rates.Middleware(auth.Middleware(a.sessions, graph.IdempotencyKeyHeader(http.MaxBytesHandler(gql, a.cfg.MaxBodyBytes)))))
	if a.dev != nil {
		mux.Handle("/dev/token", rates.Middleware(auth.DevTokenHandler(a.dev, a.revocations.Now)))
	}
	// Servers send no Origin. Only the signature authenticates a webhook, and forged ones use up the sender's rate limit.
	mux.Handle("/webhooks/{provider}", rates.Refusals(a.hooks))
	for _, provider := range a.providers.All() {
		if provider.Pages != nil {
			path := "/" + provider.Name
			mux.Handle(path+"/", rates.Middleware(http.StripPrefix(path, provider.Pages)))
		}
		if provider.Dashboard != nil {
			mux.Handle("/"+provider.Name+"/dashboard", rates.Middleware(auth.Middleware(a.sessions, auth.StaffOnly(provider.Dashboard))))
		}
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", a.serveReady)
	if a.cfg.Introspection {
		mux.HandleFunc("GET /schema.graphql", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, schema.SDL())
		})
	}
	newPages(web.Files(), shopSettingsOf(a.cfg, a.providers)).routes(mux, a.cfg.Introspection)
	return guard.Middleware(a.bodies.Middleware(mux)), nil
}

// envelopeBytes is the size that a websocket message adds to a request's body.
const envelopeBytes = 4 << 10

// Package naive is the server that Orderwire is compared with: a straightforward implementation of the same service. It keeps the
// same rows in the same tables, follows the same rules (package order), calls the same simulated provider and checks the same
// tokens. It differs in its implementation:
//
//   - gqlgen as `gqlgen init` sets it up, its websocket transport included;
//   - a transaction of separate statements for each change, by sqlx over lib/pq with their defaults;
//   - a goroutine for each order in progress, which takes its steps one after the other;
//   - a channel and a goroutine for each subscriber, which gets the commits of this process.
//
// It promises less: one replica, no cursor to resume from, no limits, and events are lost with the process.
package naive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/jmoiron/sqlx"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment/simulated"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/product"
)

// Server is the naive server on a database that it migrates and seeds as the real one does.
type Server struct {
	DatabaseURL string
	// StepDelay is before each step of an order; with a delay longer than the run, orders rest.
	StepDelay time.Duration
}

// connections is the real server's default.
const connections = 20

// Run serves at a free address of this machine, which it says first, until in ends.
func (s Server) Run(ctx context.Context, in io.Reader, out io.Writer) error {
	db, err := sqlx.ConnectContext(ctx, "postgres", s.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // the process ends
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	gateway, err := prepare(ctx, db, s.DatabaseURL)
	if err != nil {
		return err
	}
	defer gateway.Close() //nolint:errcheck // its statements are those of the pool
	dev, err := auth.NewDev([]byte(rand.Text() + rand.Text()))
	if err != nil {
		return err
	}
	shop := newShop(ctx, db, gateway, order.Policy{StepDelay: s.StepDelay, DeliveryDelay: s.StepDelay, Expiry: 24 * time.Hour})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", auth.Middleware(dev, graphQL(shop, dev)))
	mux.Handle("/dev/token", auth.DevTokenHandler(dev, nil))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() {
		_, _ = io.Copy(io.Discard, in) // ends when the parent process does
		_ = server.Close()
	}()
	if err := json.NewEncoder(out).Encode(map[string]string{"addr": listener.Addr().String()}); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// prepare makes the tables and fills the catalogue.
func prepare(ctx context.Context, db *sqlx.DB, databaseURL string) (*simulated.Provider, error) {
	if err := postgres.Migrate(ctx, databaseURL); err != nil {
		return nil, err
	}
	store, err := postgres.NewStore(ctx, db, func([]postgres.Committed) {})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := errors.Join(store.SeedProducts(ctx, product.Catalogue()), simulated.Migrate(ctx, db)); err != nil {
		return nil, err
	}
	return simulated.New(db, simulated.Options{Webhooks: simulated.Webhooks{Mode: simulated.WebhooksOff}})
}

// graphQL is the handler that `gqlgen init` writes, with tokens on websockets.
func graphQL(shop *shop, dev *auth.Dev) http.Handler {
	srv := handler.New(NewExecutableSchema(Config{Resolvers: &Resolver{shop: shop}}))
	srv.AddTransport(transport.Websocket{
		KeepAlivePingInterval: 10 * time.Second,
		InitFunc: func(ctx context.Context, payload transport.InitPayload) (context.Context, *transport.InitPayload, error) {
			token, err := auth.Bearer(payload.Authorization())
			if err != nil {
				return nil, nil, err
			}
			principal, err := dev.Verify(ctx, token)
			return auth.NewContext(ctx, principal), nil, err
		},
	})
	srv.AddTransport(transport.Options{})
	srv.AddTransport(transport.GET{})
	srv.AddTransport(transport.POST{})
	srv.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	srv.Use(extension.Introspection{})
	srv.Use(extension.AutomaticPersistedQuery{Cache: lru.New[string](100)})
	return srv
}

package graph

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/addresslimit"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/persisted"
	"github.com/orderwire/orderwire/internal/ratelimit"
	"github.com/orderwire/orderwire/internal/render"
	"github.com/orderwire/orderwire/internal/session"
)

// Settings of the GraphQL endpoint.
type Settings struct {
	// Logger gets what clients must not see. Required.
	Logger *slog.Logger
	// Introspection answers __schema and __type, and lets validation errors suggest names.
	Introspection bool
	// Limits of a document; the zero value has none.
	Limits guard.Limits
	// DocumentCacheBytes of parsed documents are kept, so that one that comes again is parsed and validated once.
	DocumentCacheBytes int
	// PersistedQueryBytes of automatically persisted queries are kept; 0: none.
	PersistedQueryBytes int
	// Reading bounds the database's work for an operation's reads: it returns the context to read in. Nil: no bounds.
	Reading func(ctx context.Context, kind ast.Operation) context.Context
	// Trusted documents are the only ones that run. Nil: any.
	Trusted *persisted.Manifest
	// Rates bound how often something may be asked for. Nil: not at all.
	Rates *ratelimit.Limits
	// AnswerBytes is the largest size of a response; 0: any size.
	AnswerBytes int
	// Unread is the account of the bytes that the request's client does not read, on all its connections. An operation of one who holds as
	// much as it may is RATE_LIMITED over plain HTTP before it begins, and so is a query's answer that would be too much. Nil: no bound.
	Unread func(*http.Request) *addresslimit.Account
	// Timeout of queries and mutations; 0: none.
	Timeout time.Duration
	// Transports for streams (websocket, server-sent events). They are asked before plain HTTP.
	Transports []graphql.Transport
}

// Handler serves the schema at one path. It is gqlgen's executor and no more: gqlgen's own handler brings transports
// that we do not want.
type Handler struct {
	transports []graphql.Transport
	exec       *checkedExecutor
	logger     *slog.Logger
}

// NewHandler serves the schema over the given transports, GET for queries, and POST of application/json alone, which a
// foreign page cannot send without a preflight. The request's context has the caller (package auth), the request's id (package
// requestid) and its Idempotency-Key (IdempotencyKeyHeader). It does not bound the body's size.
func NewHandler(resolver *Resolver, settings Settings) *Handler {
	schema := generated.NewExecutableSchema(generated.Config{Schema: parsedSchema(), Resolvers: resolver})
	exec := executor.New(schema)
	present := ErrorPresenter(settings.Logger)
	exec.SetErrorPresenter(present)
	exec.SetRecoverFunc(Recover)
	if settings.Introspection {
		exec.Use(introspection{})
	}
	exec.AroundOperations(whileSignedIn)
	exec.AroundOperations(within(settings.Timeout))
	exec.AroundOperations(reading(settings.Reading))
	exec.AroundFields(render.Fields)
	respond := chain(showCost, budgeted(settings.AnswerBytes), atMost(settings.Limits.Errors), resolver.withScope)
	exec.AroundResponses(respond)
	return &Handler{
		transports: append(settings.Transports[:len(settings.Transports):len(settings.Transports)], plainHTTP{settings.Unread}),
		exec: &checkedExecutor{
			Executor: exec,
			subscriptions: newSubscriptions(subscriptions{
				schema: schema, fields: resolver.subscriptionFields(), reading: settings.Reading, respond: respond, present: present, rates: settings.Rates,
			}),
			schema:   schema.Schema(),
			created:  created(exec),
			mistakes: settings.Limits.Errors,
			guard: guard.New(guard.Config{
				Schema: schema.Schema(), Limits: settings.Limits, Introspection: settings.Introspection,
				CacheBytes: settings.DocumentCacheBytes,
			}),
			trusted:   settings.Trusted,
			automatic: persisted.NewAutomatic(settings.PersistedQueryBytes),
			rates:     settings.Rates,
		},
		logger: settings.Logger,
	}
}

// ServeHTTP gives the request to the first transport that supports it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		// This is a panic of a transport, before or after it has answered. A resolver's panic is recovered in its field.
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so too
			h.logger.ErrorContext(r.Context(), "GraphQL transport panicked", "panic", p, "stack", string(debug.Stack()))
			fault.WriteHTTP(w, http.StatusInternalServerError, fault.New(fault.Internal, internalMessage), nil)
		}
	}()
	r = r.WithContext(graphql.StartOperationTrace(r.Context()))
	for _, t := range h.transports {
		if t.Supports(r) {
			t.Do(w, r, h.exec)
			return
		}
	}
}

// whileSignedIn refuses operations on a connection whose session is over and that is about to be closed.
func whileSignedIn(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if err := session.BlockIfEnded(ctx); err != nil {
		return graphql.OneShot(sessionOver(ctx))
	}
	return next(ctx)
}

func sessionOver(ctx context.Context) *graphql.Response {
	return graphql.ErrorResponse(ctx, "%s", "The session is over.")
}

// chain returns one middleware of several; the first is the outermost.
func chain(middlewares ...graphql.ResponseMiddleware) graphql.ResponseMiddleware {
	all := middlewares[0]
	for _, inner := range middlewares[1:] {
		outer := all
		all = func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
			return outer(ctx, func(ctx context.Context) *graphql.Response { return inner(ctx, next) })
		}
	}
	return all
}

// atMost keeps only that many of a response's errors: one document can have thousands of mistakes, and each item of a list can fail.
// 0 keeps all.
func atMost(errors int) graphql.ResponseMiddleware {
	return func(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
		response := next(ctx)
		if response != nil && errors > 0 && len(response.Errors) > errors {
			response.Errors = response.Errors[:errors]
		}
		return response
	}
}

// introspection switches __schema and __type on, which gqlgen leaves off.
type introspection struct{}

// ExtensionName implements graphql.HandlerExtension.
func (introspection) ExtensionName() string { return "Introspection" }

// Validate implements graphql.HandlerExtension.
func (introspection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext implements graphql.OperationContextMutator.
func (introspection) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	operation.DisableIntrospection = false
	return nil
}

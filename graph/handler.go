package graph

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/graph/generated"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/session"
)

const (
	// documents is how many parsed and validated documents are kept, of at most documentBytes each, so that no client can
	// fill the memory with them.
	documents     = 500
	documentBytes = 8 << 10
)

// Settings of the GraphQL endpoint.
type Settings struct {
	// Logger gets what clients must not see. Required.
	Logger *slog.Logger
	// Introspection answers __schema and __type, and lets validation errors suggest names.
	Introspection bool
	// MaxTokens of a document; 0 for no limit.
	MaxTokens int
	// Transports for streams (websocket, server-sent events). They are asked before plain HTTP.
	Transports []graphql.Transport
}

// Handler serves the schema at one path. It is gqlgen's executor and no more: gqlgen's own handler brings transports
// that we do not want.
type Handler struct {
	transports []graphql.Transport
	exec       *executor.Executor
	logger     *slog.Logger
}

// NewHandler serves the schema over the given transports, GET for queries, and POST of application/json alone, which a
// foreign page cannot send without a preflight. Whoever is asking is in the request's context (package auth), and so are
// its id (package requestid) and its Idempotency-Key (IdempotencyKeyHeader). It does not bound the body's size.
func NewHandler(resolver *Resolver, settings Settings) *Handler {
	exec := executor.New(generated.NewExecutableSchema(generated.Config{Resolvers: resolver}))
	exec.SetQueryCache(smallOnly{lru.New[*ast.QueryDocument](documents)})
	exec.SetParserTokenLimit(settings.MaxTokens)
	exec.SetErrorPresenter(ErrorPresenter(settings.Logger))
	exec.SetRecoverFunc(Recover)
	exec.SetDisableSuggestion(!settings.Introspection)
	if settings.Introspection {
		exec.Use(introspection{})
	}
	exec.AroundOperations(whileSignedIn)
	exec.AroundOperations((&watchers{selections: newSelections(exec), sharing: newSharing()}).provide)
	exec.AroundResponses(atMostErrors)
	exec.AroundResponses(resolver.withScope)
	return &Handler{
		transports: append(settings.Transports[:len(settings.Transports):len(settings.Transports)], plainHTTP{}),
		exec:       exec,
		logger:     settings.Logger,
	}
}

// ServeHTTP gives the request to the first transport that supports it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		// Resolvers' panics end in their field; this is one of a transport, before or after it has answered.
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

// whileSignedIn lets a connection whose session is over begin nothing more in the moment before it is closed.
func whileSignedIn(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if err := session.Admit(ctx); err != nil {
		return graphql.OneShot(graphql.ErrorResponse(ctx, "%s", "The session is over."))
	}
	return next(ctx)
}

// atMostErrors cuts a response's errors.
func atMostErrors(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response != nil && len(response.Errors) > maxErrors {
		response.Errors = response.Errors[:maxErrors]
	}
	return response
}

// smallOnly keeps large documents out of a cache.
type smallOnly struct {
	graphql.Cache[*ast.QueryDocument]
}

// Add keeps a document of at most documentBytes.
func (c smallOnly) Add(ctx context.Context, text string, document *ast.QueryDocument) {
	if len(text) <= documentBytes {
		c.Cache.Add(ctx, text, document)
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

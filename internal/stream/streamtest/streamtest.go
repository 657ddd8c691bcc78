// Package streamtest has a small GraphQL schema for tests of transports: results, errors before and during execution,
// panics, subscriptions with and without cursors, and one whose items the test sends.
package streamtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/orderwire/orderwire/internal/stream"
)

const sdl = `
	type Query {
		hello: String!
		user: String!      # the principal's name, from WithUser
		failing: String    # data and errors
		crash: String      # panics
		block: String      # returns when its context ends
		stubborn: String   # returns at the next of Server.Items, whatever its context says
	}
	type Mutation {
		touch: String!
		block: String      # as the query's
		stubborn: String   # as the query's
	}
	type Subscription {
		count(to: Int!): Int!   # 1..to, then done; after stream.LastCursor when there is one
		outlived: Int!          # waits, while it is asked, for the end of its context
		late: Int!              # 1, which comes while its stream is being asked and has said that it has nothing
		feed: String!           # what the test sends through Server.Items
		plain: Int!             # 1, 2, then the end; without cursors
		refused: Int!           # is refused
		crashing: Int!          # panics at its first item
	}`

// Item is one step of the feed: a value, or the error that ends it.
type Item struct {
	Value string
	Err   error
}

var _ stream.Subscriber = (*Server)(nil)

// Server executes the schema.
type Server struct {
	*executor.Executor
	// Items are the items of the subscription `feed`; the first stream that asks gets the next one.
	Items chan Item
	// Pulled receives each time the feed is polled, if the test receives.
	Pulled chan struct{}
	// Touched counts the mutation's executions.
	Touched atomic.Int64

	mu     sync.Mutex
	active int // subscriptions whose stream is open
	ended  *sync.Cond
}

// New returns a server for one test.
func New() *Server {
	s := &Server{Items: make(chan Item), Pulled: make(chan struct{}, 1000)}
	s.ended = sync.NewCond(&s.mu)
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: sdl})
	s.Executor = executor.New(&graphql.ExecutableSchemaMock{
		SchemaFunc: func() *ast.Schema { return schema },
		ExecFunc:   s.exec,
		ComplexityFunc: func(context.Context, string, string, int, map[string]any) (int, bool) {
			return 1, true
		},
	})
	return s
}

// Wait waits until the streams of all subscriptions are closed.
func (s *Server) Wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.active > 0 {
		s.ended.Wait()
	}
}

// count counts the start or the end of a subscription.
func (s *Server) count(change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active += change
	s.ended.Broadcast()
}

type userKey struct{}

// WithUser returns a context whose operations answer `user` with name.
func WithUser(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, userKey{}, name)
}

// User returns the name of WithUser, or "".
func User(ctx context.Context) string {
	name, _ := ctx.Value(userKey{}).(string)
	return name
}

func (s *Server) exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	field, ok := op.Operation.SelectionSet[0].(*ast.Field)
	if !ok {
		panic("the root selection must be a field")
	}
	value := ""
	switch field.Name {
	case "hello":
		value = `"world"`
	case "user":
		value = strconv.Quote(User(ctx))
	case "touch":
		value = fmt.Sprintf(`"%d"`, s.Touched.Add(1))
	case "failing":
		return once(func(ctx context.Context) *graphql.Response {
			graphql.AddError(ctx, errors.New("half of it failed"))
			return data(field, "null")
		})
	case "crash":
		panic("crash")
	case "stubborn":
		value = strconv.Quote((<-s.Items).Value)
	case "block":
		<-ctx.Done()
		value = "null"
	}
	return once(func(context.Context) *graphql.Response { return data(field, value) })
}

// Subscribe implements stream.Subscriber.
func (s *Server) Subscribe(ctx context.Context, op *graphql.OperationContext) (stream.Stream, *graphql.Response) {
	field, ok := op.Operation.SelectionSet[0].(*ast.Field)
	if !ok {
		panic("the root selection must be a field")
	}
	if field.Name == "refused" {
		return nil, s.DispatchError(graphql.WithOperationContext(ctx, op), gqlerror.List{{Message: "no such thing for you"}})
	}
	s.count(1)
	over := sync.OnceFunc(func() { s.count(-1) })
	switch field.Name {
	case "count":
		to, _ := strconv.Atoi(fmt.Sprint(field.ArgumentMap(op.Variables)["to"]))
		n, _ := strconv.Atoi(stream.LastCursor(ctx))
		return &counter{field: field, n: n, to: to, over: over}, nil
	case "outlived":
		return outlived{over: over}, nil
	case "late":
		return &late{field: field, over: over}, nil
	case "feed":
		return &feed{server: s, field: field, over: over, closed: make(chan struct{})}, nil
	case "plain":
		return &plain{field: field, over: over}, nil
	case "crashing":
		return crashing{over: over}, nil
	default:
		panic("no such subscription: " + field.Name)
	}
}

// once returns a handler with one response.
func once(respond graphql.ResponseHandler) graphql.ResponseHandler {
	done := false
	return func(ctx context.Context) *graphql.Response {
		if done {
			return nil
		}
		done = true
		return respond(ctx)
	}
}

func data(field *ast.Field, value string) *graphql.Response {
	return &graphql.Response{Data: []byte(`{"` + field.Alias + `":` + value + `}`)}
}

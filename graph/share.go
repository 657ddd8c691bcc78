package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
)

const (
	// sharedAnswers of at most sharedSize bytes are kept: 16 MiB at the most. An answer is useful for as long as it takes
	// to reach all who watch, which is moments.
	sharedAnswers = 512
	sharedSize    = 32 << 10
)

// sharing executes a subscription's selection once for all subscribers who would get the same answer: the same item, the
// same document and variables, the same role. What an answer shows beyond its item depends on the role alone, and who
// watches an order as a customer is its owner. Each subscriber still waits for its own turn, and is authorized by itself,
// before it gets here.
type sharing struct {
	mu      sync.Mutex
	answers map[shareKey]*sharedAnswer
	// ring has the keys in the order they came; the one at next is given up next.
	ring [sharedAnswers]shareKey
	next int
}

// shareKey is what makes two answers the same. An item is named by its kind and cursor: an order's version, or a
// position in the feed.
type shareKey struct {
	kind      event.Kind
	cursor    string
	operation [sha256.Size]byte
	role      auth.Role
}

// sharedAnswer is executed by who has made it; the others wait until it is ready.
type sharedAnswer struct {
	ready chan struct{}
	data  []byte // nil: there was an error, and each executes for itself
}

func newSharing() *sharing { return &sharing{answers: map[shareKey]*sharedAnswer{}} }

// watched is one subscription as its resolver and its response handler share it.
type watched struct {
	operation [sha256.Size]byte
	items     chan *event.Update
	// item is in items, to be executed next.
	item *event.Update
}

type watchedKey struct{}

// watch prepares a subscription's context. It is a graphql.OperationMiddleware.
func (s *sharing) watch(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Subscription {
		return next(ctx)
	}
	return next(context.WithValue(ctx, watchedKey{}, &watched{operation: operationKey(op)}))
}

// operationKey identifies what is selected: document, operation and variables, but for the cursor to begin after, in
// which subscribers differ and which selects nothing.
func operationKey(op *graphql.OperationContext) [sha256.Size]byte {
	variables := maps.Clone(op.Variables)
	for _, definition := range op.Operation.VariableDefinitions {
		if definition.Type.Name() == "EventCursor" {
			delete(variables, definition.Variable)
		}
	}
	raw, err := json.Marshal([]any{op.RawQuery, op.Operation.Name, variables})
	if err != nil {
		panic(err) // variables came as JSON
	}
	return sha256.Sum256(raw)
}

// respond answers with what another subscriber's execution gave, or executes. It is a graphql.ResponseMiddleware.
func (s *sharing) respond(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	w, ok := ctx.Value(watchedKey{}).(*watched)
	if !ok || w.item == nil {
		return next(ctx)
	}
	// An item is answered once: the error that ends a subscription is answered here too, and has none.
	item := w.item
	w.item = nil
	key := shareKey{item.Kind, item.Cursor, w.operation, auth.FromContext(ctx).Role}
	answer, mine := s.claim(key)
	if mine {
		return s.execute(ctx, key, answer, next)
	}
	select {
	case <-answer.ready:
	case <-ctx.Done():
		return next(ctx)
	}
	if answer.data == nil {
		return next(ctx)
	}
	<-w.items // what the handler would have taken
	return &graphql.Response{Data: answer.data}
}

// execute runs the selection and lets the others have the result, unless it is too large or
// has errors: those are each one's own.
func (s *sharing) execute(ctx context.Context, key shareKey, answer *sharedAnswer, next graphql.ResponseHandler) *graphql.Response {
	defer close(answer.ready)
	response := next(ctx)
	if response == nil || len(response.Errors) > 0 || len(response.Extensions) > 0 || len(response.Data) > sharedSize {
		s.drop(key)
		return response
	}
	answer.data = bytes.Clone(response.Data) // the handler writes its next answer into the same buffer
	return response
}

// claim returns the key's answer; mine: the caller has to execute it.
func (s *sharing) claim(key shareKey) (answer *sharedAnswer, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer := s.answers[key]; answer != nil {
		return answer, false
	}
	answer = &sharedAnswer{ready: make(chan struct{})}
	delete(s.answers, s.ring[s.next])
	s.ring[s.next] = key
	s.next = (s.next + 1) % sharedAnswers
	s.answers[key] = answer
	return answer, true
}

// drop forgets an answer that cannot be shared.
func (s *sharing) drop(key shareKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answers, key)
}

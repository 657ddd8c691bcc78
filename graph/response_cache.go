package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/auth"
)

const (
	// At most cachedResponses of at most cachedSize bytes each are kept: 16 MiB. A response is useful until all subscribers have it, which
	// takes moments.
	cachedResponses = 512
	cachedSize      = 32 << 10
)

// responseCache executes a selection once for all subscribers that get the same response: many subscribers select the same of one item,
// and executing it for each would cost most of the server's time. The key is the item, the selection and the role. A response
// depends on nothing else: a customer who subscribes to an order is its owner. A subscriber is authorized, and delayed, before it
// asks the cache.
type responseCache struct {
	mu      sync.Mutex
	answers map[responseKey]*cachedResponse
	// ring has the keys in the order in which they came; the one at next is evicted next.
	ring [cachedResponses]responseKey
	next int
}

// itemID identifies an item among those of its field. Two items with the same id are equal.
type itemID struct {
	kind string
	// cursor is the item's cursor. "" for an item that has none: its responses are not cached.
	cursor string
}

// responseKey identifies a response.
type responseKey struct {
	item      itemID
	selection selectionKey // identifies the field, too
	role      auth.Role
}

// cachedResponse is a response that one subscriber executes. The others wait until ready is closed.
type cachedResponse struct {
	ready    chan struct{}
	response *graphql.Response // nil when it cannot be shared: each subscriber executes its own
}

func newResponseCache() *responseCache {
	return &responseCache{answers: map[responseKey]*cachedResponse{}}
}

// has reports whether a response is cached or being executed.
func (s *responseCache) has(key responseKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[key] != nil
}

// answer returns the response of execute, called for this subscriber or for another one with the same key. It returns nil when ctx has
// ended.
func (s *responseCache) answer(ctx context.Context, key responseKey, execute func() *graphql.Response) *graphql.Response {
	if key.item.cursor == "" {
		return execute()
	}
	answer, mine := s.claim(key)
	if mine {
		defer close(answer.ready)
		return s.keep(key, answer, execute())
	}
	select {
	case <-answer.ready:
	default:
		select {
		case <-answer.ready:
		case <-ctx.Done():
			return nil
		}
	}
	if answer.response == nil {
		return execute()
	}
	return answer.response
}

// keep caches a response, unless it is too large or has errors or extensions, which are its subscriber's own.
func (s *responseCache) keep(key responseKey, answer *cachedResponse, response *graphql.Response) *graphql.Response {
	if response == nil || len(response.Errors) > 0 || len(response.Extensions) > 0 || len(response.Data) > cachedSize {
		s.drop(key)
		return response
	}
	answer.response = response
	return response
}

// claim returns the key's response. mine reports whether it is new, so that the caller has to execute it.
func (s *responseCache) claim(key responseKey) (answer *cachedResponse, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer := s.answers[key]; answer != nil {
		return answer, false
	}
	answer = &cachedResponse{ready: make(chan struct{})}
	delete(s.answers, s.ring[s.next])
	s.ring[s.next] = key
	s.next = (s.next + 1) % cachedResponses
	s.answers[key] = answer
	return answer, true
}

// drop removes a response that cannot be shared.
func (s *responseCache) drop(key responseKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.answers, key)
}

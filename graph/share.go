package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/orderwire/orderwire/internal/auth"
)

const (
	// sharedAnswers of at most sharedSize bytes are kept: 16 MiB at the most. An answer is useful for as long as it takes
	// to reach all who watch, which is moments.
	sharedAnswers = 512
	sharedSize    = 32 << 10
)

// sharing executes a selection once for all subscribers who would get the same answer: the same item, the same selection
// and the same role. What an answer shows beyond its item depends on the role alone, and who watches an order as a
// customer is its owner. Each subscriber still waits for its own turn, and is authorized by itself, before it gets here.
type sharing struct {
	mu      sync.Mutex
	answers map[shareKey]*sharedAnswer
	// ring has the keys in the order they came; the one at next is given up next.
	ring [sharedAnswers]shareKey
	next int
}

// itemID identifies an item among those of its field: two with the same id look the same.
type itemID struct {
	kind string
	// cursor continues after the item. "": nothing does, and the item is not shared.
	cursor string
}

// shareKey is what makes two answers the same.
type shareKey struct {
	item      itemID
	selection selectionKey // which names the field, too
	role      auth.Role
}

// sharedAnswer is executed by who has made it; the others wait until it is ready.
type sharedAnswer struct {
	ready    chan struct{}
	response *graphql.Response // nil: there was an error, and each executes for itself
}

func newSharing() *sharing { return &sharing{answers: map[shareKey]*sharedAnswer{}} }

// has reports whether somebody has executed or executes the same for all.
func (s *sharing) has(key shareKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[key] != nil
}

// answer returns what execute returns, called for this subscriber or for another with the same key; nil when ctx has ended.
func (s *sharing) answer(ctx context.Context, key shareKey, execute func() *graphql.Response) *graphql.Response {
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

// keep lets the others have a response, unless it is too large or has errors: those are each one's own.
func (s *sharing) keep(key shareKey, answer *sharedAnswer, response *graphql.Response) *graphql.Response {
	if response == nil || len(response.Errors) > 0 || len(response.Extensions) > 0 || len(response.Data) > sharedSize {
		s.drop(key)
		return response
	}
	answer.response = response
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

// Package pagination implements Relay's connection arguments with keyset cursors. Convention:
// https://relay.dev/graphql/connections.htm
package pagination

import (
	"encoding/base64"
	"fmt"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// Default is the page size when neither first nor last is given.
	Default = 20
	// Max is the largest page size.
	Max = 100
)

// Request is a page to read: Limit items after key After and before key Before in the list's order, from the end when
// Backward. A key that is not valid is no bound; a key of zeros is a bound.
type Request struct {
	Limit    int
	After    id.Null[uuid.UUID]
	Before   id.Null[uuid.UUID]
	Backward bool
}

// Result is a page in the list's order. It says whether there are items beyond each end.
type Result[T any] struct {
	Items       []T
	HasNext     bool
	HasPrevious bool
	// Reached is set when the page ended before it was full, because it had examined the most items that one page may. It is
	// the key of the last item examined. The list continues from there in the direction of the page.
	Reached  id.Null[uuid.UUID]
	Backward bool
}

// Parse checks first, after, last and before of a connection field. kind is a short word for the list, so that cursors of
// other lists are refused. BAD_USER_INPUT for a size out of range or for first with last, INVALID_CURSOR for a cursor that
// we did not issue.
func Parse(kind string, first *int, after *string, last *int, before *string) (Request, error) {
	r := Request{Limit: Default}
	if first != nil && last != nil {
		return r, fault.New(fault.BadUserInput, "Give first or last, not both.")
	}
	for name, n := range map[string]*int{"first": first, "last": last} {
		if n == nil {
			continue
		}
		if *n < 0 || *n > Max {
			return r, fault.New(fault.BadUserInput, fmt.Sprintf("%s is 0 to %d, not %d.", name, Max, *n))
		}
		r.Limit, r.Backward = *n, name == "last"
	}
	var err error
	if r.After, err = decode(kind, "after", after); err != nil {
		return r, err
	}
	r.Before, err = decode(kind, "before", before)
	return r, err
}

// Cursor returns the cursor of the item with a key.
func Cursor(kind string, key uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte(kind+":"), key[:]...))
}

func decode(kind, name string, cursor *string) (id.Null[uuid.UUID], error) {
	if cursor == nil {
		return id.Null[uuid.UUID]{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if prefix := kind + ":"; err == nil && len(raw) == len(prefix)+16 {
		key := uuid.UUID(raw[len(prefix):])
		// A cursor has one text. The decoder would also accept line breaks and other spare bits.
		if Cursor(kind, key) == *cursor {
			return id.Some(key), nil
		}
	}
	return id.Null[uuid.UUID]{}, fault.New(fault.InvalidCursor, fmt.Sprintf("%s is not a cursor of this list; pass one that pageInfo or an edge gave you.", name))
}

// Map returns the page with each item converted by convert.
func Map[A, B any](r Result[A], convert func(*A) B) Result[B] {
	items := make([]B, len(r.Items))
	for i := range r.Items {
		items[i] = convert(&r.Items[i])
	}
	return Result[B]{Items: items, HasNext: r.HasNext, HasPrevious: r.HasPrevious, Reached: r.Reached, Backward: r.Backward}
}

// Pointers returns the page with a pointer to each item in place of the item.
func Pointers[T any](r Result[T]) Result[*T] { return Map(r, func(item *T) *T { return item }) }

// Cut returns the Result of rows that were read one beyond the limit, to learn whether more follow. Rows are in the order of
// reading: reversed for a backward page.
func Cut[T any](r Request, rows []T) Result[T] {
	more := len(rows) > r.Limit
	if more {
		rows = rows[:r.Limit]
	}
	result := Result[T]{Items: rows, HasNext: more, HasPrevious: r.After.Valid}
	if r.Backward {
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i], rows[j] = rows[j], rows[i]
		}
		result.HasNext, result.HasPrevious = r.Before.Valid, more
	}
	return result
}

// Short returns the Result of a page that ended early, at the key reached, with more of the list to be read.
func Short[T any, I id.UUID](r Request, result Result[T], reached I) Result[T] {
	result.Reached, result.Backward = id.Some(uuid.UUID(reached)), r.Backward
	if r.Backward {
		result.HasPrevious = true
	} else {
		result.HasNext = true
	}
	return result
}

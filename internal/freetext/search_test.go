package freetext_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
)

func TestSearchLength(t *testing.T) {
	t.Parallel()
	for _, ok := range []string{"", strings.Repeat("a", 100), strings.Repeat("\U0001F600", 100)} {
		if err := freetext.CheckSearch(ok); err != nil {
			t.Errorf("%d bytes: %v", len(ok), err)
		}
	}
	for _, long := range []string{strings.Repeat("a", 101), strings.Repeat("\U0001F600", 101), strings.Repeat("e\u0301", 51), strings.Repeat("x", 60_000)} {
		if err := freetext.CheckSearch(long); fault.CodeOf(err) != fault.BadUserInput {
			t.Errorf("%d bytes: %v", len(long), err)
		}
	}
}

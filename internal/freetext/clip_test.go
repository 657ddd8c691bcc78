package freetext_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/freetext"
)

func TestClip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"card_declined", 100, "card_declined"},
		{"exactly", 7, "exactly"},
		{"𝕏𝕏𝕏", 2, "𝕏𝕏"},
		{"a\x00b\x1bc\n\td", 10, "abc\n\td"},
		{"a\xffb", 10, "a\uFFFDb"},
		{"", 3, ""},
		{"cut to nothing", 0, ""},
		{strings.Repeat("x", 1<<20), 500, strings.Repeat("x", 500)},
	} {
		if got := freetext.Clip(c.s, c.most); got != c.want {
			t.Errorf("Clip(%.20q, %d) = %.20q, want %.20q", c.s, c.most, got, c.want)
		}
	}
}

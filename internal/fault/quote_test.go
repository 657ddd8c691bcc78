package fault_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"":                         `""`,
		"order_1":                  `"order_1"`,
		"a\x00\nb\"":               `"a\x00\nb\""`,
		strings.Repeat("x", 40):    `"` + strings.Repeat("x", 40) + `"`,
		strings.Repeat("x", 1<<20): `"` + strings.Repeat("x", 40) + `"… (1048576 bytes)`,
	} {
		if got := fault.Quote(input); got != want {
			t.Errorf("Quote(%.50q) = %s, want %s", input, got, want)
		}
	}
}

package requestid_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/requestid"
)

func TestContext(t *testing.T) {
	t.Parallel()
	if got := requestid.FromContext(t.Context()); got != "" {
		t.Errorf("an empty context has the id %q", got)
	}
	if got := requestid.FromContext(requestid.NewContext(t.Context(), "r1")); got != "r1" {
		t.Errorf("got %q back", got)
	}
}

func TestNewIsUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		n := requestid.New()
		if len(n) != 26 || seen[n] {
			t.Fatalf("%q: want 26 characters, never twice", n)
		}
		seen[n] = true
	}
}

func TestLogHandler(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(requestid.LogHandler(slog.NewTextHandler(&out, nil))).With("part", "test")

	log.InfoContext(requestid.NewContext(t.Context(), "r1"), "inside")
	if got := out.String(); !strings.Contains(got, "requestId=r1") || !strings.Contains(got, "part=test") {
		t.Errorf("logged %s", got)
	}
	out.Reset()
	log.InfoContext(t.Context(), "outside")
	if got := out.String(); strings.Contains(got, "requestId") {
		t.Errorf("logged %s", got)
	}
}

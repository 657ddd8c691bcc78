package outbound_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/outbound"
	"github.com/orderwire/orderwire/internal/outbound/outboundtest"
	"github.com/orderwire/orderwire/internal/sourcetree"
)

func TestNoUpgrades(t *testing.T) {
	t.Parallel()
	get := func(url string, transport http.RoundTripper) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return (&http.Client{Transport: transport}).Do(r)
	}
	url := outboundtest.Upgrades(t)
	if response, err := get(url, outbound.NoUpgrades(nil)); !errors.Is(err, outbound.ErrUpgrade) {
		if err == nil {
			_ = response.Body.Close()
		}
		t.Errorf("%v, want %v", err, outbound.ErrUpgrade)
	}
	// net/http passes such an answer on. If it no longer did, this package would not be needed.
	response, err := get(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if _, writable := response.Body.(io.Writer); response.StatusCode != http.StatusSwitchingProtocols || !writable {
		t.Errorf("net/http answered %d, writable: %v", response.StatusCode, writable)
	}
}

// Each file of the server that makes an HTTP client must refuse upgrades.
func TestEachClientRefusesUpgrades(t *testing.T) {
	t.Parallel()
	except := map[string]string{
		"server/main.go":                         "asks this machine's own server for its health, and reads no body",
		"internal/payment/simulated/settings.go": "hands it to NewClient, which refuses them",
		"internal/bench":                         "measures our own server",
		"internal/soak":                          "drives our own server",
		"internal/payment/stripe/fakestripe":     "is part of the tests",
	}
	found, folders := 0, slices.Collect(maps.Keys(except))
	for _, file := range sourcetree.Files(t) {
		if file.IsTest() || !file.In("internal", "server", "graph") || except[file.Name] != "" || file.In(folders...) {
			continue
		}
		text := string(file.Text)
		if !strings.Contains(text, "http.Client{") && !strings.Contains(text, "http.DefaultClient") {
			continue
		}
		found++
		if !strings.Contains(text, "outbound.NoUpgrades(") {
			t.Errorf("%s makes an http.Client without outbound.NoUpgrades", file.Name)
		}
	}
	if found < 4 {
		t.Errorf("%d files with a client were found; the search is wrong", found)
	}
}

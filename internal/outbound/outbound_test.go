package outbound_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/outbound"
	"github.com/orderwire/orderwire/internal/outbound/outboundtest"
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
	found := 0
	for _, root := range []string{"internal", "server", "graph"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, entry fs.DirEntry, err error) error {
			name := filepath.ToSlash(strings.TrimPrefix(path, filepath.Join("..", "..")+string(filepath.Separator)))
			switch {
			case err != nil:
				return err
			case except[name] != "" && entry.IsDir(), entry.Name() == "node_modules":
				return fs.SkipDir
			case except[name] != "", entry.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(path) //nolint:gosec // a file of this repository
			if err != nil {
				return err
			}
			if makesClient := strings.Contains(string(text), "http.Client{") || strings.Contains(string(text), "http.DefaultClient"); !makesClient {
				return nil
			}
			found++
			if !strings.Contains(string(text), "outbound.NoUpgrades(") {
				t.Errorf("%s makes an http.Client without outbound.NoUpgrades", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 4 {
		t.Errorf("%d files with a client were found; the search is wrong", found)
	}
}

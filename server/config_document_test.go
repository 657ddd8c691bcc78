package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md instead of comparing it")

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	if err := config.Help(&help, providerSettings()...); err != nil {
		t.Fatal(err)
	}
	for _, name := range config.Names(providerSettings()...) {
		if !strings.Contains(help.String(), name) {
			t.Errorf("%s is missing", name)
		}
	}
	for _, want := range []string{"ADDR  [127.0.0.1:8080]", "One of text or json."} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("%q is missing in\n%s", want, help.String())
		}
	}
}

// The table of docs/configuration.md is the one made from the structs. `make generate` writes it.
func TestConfigurationDocument(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- config:begin -->\n", "<!-- config:end -->"
	path := filepath.Join("..", "docs", "configuration.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("docs/configuration.md lacks the markers %q and %q", begin, end)
	}
	var want bytes.Buffer
	if err := config.Markdown(&want, providerSettings()...); err != nil {
		t.Fatal(err)
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatalf("docs/configuration.md is stale: run make generate. Want\n%s", want.String())
	}
	if err := os.WriteFile(path, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

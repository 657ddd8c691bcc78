package judge_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/schema"
)

// relay runs relay-compiler on a schema and the documents of testdata/relay, and returns its output.
func relay(t *testing.T, sdl string) (said string, err error) {
	t.Helper()
	compiler, err := filepath.Abs("npm/node_modules/relay-compiler/cli.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(compiler); err != nil {
		t.Fatal("relay-compiler is missing: `make internal/judge/npm/node_modules/.installed` installs it")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "src"), os.DirFS("testdata/relay")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"schema.graphql":    sdl,
		"relay.config.json": `{"src": "./src", "schema": "./schema.graphql", "language": "typescript", "artifactDirectory": "./out", "noSourceControl": true}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "node", compiler, "relay.config.json")
	command.Dir = dir
	output, err := command.CombinedOutput()
	if err == nil {
		if written, _ := filepath.Glob(filepath.Join(dir, "out", "App*.graphql.ts")); len(written) < 5 {
			t.Errorf("it has written %q", written)
		}
	}
	return string(output), err
}

// TestRelay: relay-compiler, which reads a schema from its start to its end, reads ours, and makes pages of our connections.
func TestRelay(t *testing.T) {
	t.Parallel()
	if said, err := relay(t, schema.SDL()); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	said, err := relay(t, "extend type Order { early: Int }\n"+schema.SDL())
	if err == nil || !strings.Contains(said, "extend type Order { early: Int }") {
		t.Errorf("it takes a schema that extends a type before it defines it: %s", said)
	}
}

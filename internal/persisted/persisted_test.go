package persisted_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/persisted"
)

const document = "query A { viewer { id } }"

func TestParseReference(t *testing.T) {
	t.Parallel()
	hash := string(persisted.Hash(document))
	apq := func(version, hash any) any { return map[string]any{"version": version, "sha256Hash": hash} }
	for name, c := range map[string]struct {
		query, id any
		want      string
		ok        bool
	}{
		"None":         {nil, nil, "", true},
		"Automatic":    {apq(json.Number("1"), hash), nil, hash, true},
		"UpperCase":    {apq(json.Number("1"), strings.ToUpper(hash)), nil, hash, true},
		"DocumentID":   {nil, "sha256:" + hash, hash, true},
		"BareID":       {nil, hash, hash, true},
		"ErrVersion":   {apq(json.Number("2"), hash), nil, "", false},
		"ErrNoVersion": {map[string]any{"sha256Hash": hash}, nil, "", false},
		"ErrShort":     {apq(json.Number("1"), hash[:60]), nil, "", false},
		"ErrNoHex":     {apq(json.Number("1"), strings.Repeat("x", 64)), nil, "", false},
		"ErrNumber":    {apq(json.Number("1"), json.Number("7")), nil, "", false},
		"ErrText":      {hash, nil, "", false},
		"ErrID":        {nil, "md5:00", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := persisted.ParseReference(c.query, c.id)
			if string(got) != c.want || (err == nil) != c.ok {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && fault.CodeOf(err) != fault.BadUserInput {
				t.Errorf("code %s", fault.CodeOf(err))
			}
		})
	}
}

func TestAutomatic(t *testing.T) {
	t.Parallel()
	a := persisted.NewAutomatic(4 << 10)
	hash := persisted.Hash(document)
	if _, err := a.Resolve("", hash); fault.CodeOf(err) != fault.PersistedQueryNotFound || !strings.Contains(err.Error(), "PersistedQueryNotFound") {
		t.Fatalf("an unknown hash: %v", err)
	}
	if text, err := a.Resolve(document, ""); text != document || err != nil {
		t.Fatalf("without a reference: %q, %v", text, err)
	}
	if text, err := a.Resolve(document, hash); text != document || err != nil {
		t.Fatalf("with its reference: %q, %v", text, err)
	}
	if _, err := a.Resolve("", hash); err == nil {
		t.Fatal("it was remembered before anybody said that it is valid")
	}
	a.Keep(document, hash)
	if text, err := a.Resolve("", hash); text != document || err != nil {
		t.Fatalf("remembered: %q, %v", text, err)
	}
	if _, err := a.Resolve("{ other }", hash); fault.CodeOf(err) != fault.BadUserInput {
		t.Fatalf("another document's hash: %v", err)
	}
	for i := range 200 { // others evict it
		text := "{ a" + strings.Repeat("b", i) + " }"
		a.Keep(text, persisted.Hash(text))
	}
	if _, err := a.Resolve("", hash); err == nil {
		t.Error("it is still remembered: the cache is not bounded")
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.graphql":             "query A($n: Int = 1) { viewer { ...V } }",
		"b.ts":                  "const V = graphql(`\n# the viewer\nfragment V on Viewer { id ...W }`);\nconst W = gql`fragment W on Viewer { name } ${x.y}`;",
		"c.tsx":                 "const M = /* GraphQL */ `mutation M { viewerSignOut { signedOutAt } }`",
		"package.json":          "{}",
		"node_modules/x/d.gql":  "query Stranger { viewer { id } }",
		"comment.ts":            "// Posts to `/graphql` with `fetch`.",
		"unrelated.go":          "package x // graphql(`",
		"deep/er/e.gql":         "subscription S { orderFeed { cursor } }",
		"outside/codegen.json":  `{"` + strings.Repeat("ab", 32) + `":"query C { viewer { __typename id } }"}`,
		"outside/apollo.json":   `{"format":"x","version":1,"operations":[{"id":"` + strings.Repeat("cd", 32) + `","name":"D","body":"query D { viewer { id } }"}]}`,
		"broken/missing.gql":    "query X { viewer { ...Nowhere } }",
		"broken2/syntax.gql":    "query X {",
		"broken3/twice.graphql": "fragment F on Viewer { id } fragment F on Viewer { name }",
		"broken4/list.json":     "[]",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for broken, want := range map[string]string{
		"broken": "Nowhere", "broken2": "syntax.gql", "broken3": "named F", "broken4/list.json": "not a manifest", "absent": "absent", "node_modules": "no operations",
	} {
		if err := persisted.Build(&bytes.Buffer{}, filepath.Join(dir, broken)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error that says %q", broken, err, want)
		}
		_ = os.RemoveAll(filepath.Join(dir, strings.Split(broken, "/")[0]+"/"))
	}

	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := persisted.Build(out, dir, filepath.Join(dir, "outside/codegen.json"), filepath.Join(dir, "outside/apollo.json")); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Error("two builds of the same differ")
	}
	m, err := persisted.ReadManifest(&first)
	if err != nil {
		t.Fatal(err)
	}
	if m.Len() != 5 {
		t.Errorf("%d documents, want A, M, S, C and D", m.Len())
	}
	for name, c := range map[string]struct {
		text      string
		reference persisted.Reference
		ok        bool
	}{
		"Layout":         {"query A($n:Int=1){viewer{...V}} fragment V on Viewer{id,...W} fragment W on Viewer{name}", "", true},
		"Order":          {"fragment W on Viewer { name } fragment V on Viewer { id ...W } query A($n: Int = 1) { viewer { ...V } }", "", true},
		"Typename":       {"mutation M { viewerSignOut { signedOutAt __typename } __typename }", "", true},
		"Hash":           {"", persisted.Reference(strings.Repeat("ab", 32)), true},
		"HashAndText":    {"query C { viewer { id } }", persisted.Reference(strings.Repeat("ab", 32)), true},
		"Apollo":         {"", persisted.Reference(strings.Repeat("cd", 32)), true},
		"ErrOther":       {"query A { viewer { id } }", "", false},
		"ErrMore":        {"mutation M { viewerSignOut { signedOutAt } viewer { id } }", "", false},
		"ErrDefault":     {"query A($n:Int=2){viewer{...V}} fragment V on Viewer{id,...W} fragment W on Viewer{name}", "", false},
		"ErrAlias":       {"mutation M { viewerSignOut { signedOutAt x: __typename } }", "", false},
		"ErrDirective":   {"mutation M { viewerSignOut { signedOutAt __typename @skip(if: true) } }", "", false},
		"ErrOnlyType":    {"mutation M { __typename }", "", false},
		"ErrSyntax":      {"mutation M {", "", false},
		"ErrHash":        {"", persisted.Hash(document), false},
		"ErrNodeModules": {"query Stranger { viewer { id } }", "", false},
		"ErrTwo":         {"mutation M { viewerSignOut { signedOutAt } } query N { viewer { id } }", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := m.Resolve(c.text, c.reference, noCheck); (err == nil) != c.ok {
				t.Errorf("the first time: %v", err)
			}
			text, err := m.Resolve(c.text, c.reference, noCheck) // the second time from the cache
			if (err == nil) != c.ok || (text == "") == c.ok {
				t.Errorf("got %q, %v", text, err)
			}
			if err != nil && fault.CodeOf(err) != fault.PersistedQueryNotFound {
				t.Errorf("code %s", fault.CodeOf(err))
			}
		})
	}
}

func TestErrReadManifest(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "[]", `{"x":"{ a }"}`, `{"` + strings.Repeat("ab", 32) + `":"{"}`, `{"` + strings.Repeat("ab", 32) + `":"fragment F on Q { a }"}`} {
		if _, err := persisted.ReadManifest(strings.NewReader(content)); err == nil {
			t.Errorf("%q was read", content)
		}
	}
}

func noCheck(string) error { return nil }

// A refused text is not parsed. check is not called for a text that was compared before or that comes with its hash.
func TestCheckBeforeParsing(t *testing.T) {
	t.Parallel()
	hash := persisted.Hash(document)
	manifest, err := json.Marshal(map[string]string{string(hash): document})
	if err != nil {
		t.Fatal(err)
	}
	m, err := persisted.ReadManifest(bytes.NewReader(manifest))
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	refuse := func(string) error { return refused }
	if _, err := m.Resolve("# mine\n"+document, "", refuse); !errors.Is(err, refused) {
		t.Errorf("a text that is refused: %v", err)
	}
	if _, err := m.Resolve("# mine\n"+document, "", noCheck); err != nil {
		t.Error(err)
	}
	if _, err := m.Resolve("# mine\n"+document, "", refuse); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if text, err := m.Resolve("", hash, refuse); err != nil || text != document {
		t.Errorf("by its hash: %q, %v", text, err)
	}
}

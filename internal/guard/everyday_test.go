package guard_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/orderwire/orderwire/internal/persisted"
)

// What the web app sends costs less than one operation may, with the pages and the filters that it sends.
func TestEverydayDocuments(t *testing.T) {
	t.Parallel()
	var manifest bytes.Buffer
	if err := persisted.Build(&manifest, "../../web/src/components", "../../web/src/features", "../../web/src/live", "../../web/src/pages"); err != nil {
		t.Fatal(err)
	}
	var documents map[string]string
	if err := json.Unmarshal(manifest.Bytes(), &documents); err != nil || len(documents) < 15 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	g, most := newGuard(), 0
	for _, text := range documents {
		document := accepted(t, g, text)
		cost, err := document.Cost(document.Query.Operations[0], map[string]any{"first": 20, "filter": map[string]any{"search": "x"}})
		if err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
		most = max(most, cost.Requested)
	}
	t.Logf("%d documents cost at most %d", len(documents), most)
}

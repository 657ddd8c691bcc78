package guard_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/guard"
	"github.com/orderwire/orderwire/internal/persisted"
)

// The web app's operations cost at most half of MAX_COST, with the largest pages, filters and drafts that it sends. So a page has
// room for another field.
func TestEverydayDocuments(t *testing.T) {
	t.Parallel()
	var manifest bytes.Buffer
	if err := persisted.Build(&manifest, "../../web/src/shared", "../../web/src/order", "../../web/src/shop", "../../web/src/board"); err != nil {
		t.Fatal(err)
	}
	var documents map[string]string
	if err := json.Unmarshal(manifest.Bytes(), &documents); err != nil || len(documents) < 15 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	variables := map[string]any{
		"first": 20, "filter": map[string]any{"search": "x", "status": []any{"CREATED"}}, "ids": slices.Repeat([]any{"product_x"}, 100),
	}
	g, most := newGuard(), 0
	for _, text := range documents {
		document := accepted(t, g, text)
		cost, _ := document.Cost(document.Query.Operations[0], variables)
		if half := guard.Defaults().Cost / 2; cost.Requested > half {
			t.Errorf("costs %d, more than %d: %s", cost.Requested, half, strings.TrimSpace(text))
		}
		most = max(most, cost.Requested)
	}
	t.Logf("%d documents cost at most %d", len(documents), most)
}

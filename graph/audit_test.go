package graph_test

import (
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/id"
)

const (
	auditTrail = `query($first: Int, $after: String) { auditTrail(first: $first, after: $after) {
		edges { cursor node { id } } nodes { id at actorId action subjectId detail } pageInfo { hasNextPage endCursor } } }`
	upsertMug  = `mutation($input: ProductUpsertInput!) { productUpsert(input: $input) { product { id } userErrors { code } } }`
	archiveMug = `mutation($id: ID!) { productArchive(input: {productId: $id}) { product { archived } userErrors { code } } }`
)

// trail is the audit trail in words, newest first.
func (w *world) trail() []string {
	w.t.Helper()
	nodes, _ := w.do(staff, auditTrail, vars{"first": 100}).ok().at("auditTrail.nodes").([]any)
	var lines []string
	for _, node := range nodes {
		entry, _ := node.(map[string]any)
		if entry["actorId"] != staff.CustomerID.TypeID() || !strings.HasPrefix(entry["id"].(string), "audit_") {
			w.t.Errorf("entry %v", entry)
		}
		detail, _ := entry["detail"].(string)
		lines = append(lines, entry["action"].(string)+" "+entry["subjectId"].(string)+": "+detail)
	}
	return lines
}

// Each change by staff has one entry, committed with it; a no-op has none.
func TestAuditTrail(t *testing.T) {
	t.Parallel()
	w := setup(t)
	mug := vars{"sku": "MUG", "name": "Mug", "priceMinor": "1250", "currency": "EUR"}
	upsert := func(changes vars) string {
		input := vars{}
		for _, m := range []vars{mug, changes} {
			for k, v := range m {
				input[k] = v
			}
		}
		return w.do(staff, upsertMug, vars{"input": input}).ok().want("productUpsert.userErrors", []any{}).text("productUpsert.product.id")
	}
	product := upsert(nil)
	upsert(nil)
	upsert(vars{"priceMinor": "1300", "description": "Blue"})
	for range 2 {
		w.do(staff, archiveMug, vars{"id": product}).ok().want("productArchive.product.archived", true)
	}
	upsert(vars{"priceMinor": "1300", "description": "Blue"})
	w.do(ada, `mutation { viewerSignOut { signedOutAt } }`, nil).ok()
	adasID := ada.CustomerID.TypeID()
	w.do(staff, userRevoke, vars{"input": vars{"customerId": adasID}}).ok().want("userRevoke.userErrors", []any{})
	w.do(staff, userRevoke, vars{"input": vars{"customerId": id.New[id.Customer]().TypeID()}}).ok().
		want("userRevoke.userErrors.0.code", "USER_NOT_FOUND")

	want := []string{
		"user.revoke " + adasID + ": ",
		"product.upsert " + product + ": offered again",
		"product.archive " + product + ": MUG",
		"product.upsert " + product + ": description, price 12.50 EUR to 13.00 EUR",
		"product.upsert " + product + ": new, 12.50 EUR",
	}
	if got := w.trail(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the trail says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	var pages []string
	var after any
	for more := true; more; {
		page := w.do(staff, auditTrail, vars{"first": 2, "after": after}).ok()
		nodes, _ := page.at("auditTrail.nodes").([]any)
		for i := range nodes {
			pages = append(pages, nodes[i].(map[string]any)["action"].(string))
		}
		after, more = page.at("auditTrail.pageInfo.endCursor"), page.at("auditTrail.pageInfo.hasNextPage") == true
	}
	if got := strings.Join(pages, " "); got != "user.revoke product.upsert product.archive product.upsert product.upsert" {
		t.Errorf("in pages of two: %s", got)
	}
	w.do(staff, auditTrail, vars{"after": "x"}).refused("INVALID_CURSOR")
	w.do(staff, auditTrail, vars{"first": 101}).refused("BAD_USER_INPUT")
	w.do(ada, auditTrail, nil).refused("FORBIDDEN")
	w.do(anonymous, auditTrail, nil).refused("UNAUTHENTICATED")
}

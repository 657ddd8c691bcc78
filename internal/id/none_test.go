package id_test

import (
	"regexp"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
)

// noneIsNil has the files that may use an id of zeros for "none", with how often and why. A client can send an id of zeros, so
// an id from a client is an id.Null or a pointer.
var noneIsNil = map[string]struct {
	times int
	why   string
}{
	"graph/event.resolvers.go":                  {1, "the actor of an event of ours; people's ids are hashes"},
	"internal/id/of.go":                         {1, "IsNil itself"},
	"internal/bench/naive/save.go":              {1, "as postgres/save.go, measured"},
	"internal/webhookinbox/processor.go":        {2, "a payment that we found for a webhook"},
	"internal/payment/simulated/client.go":      {1, "a call's key, made by us"},
	"internal/payment/simulated/ledger.go":      {1, "a refund's id, checked in request.go"},
	"internal/payment/simulated/lookup.go":      {2, "refuses it as missing"},
	"internal/payment/simulated/request.go":     {3, "refuses it as missing"},
	"internal/payment/simulated/signature.go":   {1, "refuses it as missing"},
	"internal/payment/simulated/wire.go":        {2, "ids made by us"},
	"internal/payment/simulated/wire_charge.go": {1, "a refund's id, made by us; none for one made outside"},
	"internal/payment/stripe/authorize.go":      {1, "ids made by us"},
	"internal/payment/stripe/charges.go":        {1, "ids made by us"},
	"internal/payment/stripe/stripe.go":         {1, "a refund's id, made by us"},
	"internal/postgres/settings.go":             {1, "refuses it as wrong"},
	"internal/postgres/inbox.go":                {1, "a payment that we found for a webhook"},
	"internal/reconcile/compare.go":             {1, "an attempt's key, made by us"},
}

// An id of zeros is an id like any other, never "no filter": no other code may compare with it (IsNil, uuid.Nil) or look up by it.
func TestZerosAreAnID(t *testing.T) {
	t.Parallel()
	asNone := regexp.MustCompile(`\.IsNil\(\)|[!=]= *\(?id\.\w+\{\}|[!=]= *uuid\.Nil\b|\[uuid\.Nil\]|\.IsZero\(uuid|case uuid\.Nil\b`)
	found := map[string]int{}
	for _, file := range sourcetree.Files(t) {
		if n := len(asNone.FindAll(file.Text, -1)); n > 0 && !file.IsTest() {
			found[file.Name] = n
		}
	}
	for name, n := range found {
		if n != noneIsNil[name].times {
			t.Errorf("%s takes an id of zeros for none %d times, not %d: use id.Null and id.Some, or give the reason why nobody can send zeros there", name, n, noneIsNil[name].times)
		}
	}
	for name := range noneIsNil {
		if found[name] == 0 {
			t.Errorf("%s does not take an id of zeros for none any more: remove it from the list", name)
		}
	}
}

// A variable or field that is named after an entity's id has that entity's type.
func TestIDsAreTyped(t *testing.T) {
	t.Parallel()
	untyped := regexp.MustCompile(`(?i)\b(?:order|payment|product|refund|customer|actor|event|attempt|endpoint|delivery)IDs?\s+[\[\]*]*(?-i:uuid\.(?:Null)?UUID\b|id\.Null\[uuid)`)
	for _, file := range sourcetree.Files(t) {
		if found := untyped.Find(file.Text); found != nil && !file.IsTest() {
			t.Errorf("%s has %q: use a type of internal/id", file.Name, found)
		}
	}
}

package id_test

import (
	"regexp"
	"testing"

	"github.com/orderwire/orderwire/internal/sourcetree"
)

// noneIsNil has the files that may use uuid.Nil for "none", with how often and why. A client can send an id of zeros, so an
// id from a client is a uuid.NullUUID or a pointer (id.Some).
var noneIsNil = map[string]struct {
	times int
	why   string
}{
	"graph/event.resolvers.go":                {1, "the actor of an event of ours; people's ids are hashes"},
	"internal/bench/naive/save.go":            {1, "as postgres/save.go, measured"},
	"internal/webhookinbox/processor.go":      {2, "a payment that we found for a webhook"},
	"internal/payment/simulated/client.go":    {1, "a call's key, made by us"},
	"internal/payment/simulated/ledger.go":    {1, "a refund's id, checked in request.go"},
	"internal/payment/simulated/lookup.go":    {2, "refuses it as missing"},
	"internal/payment/simulated/request.go":   {1, "refuses it as missing"},
	"internal/payment/simulated/signature.go": {1, "refuses it as missing"},
	"internal/payment/simulated/wire.go":      {2, "ids made by us"},
	"internal/payment/stripe/authorize.go":    {1, "ids made by us"},
	"internal/payment/stripe/charges.go":      {1, "ids made by us"},
	"internal/payment/stripe/stripe.go":       {1, "a refund's id, made by us"},
	"internal/postgres/settings.go":           {1, "refuses it as wrong"},
	"internal/postgres/inbox.go":              {1, "a payment that we found for a webhook"},
	"internal/reconcile/compare.go":           {1, "an attempt's key, made by us"},
}

// An id of zeros is an id like any other, never "no filter": no other code may compare with uuid.Nil or look up by it.
func TestZerosAreAnID(t *testing.T) {
	t.Parallel()
	asNone := regexp.MustCompile(`[!=]= *uuid\.Nil\b|\[uuid\.Nil\]|\.IsZero\(uuid|case uuid\.Nil\b`)
	found := map[string]int{}
	for _, file := range sourcetree.Files(t) {
		if n := len(asNone.FindAll(file.Text, -1)); n > 0 && !file.IsTest() {
			found[file.Name] = n
		}
	}
	for name, n := range found {
		if n != noneIsNil[name].times {
			t.Errorf("%s takes uuid.Nil for none %d times, not %d: use uuid.NullUUID and id.Some, or give the reason why nobody can send zeros there", name, n, noneIsNil[name].times)
		}
	}
	for name := range noneIsNil {
		if found[name] == 0 {
			t.Errorf("%s does not take uuid.Nil for none any more: remove it from the list", name)
		}
	}
}

package id_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// noneIsNil are the files that may take uuid.Nil for "none", with how often and why. A client can send an id of zeros, so what a client
// gives is a uuid.NullUUID or a pointer (id.Some).
var noneIsNil = map[string]struct {
	times int
	why   string
}{
	"graph/event.resolvers.go":                {1, "the actor of an event of ours; people's ids are hashes"},
	"internal/bench/naive/save.go":            {1, "as postgres/save.go, measured"},
	"internal/inbox/processor.go":             {2, "a payment that we found for a webhook"},
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

// An id of zeros is an id like any other, never "no filter": nothing new may compare with uuid.Nil or look up by it.
func TestZerosAreAnID(t *testing.T) {
	t.Parallel()
	const root = "../.."
	asNone := regexp.MustCompile(`[!=]= *uuid\.Nil\b|\[uuid\.Nil\]|\.IsZero\(uuid|case uuid\.Nil\b`)
	found := map[string]int{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // another test has removed it meanwhile
		case entry.IsDir() && (entry.Name() == "node_modules" || strings.HasPrefix(entry.Name(), ".") && path != root):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := len(asNone.FindAll(content, -1)); n > 0 {
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			found[filepath.ToSlash(name)] = n
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range found {
		if n != noneIsNil[name].times {
			t.Errorf("%s takes uuid.Nil for none %d times, not %d: use uuid.NullUUID and id.Some, or say why nobody can send zeros there", name, n, noneIsNil[name].times)
		}
	}
	for name := range noneIsNil {
		if found[name] == 0 {
			t.Errorf("%s does not take uuid.Nil for none any more: remove it from the list", name)
		}
	}
}

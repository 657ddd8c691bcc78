package id_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

func TestNewIsOrderedVersion7(t *testing.T) {
	t.Parallel()
	last := ""
	for range 10_000 {
		made := id.New[id.Order]()
		u := uuid.UUID(made)
		if u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("%v is version %d, variant %v", u, u.Version(), u.Variant())
		}
		s := made.TypeID()
		if s <= last {
			t.Fatalf("%s does not sort after %s", s, last)
		}
		last = s
	}
}

// The pairs are from the TypeID specification's valid.json.
func TestFormatFollowsTheSpecification(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ suffix, uuid string }{
		{"00000000000000000000000000", "00000000-0000-0000-0000-000000000000"},
		{"00000000000000000000000001", "00000000-0000-0000-0000-000000000001"},
		{"0000000000000000000000000g", "00000000-0000-0000-0000-000000000010"},
		{"7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
		{"01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"},
	} {
		u := uuid.MustParse(c.uuid)
		want := "order_" + c.suffix
		if got := id.Order(u).TypeID(); got != want {
			t.Errorf("Format(%s) = %s, want %s", c.uuid, got, want)
		}
		if got, err := id.Parse[id.Order](want); err != nil || uuid.UUID(got) != u {
			t.Errorf("Parse(%s) = %v, %v; want %v", want, got, err, u)
		}
	}
}

func TestTypeIDParseRoundTrip(t *testing.T) {
	t.Parallel()
	t.Run("order", roundTrip[id.Order](id.OrderKind))
	t.Run("payment", roundTrip[id.Payment](id.PaymentKind))
	t.Run("product", roundTrip[id.Product](id.ProductKind))
	t.Run("refund", roundTrip[id.Refund](id.RefundKind))
	t.Run("event", roundTrip[id.Event](id.EventKind))
	t.Run("customer", roundTrip[id.Customer](id.CustomerKind))
	t.Run("attempt", roundTrip[id.Attempt](id.AttemptKind))
	t.Run("endpoint", roundTrip[id.Endpoint](id.EndpointKind))
	t.Run("delivery", roundTrip[id.Delivery](id.DeliveryKind))
	t.Run("audit", roundTrip[id.Audit](id.AuditKind))
}

func roundTrip[I interface {
	id.Entity
	TypeID() string
}](kind id.Kind) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			u := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
			s := I(u).TypeID()
			if !strings.HasPrefix(s, string(kind)+"_") || s != id.Format(kind, u) {
				t.Fatalf("%s is not of kind %s", s, kind)
			}
			if got, err := id.Parse[I](s); err != nil || uuid.UUID(got) != u {
				t.Fatalf("Parse(%s) = %v, %v", s, got, err)
			}
			if gotKind, got, err := id.ParseAny(s); err != nil || got != u || gotKind != kind {
				t.Fatalf("ParseAny(%s) = %v, %v, %v", s, gotKind, got, err)
			}
		})
	}
}

func TestParseErr(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"empty":              "",
		"prefix only":        "order_",
		"other kind":         "payment_01h455vb4pex5vsknk084sn02q",
		"no prefix":          "01h455vb4pex5vsknk084sn02q",
		"bare uuid":          "01890a5d-ac96-774b-bcce-b302099a8057",
		"upper case":         "order_01H455VB4PEX5VSKNK084SN02Q",
		"too short":          "order_01h455vb4pex5vsknk084sn02",
		"too long":           "order_01h455vb4pex5vsknk084sn02qq",
		"ambiguous letter":   "order_01h455vb4pex5vsknk084sn02l",
		"more than 128 bits": "order_8zzzzzzzzzzzzzzzzzzzzzzzzz",
		"null byte":          "order_01h455vb4pex5vsknk084sn0\x00q",
		"not ASCII":          "order_01h455vb4pex5vsknk084sn0é",
		"a megabyte":         "order_" + strings.Repeat("0", 1<<20),
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := id.Parse[id.Order](s)
			checkRefusal(t, err, "order_…")
			if name != "other kind" {
				_, _, err = id.ParseAny(s)
				checkRefusal(t, err, "order_…")
			}
		})
	}
}

func TestParseAnyErrUnknownKind(t *testing.T) {
	t.Parallel()
	_, _, err := id.ParseAny("invoice_01h455vb4pex5vsknk084sn02q")
	checkRefusal(t, err, "order_…")
}

func checkRefusal(t *testing.T, err error, names string) {
	t.Helper()
	if fault.CodeOf(err) != fault.BadUserInput {
		t.Fatalf("err = %v, want %s", err, fault.BadUserInput)
	}
	msg := err.Error()
	if !strings.Contains(msg, names) || len(msg) > 300 || strings.ContainsRune(msg, 0) {
		t.Errorf("message %.400q: want it short, printable and naming %q", msg, names)
	}
}

func TestParseErrArticle(t *testing.T) {
	t.Parallel()
	_, orderErr := id.Parse[id.Order]("x")
	_, paymentErr := id.Parse[id.Payment]("x")
	for want, err := range map[string]error{"not an order id": orderErr, "not a payment id": paymentErr} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message %q does not say %q", err, want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^OW-[0-9A-HJKMNP-TV-Z]{8}$`)
	seen := map[string]bool{}
	letters := map[rune]bool{}
	for range 5000 {
		n := id.Number()
		if !form.MatchString(n) {
			t.Fatalf("%q does not have the form %s", n, form)
		}
		if seen[n] {
			t.Fatalf("%s was drawn twice in 5000 of 2^40", n)
		}
		seen[n] = true
		for _, r := range n[3:] {
			letters[r] = true
		}
	}
	if len(letters) != 32 {
		t.Errorf("only %d of 32 characters occur in 40,000", len(letters))
	}
}

func TestForCustomer(t *testing.T) {
	t.Parallel()
	ada := id.ForCustomer("orderwire-dev", "ada")
	if ada != id.ForCustomer("orderwire-dev", "ada") {
		t.Error("the same customer got two ids")
	}
	if u := uuid.UUID(ada); u.Version() != 8 || u.Variant() != uuid.RFC4122 {
		t.Errorf("%v is version %d, variant %v", u, u.Version(), u.Variant())
	}
	for name, pair := range map[string][2]string{
		"other subject":           {"orderwire-dev", "grace"},
		"other issuer":            {"https://id.example", "ada"},
		"the boundary moved":      {"orderwire-deva", "da"},
		"swapped":                 {"ada", "orderwire-dev"},
		"subject with null bytes": {"orderwire-dev", "ada\x00"},
	} {
		if id.ForCustomer(pair[0], pair[1]) == ada {
			t.Errorf("%s: same id as ada", name)
		}
	}
}

// Orders in existing databases belong to these ids, so they must never change.
func TestForCustomerIsFrozen(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "customers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var frozen []struct{ Issuer, Subject, ID string }
	if err := json.Unmarshal(raw, &frozen); err != nil {
		t.Fatal(err)
	}
	if len(frozen) == 0 {
		t.Fatal("no frozen ids")
	}
	for _, f := range frozen {
		if got := id.ForCustomer(f.Issuer, f.Subject).TypeID(); got != f.ID {
			t.Errorf("ForCustomer(%q, %q) = %s, want %s", f.Issuer, f.Subject, got, f.ID)
		}
	}
}

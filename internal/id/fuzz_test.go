package id_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

// FuzzParse: an id has one text. Both parsers accept it and write it back unchanged. Any other text is BAD_USER_INPUT, with
// a short message that repeats little of it.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "_", "order_", "order_01h455vb4pex5vsknk084sn02q", "order_01H455VB4PEX5VSKNK084SN02Q", "order_7zzzzzzzzzzzzzzzzzzzzzzzzz",
		"order_8zzzzzzzzzzzzzzzzzzzzzzzzz", "payment_00000000000000000000000000", "customer_01h455vb4pex5vsknk084sn02q",
		"order_payment_01h455vb4pex5vsknk084sn02q", "order_01h455vb4pex5vsknk084sn02l", "order_01h455vb4pex5vsknk084sn0\x00q",
		"order_01h455vb4pex5vsknk084sn0é", "01890a5d-ac96-774b-bcce-b302099a8057", "audit_01h455vb4pex5vsknk084sn02q\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kind, u, err := id.ParseAny(text)
		if err == nil && id.Format(kind, u) != text {
			t.Errorf("%q is read as %s", text, id.Format(kind, u))
		}
		if err != nil && (fault.CodeOf(err) != fault.BadUserInput || len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\n")) {
			t.Errorf("%q: %v", text, err)
		}
		order, orderErr := id.Parse[id.Order](text)
		if accepted := err == nil && kind == id.OrderKind; accepted != (orderErr == nil) || (accepted && uuid.UUID(order) != u) {
			t.Errorf("%q: ParseAny says %s %s, %v; Parse says %s, %v", text, kind, u, err, order, orderErr)
		}
	})
}

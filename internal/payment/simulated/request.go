package simulated

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

// check rejects a call that is wrong whatever the ledger holds, and gives it with its operation and defaults set. It
// answers the same for the same call, so nothing of it is stored.
func check(call payment.Call, operation payment.Operation) (payment.Call, error) {
	if call.Operation == "" {
		call.Operation = operation
	}
	if call.Operation != operation {
		return call, invalid(CodeRequestInvalid, "the call is a %s, not a %s", call.Operation, operation)
	}
	if err := checkIDs(call); err != nil {
		return call, err
	}
	if call.Amount.Minor <= 0 {
		return call, invalid(CodeRequestInvalid, "the amount has to be above zero")
	}
	if !money.Valid(call.Amount.Currency) {
		return call, invalid(CodeRequestInvalid, "the currency is not in ISO 4217")
	}
	if operation != payment.OperationAuthorize {
		return call, nil
	}
	if call.Capture != payment.CaptureAutomatic && call.Capture != payment.CaptureManual {
		return call, invalid(CodeRequestInvalid, "the capture method has to be AUTOMATIC or MANUAL")
	}
	if call.Method == "" {
		call.Method = TokenRandom
	}
	if !ValidToken(call.Method) {
		return call, invalid(CodeTokenUnknown, "unknown payment token %.40q", call.Method)
	}
	return call, nil
}

func checkIDs(call payment.Call) error {
	for _, f := range []struct {
		name    string
		missing bool
	}{{"idempotency key", call.Key.IsNil()}, {"order id", call.OrderID.IsNil()}, {"payment id", call.PaymentID.IsNil()}} {
		if f.missing {
			return invalid(CodeRequestInvalid, "the %s is missing", f.name)
		}
	}
	return nil
}

// fingerprint tells whether two calls with one key are the same request: what the operation does, and to what. The
// reference is left out: it names the same charge as the payment does, and a caller may learn it between two calls.
func fingerprint(call payment.Call) []byte {
	hash := sha256.New()
	text := func(s string) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		hash.Write(length[:])
		hash.Write([]byte(s))
	}
	text(string(call.Operation))
	hash.Write(call.OrderID[:])
	hash.Write(call.PaymentID[:])
	hash.Write(call.RefundID[:])
	var minor [8]byte
	binary.BigEndian.PutUint64(minor[:], uint64(call.Amount.Minor))
	hash.Write(minor[:])
	text(call.Amount.Currency)
	if call.Operation == payment.OperationCapture && !call.Final {
		text("keeps the rest")
	}
	if call.Operation == payment.OperationAuthorize {
		text(string(call.Capture))
		text(call.Method)
	}
	return hash.Sum(nil)
}

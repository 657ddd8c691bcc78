package payment

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// ChargeStatus is the state of a charge's money at the provider.
type ChargeStatus string

// The states of a charge.
const (
	// ChargePending took no money and still may: it waits for the customer, the bank, or its confirmation. A state of the
	// provider's that this version does not know is pending too, so that the charge is looked up again.
	ChargePending ChargeStatus = "PENDING"
	// ChargeAuthorized holds money that was not captured.
	ChargeAuthorized ChargeStatus = "AUTHORIZED"
	// ChargeCaptured took money and has not given all of it back.
	ChargeCaptured ChargeStatus = "CAPTURED"
	// ChargeRefunded has given back all that it took.
	ChargeRefunded ChargeStatus = "REFUNDED"
	// ChargeReleased took no money and will take none: refused, voided or run out.
	ChargeReleased ChargeStatus = "RELEASED"
)

// Charge is the current state of one charge in the provider's books, with the ids that it was made with (see Call).
type Charge struct {
	// Reference is the provider's id of the charge, as in Payment.Reference.
	Reference string
	OrderID   id.Order
	PaymentID id.Payment
	Amount    money.Amount
	Totals    Totals
	Status    ChargeStatus
	// CreatedAt is on the provider's clock. Stripe's has whole seconds.
	CreatedAt time.Time
}

// ChargeStatus is that of a charge with these totals. otherwise is its status if it took no money.
func (t Totals) ChargeStatus(otherwise ChargeStatus) ChargeStatus {
	switch {
	case t.Captured == 0:
		return otherwise
	case t.Refunded >= t.Captured:
		return ChargeRefunded
	default:
		return ChargeCaptured
	}
}

// ChargeRange selects an installation's charges that were created within [From, Until]; see Call.Installation.
type ChargeRange struct {
	Installation uuid.UUID
	From, Until  time.Time
	// After is the Next of the page before, "" for the first page.
	After string
}

// ChargePage is a page of the provider's charges, the newest first. It may be empty and not the last: charges of other
// installations and of other programs are left out.
type ChargePage struct {
	Charges []Charge
	// Next leads to the next page; "" on the last.
	Next string
}

// ErrPlaceGone says that ChargeRange.After names no charge of the provider's any more. The list has to be read from its beginning
// again.
var ErrPlaceGone = errors.New("the provider no longer knows the place in its list of charges")

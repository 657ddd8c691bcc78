package stripe

import (
	stripego "github.com/stripe/stripe-go/v85"
)

// Codes of refusals (payment.Result.Code) beside those of Stripe that tellable lists.
const (
	// codeDeclined stands for every reason that is not for the customer to know.
	codeDeclined = "card_declined"
	// codeCanceled: the PaymentIntent was cancelled, by us, in Stripe's dashboard, or by Stripe when its hold ran out.
	codeCanceled = "canceled"
	// codeRefundFailed: the bank did not take the money back, for a reason that says nothing.
	codeRefundFailed = "refund_failed"
)

// tellable are the reasons a customer can act on. The others come out as codeDeclined: that a card is reported lost or
// stolen, or that a charge looks fraudulent, must not be shown to its holder (https://docs.stripe.com/declines/codes), and codes
// that Stripe adds later are not shown before somebody has reviewed them.
var tellable = map[string]bool{
	"authentication_required":                true,
	"card_not_supported":                     true,
	"card_velocity_exceeded":                 true,
	"currency_not_supported":                 true,
	"expired_card":                           true,
	"expired_or_canceled_card":               true, // of a refund
	"incorrect_cvc":                          true,
	"incorrect_number":                       true,
	"incorrect_pin":                          true,
	"incorrect_zip":                          true,
	"insufficient_funds":                     true,
	"invalid_cvc":                            true,
	"invalid_expiry_month":                   true,
	"invalid_expiry_year":                    true,
	"invalid_number":                         true,
	"issuer_not_available":                   true,
	"payment_intent_authentication_failure":  true,
	"payment_intent_payment_attempt_expired": true, // a voucher that nobody paid in time
	"pin_try_exceeded":                       true,
	"processing_error":                       true,
	"reenter_transaction":                    true,
	"testmode_decline":                       true,
	"try_again_later":                        true,
	"withdrawal_count_limit_exceeded":        true,
}

func safeCode(code, otherwise string) string {
	if tellable[code] {
		return code
	}
	return otherwise
}

// declineCode returns the reason for which a card was refused: the bank's reason where it gives one, else Stripe's.
func declineCode(e *stripego.Error) string {
	switch {
	case e == nil:
		return codeDeclined
	case e.DeclineCode != "":
		return safeCode(string(e.DeclineCode), codeDeclined)
	default:
		return safeCode(string(e.Code), codeDeclined)
	}
}

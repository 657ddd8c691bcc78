package fakestripe

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// intent is a PaymentIntent with its last charge.
type intent struct {
	id, currency, captureMethod, method, status string
	amount, captured                            int64
	metadata                                    map[string]string
	automatic, redirects                        bool
	charge, chargeStatus                        string
	returnURL                                   string
	created                                     int64
	lastError                                   object
	// cancellation is the reason of the cancellation, "" for none.
	cancellation string
	// authorizedAt is the beginning of its hold.
	authorizedAt time.Time
	// gone: the bank has let the hold go, and Stripe does not know yet.
	gone bool
	// voucherUntil is the time after which the voucher cannot be paid.
	voucherUntil int64
}

func (i *intent) capturable() int64 {
	if i.status == "requires_capture" {
		return i.amount
	}
	return 0
}

// shape is the object as Stripe writes it; all values in it are copies. The charge is expanded or named:
// https://docs.stripe.com/api/payment_intents/object.
func (s *Stripe) shape(i *intent, expand string) object {
	o := object{
		"id": i.id, "object": "payment_intent", "amount": i.amount, "amount_capturable": i.capturable(), "amount_received": i.captured,
		"cancellation_reason": nil, "capture_method": i.captureMethod, "client_secret": i.id + "_secret_fake", "created": i.created,
		"currency": i.currency, "livemode": false, "metadata": maps.Clone(i.metadata), "status": i.status, "latest_charge": nil,
		"last_payment_error": nil, "next_action": nil, "payment_method": nil,
	}
	if i.cancellation != "" {
		o["cancellation_reason"] = i.cancellation
	}
	if i.method != "" {
		o["payment_method"] = i.method
	}
	if i.lastError != nil {
		o["last_payment_error"] = maps.Clone(i.lastError)
	}
	if i.status == "requires_action" {
		o["next_action"] = i.nextAction()
	}
	switch {
	case i.charge != "" && strings.HasSuffix(expand, "latest_charge.refunds"):
		charge := s.chargeShape(i)
		charge["refunds"] = s.newestRefunds(i)
		o["latest_charge"] = charge
	case i.charge != "" && strings.HasSuffix(expand, "latest_charge"):
		o["latest_charge"] = s.chargeShape(i)
	case i.charge != "":
		o["latest_charge"] = i.charge
	}
	return o
}

func (i *intent) nextAction() object {
	switch {
	case i.voucherUntil > 0:
		return object{"type": "boleto_display_details", "boleto_display_details": object{
			"expires_at": i.voucherUntil, "hosted_voucher_url": "https://payments.stripe.com/boleto/fake/" + i.id, "number": "00190", "pdf": "https://pay.stripe.com/fake/pdf",
		}}
	case i.returnURL != "":
		return object{
			"type": "redirect_to_url", "redirect_to_url": object{"url": "https://hooks.stripe.com/fake/" + i.id, "return_url": i.returnURL},
		}
	default:
		return object{"type": "use_stripe_sdk", "use_stripe_sdk": object{}}
	}
}

// chargeShape is https://docs.stripe.com/api/charges/object.
func (s *Stripe) chargeShape(i *intent) object {
	var refunded int64
	for _, r := range s.refundsOf(i) {
		if r.counts() {
			refunded += r.amount
		}
	}
	kind := map[string]string{Processing: "sepa_debit", Voucher: "boleto"}[i.method]
	return object{
		"id": i.charge, "object": "charge", "amount": i.amount, "amount_captured": i.captured, "amount_refunded": refunded,
		"captured": i.captured > 0, "currency": i.currency, "disputed": len(s.disputesOf(i)) > 0, "livemode": false,
		"metadata": maps.Clone(i.metadata), "paid": i.chargeStatus == "succeeded", "payment_intent": i.id,
		"payment_method_details": object{"type": cmp.Or(kind, "card")},
		"refunded":               refunded >= i.amount, "status": i.chargeStatus,
	}
}

func (s *Stripe) find(id string) *intent {
	at := slices.IndexFunc(s.intents, func(i *intent) bool { return i.id == id })
	if at < 0 {
		return nil
	}
	return s.intents[at]
}

// in finds the PaymentIntent of an operation, or says as Stripe does that it does not exist or is in the wrong state:
// https://docs.stripe.com/error-codes#payment-intent-unexpected-state.
func (s *Stripe) in(id string, states ...string) (*intent, *answer) {
	i := s.find(id)
	if i == nil {
		a := failed(http.StatusNotFound, "invalid_request_error", "resource_missing", "intent")
		return nil, &a
	}
	if !slices.Contains(states, i.status) {
		a := invalid("payment_intent_unexpected_state", "").with("payment_intent", s.shape(i, ""))
		return nil, &a
	}
	return i, nil
}

var methods = []string{
	"", Visa, Declined, InsufficientFunds, StolenCard, Authenticate, PendingRefund, ActionRefund, Processing, Voucher,
}

// Bounds of amounts, in Stripe's minor units: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. The smallest
// amount is that of the settlement currency.
const (
	smallestEUR = 50
	largest     = 99_999_999
	largestIDR  = 999_999_999_999
)

func checkAmount(amount int64, currency string) *answer {
	most := int64(largest)
	if currency == "idr" {
		most = largestIDR
	}
	var a answer
	switch {
	case currency == "eur" && amount < smallestEUR:
		a = invalid("amount_too_small", "amount")
	case amount > most:
		a = invalid("amount_too_large", "amount")
	default:
		return nil
	}
	return &a
}

func (s *Stripe) create(_ string, form url.Values) answer {
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	method := form.Get("payment_method")
	switch {
	case err != nil || amount < 1:
		return invalid("parameter_invalid_integer", "amount")
	case !slices.Contains(methods, method):
		return invalid("resource_missing", "payment_method")
	}
	if refused := checkAmount(amount, form.Get("currency")); refused != nil {
		return *refused
	}
	i := &intent{
		id: s.newID("pi"), amount: amount, currency: form.Get("currency"), captureMethod: form.Get("capture_method"),
		method: method, status: "requires_confirmation", metadata: metadata(form), created: s.now().Unix(),
		automatic: form.Get("automatic_payment_methods[enabled]") == "true",
		redirects: form.Get("automatic_payment_methods[allow_redirects]") != "never",
	}
	if method == "" {
		i.status = "requires_payment_method"
	}
	s.intents = append(s.intents, i)
	s.intentHappened("created", i)
	return found(s.shape(i, ""))
}

func (s *Stripe) intentHappened(what string, i *intent) {
	s.happened("payment_intent."+what, s.shape(i, ""))
}

func (s *Stripe) retrieve(id string, form url.Values) answer {
	i := s.find(id)
	if i == nil {
		return failed(http.StatusNotFound, "invalid_request_error", "resource_missing", "intent")
	}
	return found(s.shape(i, form.Get("expand[0]")))
}

func (s *Stripe) confirm(id string, form url.Values) answer {
	i, refused := s.in(id, "requires_confirmation")
	if refused != nil {
		return *refused
	}
	i.returnURL = form.Get("return_url")
	if i.automatic && i.redirects && i.returnURL == "" {
		return invalid("parameter_missing", "return_url")
	}
	if a := s.pay(i); a != nil {
		return *a
	}
	return found(s.shape(i, ""))
}

// pay asks the bank. It gives the answer of a decline.
func (s *Stripe) pay(i *intent) *answer {
	decline := map[string]string{Declined: "generic_decline", InsufficientFunds: "insufficient_funds", StolenCard: "stolen_card"}[i.method]
	switch {
	case decline != "":
		a := failed(http.StatusPaymentRequired, "card_error", "card_declined", "").with("decline_code", decline)
		s.decline(i, a.body.(object)["error"].(object)) //nolint:errcheck // failed has made it
		a = a.with("payment_intent", s.shape(i, ""))
		return &a
	case i.method == Authenticate:
		i.status = "requires_action"
		s.intentHappened("requires_action", i)
	case i.method == Voucher:
		i.status, i.voucherUntil = "requires_action", s.now().Add(voucherLife).Unix()
		s.intentHappened("requires_action", i)
	case i.method == Processing:
		i.status, i.charge, i.chargeStatus = "processing", s.newID("py"), "pending"
		s.intentHappened("processing", i)
	default:
		s.succeed(i)
	}
	return nil
}

// decline leaves the PaymentIntent open: its customer may confirm it with another payment method.
// https://docs.stripe.com/payments/paymentintents/lifecycle
func (s *Stripe) decline(i *intent, why object) {
	i.status, i.method, i.lastError, i.voucherUntil = "requires_payment_method", "", maps.Clone(why), 0
	if i.charge == "" {
		i.charge = s.newID("ch")
	}
	i.chargeStatus = "failed"
	s.intentHappened("payment_failed", i)
}

func (s *Stripe) succeed(i *intent) {
	if i.chargeStatus != "pending" {
		i.charge = s.newID("ch")
	}
	i.chargeStatus, i.voucherUntil = "succeeded", 0
	if i.captureMethod == "manual" {
		i.status, i.authorizedAt = "requires_capture", s.now()
		s.intentHappened("amount_capturable_updated", i)
		return
	}
	i.status, i.captured = "succeeded", i.amount
	s.happened("charge.succeeded", s.chargeShape(i))
	s.intentHappened("succeeded", i)
}

// Overcapture lets captures exceed their hold by some percent, as accounts that were enabled may:
// https://docs.stripe.com/payments/overcapture.
func (s *Stripe) Overcapture(percent int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overcapture = percent
}

// capture takes an amount and releases the rest: https://docs.stripe.com/api/payment_intents/capture.
func (s *Stripe) capture(id string, form url.Values) answer {
	i, refused := s.in(id, "requires_capture")
	if refused != nil {
		return *refused
	}
	amount, refused := number(form, "amount_to_capture", i.amount)
	switch {
	case refused != nil:
		return *refused
	case amount < 1:
		return invalid("parameter_invalid_integer", "amount_to_capture")
	case i.gone: // https://docs.stripe.com/error-codes#charge-expired-for-capture
		s.runOut(i)
		return invalid("charge_expired_for_capture", "")
	case amount > i.amount*(100+s.overcapture)/100:
		return invalid("amount_too_large", "amount_to_capture")
	}
	s.take(i, amount)
	return found(s.shape(i, ""))
}

func (s *Stripe) take(i *intent, amount int64) {
	i.status, i.captured = "succeeded", amount
	s.release(i, i.amount-amount, "")
	s.happened("charge.captured", s.chargeShape(i))
	s.intentHappened("succeeded", i)
}

func (s *Stripe) cancel(id string, form url.Values) answer {
	i, refused := s.in(id, "requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
	if refused != nil {
		return *refused
	}
	s.end(i, form.Get("cancellation_reason"))
	return found(s.shape(i, ""))
}

// end cancels a PaymentIntent. What it holds is refunded: https://docs.stripe.com/api/payment_intents/cancel.
func (s *Stripe) end(i *intent, reason string) {
	why := ""
	if reason == "automatic" {
		why = "expired_uncaptured_charge"
	}
	held := i.capturable()
	i.status, i.cancellation = "canceled", reason
	s.release(i, held, why)
	s.intentHappened("canceled", i)
}

// runOut ends a hold that was not captured in time: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method.
func (s *Stripe) runOut(i *intent) {
	s.end(i, "automatic")
	s.happened("charge.expired", s.chargeShape(i))
}

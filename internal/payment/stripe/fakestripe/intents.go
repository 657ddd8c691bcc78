package fakestripe

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// intent is a PaymentIntent with its one charge.
type intent struct {
	id, currency, captureMethod, method, status string
	amount, captured, refunded                  int64
	metadata                                    map[string]string
	automatic, redirects                        bool
	charge                                      string
	returnURL                                   string
	created                                     int64
	lastError                                   object
}

// shape is the object as Stripe writes it; all values in it are copies. The charge is expanded or named.
func (i *intent) shape(expanded bool) object {
	o := object{
		"id": i.id, "object": "payment_intent", "amount": i.amount, "amount_capturable": int64(0), "amount_received": i.captured,
		"capture_method": i.captureMethod, "client_secret": i.id + "_secret_fake", "created": i.created, "currency": i.currency, "livemode": false,
		"metadata": maps.Clone(i.metadata), "status": i.status, "latest_charge": nil, "last_payment_error": nil,
		"next_action": nil, "payment_method": nil,
	}
	if i.method != "" {
		o["payment_method"] = i.method
	}
	if i.lastError != nil {
		o["last_payment_error"] = maps.Clone(i.lastError)
	}
	if i.status == "requires_capture" {
		o["amount_capturable"] = i.amount
	}
	if i.status == "requires_action" {
		o["next_action"] = object{"type": "use_stripe_sdk", "use_stripe_sdk": object{}}
		if i.returnURL != "" {
			o["next_action"] = object{
				"type": "redirect_to_url", "redirect_to_url": object{"url": "https://hooks.stripe.com/fake/" + i.id, "return_url": i.returnURL},
			}
		}
	}
	switch {
	case i.charge != "" && expanded:
		o["latest_charge"] = i.chargeShape()
	case i.charge != "":
		o["latest_charge"] = i.charge
	}
	return o
}

func (i *intent) chargeShape() object {
	refunded := i.refunded
	if i.status == "canceled" {
		refunded = i.amount // Stripe books a released hold as refunded
	}
	return object{
		"id": i.charge, "object": "charge", "amount": i.amount, "amount_captured": i.captured, "amount_refunded": refunded,
		"captured": i.captured > 0, "currency": i.currency, "livemode": false, "metadata": maps.Clone(i.metadata),
		"paid": true, "payment_intent": i.id, "refunded": refunded == i.amount, "status": "succeeded",
	}
}

func (s *Stripe) find(id string) *intent {
	at := slices.IndexFunc(s.intents, func(i *intent) bool { return i.id == id })
	if at < 0 {
		return nil
	}
	return s.intents[at]
}

// in finds a PaymentIntent in one of the states, or gives the refusal.
func (s *Stripe) in(id string, states ...string) (*intent, *answer) {
	i := s.find(id)
	if i == nil {
		a := failed(http.StatusNotFound, "invalid_request_error", "resource_missing", "intent")
		return nil, &a
	}
	if !slices.Contains(states, i.status) {
		a := invalid("payment_intent_unexpected_state", "").with("payment_intent", i.shape(false))
		return nil, &a
	}
	return i, nil
}

var methods = []string{Visa, Declined, InsufficientFunds, StolenCard, Authenticate, PendingRefund, Processing}

func (s *Stripe) create(_ string, form url.Values) answer {
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	if err != nil || amount < 1 {
		return invalid("parameter_invalid_integer", "amount")
	}
	method := form.Get("payment_method")
	if method != "" && !slices.Contains(methods, method) {
		return invalid("resource_missing", "payment_method")
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
	s.happened("payment_intent.created", i.shape(false))
	return found(i.shape(false))
}

func (s *Stripe) retrieve(id string, form url.Values) answer {
	i := s.find(id)
	if i == nil {
		return failed(http.StatusNotFound, "invalid_request_error", "resource_missing", "intent")
	}
	return found(i.shape(form.Get("expand[0]") == "latest_charge"))
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
	return found(i.shape(false))
}

// pay asks the bank. It gives the answer of a decline.
func (s *Stripe) pay(i *intent) *answer {
	decline := map[string]string{Declined: "generic_decline", InsufficientFunds: "insufficient_funds", StolenCard: "stolen_card"}[i.method]
	switch {
	case decline != "":
		a := failed(http.StatusPaymentRequired, "card_error", "card_declined", "").with("decline_code", decline)
		s.decline(i, a.body.(object)["error"].(object)) //nolint:errcheck // failed has made it
		a = a.with("payment_intent", i.shape(false))
		return &a
	case i.method == Authenticate:
		i.status = "requires_action"
		s.happened("payment_intent.requires_action", i.shape(false))
	case i.method == Processing:
		i.status = "processing"
		s.happened("payment_intent.processing", i.shape(false))
	default:
		s.succeed(i)
	}
	return nil
}

func (s *Stripe) decline(i *intent, why object) {
	i.status, i.method, i.lastError = "requires_payment_method", "", maps.Clone(why)
	s.happened("payment_intent.payment_failed", i.shape(false))
}

func (s *Stripe) succeed(i *intent) {
	i.charge = s.newID("ch")
	if i.captureMethod == "manual" {
		i.status = "requires_capture"
		s.happened("payment_intent.amount_capturable_updated", i.shape(false))
		return
	}
	i.take()
	s.happened("charge.succeeded", i.chargeShape())
	s.happened("payment_intent.succeeded", i.shape(false))
}

func (i *intent) take() { i.status, i.captured = "succeeded", i.captured+i.amount }

func (s *Stripe) capture(id string, form url.Values) answer {
	i, refused := s.in(id, "requires_capture")
	if refused != nil {
		return *refused
	}
	if form.Get("amount_to_capture") != strconv.FormatInt(i.amount, 10) {
		return invalid("parameter_invalid_integer", "amount_to_capture")
	}
	i.take()
	s.happened("charge.captured", i.chargeShape())
	s.happened("payment_intent.succeeded", i.shape(false))
	return found(i.shape(false))
}

func (s *Stripe) cancel(id string, _ url.Values) answer {
	i, refused := s.in(id, "requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
	if refused != nil {
		return *refused
	}
	i.status = "canceled"
	s.happened("payment_intent.canceled", i.shape(false))
	return found(i.shape(false))
}

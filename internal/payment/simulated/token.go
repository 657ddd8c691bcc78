package simulated

import (
	"crypto/sha256"
	"slices"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

// The payment tokens: each scripts how an authorization goes. No token at all is TokenRandom.
const (
	// TokenApprove is approved.
	TokenApprove = "sim_approve"
	// TokenDecline is refused with the code card_declined.
	TokenDecline = "sim_decline"
	// TokenRandom is approved about three times in four, else refused like TokenDecline. The payment's id decides, so
	// every attempt for one payment goes the same way.
	TokenRandom = "sim_random"
	// TokenRequiresAction waits for Complete.
	TokenRequiresAction = "sim_requires_action"
	// TokenDelayed is decided days later by the bank: by Provider.Outside.
	TokenDelayed = "sim_delayed"
	// TokenTimeoutCharged takes the money and answers the first call with a timeout.
	TokenTimeoutCharged = "sim_timeout_charged"
	// TokenTimeoutNotCharged answers the first call with a timeout and moves nothing; the second is approved.
	TokenTimeoutNotCharged = "sim_timeout_not_charged"
	// TokenErrorOnce answers the first call with a server error and moves nothing; the second is approved.
	TokenErrorOnce = "sim_error_once"
)

// failure is a kind of failed call: before or after the provider decided, and how that looks to the caller.
type failure string

const (
	noFailure          failure = ""
	timeoutAfterCharge failure = "timeout after charge"
	timeoutBefore      failure = "timeout before charge"
	errorBefore        failure = "error before charge"
	errorAfterCharge   failure = "error after charge"
)

// undecided reports whether the call fails before the provider decided anything.
func (f failure) undecided() bool { return f == timeoutBefore || f == errorBefore }

// err returns the caller's error in place of an answer; nil without a failure.
func (f failure) err() error {
	switch f {
	case timeoutAfterCharge, timeoutBefore:
		return &UnavailableError{Code: CodeTimeout}
	case errorBefore, errorAfterCharge:
		return &UnavailableError{Code: CodeServerError}
	case noFailure:
	}
	return nil
}

// script is a token's effect on an authorization.
type script struct {
	outcome payment.Outcome
	code    string
	// firstCall is the failure of the first call with a key; later calls do not.
	firstCall failure
}

// tokens in the order in which they are documented. The outcome Captured stands for Held when capture is manual.
var tokens = []struct {
	name   string
	effect string
	script script
	// label and hint are the shop's texts.
	label, hint string
}{
	{TokenApprove, "approved", script{outcome: payment.Captured}, "Card that is approved", "Confirmed, then delivered"},
	{
		TokenDecline, "refused with the code card_declined",
		script{outcome: payment.Refused, code: CodeCardDeclined},
		"Card that is declined", "You may pay again with another",
	},
	{
		TokenRandom, "approved three times in four, else refused; the payment's id decides",
		script{},
		"Surprise me", "Approved three times in four",
	},
	{
		TokenRequiresAction, "waits until the customer approves or refuses",
		script{outcome: payment.ActionRequired},
		"Card that asks you first", "Approve or refuse, as at your bank",
	},
	{
		TokenDelayed, "the bank decides later, about the payment and each refund",
		script{outcome: payment.Pending},
		"Bank debit that takes days", "Processing until the bank decides",
	},
	{
		TokenTimeoutCharged, "charges, but the first answer is a timeout",
		script{outcome: payment.Captured, firstCall: timeoutAfterCharge},
		"The answer is lost, the money is not", "Looked up, then confirmed with one charge",
	},
	{
		TokenTimeoutNotCharged, "the first call times out and charges nothing, the second is approved",
		script{outcome: payment.Captured, firstCall: timeoutBefore},
		"The first call is lost", "Repeated with the same key: one charge",
	},
	{
		TokenErrorOnce, "the first call is a server error and charges nothing, the second is approved",
		script{outcome: payment.Captured, firstCall: errorBefore},
		"The provider fails once", "Repeated with the same key: one charge",
	},
}

// Tokens lists the payment tokens, for messages and documentation.
func Tokens() []string {
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = t.name
	}
	return names
}

// UndisturbedTokens lists the tokens whose payments end without anybody at the provider, for tests of load and faults: all except
// TokenDelayed.
func UndisturbedTokens() []string {
	return slices.DeleteFunc(Tokens(), func(token string) bool { return token == TokenDelayed })
}

// Describe says in a few words what a token does; it is empty for an unknown one.
func Describe(token string) string {
	for _, t := range tokens {
		if t.name == token {
			return t.effect
		}
	}
	return ""
}

// ValidToken reports whether the provider knows the token. The empty token is valid: it stands for TokenRandom.
func ValidToken(token string) bool {
	return token == "" || slices.Contains(Tokens(), token)
}

// scriptOf says how an authorization with this token goes; false for an unknown token.
func scriptOf(token string, paymentID id.Payment, capture payment.CaptureMethod) (script, bool) {
	for _, t := range tokens {
		if t.name != token {
			continue
		}
		s := t.script
		if token == TokenRandom {
			s = randomScript(paymentID)
		}
		if s.outcome == payment.Captured {
			s.outcome = approved(capture)
		}
		return s, true
	}
	return script{}, false
}

// randomScript is decided by a hash, because the ids themselves are mostly time.
func randomScript(paymentID id.Payment) script {
	if sum := sha256.Sum256(paymentID[:]); sum[0] < 64 {
		return script{outcome: payment.Refused, code: CodeCardDeclined}
	}
	return script{outcome: payment.Captured}
}

// approved returns the outcome of an approved charge.
func approved(capture payment.CaptureMethod) payment.Outcome {
	switch capture {
	case payment.CaptureAutomatic:
		return payment.Captured
	case payment.CaptureManual:
		return payment.Held
	default: // check lets none in
		return payment.Refused
	}
}

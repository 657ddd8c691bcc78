package payment

import (
	"errors"
	"fmt"

	"github.com/orderwire/orderwire/internal/freetext"
)

// Bounds of what a provider says, in characters. It is stored with the payment and shown, so the largest answer that somebody can ask
// for depends on them (internal/guard/sizes.go).
const (
	MaxReference    = 255
	MaxCode         = 100
	MaxMessage      = 500
	MaxActionURL    = 2048
	MaxClientSecret = 500
)

// whole reports whether a provider's id can be stored as it is. Half of one would be another's.
func whole(reference string) bool {
	return reference != "" && freetext.Clip(reference, MaxReference) == reference
}

// Take bounds a Gateway's answer. Words for people are cut. What only serves whole, such as the reference of a charge, makes the
// answer useless when it is too long: then the outcome is unknown, as if nothing had been answered.
func Take(r Result, err error) (Result, error) {
	if definite, ok := errors.AsType[*DefiniteError](err); ok {
		return r, &DefiniteError{Message: freetext.Clip(definite.Message, MaxMessage), Why: definite.Why, Unasked: definite.Unasked}
	}
	if spent, ok := errors.AsType[*SpentKeyError](err); ok {
		return r, &SpentKeyError{Message: freetext.Clip(spent.Message, MaxMessage)}
	}
	if _, ok := errors.AsType[*NotConfiguredError](err); ok {
		return r, err
	}
	if unmoved, ok := errors.AsType[*UnmovedError](err); ok {
		return r, &UnmovedError{Message: freetext.Clip(unmoved.Message, MaxMessage)}
	}
	if unsent, ok := errors.AsType[*NotSentError](err); ok {
		return r, &NotSentError{Message: freetext.Clip(unsent.Message, MaxMessage)}
	}
	if busy, ok := takeBusy(err); ok {
		return r, busy
	}
	if err != nil {
		return r, errors.New(freetext.Clip(err.Error(), MaxMessage))
	}
	r.Outcome = Outcome(freetext.Clip(string(r.Outcome), MaxCode))
	r.Code = freetext.Clip(r.Code, MaxCode)
	action := r.Action
	if action == nil {
		action = &NextAction{}
	}
	for _, whole := range []struct {
		name, value string
		most        int
	}{{"reference", r.Reference, MaxReference}, {"URL to act at", action.URL, MaxActionURL}, {"client secret", action.ClientSecret, MaxClientSecret}} {
		if freetext.Clip(whole.value, whole.most) != whole.value {
			return Result{}, fmt.Errorf("the provider's answer has a %s of more than %d characters, or with control characters in it", whole.name, whole.most)
		}
	}
	return r, nil
}

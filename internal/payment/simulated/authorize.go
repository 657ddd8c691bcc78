package simulated

import (
	"context"
	_ "embed" // for the statement beside this file
	"strings"
	"time"

	"github.com/google/uuid"
	"go.jetify.com/typeid/base32"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

//go:embed authorize.sql
var authorizeSQL string

// answer is an operation's answer, as the ledger stores it under its key.
type answer struct {
	Outcome         payment.Outcome `db:"outcome"` // empty: undecided
	Code            string          `db:"code"`
	Charge          string          `db:"charge"`
	ActionExpiresAt *time.Time      `db:"action_expires_at"`
	// Captured is the amount that the charge had captured in all; nil unless a capture or a void was answered with it.
	Captured *int64 `db:"captured"`
	// Calls made with the key, this one included.
	Calls       int  `db:"calls"`
	SameRequest bool `db:"same_request"`
}

// rejected is the stored outcome of a request that is answered with a *RejectedError.
const rejected payment.Outcome = "REJECTED"

// result is the answer as the Gateway gives it.
func (a answer) result() (payment.Result, error) {
	switch {
	case !a.SameRequest:
		return payment.Result{}, rejection(CodeKeyReused)
	case a.Outcome == rejected:
		return payment.Result{}, rejection(a.Code)
	}
	r := resultOf(a.Outcome, a.Charge, a.Code, a.ActionExpiresAt)
	r.Captured = a.Captured
	return r, nil
}

// resultOf puts a Result together; the action is left out unless the outcome asks for it.
func resultOf(outcome payment.Outcome, reference, code string, expires *time.Time) payment.Result {
	r := payment.Result{Outcome: outcome, Reference: reference, Code: code, RanOut: outcome == payment.Released && code == CodeRanOut}
	if outcome == payment.ActionRequired {
		r.Action = &payment.NextAction{Type: payment.ActionSimulated}
		if expires != nil {
			at := expires.UTC()
			r.Action.ExpiresAt = &at
		}
	}
	return r
}

// referenceOf is the reference of the charge that the authorization with this key makes. It follows from the key, so
// that there is nothing random in a statement that may run twice.
func referenceOf(key id.Attempt) string { return referencePrefix + base32.Encode(key) }

const referencePrefix = "sim_ch_"

// keyOf is the key of the authorization that made the charge; false for what is no reference.
func keyOf(reference string) (id.Attempt, bool) {
	suffix, ok := strings.CutPrefix(reference, referencePrefix)
	if !ok {
		return id.Attempt{}, false
	}
	raw, err := base32.Decode(suffix)
	if err != nil {
		return id.Attempt{}, false
	}
	key, err := uuid.FromBytes(raw)
	return id.Attempt(key), err == nil
}

// Authorize decides by the token (see the Token constants) and answers Captured, Held, ActionRequired, Pending or Refused.
// A payment that was voided before is Refused with CodeVoided, under whatever key and token.
// Errors are *RejectedError and *UnavailableError.
func (p *Provider) Authorize(ctx context.Context, call payment.Call) (payment.Result, error) {
	call, err := check(call, payment.OperationAuthorize)
	if err != nil {
		return payment.Result{}, err
	}
	if !p.opts.Amounts.Include(call.Amount.Minor) {
		return payment.Result{}, invalid(CodeAmountNotSupported, "it takes no payment of %s", call.Amount)
	}
	s, ok := scriptOf(call.Method, call.PaymentID, call.Capture)
	if !ok {
		return payment.Result{}, invalid(CodeTokenUnknown, "unknown payment token %.40q", call.Method)
	}
	if err := p.pause(ctx, call.Key); err != nil {
		return payment.Result{}, err
	}
	event := p.opts.Webhooks.outgoing(call.Key, referenceOf(call.Key), eventOf(s.outcome, noEntry), false)
	a, err := p.authorizations.Do(ctx, authorization{call: call, script: s, undecided: p.undecidedCalls(call.Key, s.firstCall), event: event})
	if err != nil {
		return payment.Result{}, unavailable(err)
	}
	p.committed(ctx, event)
	return p.answer(ctx, call.Key, a, s.firstCall)
}

// answer ends a call whose ledger is written: with the rest of its latency, and with a failure or the answer.
func (p *Provider) answer(ctx context.Context, key id.Attempt, a answer, scripted failure) (payment.Result, error) {
	if err := p.pause(ctx, key); err != nil {
		return payment.Result{}, err
	}
	if a.SameRequest {
		if err := p.failureOf(key, a.Calls, scripted).err(); err != nil {
			return payment.Result{}, err
		}
	}
	r, err := a.result()
	return p.withAction(r), err
}

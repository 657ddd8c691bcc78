package order

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/fsm"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// PaymentInput says which payment is meant.
type PaymentInput struct {
	PaymentID       id.Payment
	ExpectedVersion *int
	RequestID       string
}

// RecheckPayment asks the pipeline to look the payment's charge up and to take in what it sees, now and durably: for a
// webhook, for a reconciler, for a customer who comes back. It is cheap and may be asked any number of times, by anybody
// who may see the payment; auth.System sees all. fault.NotFound when there is no such payment for the principal. See
// payment.Payment.RequestRecheck for what it does.
func (s *Service) RecheckPayment(ctx context.Context, p auth.Principal, paymentID id.Payment) (*Order, error) {
	c := s.cause(p, "")
	return s.changePayment(ctx, p, paymentID, Change{Apply: func(o *Order) (uuid.UUID, error) {
		o.RequestRecheck(c, paymentID)
		return uuid.Nil, nil
	}})
}

// CaptureInput says which payment is captured, and how much of it.
type CaptureInput struct {
	PaymentInput
	// AmountMinor is in minor units of the payment's currency; nil captures all that is held.
	AmountMinor *int64
}

// Capture takes the money of an authorized payment, or a part of it; the order is CONFIRMED once the provider has taken the last part. A
// provider that captures once releases the rest, so that its first part is the last. Asking again while a capture of the same amount is
// under way, or for what is captured, changes nothing. Staff only.
// User errors: PAYMENT_NOT_FOUND, NOT_ALLOWED_IN_STATE, CONFLICT, AMOUNT_OUT_OF_RANGE, TOO_MANY_CAPTURES.
func (s *Service) Capture(ctx context.Context, p auth.Principal, in CaptureInput) (*Order, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	if in.AmountMinor != nil && *in.AmountMinor < 1 {
		return nil, captureAmount("A capture is at least 1 minor unit.")
	}
	c := s.cause(p, in.RequestID)
	entry := audited(c, p, "payment.capture", in.PaymentID, "")
	o, err := s.changePayment(ctx, p, in.PaymentID, Change{
		Audit: entry,
		Apply: func(o *Order) (uuid.UUID, error) {
			of := o.PaymentByID(in.PaymentID)
			if of.CaptureRequested(in.AmountMinor) {
				return uuid.Nil, nil
			}
			if !o.CanCapture(of) {
				return uuid.Nil, notInState(of, "Only an AUTHORIZED payment that is not about to be captured or voided can be captured.")
			}
			if err := expectVersion(o, in.ExpectedVersion); err != nil {
				return uuid.Nil, err
			}
			if in.AmountMinor == nil {
				o.Capture(c, of)
				return uuid.Nil, nil
			}
			keepsRest, err := s.checkPart(of, *in.AmountMinor)
			if err != nil {
				return uuid.Nil, err
			}
			detail := money.New(*in.AmountMinor, of.Amount.Currency).String()
			entry.Detail = &detail
			o.CapturePart(c, of, *in.AmountMinor, keepsRest)
			return uuid.Nil, nil
		},
	})
	return o, paymentNotFound(err)
}

// checkPart reports whether the provider keeps the rest of the authorization when it captures an amount, or why it cannot capture that.
func (s *Service) checkPart(of *payment.Payment, minor int64) (keepsRest bool, err error) {
	provider, err := s.providers.Of(of.Provider)
	if err != nil {
		return false, fault.New(fault.Unavailable, "The payment's provider is not configured on this server.")
	}
	held := of.Capturable()
	most := provider.Limits.MostCapture(money.New(held, of.Amount.Currency))
	if minor > most {
		return false, captureAmount(fmt.Sprintf("At most %d minor units can be captured.", most))
	}
	keepsRest = provider.Limits.MultiCapture && minor < held
	if keepsRest && of.Captures() >= payment.MaxCaptures-1 {
		return false, fault.User(fault.TooManyCaptures,
			fmt.Sprintf("The payment was captured %d times. Capture all that is held, or void the rest.", of.Captures()), "input", "amountMinor")
	}
	return keepsRest, nil
}

// CapturesInParts reports whether the payment's provider can capture it in several parts.
func (s *Service) CapturesInParts(of *payment.Payment) bool {
	provider, err := s.providers.Of(of.Provider)
	return err == nil && of.CaptureMethod == payment.CaptureManual && provider.Limits.MultiCapture
}

func captureAmount(message string) error {
	return fault.User(fault.AmountOutOfRange, message, "input", "amountMinor")
}

// Void ends a payment before its money is taken; it is VOIDED once the provider has said so, and the order can be paid
// again. Of a payment that is captured in part it releases the rest; it is CONFIRMED then. Asking again, or for what is voided, changes nothing. Staff only.
// User errors: PAYMENT_NOT_FOUND, NOT_ALLOWED_IN_STATE, CONFLICT.
func (s *Service) Void(ctx context.Context, p auth.Principal, in PaymentInput) (*Order, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	c := s.cause(p, in.RequestID)
	o, err := s.changePayment(ctx, p, in.PaymentID, Change{
		Audit: audited(c, p, "payment.void", in.PaymentID, ""),
		Apply: func(o *Order) (uuid.UUID, error) {
			of := o.PaymentByID(in.PaymentID)
			if of.VoidRequested() {
				return uuid.Nil, nil
			}
			if !o.CanVoid(of) {
				return uuid.Nil, notInState(of, "Only a payment that took no money, is not with the provider and is not about to be captured can be voided.")
			}
			if err := expectVersion(o, in.ExpectedVersion); err != nil {
				return uuid.Nil, err
			}
			return uuid.Nil, o.Void(c, s.policy, of)
		},
	})
	return o, paymentNotFound(err)
}

// maxResolveNote in characters.
const maxResolveNote = 500

// ResolveInput says how a payment that needs a person is settled.
type ResolveInput struct {
	PaymentInput
	Resolution payment.Resolution
	// Note says how the person knows. Marks need one.
	Note string
}

// Resolve settles a payment that needs a person; see payment.Payment.Resolve. Staff only.
// User errors: PAYMENT_NOT_FOUND, NOT_ALLOWED_IN_STATE, CONFLICT, TEXT_INVALID, TEXT_TOO_LONG, CARD_NUMBER_REFUSED.
func (s *Service) Resolve(ctx context.Context, p auth.Principal, in ResolveInput) (*Order, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	if !in.Resolution.Valid() {
		return nil, fmt.Errorf("unknown resolution %q", in.Resolution)
	}
	var problems fault.List
	checkText(&problems, &in.Note, maxResolveNote, "input", "note")
	if in.Resolution != payment.Recheck && strings.TrimSpace(in.Note) == "" {
		problems.Add(fault.User(fault.TextInvalid, "The note is empty. Write how you know where the money is.", "input", "note"))
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	detail := string(in.Resolution)
	if in.Note != "" {
		detail += ": " + in.Note
	}
	c := s.cause(p, in.RequestID)
	o, err := s.changePayment(ctx, p, in.PaymentID, Change{
		Audit: audited(c, p, "payment.resolve", in.PaymentID, detail),
		Apply: func(o *Order) (uuid.UUID, error) {
			if o.PaymentByID(in.PaymentID).ResolutionChanges(in.Resolution) {
				if err := expectVersion(o, in.ExpectedVersion); err != nil {
					return uuid.Nil, err
				}
			}
			err := o.Resolve(c, s.policy, in.PaymentID, in.Resolution)
			var refused *fsm.NotAllowedError
			if errors.As(err, &refused) {
				err = notInState(o.PaymentByID(in.PaymentID), "A mark settles a payment that needs a person and must not contradict what is booked, nor end a void whose outcome only the provider knows; a recheck needs a charge at the provider.")
			}
			return uuid.Nil, err
		},
	})
	return o, paymentNotFound(err)
}

// NeedingAttention lists the payments that need a person, the longest waiting first. Staff only.
func (s *Service) NeedingAttention(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[PaymentOf], error) {
	if err := auth.RequireStaff(p); err != nil {
		return pagination.Result[PaymentOf]{}, err
	}
	return s.store.PaymentsNeedingAttention(ctx, p, request)
}

const (
	// maxRechecked is the largest number of payments that one RecheckAttention examines. It bounds the time of the request.
	maxRechecked = 500
	// recheckPace lies between the looks, so that a provider which is back after an outage is not overrun.
	recheckPace = 20 * time.Millisecond
)

// BulkRecheck selects payments that need attention, and says when their charges are looked at.
type BulkRecheck struct {
	// Attention is the only reason for attention that is meant; nil: any.
	Attention *payment.Attention
	// After is the payment after which to begin, in the order of ids.
	After id.Null[uuid.UUID]
	// Limit is the largest number of payments that are examined.
	Limit int
	// At is the time of the first look, and Pace lies between one and the next.
	At   time.Time
	Pace time.Duration
	// Audit makes the entry of a payment's recheck.
	Audit func(id.Payment) *audit.Entry
}

// Rechecked is the result of a BulkRecheck.
type Rechecked struct {
	// Count is the number of payments that are looked up. Those for which the provider was never called are not among them.
	Count int
	// Next is the After of the next call; not valid when all payments were examined.
	Next id.Null[uuid.UUID]
}

// RecheckInput selects payments that need attention; see BulkRecheck.
type RecheckInput struct {
	Attention *payment.Attention
	After     id.Null[uuid.UUID]
}

// RecheckAttention has the provider asked about many payments that need a person, as Resolve with payment.Recheck does about one. It examines
// up to 500 of them, those that wait longest first, and returns where to go on. The pipeline looks them up, 50 a second. Asking again
// before a look does not add another. Staff only.
func (s *Service) RecheckAttention(ctx context.Context, p auth.Principal, in RecheckInput) (Rechecked, error) {
	if err := auth.RequireStaff(p); err != nil {
		return Rechecked{}, err
	}
	c := s.cause(p, "")
	return s.store.RecheckAttention(ctx, p, BulkRecheck{
		Attention: in.Attention, After: in.After, Limit: maxRechecked, At: c.Now, Pace: recheckPace,
		Audit: func(paymentID id.Payment) *audit.Entry {
			return audited(c, p, "payment.resolve", paymentID, string(payment.Recheck)+", with others")
		},
	})
}

// changePayment changes the order of a payment. fault.NotFound when the principal may not see one.
func (s *Service) changePayment(ctx context.Context, p auth.Principal, paymentID id.Payment, change Change) (*Order, error) {
	o, err := s.orderOfPayment(ctx, p, paymentID)
	if err != nil {
		return nil, err
	}
	outcome, err := s.store.ChangeOrder(ctx, p, o.ID, change)
	return outcome.Order, err
}

func (s *Service) orderOfPayment(ctx context.Context, p auth.Principal, paymentID id.Payment) (*Order, error) {
	orders, err := s.store.OrdersByPayment(ctx, p, []id.Payment{paymentID})
	if err != nil {
		return nil, err
	}
	if orders[paymentID] == nil {
		return nil, fault.New(fault.NotFound, "There is no such payment.")
	}
	return orders[paymentID], nil
}

func notInState(p *payment.Payment, rule string) error {
	return fault.User(fault.NotAllowedInState, rule+" This one is "+string(p.Status)+".", "input", "paymentId")
}

func paymentNotFound(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.User(fault.PaymentNotFound, "There is no such payment.", "input", "paymentId")
	}
	return err
}

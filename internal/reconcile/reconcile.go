// Package reconcile compares our books with those of the payment provider, payment by payment.
//
// Every round walks the final and the authorized payments that changed recently, asks the provider for each charge's totals, and keeps each
// difference as an Entry until both agree again. A hold or a dispute that is not as our books say is in no total: the order's rules book it. Nothing is ever repaired silently: a difference is counted, shown to staff, and given to the
// order's own rules (order.Service.RecheckPayment). They book what they can explain, such as a late success, with its events, and
// otherwise set the payment's attention MISMATCH.
//
// A payment with an attempt in progress is left out, and a difference counts only if the order has not changed since its books were
// read. So no compared payment has money in flight. One replica at a time reconciles, under a lease.
package reconcile

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// Entry is a difference between our books and the provider's on one payment, open or resolved.
type Entry struct {
	ID        uuid.UUID
	OrderID   id.Order
	PaymentID id.Payment
	// Expected is captured − refunded by our books, AtProvider by the provider's. They are equal when captured and refunded differ
	// by the same amount.
	Expected   money.Amount
	AtProvider money.Amount
	DetectedAt time.Time
	// ResolvedAt is the time at which both agreed again; nil before that.
	ResolvedAt *time.Time
}

// Books has our books of one payment, read in one snapshot.
type Books struct {
	PaymentID id.Payment
	OrderID   id.Order
	// Provider is the name of the one that took the payment.
	Provider string
	// Revision of the order: it grows with every change, the begin of an attempt included.
	Revision  int64
	UpdatedAt time.Time
	Totals    payment.Totals
	// Authorized: the money is held, by our books. No total tells of it, nor of the Disputes.
	Authorized bool
	Disputes   []payment.Dispute
	// LookUp asks for the charge. Its Key is uuid.Nil when the provider was never asked for one.
	LookUp payment.Call
	// Busy: an attempt is in progress, so the books may rightly differ.
	Busy bool
	// Open: a difference was found earlier and is not resolved. Raised: it was given to the order's rules.
	Open, Raised bool
	// Mismatch is the payment's attention.
	Mismatch bool
}

// Position in the walk, which is ordered by the time of the last change.
type Position struct {
	At time.Time
	ID id.Payment
}

// Round is one walk. Its times are of the database's clock.
type Round struct {
	Fence int64
	// Began is the time at which the round began: later changes belong to the next round.
	Began time.Time
	// From is the position at which the round continues: another replica may have begun it.
	From Position
}

// ErrLeaseLost says that another replica reconciles now.
var ErrLeaseLost = errors.New("another replica reconciles")

// Store has our books, and the differences.
type Store interface {
	// Begin takes the lease and begins a round if one is due, or continues an unfinished one. nil: there is nothing to do, or
	// another replica does it. A round is due interval after the last one began.
	Begin(ctx context.Context, interval, window time.Duration) (*Round, error)
	// Advance renews the lease and stores the round's position. ErrLeaseLost.
	Advance(ctx context.Context, round *Round, to Position) error
	// End finishes the round and releases the lease; Leave releases it so that another replica can continue the round.
	End(ctx context.Context, round *Round) error
	Leave(ctx context.Context, round *Round) error

	// Unknown lists the providers' payments that need attention because an outcome is unknown, by id.
	Unknown(ctx context.Context, providers []string, after id.Payment, limit int) ([]id.Payment, error)
	// Differing lists the providers' payments with an open difference or the attention MISMATCH, by payment id.
	Differing(ctx context.Context, providers []string, after id.Payment, limit int) ([]Books, error)
	// AtRest lists the providers' other payments that are final and last changed within (after, until], by time.
	AtRest(ctx context.Context, providers []string, after Position, until time.Time, limit int) ([]Books, error)

	// Differs keeps a difference, one open per payment, unless the order has changed since the books were read: kept is
	// false then. changed: it is new, or its amounts are.
	Differs(ctx context.Context, books Books, theirs payment.Totals) (kept, changed bool, err error)
	// Raised records that the payment's open difference was given to the order's rules.
	Raised(ctx context.Context, paymentID id.Payment) error
	// Agrees resolves the payment's open difference, unless the order has changed since the books were read.
	Agrees(ctx context.Context, books Books) (resolved bool, err error)

	// CountOpen counts open differences.
	CountOpen(ctx context.Context) (int, error)
	// Entries lists the newest first.
	Entries(ctx context.Context, p auth.Principal, request pagination.Request) (pagination.Result[Entry], error)
}

// Counts count since the start of this process, except Open.
type Counts struct {
	// Checked payments were compared with the provider; Errors could not be. Rounds have ended.
	Checked, Errors, Rounds atomic.Int64
	// Detected and Resolved differences.
	Detected, Resolved atomic.Int64
	// Open differences, as last read from the database.
	Open atomic.Int64
}

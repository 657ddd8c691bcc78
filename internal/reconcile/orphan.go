package reconcile

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// Orphan is a charge of this installation that holds or took money at the provider, and that no payment here references: a restore
// has lost the payment, or the payment's reference.
type Orphan struct {
	payment.Charge
	ID       uuid.UUID
	Provider string
	// DetectedAt is the time at which it was first seen with money.
	DetectedAt time.Time
	// ResolvedAt is the time at which it was found settled: refunded in full, released, or referenced by a payment here. nil before
	// that.
	ResolvedAt *time.Time
}

// Walk is one round through a provider's charges, newest first. Its times are of the database's clock.
type Walk struct {
	Fence int64
	Began time.Time
	// The round covers charges created within [From, Until].
	From, Until time.Time
	// After is the place in the list at which the round continues: another replica may have begun it. "" is the beginning.
	After string
}

// WalkTimes decide when a round is due and which charges it covers.
type WalkTimes struct {
	// Interval between the beginnings of two rounds. One is due at once when the log has another identity than at the last.
	Interval time.Duration
	// Grace is the least age of a charge: the payment of a younger one may not have its reference yet.
	Grace time.Duration
	// Overlap is the time before the last round's end that a round covers again: clocks differ, and lists may be late.
	Overlap time.Duration
}

// OrphanStore keeps the progress of the walk through one provider's charges, and its findings. It writes nothing for a round whose
// lease another replica has taken: ErrLeaseLost.
type OrphanStore interface {
	// BeginWalk takes the lease and begins a round if one is due, or continues an unfinished one. nil: there is nothing to do, or
	// another replica does it.
	BeginWalk(ctx context.Context, times WalkTimes) (*Walk, error)
	// AdvanceWalk renews the lease and stores the round's place in the list, in walk too.
	AdvanceWalk(ctx context.Context, walk *Walk, after string) error
	// EndWalk finishes the round and releases the lease; LeaveWalk releases it so that another replica can continue the round.
	EndWalk(ctx context.Context, walk *Walk) error
	LeaveWalk(ctx context.Context, walk *Walk) error

	// Record stores the charges that may hold or take money and that no payment references, each once. It returns the detected
	// ones: seen with money for the first time. A charge whose payment may still learn of it is stored as PENDING and not detected.
	Record(ctx context.Context, walk *Walk, charges []payment.Charge) ([]payment.Charge, error)
	// ResolveKnown resolves the charges that a payment references by now.
	ResolveKnown(ctx context.Context, walk *Walk) (int, error)
	// Unresolved lists references of unresolved charges that were last looked up before a time, the longest wait first. A charge
	// that never had money is left out when it is older than pendingFor and its payment is not here.
	Unresolved(ctx context.Context, before time.Time, pendingFor time.Duration, limit int) ([]string, error)
	// Asked stores the looked-up state of a charge; nil: the look-up failed. It resolves a settled charge.
	Asked(ctx context.Context, walk *Walk, reference string, charge *payment.Charge) (Became, error)

	// Status counts the open orphans, and returns the time since the end of the listed period.
	Status(ctx context.Context) (open int, behind time.Duration, err error)
	// Orphans lists the newest first; all: resolved ones too.
	Orphans(ctx context.Context, p auth.Principal, request pagination.Request, all bool) (pagination.Result[Orphan], error)
}

// Became says what an answer changed: Detected, the charge was seen with money for the first time; Resolved, it was refunded or
// released.
type Became struct{ Detected, Resolved bool }

// OrphanCounts count since the start of this process, except Open and Behind.
type OrphanCounts struct {
	// Detected and Resolved orphans; Errors: rounds and look-ups that failed at the provider or the database; Rounds that have
	// ended.
	Detected, Resolved, Errors, Rounds atomic.Int64
	// Open orphans, and the seconds since the end of the listed period, as last read from the database.
	Open, Behind atomic.Int64
}

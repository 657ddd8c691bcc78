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

// Orphan is a charge of this installation at the provider that holds or took money, and that no payment here stands for:
// a restore has lost the payment, or the payment has forgotten the charge.
type Orphan struct {
	payment.Charge
	ID       uuid.UUID
	Provider string
	// DetectedAt is when it was first seen with money.
	DetectedAt time.Time
	// ResolvedAt is when it was found to be settled: all was given back, the hold was released, or its payment is here. nil
	// while it is not.
	ResolvedAt *time.Time
}

// Walk is one round through a provider's charges, newest first. Its times are of the database's clock.
type Walk struct {
	Fence int64
	Began time.Time
	// The round covers charges created within [From, Until].
	From, Until time.Time
	// After is the place in the list where it goes on: another replica may have begun it. "" is the beginning.
	After string
}

// WalkTimes say when a round is due and what it covers.
type WalkTimes struct {
	// Interval between the beginnings of two rounds. One is due at once when the log has another identity than at the last.
	Interval time.Duration
	// Grace is how old a charge must be: the payment of a younger one may not have the charge's reference yet.
	Grace time.Duration
	// Overlap is how far a round reaches back before the end of the last: clocks differ, and lists may be late.
	Overlap time.Duration
}

// OrphanStore keeps the walk through one provider's charges, and what it found. Nothing is written for a round whose lease is
// another's by now: ErrLeaseLost.
type OrphanStore interface {
	// BeginWalk takes the lease and begins a round if one is due, or goes on with one that was left. nil: neither is so, or
	// another replica does it.
	BeginWalk(ctx context.Context, times WalkTimes) (*Walk, error)
	// AdvanceWalk prolongs the lease and remembers how far the round has come, in walk too.
	AdvanceWalk(ctx context.Context, walk *Walk, after string) error
	// EndWalk finishes the round and gives the lease up; LeaveWalk gives it up for another to go on.
	EndWalk(ctx context.Context, walk *Walk) error
	LeaveWalk(ctx context.Context, walk *Walk) error

	// Record keeps the charges that may hold or take money and that no payment stands for, each once. It returns those that
	// are detected: seen with money for the first time. One whose payment may yet be told of it is kept as PENDING, and not detected.
	Record(ctx context.Context, walk *Walk, charges []payment.Charge) ([]payment.Charge, error)
	// ResolveKnown resolves the charges whose payment is here now.
	ResolveKnown(ctx context.Context, walk *Walk) (int, error)
	// Unresolved lists references of charges that are not resolved and were not asked after since a time, those that have
	// waited longest first. A charge that never had money is left out when it is older than pendingFor and its payment is not here.
	Unresolved(ctx context.Context, before time.Time, pendingFor time.Duration, limit int) ([]string, error)
	// Asked remembers what a charge is now, nil: it could not be told. It resolves a charge that is settled.
	Asked(ctx context.Context, walk *Walk, reference string, charge *payment.Charge) (Became, error)

	// Status counts the open orphans, and says up to when the charges have been walked.
	Status(ctx context.Context) (open int, behind time.Duration, err error)
	// Orphans lists the newest first; all: resolved ones too.
	Orphans(ctx context.Context, p auth.Principal, request pagination.Request, all bool) (pagination.Result[Orphan], error)
}

// Became is what an orphan has become by the provider's answer.
type Became struct{ Detected, Resolved bool }

// OrphanCounts are this process's since it started, but for Open and Behind.
type OrphanCounts struct {
	// Detected orphans and Resolved ones; Errors are rounds and questions that the provider or the database failed; Rounds
	// have ended.
	Detected, Resolved, Errors, Rounds atomic.Int64
	// Open orphans, and the seconds since the end of what has been walked, as last read from the database.
	Open, Behind atomic.Int64
}

package postgres

// A lease is a row that says who does something as the only one: holder, fence and leased_until, on the database's clock.
// These are the parts of its statements, for the sequencer's and the reconciler's row. A lease is not an advisory lock,
// because such a lock stays with a stopped process for ever. Each take has a fence of its own, so what its holder sent
// before and did not hear of can no longer do anything.
const (
	// leaseTaken sets a lease for holder $1 and $2 seconds.
	leaseTaken = `holder = $1, fence = fence + 1, ` + leaseProlonged
	// leaseProlonged sets its end $2 seconds from now.
	leaseProlonged = `leased_until = clock_timestamp() + make_interval(secs => $2)`
	// leaseToHave is the condition under which holder $1 may take it.
	leaseToHave = `(leased_until <= clock_timestamp() OR holder = $1)`
	// leaseHeld is the condition that the take with fence $1 still holds it.
	leaseHeld = `fence = $1 AND leased_until > clock_timestamp()`
	// leaseFreed gives it up.
	leaseFreed = `leased_until = '-infinity'`
)

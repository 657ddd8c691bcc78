package postgres

import (
	"errors"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/fault"
)

// SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	uniqueViolation  = "23505"
	lockNotAvailable = "55P03"
	// A role may not do that, or a row is not the principal's.
	insufficientPrivilege = "42501"
	// Two that change one row of the catalogue at once ("tuple concurrently updated").
	internalError = "XX000"
	// A partition's rows are in the default partition already.
	checkViolation = "23514"
	// Two that create a table at once: one of them sees it half done.
	duplicateTable = "42P07"
)

// isCode reports whether err is PostgreSQL's with the SQLSTATE and, unless it is empty, of the constraint.
func isCode(err error, code pq.ErrorCode, constraint string) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code == code && (constraint == "" || e.Constraint == constraint)
}

const (
	deadlockDetected     = "40P01"
	serializationFailure = "40001"
)

// ofOneCall reports whether a batch's error may be the fault of one call in it (a constraint, a value, a lock, a row of a later
// version), so that the calls are worth trying alone. A database that is gone, full or shutting down is everybody's.
func ofOneCall(err error) bool {
	if errors.Is(err, fault.ErrNewer) {
		return true
	}
	var e *pq.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code.Class() {
	case "08", "53", "57", "58": // connection, resources, operator intervention, system
		return false
	}
	return true
}

// ofServer reports whether an error says that this server is the wrong one, or is about to go: it takes no writes, because it is
// a standby or its sessions are read-only, or it is shutting down, crashed or starting. Another connection may find the right one.
func ofServer(code pq.ErrorCode) bool {
	switch code {
	case "25006", "57P01", "57P02", "57P03":
		return true
	}
	return false
}

// answerLost reports whether err says that a statement was sent and may have run.
func answerLost(err error) bool { return errors.Is(err, errAnswerLost) }

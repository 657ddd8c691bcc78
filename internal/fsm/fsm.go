// Package fsm describes a state machine as one literal table: status → action → next status.
//
// Only the table knows which status may follow which. Domain code asks it for every change, tests walk every pair,
// docs/states.md is generated from it, and Order.availableActions reads it.
package fsm

import (
	"fmt"
	"slices"
	"strings"
)

// Table maps a status and an action to the next status. A missing pair is not allowed. A pair that leads to the same status
// is a no-op.
type Table[S, A ~string] map[S]map[A]S

// Next returns the next status. It returns *NotAllowedError when the table has no such pair.
func (t Table[S, A]) Next(from S, action A) (S, error) {
	to, ok := t[from][action]
	if !ok {
		return from, &NotAllowedError{Status: string(from), Action: string(action)}
	}
	return to, nil
}

// Changes reports whether action is allowed in status from and leads to another status.
func (t Table[S, A]) Changes(from S, action A) bool {
	to, ok := t[from][action]
	return ok && to != from
}

// Final reports whether no action leads out of the status.
func (t Table[S, A]) Final(status S) bool {
	for _, to := range t[status] {
		if to != status {
			return false
		}
	}
	return true
}

// Mermaid draws the table as a Mermaid state diagram, for docs/states.md. States are written in the order given, which
// must name every state of the table.
func (t Table[S, A]) Mermaid(initial S, order []S) string {
	var b strings.Builder
	fmt.Fprintf(&b, "stateDiagram-v2\n    [*] --> %s\n", initial)
	for _, from := range order {
		actions := make([]A, 0, len(t[from]))
		for action, to := range t[from] {
			if to != from {
				actions = append(actions, action)
			}
		}
		slices.Sort(actions)
		for _, action := range actions {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", from, t[from][action], action)
		}
		if t.Final(from) {
			fmt.Fprintf(&b, "    %s --> [*]\n", from)
		}
	}
	return b.String()
}

// NotAllowedError means that an action is not allowed in a status.
type NotAllowedError struct {
	Status string
	Action string
}

func (e *NotAllowedError) Error() string {
	return fmt.Sprintf("%s is not allowed in status %s", e.Action, e.Status)
}

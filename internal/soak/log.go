package soak

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/id"
)

// Record is one event of the log. Ids are TypeIDs.
type Record struct {
	EventID, OrderID, CustomerID string
	Type                         string
	Version                      int
	// Position in the feed; 0: it has none.
	Position int64
	State    State
}

// Log is the whole event log, read when nothing changes any more.
type Log struct {
	// Epoch that cursors carry.
	Epoch int64
	// Pruned: part of the log left, or the log was restored, while subscribers watched. Only then is a RESET right.
	Pruned bool

	records    []*Record // by position
	byEvent    map[string]*Record
	byOrder    map[string][]*Record // by version
	byCustomer map[string][]*Record // by position
}

// NewLog makes a log of records in any order.
func NewLog(epoch int64, records []*Record) *Log {
	l := &Log{
		Epoch: epoch, records: slices.Clone(records), byEvent: map[string]*Record{},
		byOrder: map[string][]*Record{}, byCustomer: map[string][]*Record{},
	}
	slices.SortFunc(l.records, func(a, b *Record) int { return cmp.Compare(a.Position, b.Position) })
	for _, r := range l.records {
		l.byEvent[r.EventID] = r
		l.byOrder[r.OrderID] = append(l.byOrder[r.OrderID], r)
		l.byCustomer[r.CustomerID] = append(l.byCustomer[r.CustomerID], r)
	}
	for _, records := range l.byOrder {
		slices.SortFunc(records, func(a, b *Record) int { return cmp.Compare(a.Version, b.Version) })
	}
	return l
}

// ReadLog reads order_events and feed as they are.
func ReadLog(ctx context.Context, db *sqlx.DB) (*Log, error) {
	var epoch int64
	if err := db.GetContext(ctx, &epoch, `SELECT identity FROM event_log`); err != nil {
		return nil, err
	}
	var rows []struct {
		OrderID    id.Order    `db:"order_id"`
		EventID    id.Event    `db:"id"`
		CustomerID id.Customer `db:"customer_id"`
		Type       string      `db:"type"`
		Version    int         `db:"version"`
		Position   int64       `db:"position"`
		State      []byte      `db:"state"`
	}
	err := db.SelectContext(ctx, &rows, `
		SELECT e.order_id, e.id, e.customer_id, e.type, e.version, coalesce(f.position, 0) AS position, e.state
		FROM order_events e LEFT JOIN feed f USING (order_id, version)`)
	if err != nil {
		return nil, err
	}
	records := make([]*Record, len(rows))
	for i, r := range rows {
		var state struct {
			Status             string
			Captured, Refunded int64
			Payments           []struct{ Status string }
		}
		if err := json.Unmarshal(r.State, &state); err != nil {
			return nil, fmt.Errorf("state of version %d of %s: %w", r.Version, r.OrderID, err)
		}
		records[i] = &Record{
			EventID: r.EventID.TypeID(), OrderID: r.OrderID.TypeID(), CustomerID: r.CustomerID.TypeID(),
			Type: r.Type, Version: r.Version, Position: r.Position,
			State: State{Status: state.Status, Captured: state.Captured, Refunded: state.Refunded},
		}
		if n := len(state.Payments); n > 0 {
			records[i].State.PaymentStatus = state.Payments[n-1].Status
		}
	}
	return NewLog(epoch, records), nil
}

// Events returns the number of events.
func (l *Log) Events() int { return len(l.records) }

// Orders returns the number of orders.
func (l *Log) Orders() int { return len(l.byOrder) }

// Check looks for faults in the log itself: every event has a position, positions are 1, 2, 3 …, and in the feed each
// order's versions are 1, 2, 3 … too.
func (l *Log) Check() []Finding {
	var findings []Finding
	report := func(r *Record, kind Kind, detail string) {
		findings = append(findings, Finding{
			Subscriber: "log", Kind: kind, Item: -1, EventID: r.EventID, Version: r.Version, Position: r.Position, Detail: detail,
		})
	}
	versions := map[string]int{}
	for i, r := range l.records {
		switch want := int64(i + 1); {
		case r.Position == 0:
			report(r, Lost, "the event has no position in the feed")
		case r.Position < want:
			report(r, Duplicated, "two events have this position")
		case r.Position > want:
			report(r, Lost, fmt.Sprintf("position %d of the feed is missing", want))
		}
		switch want := versions[r.OrderID] + 1; {
		case r.Version > want:
			report(r, OutOfOrder, fmt.Sprintf("the feed has it before version %d of its order, if that exists", want))
		case r.Version < want:
			report(r, OutOfOrder, "the feed has a later version of its order before it")
		}
		versions[r.OrderID] = max(versions[r.OrderID], r.Version)
	}
	return findings
}

// expected returns the records of the whole log that a watch shows, in its order.
func (l *Log) expected(w *Watch) []*Record {
	base := l.records
	switch {
	case w.OrderID != "":
		base = l.byOrder[w.OrderID]
	case w.Customer != "":
		base = l.byCustomer[w.Customer]
	case w.Viewer != "":
		base = l.byCustomer[w.Viewer]
	}
	var records []*Record
	for _, r := range base {
		if w.maySee(r) && w.wants(r) {
			records = append(records, r)
		}
	}
	return records
}

// end is the place of the last record that a watch shows; 0: there is none.
func (l *Log) end(w *Watch) int64 {
	records := l.expected(w)
	if len(records) == 0 {
		return 0
	}
	return w.place(records[len(records)-1])
}

package soak

import (
	"fmt"
	"maps"
	"slices"
)

// Kind of a finding.
type Kind string

// What can be wrong with a history.
const (
	// Lost: an event between two items that the subscriber got never came.
	Lost Kind = "lost"
	// MissingTail: an event after the last item never came.
	MissingTail Kind = "missing tail"
	// Duplicated: an event came twice, or a snapshot had it already.
	Duplicated Kind = "duplicated"
	// OutOfOrder: an item came after one that follows it.
	OutOfOrder Kind = "out of order"
	// WrongContent: an item says something else than the log.
	WrongContent Kind = "wrong content"
	// Foreign: an event of another customer.
	Foreign Kind = "another customer's"
	// NotAsked: an event that the filter excludes, or another order's.
	NotAsked Kind = "not asked for"
	// Unknown: an event or a cursor that the log does not have.
	Unknown Kind = "not in the log"
	// WrongStart: a stream without a cursor does not begin with a SNAPSHOT, or a SNAPSHOT comes where none belongs.
	WrongStart Kind = "wrong start"
	// NeedlessReset: a RESET though the log has everything.
	NeedlessReset Kind = "needless reset"
	// Refused: the server refused a subscription that it had to accept.
	Refused Kind = "refused"
)

// Finding is one fault. Item is the index in the history, -1 when it is about something that is not there. Position is
// 0 where it is not known.
type Finding struct {
	Subscriber string
	Kind       Kind
	Item       int
	EventID    string
	Position   int64
	Version    int
	Detail     string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: item %d, event %s, position %d, version %d: %s",
		f.Subscriber, f.Kind, f.Item, f.EventID, f.Position, f.Version, f.Detail)
}

// Check compares a subscriber's whole history with the log and returns every fault, in the order of the history. None
// means: since each SNAPSHOT or RESET it got every event it asked for and may see exactly once, in order, with the
// content of the log, up to the log's end, and nothing else.
func Check(log *Log, h *History) []Finding {
	w := &walk{log: log, history: h, expected: log.expected(&h.Watch)}
	for i := range h.Entries {
		w.item(i, &h.Entries[i])
	}
	w.settle()
	if len(h.Entries) == 0 && len(w.expected) > 0 {
		w.report(-1, nil, WrongStart, "it got nothing at all")
		return w.findings
	}
	for _, r := range w.expected[w.next:] {
		w.report(-1, r, MissingTail, "the history ends before it")
	}
	return w.findings
}

// walk is a check under way.
type walk struct {
	log     *Log
	history *History
	// expected has the records that the subscriber must get. next is the index of the first that the history has not passed.
	expected []*Record
	next     int
	// last place passed.
	last    int64
	started bool
	// seen and missing have the records passed since the stream began: a missing one may still come, out of order.
	seen, missing map[*Record]bool
	findings      []Finding
}

func (w *walk) report(item int, r *Record, kind Kind, detail string) {
	f := Finding{Subscriber: w.history.Subscriber, Kind: kind, Item: item, Detail: detail}
	if r != nil {
		f.EventID, f.Position, f.Version = r.EventID, r.Position, r.Version
	}
	w.findings = append(w.findings, f)
}

func (w *walk) item(i int, e *Entry) {
	if !w.started && e.Kind != "SNAPSHOT" && e.Kind != "RESET" || e.Fresh && e.Kind == "EVENT" {
		w.report(i, nil, WrongStart, "a stream without a cursor begins with a SNAPSHOT, not with "+e.Kind)
		if !w.started {
			w.begin(0)
		}
	}
	epoch, place, ok := w.history.Watch.placeOf(e.Cursor)
	if !ok || epoch != w.log.Epoch {
		w.report(i, nil, Unknown, "the cursor "+e.Cursor+" is none of this subscription and log")
		return
	}
	switch e.Kind {
	case "SNAPSHOT":
		if !e.Fresh {
			w.report(i, nil, WrongStart, "a SNAPSHOT where nobody asked for one")
		}
		w.state(i, e, place)
	case "RESET":
		if !w.log.Pruned {
			w.report(i, nil, NeedlessReset, "the log has everything")
		}
		w.state(i, e, place)
	case "CHECKPOINT":
		w.checkpoint(i, e, place)
	case "EVENT":
		w.event(i, e, place)
	default:
		w.report(i, nil, WrongContent, "no such kind: "+e.Kind)
	}
}

// begin starts again after a place. Records that the stretch before it missed are lost.
func (w *walk) begin(place int64) {
	w.settle()
	w.started, w.last = true, place
	w.seen, w.missing = map[*Record]bool{}, map[*Record]bool{}
	w.next, _ = slices.BinarySearchFunc(w.expected, place+1, func(r *Record, place int64) int {
		return int(w.history.Watch.place(r) - place)
	})
}

// state is a SNAPSHOT or RESET: for an order its state at a version of the log, for a feed nothing but the place.
func (w *walk) state(i int, e *Entry, place int64) {
	w.begin(place)
	feed := w.history.Watch.OrderID == ""
	switch {
	case e.Event != nil:
		w.report(i, nil, WrongContent, "a "+e.Kind+" with an event")
	case feed && e.Order != nil:
		w.report(i, nil, WrongContent, "a feed's "+e.Kind+" with an order")
	case feed:
		if place > int64(len(w.log.records)) && !w.log.Pruned {
			w.report(i, nil, Unknown, fmt.Sprintf("position %d is after the end of the log", place))
		}
	case e.Order == nil:
		w.report(i, nil, WrongContent, "an order's "+e.Kind+" without the order")
	default:
		all := w.log.byOrder[w.history.Watch.OrderID]
		if place < 1 || place > int64(len(all)) {
			w.report(i, nil, Unknown, fmt.Sprintf("the order has no version %d", place))
			return
		}
		w.content(i, e, all[place-1])
	}
}

func (w *walk) checkpoint(i int, e *Entry, place int64) {
	switch {
	case w.history.Watch.OrderID != "" || e.Event != nil || e.Order != nil:
		w.report(i, nil, WrongContent, "a CHECKPOINT is a feed's and carries only a cursor")
	case place < w.last:
		w.report(i, nil, OutOfOrder, fmt.Sprintf("the CHECKPOINT goes back from %d to %d", w.last, place))
	default:
		w.passTo(place)
	}
}

func (w *walk) event(i int, e *Entry, place int64) {
	if e.Event == nil || e.Order == nil {
		w.report(i, nil, WrongContent, "an EVENT without event or order")
		return
	}
	r := w.log.byEvent[e.Event.ID]
	if r == nil {
		w.report(i, nil, Unknown, "the log has no event "+e.Event.ID)
		return
	}
	watch := &w.history.Watch
	switch {
	case !watch.maySee(r):
		w.report(i, r, Foreign, "it is of "+r.CustomerID)
		return
	case !watch.wants(r):
		w.report(i, r, NotAsked, "the subscription is for something else")
		return
	}
	if got := watch.place(r); place != got {
		w.report(i, r, WrongContent, fmt.Sprintf("its cursor stands for %d, the event for %d", place, got))
		place = got
	}
	w.content(i, e, r)
	switch {
	case w.seen[r]:
		w.report(i, r, Duplicated, "it came before")
	case w.missing[r]:
		w.report(i, r, OutOfOrder, fmt.Sprintf("it comes after %d", w.last))
		delete(w.missing, r)
		w.seen[r] = true
	case place <= w.last:
		w.report(i, r, Duplicated, fmt.Sprintf("the stream began after it, at %d or later", place))
	default:
		w.passTo(place - 1)
		w.next++
		w.seen[r], w.last = true, place
	}
}

// content compares an item's content with the log.
func (w *walk) content(i int, e *Entry, r *Record) {
	type said struct {
		OrderID, CustomerID, EventOrderID, Type string
		Version, EventVersion                   int
		State                                   State
	}
	want := said{r.OrderID, r.CustomerID, r.OrderID, r.Type, r.Version, r.Version, r.State}
	got := said{
		e.Order.ID, e.Order.CustomerID, want.EventOrderID, want.Type,
		e.Order.Version, want.EventVersion, e.Order.state(),
	}
	if e.Event != nil {
		got.EventOrderID, got.Type, got.EventVersion = e.Event.OrderID, e.Event.Type, e.Event.Version
	}
	if got != want {
		w.report(i, r, WrongContent, fmt.Sprintf("got %+v, the log has %+v", got, want))
	}
}

// passTo passes everything up to a place.
func (w *walk) passTo(place int64) {
	for ; w.next < len(w.expected) && w.history.Watch.place(w.expected[w.next]) <= place; w.next++ {
		w.missing[w.expected[w.next]] = true
	}
	w.last = max(w.last, place)
}

// settle reports the records that are still missing as lost.
func (w *walk) settle() {
	lost := slices.SortedFunc(maps.Keys(w.missing), func(a, b *Record) int {
		return int(w.history.Watch.place(a) - w.history.Watch.place(b))
	})
	for _, r := range lost {
		w.report(-1, r, Lost, "later ones came")
	}
	w.missing = nil
}

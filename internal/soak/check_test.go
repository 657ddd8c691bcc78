package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/orderwire/orderwire/internal/id"
)

const (
	ada   = "customer_ada"
	grace = "customer_grace"
)

var statuses = []string{"CREATED", "CONFIRMED", "DELIVERED", "CANCELLING", "CANCELLED"}

// newTestLog makes the log of some orders of ada and grace, alternately, whose versions are interleaved by draw, which
// returns a number below n.
func newTestLog(orders, versions int, draw func(n int) int) *Log {
	type open struct {
		id, customer string
		version      int
	}
	var running []*open
	for i := range orders {
		customer := []string{ada, grace}[i%2]
		running = append(running, &open{id: id.Order(uuid.UUID{15: byte(i + 1)}).TypeID(), customer: customer})
	}
	var records []*Record
	for position := int64(1); len(running) > 0; position++ {
		i := draw(len(running))
		o := running[i]
		o.version++
		status := statuses[o.version%len(statuses)]
		records = append(records, &Record{
			EventID: fmt.Sprintf("event_%d", position), OrderID: o.id, CustomerID: o.customer, Type: "TYPE_" + status,
			Version: o.version, Position: position, State: State{Status: status, PaymentStatus: "PROCESSING", Captured: position},
		})
		if o.version == versions {
			running = slices.Delete(running, i, i+1)
		}
	}
	return NewLog(3, records)
}

func entry(log *Log, w *Watch, r *Record) Entry {
	item := orderItem(log, w, "EVENT", r)
	item.Event = &ItemEvent{ID: r.EventID, Type: r.Type, OrderID: r.OrderID, Version: r.Version}
	return Entry{Item: item}
}

// orderItem has the state that a record led to.
func orderItem(log *Log, w *Watch, kind string, r *Record) Item {
	o := &ItemOrder{
		ID: r.OrderID, CustomerID: r.CustomerID, Version: r.Version, Status: r.State.Status,
		Captured: ItemAmount{r.State.Captured}, Refunded: ItemAmount{r.State.Refunded},
	}
	o.Payment.Status = r.State.PaymentStatus
	return Item{Kind: kind, Cursor: w.cursor(log.Epoch, w.place(r)), Order: o}
}

// begin is a SNAPSHOT or RESET at a place; for an order at least 1.
func begin(log *Log, w *Watch, kind string, place int64) Entry {
	e := Entry{Item: Item{Kind: kind, Cursor: w.cursor(log.Epoch, place)}, Fresh: kind == "SNAPSHOT"}
	if w.OrderID != "" {
		e.Item = orderItem(log, w, kind, log.byOrder[w.OrderID][place-1])
	}
	return e
}

// correct returns the history that a faultless server delivers to a watch that joins at a place and stays to the end.
func correct(log *Log, w Watch, place int64) *History {
	h := &History{Subscriber: "a subscriber", Watch: w, Entries: []Entry{begin(log, &w, "SNAPSHOT", place)}}
	for _, r := range log.expected(&w) {
		if w.place(r) > place {
			h.Entries = append(h.Entries, entry(log, &w, r))
		}
	}
	return h
}

// watches of every sort over a test log.
func watches(log *Log) map[string]Watch {
	return map[string]Watch{
		"order":             {OrderID: log.records[0].OrderID, Viewer: log.records[0].CustomerID},
		"order for staff":   {OrderID: log.records[0].OrderID},
		"feed":              {Viewer: ada},
		"feed of all":       {},
		"feed of one":       {Customer: grace},
		"feed, by status":   {Viewer: ada, Statuses: []string{"CONFIRMED", "CANCELLED"}},
		"feed, by type":     {Types: []string{"TYPE_DELIVERED", "TYPE_CONFIRMED", "TYPE_CREATED"}},
		"feed with no hits": {Viewer: ada, Types: []string{"NEVER"}},
	}
}

func TestCheckAcceptsCorrectHistories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "n") }
		log := newTestLog(1+draw(4), 1+draw(6), draw)
		log.Pruned = rapid.Bool().Draw(t, "pruned")
		all := watches(log)
		names := make([]string, 0, len(all))
		for name := range all {
			names = append(names, name)
		}
		slices.Sort(names)
		w := all[names[draw(len(names))]]
		lowest, highest := int64(0), int64(len(log.records))
		if w.OrderID != "" {
			lowest, highest = 1, int64(len(log.byOrder[w.OrderID]))
		}
		between := func(from, to int64) int64 { return rapid.Int64Range(from, to).Draw(t, "place") }
		h := &History{Subscriber: "a subscriber", Watch: w}
		place := between(lowest, highest)
		h.Entries = append(h.Entries, begin(log, &w, "SNAPSHOT", place))
		for {
			next := int64(-1)
			var record *Record
			for _, r := range log.expected(&w) {
				if w.place(r) > place {
					next, record = w.place(r), r
					break
				}
			}
			switch draw(6) {
			case 0: // a client that does not resume, perhaps at a replica that lags
				place = between(lowest, highest)
				h.Entries = append(h.Entries, begin(log, &w, "SNAPSHOT", place))
				continue
			case 1:
				if log.Pruned {
					place = between(place, highest)
					h.Entries = append(h.Entries, begin(log, &w, "RESET", place))
					continue
				}
			case 2:
				if w.OrderID == "" {
					if next < 0 {
						place = between(place, highest)
					} else {
						place = between(place, next-1)
					}
					h.Entries = append(h.Entries, Entry{Item: Item{Kind: "CHECKPOINT", Cursor: w.cursor(log.Epoch, place)}})
					continue
				}
			}
			if record == nil {
				break
			}
			h.Entries = append(h.Entries, entry(log, &w, record))
			place = next
		}
		if findings := Check(log, h); len(findings) > 0 {
			t.Fatalf("a correct history is accused: %v", findings)
		}
	})
}

// Each fault is planted into a correct history, and exactly that is reported: the kind, the subscriber, the place.
func TestCheckReportsPlantedFaults(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	log := newTestLog(4, 6, random.IntN)
	pruned := NewLog(log.Epoch, log.records)
	pruned.Pruned = true
	for name, w := range watches(log) {
		for _, fault := range []struct {
			name string
			log  *Log
			// plant changes h, whose entries from 1 on are events, and returns which record is to be reported, and as what.
			plant func(h *History) (kind Kind, about *Record)
		}{
			{"skip", log, func(h *History) (Kind, *Record) {
				r := log.byEvent[h.Entries[2].Event.ID]
				h.Entries = slices.Delete(h.Entries, 2, 3)
				return Lost, r
			}},
			{"first skipped", log, func(h *History) (Kind, *Record) {
				r := log.byEvent[h.Entries[1].Event.ID]
				h.Entries = slices.Delete(h.Entries, 1, 2)
				return Lost, r
			}},
			{"twice", log, func(h *History) (Kind, *Record) {
				h.Entries = slices.Insert(h.Entries, 3, h.Entries[2])
				return Duplicated, log.byEvent[h.Entries[2].Event.ID]
			}},
			{"twice, later", log, func(h *History) (Kind, *Record) {
				h.Entries = append(h.Entries, h.Entries[1])
				return Duplicated, log.byEvent[h.Entries[1].Event.ID]
			}},
			{"swapped", log, func(h *History) (Kind, *Record) {
				r := log.byEvent[h.Entries[1].Event.ID]
				h.Entries[1], h.Entries[2] = h.Entries[2], h.Entries[1]
				return OutOfOrder, r
			}},
			{"snapshot has it already", log, func(h *History) (Kind, *Record) {
				// The snapshot is that of the first event, which then comes as well.
				first := log.byEvent[h.Entries[1].Event.ID]
				h.Entries[0] = begin(log, &h.Watch, "SNAPSHOT", h.Watch.place(first))
				return Duplicated, first
			}},
			{"missing tail", log, func(h *History) (Kind, *Record) {
				last := len(h.Entries) - 1
				r := log.byEvent[h.Entries[last].Event.ID]
				h.Entries = h.Entries[:last]
				return MissingTail, r
			}},
			{"wrong state", log, func(h *History) (Kind, *Record) {
				changed := *h.Entries[2].Order
				changed.Status = "CREATED?"
				h.Entries[2].Order = &changed
				return WrongContent, log.byEvent[h.Entries[2].Event.ID]
			}},
			{"the state of now", log, func(h *History) (Kind, *Record) {
				changed := *h.Entries[1].Order
				changed.Version++
				h.Entries[1].Order = &changed
				return WrongContent, log.byEvent[h.Entries[1].Event.ID]
			}},
			{"wrong amount", log, func(h *History) (Kind, *Record) {
				changed := *h.Entries[1].Order
				changed.Captured.Minor++
				h.Entries[1].Order = &changed
				return WrongContent, log.byEvent[h.Entries[1].Event.ID]
			}},
			{"wrong cursor", log, func(h *History) (Kind, *Record) {
				h.Entries[1].Cursor = h.Entries[2].Cursor
				return WrongContent, log.byEvent[h.Entries[1].Event.ID]
			}},
			{"not in the log", log, func(h *History) (Kind, *Record) {
				stray := entry(log, &h.Watch, log.byEvent[h.Entries[1].Event.ID])
				stray.Event.ID = "event_rolled_back"
				h.Entries = slices.Insert(h.Entries, 2, stray)
				return Unknown, nil
			}},
			{"reset", log, func(h *History) (Kind, *Record) {
				_, place, _ := h.Watch.placeOf(h.Entries[1].Cursor)
				h.Entries = slices.Insert(h.Entries, 2, begin(log, &h.Watch, "RESET", place))
				return NeedlessReset, nil
			}},
			{"gap after reset", pruned, func(h *History) (Kind, *Record) {
				_, place, _ := h.Watch.placeOf(h.Entries[1].Cursor)
				r := log.byEvent[h.Entries[2].Event.ID]
				h.Entries[2] = begin(log, &h.Watch, "RESET", place)
				return Lost, r
			}},
			{"snapshot unasked", log, func(h *History) (Kind, *Record) {
				h.Entries[0].Fresh = false
				return WrongStart, nil
			}},
			{"no snapshot", log, func(h *History) (Kind, *Record) {
				h.Entries[1].Fresh = true
				return WrongStart, nil
			}},
		} {
			t.Run(name+"/"+fault.name, func(t *testing.T) {
				t.Parallel()
				place := int64(0)
				if w.OrderID != "" {
					place = 1
				}
				h := correct(log, w, place)
				h.Subscriber = name
				if len(h.Entries) < 4 {
					if !slices.Contains(w.Types, "NEVER") {
						t.Fatal("too little to plant a fault in")
					}
					return // that watch is for the test below
				}
				kind, about := fault.plant(h)
				wantOnly(t, Check(fault.log, h), name, kind, about)
			})
		}
	}
}

// wantOnly wants one finding.
func wantOnly(t *testing.T, findings []Finding, subscriber string, kind Kind, about *Record) {
	t.Helper()
	if len(findings) != 1 {
		t.Fatalf("got %d findings, want one: %v", len(findings), findings)
	}
	f := findings[0]
	if f.Subscriber != subscriber || f.Kind != kind {
		t.Errorf("got %v, want %q of %q", f, kind, subscriber)
	}
	if about != nil && (f.EventID != about.EventID || f.Position != about.Position || f.Version != about.Version) {
		t.Errorf("got %v, want it to be about %+v", f, about)
	}
}

// Faults of feeds alone.
func TestCheckReportsFaultsOfFeeds(t *testing.T) {
	t.Parallel()
	log := newTestLog(4, 6, rand.New(rand.NewPCG(3, 4)).IntN)
	mine := Watch{Viewer: ada}
	t.Run("another customer's event", func(t *testing.T) {
		t.Parallel()
		h := correct(log, mine, 0)
		others := log.byCustomer[grace][0]
		at := slices.IndexFunc(h.Entries, func(e Entry) bool { return e.Event != nil && log.byEvent[e.Event.ID].Position > others.Position })
		h.Entries = slices.Insert(h.Entries, max(at, 1), entry(log, &mine, others))
		wantOnly(t, Check(log, h), "a subscriber", Foreign, others)
	})
	t.Run("an event that the filter excludes", func(t *testing.T) {
		t.Parallel()
		w := Watch{Viewer: ada, Statuses: []string{"CONFIRMED"}}
		h := correct(log, w, 0)
		mine := log.byCustomer[ada]
		other := mine[slices.IndexFunc(mine, func(r *Record) bool { return r.State.Status != "CONFIRMED" })]
		h.Entries = slices.Insert(h.Entries, 1, entry(log, &w, other))
		wantOnly(t, Check(log, h), "a subscriber", NotAsked, other)
	})
	t.Run("a checkpoint that skips", func(t *testing.T) {
		t.Parallel()
		h := correct(log, mine, 0)
		skipped := log.byEvent[h.Entries[2].Event.ID]
		h.Entries[2] = Entry{Item: Item{Kind: "CHECKPOINT", Cursor: mine.cursor(log.Epoch, skipped.Position)}}
		wantOnly(t, Check(log, h), "a subscriber", Lost, skipped)
	})
	t.Run("a checkpoint that goes back", func(t *testing.T) {
		t.Parallel()
		h := correct(log, mine, 0)
		back := Entry{Item: Item{Kind: "CHECKPOINT", Cursor: mine.cursor(log.Epoch, 0)}}
		h.Entries = slices.Insert(h.Entries, 3, back)
		wantOnly(t, Check(log, h), "a subscriber", OutOfOrder, nil)
	})
	t.Run("a cursor of another log", func(t *testing.T) {
		t.Parallel()
		h := correct(log, mine, 0)
		_, place, _ := mine.placeOf(h.Entries[0].Cursor)
		h.Entries[0].Cursor = mine.cursor(log.Epoch+1, place)
		if findings := Check(log, h); len(findings) == 0 || findings[0].Kind != Unknown {
			t.Errorf("got %v", findings)
		}
	})
	t.Run("nothing at all", func(t *testing.T) {
		t.Parallel()
		wantOnly(t, Check(log, &History{Subscriber: "mute", Watch: mine}), "mute", WrongStart, nil)
	})
}

// A reader that tails by event id, as many systems do, loses what commits late with a smaller id. Positions are the
// order of the commits; the ids were made when the transactions began.
func TestCheckReportsTailById(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := newTestLog(4, 5, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "order") })
		// Each event's transaction began up to three commits before its own.
		begun := map[*Record]int{}
		var byID []*Record
		for i, r := range log.records {
			begun[r] = 4*(i-rapid.IntRange(0, 3).Draw(t, "held open for")) + 4*len(log.records) + i%4
			byID = append(byID, r)
		}
		slices.SortStableFunc(byID, func(a, b *Record) int { return begun[a] - begun[b] })
		rank := map[*Record]int{}
		for i, r := range byID {
			rank[r] = i
		}
		w := Watch{}
		h := &History{Subscriber: "tails by id", Watch: w, Entries: []Entry{begin(log, &w, "SNAPSHOT", 0)}}
		last := -1
		lost := map[string]bool{}
		for _, r := range log.records { // it polls after every commit
			if rank[r] <= last {
				lost[r.EventID] = true
				continue
			}
			last = rank[r]
			h.Entries = append(h.Entries, entry(log, &w, r))
		}
		reported := map[string]bool{}
		for _, f := range Check(log, h) {
			if f.Kind != Lost && f.Kind != MissingTail {
				t.Fatalf("got %v", f)
			}
			reported[f.EventID] = true
		}
		if fmt.Sprint(reported) != fmt.Sprint(lost) {
			t.Fatalf("lost %v, reported %v", lost, reported)
		}
	})
}

// Whatever one event is taken out, doubled or moved, it is reported; drawn at random.
func TestCheckReportsAnyFault(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		log := newTestLog(3, 5, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "order") })
		h := correct(log, Watch{}, 0)
		i := rapid.IntRange(1, len(h.Entries)-1).Draw(t, "which")
		e := h.Entries[i]
		var want []Kind
		switch rapid.SampledFrom([]string{"skip", "double", "move"}).Draw(t, "fault") {
		case "skip":
			h.Entries = slices.Delete(h.Entries, i, i+1)
			want = []Kind{Lost, MissingTail}
		case "double":
			h.Entries = slices.Insert(h.Entries, rapid.IntRange(i+1, len(h.Entries)).Draw(t, "to"), e)
			want = []Kind{Duplicated}
		case "move":
			to := rapid.IntRange(1, len(h.Entries)-1).Filter(func(to int) bool { return to != i }).Draw(t, "to")
			h.Entries = slices.Insert(slices.Delete(h.Entries, i, i+1), to, e)
			want = []Kind{OutOfOrder}
		}
		findings := Check(log, h)
		if len(findings) == 0 {
			t.Fatal("not reported")
		}
		for _, f := range findings {
			if !slices.Contains(want, f.Kind) {
				t.Fatalf("got %v, want %v", f, want)
			}
		}
	})
}

// Faults of the log itself, as a broken sequencer would make them.
func TestLogCheck(t *testing.T) {
	t.Parallel()
	fresh := func() []*Record {
		return newTestLog(2, 3, rand.New(rand.NewPCG(5, 6)).IntN).records
	}
	if findings := NewLog(1, fresh()).Check(); len(findings) > 0 {
		t.Fatalf("a correct log is accused: %v", findings)
	}
	for name, tt := range map[string]struct {
		plant func(records []*Record)
		kind  Kind
		says  string
	}{
		"no position":     {func(r []*Record) { r[5].Position = 0 }, Lost, "no position"},
		"gap":             {func(r []*Record) { r[5].Position = 9 }, Lost, "position 6"},
		"position twice":  {func(r []*Record) { r[5].Position = 5 }, Duplicated, "two events"},
		"versions turned": {func(r []*Record) { turn(r) }, OutOfOrder, "order"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := fresh()
			tt.plant(records)
			findings := NewLog(1, records).Check()
			if !slices.ContainsFunc(findings, func(f Finding) bool { return f.Kind == tt.kind && strings.Contains(f.Detail, tt.says) }) {
				t.Errorf("got %v", findings)
			}
		})
	}
}

// turn swaps the positions of the first two versions of an order.
func turn(records []*Record) {
	for _, b := range records[1:] {
		if b.OrderID == records[0].OrderID {
			records[0].Position, b.Position = b.Position, records[0].Position
			return
		}
	}
}

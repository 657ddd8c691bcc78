package event_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
)

var frozenID = id.Order(uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"))

// TestCursorFormat: clients keep cursors across upgrades, so the meaning of these texts must never change.
func TestCursorFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]event.OrderCursor{
		"AwAAAAAAAAABAYkKXayWd0u8zrMCCZqAVwEAAAAAAAAAAQ":   {Epoch: 1, OrderID: frozenID, Version: 1, Mark: 1},
		"A3__________AYkKXayWd0u8zrMCCZqAV_CiBLzOswIJmoBX": {Epoch: 1<<63 - 1, OrderID: frozenID, Version: 70000, Mark: event.MarkOf(id.Event(frozenID))},
	} {
		if got := want.String(); got != text {
			t.Errorf("%+v is %s, was %s", want, got, text)
		}
		if got, err := event.ParseOrder(text, frozenID); err != nil || got != want {
			t.Errorf("ParseOrder(%s) = %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]event.FeedCursor{
		"BAAAAAAAAAABAP__________":           {Epoch: 1, Position: 0, Mark: 1<<64 - 1},
		"BBAAAAAAAAAAgICAgICAgCAAAAAAAAAAAg": {Epoch: 1 << 60, Position: 1 << 54, Mark: 2},
	} {
		if got := want.String(); got != text {
			t.Errorf("%+v is %s, was %s", want, got, text)
		}
		if got, err := event.ParseFeed(text); err != nil || got != want {
			t.Errorf("ParseFeed(%s) = %+v, %v", text, got, err)
		}
	}
}

// TestOldCursorFormat: cursors in the old format, without a mark, are still read and written.
func TestOldCursorFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]event.OrderCursor{
		"AQEBiQpdrJZ3S7zOswIJmoBXAQ":     {Epoch: 1, OrderID: frozenID, Version: 1},
		"AawCAYkKXayWd0u8zrMCCZqAV_CiBA": {Epoch: 300, OrderID: frozenID, Version: 70000},
	} {
		got, err := event.ParseOrder(text, frozenID)
		if err != nil || got.Epoch != want.Epoch || got.Version != want.Version || got.Mark != 0 || got.String() != text {
			t.Errorf("ParseOrder(%s) = %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]event.FeedCursor{
		"AgEA":           {Epoch: 1, Position: 0},
		"AgKAgICAgICAIA": {Epoch: 2, Position: 1 << 54},
	} {
		got, err := event.ParseFeed(text)
		if err != nil || got.Epoch != want.Epoch || got.Position != want.Position || got.Mark != 0 || got.String() != text {
			t.Errorf("ParseFeed(%s) = %+v, %v", text, got, err)
		}
	}
}

func TestCursorErr(t *testing.T) {
	t.Parallel()
	orders := event.OrderCursor{Epoch: 1, OrderID: frozenID, Version: 3}.String()
	feeds := event.FeedCursor{Epoch: 1, Position: 3}.String()
	for _, text := range []string{
		"", "!", "AQ", "AQE", "Aw", "BA", "BQ", "BP__________AAAAAAAAAAAA", orders + "A", orders[:len(orders)-2], orders + "=", feeds + "AA", "AgGAAA",
		"AgH___________8B", "not a cursor, and far longer than any cursor there can ever be in this format",
	} {
		if _, err := event.ParseOrder(text, frozenID); fault.CodeOf(err) != fault.InvalidCursor {
			t.Errorf("ParseOrder(%q): %v, want INVALID_CURSOR", text, err)
		}
		if _, err := event.ParseFeed(text); fault.CodeOf(err) != fault.InvalidCursor {
			t.Errorf("ParseFeed(%q): %v, want INVALID_CURSOR", text, err)
		}
	}
	if _, err := event.ParseOrder(feeds, frozenID); fault.CodeOf(err) != fault.InvalidCursor {
		t.Errorf("a feed's cursor for an order: %v", err)
	}
	if _, err := event.ParseFeed(orders); fault.CodeOf(err) != fault.InvalidCursor {
		t.Errorf("an order's cursor for a feed: %v", err)
	}
	if _, err := event.ParseOrder(orders, id.New[id.Order]()); fault.CodeOf(err) != fault.InvalidCursor {
		t.Errorf("another order's cursor: %v", err)
	}
}

// FuzzCursor: a cursor has one text and one kind, and every position has a cursor. Any other text is INVALID_CURSOR.
func FuzzCursor(f *testing.F) {
	order, feed := event.OrderCursor{Epoch: 1, OrderID: frozenID, Version: 3}.String(), event.FeedCursor{Epoch: 1, Position: 3}.String()
	for _, text := range []string{order, feed, "", "AQ", "Ag", order + "A", order + "=", feed + "\n", "AgGAAA", "AgH___________8B", "AwEA"} {
		f.Add(text, 1, int64(3))
	}
	f.Add("", 0, int64(0))
	f.Add("", 1<<62, int64(1<<62))
	f.Fuzz(func(t *testing.T, text string, epoch int, position int64) {
		asOrder, err := event.ParseOrder(text, frozenID)
		if err == nil && (asOrder.String() != text || asOrder.OrderID != frozenID || asOrder.Epoch < 0 || asOrder.Version < 0) {
			t.Errorf("%q is read as %+v", text, asOrder)
		}
		if err != nil && fault.CodeOf(err) != fault.InvalidCursor {
			t.Errorf("%q: %v", text, err)
		}
		asFeed, feedErr := event.ParseFeed(text)
		if feedErr == nil && (asFeed.String() != text || err == nil || asFeed.Epoch < 0 || asFeed.Position < 0) {
			t.Errorf("%q is read as %+v, and as %+v, %v", text, asFeed, asOrder, err)
		}
		if feedErr != nil && fault.CodeOf(feedErr) != fault.InvalidCursor {
			t.Errorf("%q: %v", text, feedErr)
		}
		if epoch < 0 || position < 0 || epoch > 1<<62 || position > 1<<62 {
			return
		}
		given := event.FeedCursor{Epoch: int64(epoch), Position: position, Mark: event.Mark(position) * 3}
		if got, err := event.ParseFeed(given.String()); err != nil || got != given {
			t.Errorf("%+v comes back as %+v, %v", given, got, err)
		}
		of := event.OrderCursor{Epoch: int64(epoch), OrderID: frozenID, Version: int(position), Mark: event.Mark(position) * 3}
		if got, err := event.ParseOrder(of.String(), frozenID); err != nil || got != of {
			t.Errorf("%+v comes back as %+v, %v", of, got, err)
		}
	})
}

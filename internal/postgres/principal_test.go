package postgres_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// ownWork are the calls without a principal: the server's own work, which no request reaches, and what is nobody's.
var ownWork = map[string]string{
	"Store.Products":          "the catalogue is public",
	"Store.ProductsByID":      "the catalogue is public",
	"Store.BriefProductsByID": "the catalogue is public",
	"Store.SeedProducts":      "at the start",
	"Store.SharedSecret":      "at the start",
	"Store.Installation":      "at the start",
	"Store.CausedBy":          "the pipeline's, for its log",
	"Store.ClaimDue":          "the pipeline's timers", "Store.NextDue": "the pipeline's timers", "Store.RenewLeases": "the pipeline's timers",
	"Log.Extent":                "how far the log goes",
	"Webhooks.EnabledEndpoints": "the fan-out's", "Webhooks.FanoutState": "the fan-out's", "Webhooks.AddDeliveries": "the fan-out's",
	"Webhooks.ClaimDeliveries": "the deliverer's", "Webhooks.NextDelivery": "the deliverer's", "Webhooks.SettleDelivery": "the deliverer's",
	"Webhooks.PendingDeliveries": "a metric", "Webhooks.DisabledEndpoints": "a metric", "Webhooks.PruneDeliveries": "housekeeping",
	"Webhooks.PruneDeleted": "housekeeping", "Webhooks.RunningReplays": "the replayer's", "Webhooks.AddReplayed": "the replayer's",
	"Reconciliation.Begin": "a round's", "Reconciliation.Advance": "a round's", "Reconciliation.End": "a round's", "Reconciliation.Leave": "a round's",
	"Reconciliation.Unknown": "a round's", "Reconciliation.Differing": "a round's", "Reconciliation.AtRest": "a round's",
	"Reconciliation.Differs": "a round's", "Reconciliation.Raised": "a round's", "Reconciliation.Agrees": "a round's",
	"Reconciliation.CountOpen": "a metric",
	"Orphans.BeginWalk":        "a round's", "Orphans.AdvanceWalk": "a round's", "Orphans.EndWalk": "a round's", "Orphans.LeaveWalk": "a round's",
	"Orphans.Record": "a round's", "Orphans.ResolveKnown": "a round's", "Orphans.Unresolved": "a round's", "Orphans.Asked": "a round's",
	"Orphans.Status": "a metric",
}

// Every call that reads or changes what belongs to somebody takes who is asking; what does not is named here with why.
func TestPrincipal(t *testing.T) {
	t.Parallel()
	rest := map[string]bool{}
	for name := range ownWork {
		rest[name] = true
	}
	for _, store := range []any{&postgres.Store{}, &postgres.Log{}, &postgres.Webhooks{}, &postgres.Reconciliation{}, &postgres.Orphans{}} {
		of := reflect.TypeOf(store)
		for i := range of.NumMethod() {
			method := of.Method(i)
			name := of.Elem().Name() + "." + method.Name
			takes := method.Type.NumIn() == 1 // Close
			for j := range method.Type.NumIn() {
				takes = takes || method.Type.In(j) == reflect.TypeFor[auth.Principal]()
			}
			if _, known := ownWork[name]; takes == known {
				t.Errorf("%s takes a principal: %v, is the server's own work: %v", name, takes, known)
			}
			delete(rest, name)
		}
	}
	for name := range rest {
		t.Errorf("%s does not exist", name)
	}
}

// seen counts what a principal gets of an order, by each call that could give it.
func seen(t *testing.T, pool *sqlx.DB, store *postgres.Store, p auth.Principal, o *order.Order) map[string]int {
	t.Helper()
	log, ids := postgres.NewLog(pool), []id.Order{o.ID}
	got := map[string]int{}
	add := func(call string, n int, err error) {
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: %v", call, err)
		}
		got[call] = n
	}
	one := func(call string, found *order.Order, err error) {
		n := 0
		if found != nil {
			n = 1
		}
		add(call, n, err)
	}
	found, err := store.Order(t.Context(), p, o.ID)
	one("Order", found, err)
	found, err = store.OrderByNumber(t.Context(), p, o.Number)
	one("OrderByNumber", found, err)
	logged, err := log.Order(t.Context(), p, o.ID, 0)
	one("Log.Order", logged.Order, err)
	many, err := store.OrdersByID(t.Context(), p, ids)
	add("OrdersByID", len(many), err)
	byPayment, err := store.OrdersByPayment(t.Context(), p, []id.Payment{o.Payment().ID})
	add("OrdersByPayment", len(byPayment), err)
	list, err := store.Orders(t.Context(), p, order.Filter{}, pagination.Request{Limit: 1000})
	add("Orders", of(list.Items, func(found *order.Order) bool { return found.ID == o.ID }), err)
	pages, err := store.EventPages(t.Context(), p, []order.EventPageRequest{{OrderID: o.ID, Limit: 10}})
	add("EventPages", len(pages), err)
	events, err := log.Events(t.Context(), p, o.ID, 0, 10)
	add("Events", len(events), err)
	at, err := log.EventsAt(t.Context(), p, []event.Key{{OrderID: o.ID, Version: 1}})
	add("EventsAt", len(at), err)
	feed, err := log.FeedPage(t.Context(), p, event.Everybody, 0, 1000)
	add("FeedPage", of(feed.Items, func(i event.FeedItem) bool { return i.Event.OrderID() == o.ID }), err)
	theirs, err := log.FeedPage(t.Context(), p, event.Of(o.CustomerID), 0, 1000)
	add("FeedPage of the owner", of(theirs.Items, func(i event.FeedItem) bool { return i.Event.OrderID() == o.ID }), err)
	tail, err := log.FeedTail(t.Context(), p, 0, 1000)
	add("FeedTail", of(tail.Rows, func(r event.FeedRow) bool { return r.Key.OrderID == o.ID }), err)
	changed := 0
	_, err = store.ChangeOrder(t.Context(), p, o.ID, order.Change{Apply: func(*order.Order) (uuid.UUID, error) {
		changed++
		return uuid.Nil, nil
	}})
	add("ChangeOrder", changed, err)
	loaded, err := store.LoadForChange(t.Context(), p, o.ID)
	add("LoadForChange", map[bool]int{true: 1}[loaded], err)
	return got
}

// of counts those that are meant.
func of[T any](found []T, meant func(T) bool) (n int) {
	for _, f := range found {
		if meant(f) {
			n++
		}
	}
	return n
}

// Every call gives an order to its owner, staff and the system, and nothing of it to anybody else: by the condition in each
// statement alone, as the worker, whom row-level security shows everything; by row-level security alone; and by both.
func TestPrincipalInEachStatement(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	o := create(t, postgrestest.Store(t, db.API, nil), ada)
	s := sequencer(t, db, time.Hour)
	take(t, s, true)
	assignAll(t, s)
	for protection, pool := range map[string]*sqlx.DB{"Conditions": db.Worker, "RowSecurity": postgrestest.WithoutConditions(t, db.URL, true), "Both": db.API} {
		t.Run(protection, func(t *testing.T) { expectSeen(t, pool, postgrestest.Store(t, pool, nil), o) })
	}
}

// An id of zeros is a customer's id, who has no orders: never everybody's.
func TestZerosAreACustomer(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	store, log := postgrestest.Store(t, db.API, nil), postgres.NewLog(db.API)
	create(t, store, ada)
	s := sequencer(t, db, time.Hour)
	take(t, s, true)
	assignAll(t, s)
	for scope, want := range map[event.Scope]int{event.Everybody: 1, event.Of(ada.CustomerID): 1, event.Of(id.Customer{}): 0} {
		page, err := log.FeedPage(t.Context(), staff, scope, 0, 10)
		if err != nil || len(page.Items) != want {
			t.Errorf("the feed of %v has %d items, %v; want %d", scope, len(page.Items), err, want)
		}
	}
	for customer, want := range map[id.Null[id.Customer]]int{{}: 1, id.Some(ada.CustomerID): 1, id.Some(id.Customer{}): 0} {
		result, err := store.Orders(t.Context(), staff, order.Filter{CustomerID: customer}, pagination.Request{Limit: 10})
		if err != nil || len(result.Items) != want {
			t.Errorf("the orders of %v are %d, %v; want %d", customer, len(result.Items), err, want)
		}
	}
}

// expectSeen fails the test for each call that gives ada's order to the wrong people, or not to the right ones.
func expectSeen(t *testing.T, pool *sqlx.DB, store *postgres.Store, o *order.Order) {
	t.Helper()
	for name, c := range map[string]struct {
		principal auth.Principal
		want      int
	}{
		"Nobody": {auth.Principal{CustomerID: ada.CustomerID}, 0}, "Other": {grace, 0}, "NoRole": {auth.Principal{CustomerID: ada.CustomerID, Role: "ADMIN"}, 0},
		"Owner": {ada, 1}, "Staff": {staff, 1}, "System": {auth.System, 1},
	} {
		for call, n := range seen(t, pool, store, c.principal, o) {
			if n != c.want {
				t.Errorf("%s gets %d from %s, want %d", name, n, call, c.want)
			}
		}
	}
}

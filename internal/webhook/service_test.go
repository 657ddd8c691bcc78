package webhook_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/webhook"
)

// refused expects exactly one user error with the code, at the field.
func refused(t *testing.T, err error, code fault.Code, field string) {
	t.Helper()
	faults, ok := fault.UserErrors(err)
	if !ok || len(faults) != 1 || faults[0].Code != code || strings.Join(faults[0].Field, ".") != field {
		t.Errorf("err = %v, want %s at %q", err, code, field)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	description := "The warehouse"
	in := webhook.Input{
		URL: "https://192.0.66.1/hooks", Description: &description,
		EventTypes: []order.EventType{order.OrderDelivered, order.OrderCreated, order.OrderDelivered},
	}
	made, secret, err := w.service.Create(t.Context(), staff, in)
	if err != nil || !made.Enabled || len(made.EventTypes) != 2 || made.EventTypes[0] != order.OrderCreated || *made.Description != description {
		t.Fatalf("%+v, %v", made, err)
	}
	if text := secret.Reveal(); !strings.HasPrefix(text, "whsec_") || len(text) != len("whsec_")+44 {
		t.Errorf("secret %q", text)
	}
	t.Run("OKAgain", func(t *testing.T) {
		in.EventTypes = []order.EventType{order.OrderCreated, order.OrderDelivered}
		again, secret, err := w.service.Create(t.Context(), staff, in)
		if err != nil || again.ID != made.ID || secret != nil {
			t.Errorf("%+v, secret %v, %v: want the one there is, and no secret", again, secret, err)
		}
	})
	t.Run("ErrURL", func(t *testing.T) {
		_, _, err := w.service.Create(t.Context(), staff, webhook.Input{URL: "nonsense"})
		refused(t, err, "URL_INVALID", "input.url")
	})
	t.Run("ErrDescription", func(t *testing.T) {
		for code, text := range map[fault.Code]string{
			fault.TextTooLong: strings.Repeat("x", 501), fault.TextInvalid: "a\x00", fault.CardNumberRefused: "4242 4242 4242 4242",
		} {
			_, _, err := w.service.Create(t.Context(), staff, webhook.Input{URL: in.URL, Description: &text})
			refused(t, err, code, "input.description")
		}
	})
	t.Run("ErrForbidden", func(t *testing.T) {
		for p, code := range map[auth.Principal]fault.Code{ada: fault.Forbidden, {}: fault.Unauthenticated} {
			if _, _, err := w.service.Create(t.Context(), p, in); fault.CodeOf(err) != code {
				t.Errorf("%v", err)
			}
			if _, _, err := w.store.CreateEndpoint(t.Context(), p, made, secret, 9, nil); fault.CodeOf(err) != code {
				t.Errorf("the store: %v", err)
			}
		}
	})
}

// However many are made at once, there are never more than the limit, and equal ones are one.
func TestCreateAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var mu sync.Mutex
	ids := map[id.Endpoint]bool{}
	secrets, tooMany := 0, 0
	var all sync.WaitGroup
	for i := range 3 * maxEndpoints {
		all.Go(func() {
			e, secret, err := w.service.Create(t.Context(), staff, webhook.Input{URL: "https://192.0.66.1/" + strconv.Itoa(i/2)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case fault.CodeOf(err) == "TOO_MANY_ENDPOINTS":
				tooMany++
			case err != nil:
				t.Error(err)
			default:
				ids[e.ID] = true
				if secret != nil {
					secrets++
				}
			}
		})
	}
	all.Wait()
	if len(ids) != maxEndpoints || secrets != maxEndpoints || tooMany == 0 {
		t.Errorf("%d endpoints, %d secrets, %d refused", len(ids), secrets, tooMany)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("https://192.0.66.1/", order.OrderCreated)
	update := func(c webhook.Change) *webhook.Endpoint {
		t.Helper()
		got, err := w.service.Update(t.Context(), staff, e.ID, c)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := update(webhook.Change{}); got.URL != e.URL || len(got.EventTypes) != 1 || !got.Enabled || got.Description != nil {
		t.Errorf("nothing: %+v", got)
	}
	url, description, none, off := "https://192.0.66.2/", "new", []order.EventType{}, false
	got := update(webhook.Change{URL: &url, Description: &description, EventTypes: &none, Enabled: &off})
	if got.URL != url || *got.Description != description || len(got.EventTypes) != 0 || got.Enabled || got.DisabledReason != nil {
		t.Errorf("everything: %+v", got)
	}
	empty := ""
	if got := update(webhook.Change{Description: &empty}); got.Description != nil || got.URL != url {
		t.Errorf("no description: %+v", got)
	}
	_, err := w.service.Update(t.Context(), staff, id.New[id.Endpoint](), webhook.Change{})
	refused(t, err, "ENDPOINT_NOT_FOUND", "input.endpointId")
	private := "https://10.0.0.1/"
	_, err = w.service.Update(t.Context(), staff, e.ID, webhook.Change{URL: &private})
	refused(t, err, "URL_NOT_ALLOWED", "input.url")
	_, _, err = w.service.RotateSecret(t.Context(), staff, id.New[id.Endpoint]())
	refused(t, err, "ENDPOINT_NOT_FOUND", "input.endpointId")
	_, err = w.service.Redeliver(t.Context(), staff, id.New[id.Delivery]())
	refused(t, err, "DELIVERY_NOT_FOUND", "input.deliveryId")
}

// What staff do is audited with the change, and what changes nothing is not.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("https://192.0.66.1/secret?token=secret")
	w.endpoint("https://192.0.66.1/secret?token=secret")
	on, off, url := true, false, "https://192.0.66.2/secret"
	for _, c := range []webhook.Change{{Enabled: &on}, {Enabled: &off, URL: &url}, {URL: &url, EventTypes: &[]order.EventType{}}} {
		if _, err := w.service.Update(t.Context(), staff, e.ID, c); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.service.RotateSecret(t.Context(), staff, e.ID); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := w.db.SelectContext(t.Context(), &got, `
		SELECT concat_ws(' ', action, detail) FROM audit_entries WHERE subject = $1 AND actor_id = $2 ORDER BY id`,
		e.ID.TypeID(), staff.CustomerID)
	want := []string{
		"webhookEndpoint.create https://192.0.66.1", "webhookEndpoint.update url https://192.0.66.2, enabled false", "webhookEndpoint.rotateSecret",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("audited %q, want %q, %v", got, want, err)
	}
	w.endpoint(url)
	w.place()
	w.fanOut()
	delivery := w.deliveries()[0].ID
	if _, err := w.service.Redeliver(t.Context(), staff, delivery); err != nil {
		t.Fatal(err)
	}
	got = nil
	err = w.db.SelectContext(t.Context(), &got, `SELECT action FROM audit_entries WHERE subject = $1`, delivery.TypeID())
	if err != nil || !slices.Equal(got, []string{"webhook.redeliver"}) {
		t.Errorf("audited %q, %v", got, err)
	}
}

// Staff see everything, page by page; nobody else sees anything.
func TestLists(t *testing.T) {
	t.Parallel()
	w := setup(t)
	one, _ := w.endpoint("https://192.0.66.1/1")
	two, _ := w.endpoint("https://192.0.66.1/2")
	w.place()
	w.place()
	w.fanOut()
	w.exec(`UPDATE webhook_deliveries SET status = 'FAILED', next_attempt_at = NULL WHERE endpoint_id = $1`, two.ID)
	for _, c := range []struct {
		filter webhook.Filter
		want   int
	}{
		{webhook.Filter{}, 4},
		{webhook.Filter{EndpointID: id.Some(one.ID)}, 2},
		{webhook.Filter{Status: webhook.Failed}, 2},
		{webhook.Filter{EndpointID: id.Some(one.ID), Status: webhook.Failed}, 0},
		{webhook.Filter{EndpointID: id.Some(id.New[id.Endpoint]())}, 0},
	} {
		var seen []*webhook.Delivery
		for request := (pagination.Request{Limit: 1}); ; {
			result, err := w.service.Deliveries(t.Context(), staff, c.filter, request)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, result.Items...)
			if !result.HasNext {
				break
			}
			request.After = id.Some(uuid.UUID(result.Items[0].ID))
		}
		if len(seen) != c.want {
			t.Errorf("%+v: %d", c.filter, len(seen))
		}
		for i, d := range seen {
			if i > 0 && d.ID.String() >= seen[i-1].ID.String() {
				t.Errorf("%+v: not newest first", c.filter)
			}
		}
	}
	endpoints, err := w.service.Endpoints(t.Context(), staff, pagination.Request{Limit: 1})
	if err != nil || len(endpoints.Items) != 1 || endpoints.Items[0].ID != two.ID || !endpoints.HasNext {
		t.Errorf("%+v, %v", endpoints, err)
	}
	if n, err := w.store.PendingDeliveries(t.Context()); err != nil || n != 2 {
		t.Errorf("%d pending, %v", n, err)
	}
	for name, err := range map[string]error{
		"Endpoints":      second(w.store.Endpoints(t.Context(), ada, pagination.Request{Limit: 1})),
		"EndpointsByID":  second(w.store.EndpointsByID(t.Context(), ada, []id.Endpoint{one.ID})),
		"Deliveries":     second(w.store.Deliveries(t.Context(), ada, webhook.Filter{}, pagination.Request{Limit: 1})),
		"DeliveriesByID": second(w.store.DeliveriesByID(t.Context(), ada, nil)),
		"UpdateEndpoint": second(w.store.UpdateEndpoint(t.Context(), ada, one.ID, nil)),
		"RotateSecret":   second(w.store.RotateSecret(t.Context(), ada, one.ID, nil, w.clock.Now(), w.clock.Now(), nil)),
		"Redeliver":      second(w.store.Redeliver(t.Context(), ada, id.New[id.Delivery](), w.clock.Now(), nil)),
	} {
		if fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("%s by a customer: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

package webhook_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/webhook"
)

// Nobody sees a deleted endpoint any more and nothing is sent to it; its deliveries go, and its row a day later.
func TestDelete(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, _ := w.endpoint("http://127.0.0.1:9/hunter2")
	kept, _ := w.endpoint("http://127.0.0.1:9/kept")
	w.place()
	w.fanOut()
	claimed, err := w.store.ClaimDeliveries(t.Context(), w.clock.Now(), time.Minute, 8, nil)
	if err != nil || len(claimed) != 2 {
		t.Fatalf("claimed %v, %v", claimed, err)
	}
	w.replay(e.ID, webhook.Range{After: w.cursor(0)})
	t.Run("ErrForbidden", func(t *testing.T) {
		for p, code := range map[auth.Principal]fault.Code{ada: fault.Forbidden, {}: fault.Unauthenticated} {
			if err := w.service.Delete(t.Context(), p, e.ID); fault.CodeOf(err) != code {
				t.Errorf("%v", err)
			}
		}
	})
	for range 2 { // the second time it is a no-op
		if err := w.service.Delete(t.Context(), staff, e.ID); err != nil {
			t.Fatal(err)
		}
	}
	var row, secrets, replays, audited int
	for statement, count := range map[string]*int{
		`SELECT count(*) FROM webhook_endpoints WHERE id = $1 AND url NOT LIKE '%hunter2%' AND NOT enabled`:   &row,
		`SELECT count(*) FROM webhook_secrets WHERE endpoint_id = $1`:                                         &secrets,
		`SELECT count(*) FROM webhook_replays WHERE endpoint_id = $1`:                                         &replays,
		`SELECT count(*) FROM audit_entries WHERE action = 'webhookEndpoint.delete' AND $1::uuid IS NOT NULL`: &audited,
	} {
		if err := w.db.GetContext(t.Context(), count, statement, e.ID); err != nil {
			t.Fatal(err)
		}
	}
	if row != 1 || secrets != 0 || replays != 0 || audited != 1 {
		t.Errorf("%d rows, %d secrets, %d replays, %d audit entries", row, secrets, replays, audited)
	}
	found, err := w.service.EndpointsByID(t.Context(), staff, []id.Endpoint{e.ID, kept.ID})
	if err != nil || len(found) != 1 || found[kept.ID] == nil {
		t.Errorf("found %v, %v", found, err)
	}
	deliveries := w.deliveries()
	if len(deliveries) != 1 || deliveries[0].Endpoint.ID != kept.ID {
		t.Errorf("deliveries %+v", deliveries)
	}
	for _, c := range claimed {
		byID, err := w.service.DeliveriesByID(t.Context(), staff, []id.Delivery{c.ID})
		if err != nil || (len(byID) == 1) != (c.EndpointID == kept.ID) {
			t.Errorf("delivery %s: %v, %v", c.ID, byID, err)
		}
		if c.EndpointID == e.ID {
			_, err = w.service.Redeliver(t.Context(), staff, c.ID)
			refused(t, err, "DELIVERY_NOT_FOUND", "input.deliveryId")
		}
	}
	on := true
	_, err = w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: &on})
	refused(t, err, "ENDPOINT_NOT_FOUND", "input.endpointId")
	_, _, err = w.service.RotateSecret(t.Context(), staff, e.ID)
	refused(t, err, "ENDPOINT_NOT_FOUND", "input.endpointId")
	// It does not count against the limit.
	for range maxEndpoints - 1 {
		w.endpoint("http://127.0.0.1:9/" + id.New[id.Endpoint]().String())
	}
	d := webhook.NewDeliverer(w.store, webhook.Config{Clock: w.clock.Now, Logger: w.logger()})
	d.Prune(t.Context())
	// The request that was running ends later, and changes nothing.
	for _, c := range claimed {
		got, err := w.store.SettleDelivery(t.Context(), c, webhook.Outcome{Status: webhook.Delivered})
		if err != nil || got.Settled != (c.EndpointID == kept.ID) {
			t.Errorf("settled %+v, %v", got, err)
		}
	}
	w.clock.forward(webhook.DeletedFor + time.Second)
	d.Prune(t.Context())
	if err := w.db.GetContext(t.Context(), &row, `SELECT count(*) FROM webhook_endpoints WHERE id = $1`, e.ID); err != nil || row != 0 {
		t.Errorf("%d rows a day later, %v", row, err)
	}
	refused(t, w.service.Delete(t.Context(), staff, e.ID), "ENDPOINT_NOT_FOUND", "input.endpointId")
}

// A test event is signed as the others, has a type and an id of its own, and leaves no trace but the audit entry.
func TestTestEvent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := newReceiver(t, answers(204, 503))
	e, secret := w.endpoint(r.URL)
	off := false
	if _, err := w.service.Update(t.Context(), staff, e.ID, webhook.Change{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	was := *w.found(e.ID)
	tested, err := w.service.Test(t.Context(), staff, e.ID)
	if err != nil || !tested.Delivered() || *tested.Status != 204 || tested.Problem != nil {
		t.Fatalf("%+v, %v", tested, err)
	}
	got := r.next(t)
	if err := verify(t, secret, got); err != nil {
		t.Error(err)
	}
	var body struct {
		Type string
		Data map[string]any
	}
	if err := json.Unmarshal(got.body, &body); err != nil || body.Type != webhook.TestType || body.Data["endpointId"] != e.ID.TypeID() || len(body.Data) != 1 {
		t.Errorf("%s, %v", got.body, err)
	}
	if key := got.header.Get("Webhook-Id"); !strings.HasPrefix(key, "test_") {
		t.Errorf("webhook-id %s", key)
	}
	if tested, err = w.service.Test(t.Context(), staff, e.ID); err != nil || tested.Delivered() || *tested.Status != 503 {
		t.Errorf("%+v, %v", tested, err)
	}
	if first, second := got.header.Get("Webhook-Id"), r.next(t).header.Get("Webhook-Id"); first == second {
		t.Errorf("two test events have the id %s", first)
	}
	r.Close()
	if tested, err = w.service.Test(t.Context(), staff, e.ID); err != nil || tested.Delivered() || tested.Status != nil || !strings.Contains(*tested.Problem, "refused") {
		t.Errorf("%+v, %v", tested, err)
	}
	now := w.found(e.ID)
	if now.PausedUntil != was.PausedUntil || now.FailingSince != was.FailingSince || len(w.deliveries()) != 0 {
		t.Errorf("the endpoint was %+v, is %+v", was, now)
	}
	_, err = w.service.Test(t.Context(), staff, id.New[id.Endpoint]())
	refused(t, err, "ENDPOINT_NOT_FOUND", "input.endpointId")
	if _, err = w.service.Test(t.Context(), ada, e.ID); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("%v", err)
	}
}

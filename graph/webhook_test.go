package graph_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/webhook"
)

const (
	endpointFields = `{ id url eventTypes description enabled createdAt disabledReason }`
	endpointCreate = `mutation($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input) {
		endpoint ` + endpointFields + ` secret userErrors { field message code } } }`
	endpointUpdate = `mutation($input: WebhookEndpointUpdateInput!) { webhookEndpointUpdate(input: $input) {
		endpoint ` + endpointFields + ` userErrors { field message code } } }`
	endpointRotate = `mutation($id: ID!) { webhookEndpointRotateSecret(input: {endpointId: $id}) {
		endpoint { id } secret userErrors { field message code } } }`
	redeliver = `mutation($id: ID!) { webhookRedeliver(input: {deliveryId: $id}) {
		delivery { id status attempts } userErrors { field message code } } }`
	endpointList = `query($first: Int, $after: String) { webhookEndpoints(first: $first, after: $after) {
		edges { cursor node { id } } nodes { id } pageInfo { hasNextPage endCursor } } }`
	deliveryList = `query($endpoint: ID, $status: WebhookDeliveryStatus, $first: Int, $after: String) {
		webhookDeliveries(endpointId: $endpoint, status: $status, first: $first, after: $after) {
			edges { cursor node { id } }
			nodes { id endpoint { id url } eventId eventType status attempts responseStatus nextAttemptAt lastAttemptAt createdAt }
			pageInfo { hasNextPage endCursor } } }`
)

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	w := setup(t)
	input := vars{"url": "http://127.0.0.1:9/hooks", "eventTypes": []string{"ORDER_DELIVERED", "ORDER_CREATED"}, "description": "ERP"}
	made := w.do(staff, endpointCreate, vars{"input": input}).ok()
	made.want("webhookEndpointCreate.userErrors", []any{}).want("webhookEndpointCreate.endpoint.enabled", true)
	made.want("webhookEndpointCreate.endpoint.eventTypes", []string{"ORDER_CREATED", "ORDER_DELIVERED"})
	made.want("webhookEndpointCreate.endpoint.url", input["url"]).want("webhookEndpointCreate.endpoint.description", "ERP")
	endpointID, secret := made.text("webhookEndpointCreate.endpoint.id"), made.text("webhookEndpointCreate.secret")
	if !strings.HasPrefix(endpointID, "endpoint_") || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("id %s, secret %s", endpointID, secret)
	}
	t.Run("OKAgain", func(t *testing.T) {
		again := w.in(t).do(staff, endpointCreate, vars{"input": input}).ok()
		again.want("webhookEndpointCreate.endpoint.id", endpointID).want("webhookEndpointCreate.secret", nil)
	})
	t.Run("OKRotate", func(t *testing.T) {
		rotated := w.in(t).do(staff, endpointRotate, vars{"id": endpointID}).ok()
		if rotated.want("webhookEndpointRotateSecret.endpoint.id", endpointID).text("webhookEndpointRotateSecret.secret") == secret {
			t.Error("the same secret")
		}
	})
	t.Run("OKUpdate", func(t *testing.T) {
		w := w.in(t)
		off := w.do(staff, endpointUpdate, vars{"input": vars{"endpointId": endpointID, "enabled": false, "eventTypes": []any{}}}).ok()
		off.want("webhookEndpointUpdate.endpoint.enabled", false).want("webhookEndpointUpdate.endpoint.eventTypes", []any{})
		off.want("webhookEndpointUpdate.endpoint.description", "ERP").want("webhookEndpointUpdate.endpoint.disabledReason", nil)
		w.do(staff, endpointUpdate, vars{"input": vars{"endpointId": endpointID, "enabled": true, "description": nil}}).ok().
			want("webhookEndpointUpdate.endpoint.enabled", true).want("webhookEndpointUpdate.endpoint.description", "ERP")
	})
	t.Run("ErrRefused", func(t *testing.T) {
		w := w.in(t)
		got := w.do(staff, endpointCreate, vars{"input": vars{"url": "https://10.0.0.1/", "description": strings.Repeat("x", 501)}}).ok()
		got.want("webhookEndpointCreate.endpoint", nil).want("webhookEndpointCreate.secret", nil)
		got.want("webhookEndpointCreate.userErrors.0.code", "URL_NOT_ALLOWED").want("webhookEndpointCreate.userErrors.0.field", []string{"input", "url"})
		got.want("webhookEndpointCreate.userErrors.1.code", "TEXT_TOO_LONG")
		w.do(staff, endpointUpdate, vars{"input": vars{"endpointId": endpointID, "url": "nonsense"}}).ok().
			want("webhookEndpointUpdate.userErrors.0.code", "URL_INVALID")
		w.do(staff, endpointUpdate, vars{"input": vars{"endpointId": endpointID, "description": "a\x00"}}).ok().
			want("webhookEndpointUpdate.userErrors.0.code", "TEXT_INVALID")
		for i := range maxEndpoints {
			got = w.do(staff, endpointCreate, vars{"input": vars{"url": "http://127.0.0.1:9/" + strings.Repeat("x", i)}}).ok()
		}
		got.want("webhookEndpointCreate.userErrors.0.code", "TOO_MANY_ENDPOINTS").want("webhookEndpointCreate.userErrors.0.field", nil)
	})
	t.Run("ErrUnknown", func(t *testing.T) {
		w := w.in(t)
		missing := id.New[id.Endpoint]().TypeID()
		w.do(staff, endpointUpdate, vars{"input": vars{"endpointId": missing}}).ok().want("webhookEndpointUpdate.userErrors.0.code", "ENDPOINT_NOT_FOUND")
		w.do(staff, endpointRotate, vars{"id": missing}).ok().want("webhookEndpointRotateSecret.userErrors.0.code", "ENDPOINT_NOT_FOUND")
		w.do(staff, redeliver, vars{"id": id.New[id.Delivery]().TypeID()}).ok().want("webhookRedeliver.userErrors.0.code", "DELIVERY_NOT_FOUND")
		w.do(staff, endpointRotate, vars{"id": "endpoint_1"}).refused("BAD_USER_INPUT")
		w.do(staff, redeliver, vars{"id": missing}).refused("BAD_USER_INPUT")
	})
	t.Run("ErrForbidden", func(t *testing.T) {
		w := w.in(t)
		for document, variables := range map[string]vars{
			endpointCreate: {"input": input}, endpointUpdate: {"input": vars{"endpointId": endpointID}}, endpointRotate: {"id": endpointID},
			redeliver: {"id": id.New[id.Delivery]().TypeID()}, endpointList: {}, deliveryList: {},
		} {
			w.do(ada, document, variables).refused("FORBIDDEN")
			w.do(anonymous, document, variables).refused("UNAUTHENTICATED")
		}
		const node = `query($id: ID!) { node(id: $id) { id } }`
		w.do(ada, node, vars{"id": endpointID}).ok().want("node", nil)
		w.do(staff, node, vars{"id": endpointID}).ok().want("node.id", endpointID)
	})
}

func TestWebhookDeliveries(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var endpoints []string
	var added []webhook.NewDelivery
	store := postgres.NewWebhooks(w.db.Worker)
	for _, path := range []string{"a", "b"} {
		endpointID := w.do(staff, endpointCreate, vars{"input": vars{"url": "http://127.0.0.1:9/" + path}}).ok().text("webhookEndpointCreate.endpoint.id")
		endpoints = append(endpoints, endpointID)
		key, err := id.Parse[id.Endpoint](endpointID)
		if err != nil {
			t.Fatal(err)
		}
		for range 15 {
			added = append(added, webhook.NewDelivery{
				ID: id.New[id.Delivery](), EndpointID: key, EventID: id.New[id.Event](), EventType: order.OrderCreated, Body: []byte("{}"), CreatedAt: order.SystemClock(),
			})
		}
	}
	if moved, err := store.AddDeliveries(t.Context(), webhook.Batch{To: 1, Deliveries: added}); err != nil || !moved {
		t.Fatalf("%v, %v", moved, err)
	}
	newest := added[29].ID.TypeID()
	t.Run("OKPages", func(t *testing.T) {
		w := w.in(t)
		var page *answer
		if n := w.counter.during(func() { page = w.do(staff, deliveryList, vars{"first": 25}).ok() }); n != 1 {
			t.Errorf("%d statements", n)
		}
		page.want("webhookDeliveries.nodes.0.id", newest).want("webhookDeliveries.nodes.0.endpoint", vars{"id": endpoints[1], "url": "http://127.0.0.1:9/b"})
		page.want("webhookDeliveries.nodes.0.eventId", added[29].EventID.TypeID()).want("webhookDeliveries.nodes.0.eventType", "ORDER_CREATED")
		page.want("webhookDeliveries.nodes.0.status", "PENDING").want("webhookDeliveries.nodes.0.attempts", 0)
		page.want("webhookDeliveries.nodes.0.responseStatus", nil).want("webhookDeliveries.nodes.0.lastAttemptAt", nil)
		page.want("webhookDeliveries.pageInfo.hasNextPage", true)
		rest := w.do(staff, deliveryList, vars{"first": 25, "after": page.text("webhookDeliveries.pageInfo.endCursor")}).ok()
		rest.want("webhookDeliveries.nodes.4.id", added[0].ID.TypeID()).want("webhookDeliveries.pageInfo.hasNextPage", false)
	})
	t.Run("OKFilter", func(t *testing.T) {
		w := w.in(t)
		w.do(staff, deliveryList, vars{"endpoint": id.Endpoint(uuid.Nil).TypeID()}).ok().want("webhookDeliveries.nodes", []any{})
		w.do(staff, deliveryList, vars{"after": pagination.Cursor("deliveries", uuid.Nil)}).ok().want("webhookDeliveries.nodes", []any{})
		of := w.do(staff, deliveryList, vars{"endpoint": endpoints[0]}).ok()
		of.want("webhookDeliveries.nodes.14.id", added[0].ID.TypeID()).want("webhookDeliveries.pageInfo.hasNextPage", false)
		w.do(staff, deliveryList, vars{"status": "FAILED"}).ok().want("webhookDeliveries.nodes", []any{})
	})
	t.Run("OKRedeliver", func(t *testing.T) {
		w := w.in(t)
		w.do(staff, redeliver, vars{"id": newest}).ok().want("webhookRedeliver.delivery", vars{"id": newest, "status": "PENDING", "attempts": 0})
	})
	t.Run("OKNodes", func(t *testing.T) {
		w := w.in(t)
		const nodes = `query($ids: [ID!]!) { nodes(ids: $ids) { id ... on WebhookDelivery { endpoint { id } } ... on WebhookEndpoint { enabled } } }`
		ids := []string{newest, endpoints[0], added[0].ID.TypeID(), id.New[id.Delivery]().TypeID()}
		var got *answer
		if n := w.counter.during(func() { got = w.do(staff, nodes, vars{"ids": ids}).ok() }); n != 2 {
			t.Errorf("%d statements, want one a kind", n)
		}
		got.want("nodes.0.endpoint.id", endpoints[1]).want("nodes.1.enabled", true).want("nodes.2.id", ids[2]).want("nodes.3", nil)
		w.do(bob, nodes, vars{"ids": ids}).refused("FORBIDDEN")
		w.do(bob, `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, vars{"ids": ids}).ok().want("nodes", []any{nil, nil, nil, nil})
	})
	t.Run("OKEndpoints", func(t *testing.T) {
		page := w.in(t).do(staff, endpointList, vars{"first": 1}).ok()
		page.want("webhookEndpoints.nodes", []vars{{"id": endpoints[1]}}).want("webhookEndpoints.pageInfo.hasNextPage", true)
		w.in(t).do(staff, endpointList, vars{"after": page.text("webhookEndpoints.pageInfo.endCursor")}).ok().
			want("webhookEndpoints.nodes", []vars{{"id": endpoints[0]}}).want("webhookEndpoints.pageInfo.hasNextPage", false)
	})
	t.Run("ErrShape", func(t *testing.T) {
		w := w.in(t)
		cursor := w.do(staff, endpointList, vars{"first": 1}).ok().text("webhookEndpoints.pageInfo.endCursor")
		w.do(staff, deliveryList, vars{"after": cursor}).refused("INVALID_CURSOR")
		w.do(staff, deliveryList, vars{"first": 101}).refused("BAD_USER_INPUT")
		w.do(staff, deliveryList, vars{"endpoint": newest}).refused("BAD_USER_INPUT")
	})
}

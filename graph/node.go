package graph

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// findOrder reads an order by its id or number, of which exactly one must be given.
func (r *Resolver) findOrder(ctx context.Context, p auth.Principal, orderID, number *string) (*order.Order, error) {
	switch {
	case (orderID == nil) == (number == nil):
		return nil, fault.New(fault.BadUserInput, "Give exactly one of id and number.")
	case number != nil:
		if err := storable(number); err != nil {
			return nil, err
		}
		return r.OrderService.GetByNumber(ctx, p, strings.ToUpper(*number))
	}
	parsed, err := id.Parse[id.Order](*orderID)
	if err != nil {
		return nil, err
	}
	return r.OrderService.Get(ctx, p, parsed)
}

// nodes reads objects of any kind by id, with one statement for each kind. An entry is nil when the object does not exist, may not be seen or
// is not a Node.
func (r *Resolver) nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	kinds := make([]id.Kind, len(ids))
	keys := make([]uuid.UUID, len(ids))
	wanted := map[id.Kind][]uuid.UUID{}
	for i, text := range ids {
		kind, key, err := id.ParseAny(text)
		if err != nil {
			return nil, err
		}
		kinds[i], keys[i] = kind, key
		wanted[kind] = append(wanted[kind], key)
	}
	p := auth.FromContext(ctx)
	found := map[id.Kind]map[uuid.UUID]model.Node{}
	for kind, keys := range wanted {
		if kind != id.ProductKind {
			if err := auth.RequireSignedIn(p); err != nil {
				return nil, err
			}
		}
		var err error
		if found[kind], err = r.nodesOfKind(ctx, p, kind, keys); err != nil {
			return nil, err
		}
	}
	nodes := make([]model.Node, len(ids))
	for i := range nodes {
		nodes[i] = found[kinds[i]][keys[i]]
	}
	return nodes, nil
}

func (r *Resolver) nodesOfKind(ctx context.Context, p auth.Principal, kind id.Kind, keys []uuid.UUID) (map[uuid.UUID]model.Node, error) {
	nodes := map[uuid.UUID]model.Node{}
	var orders []*order.Order
	var payments []id.Payment
	var err error
	switch kind {
	case id.ProductKind:
		products, err := r.ProductService.ByID(ctx, of[id.Product](keys))
		add(nodes, products)
		return nodes, err
	case id.OrderKind:
		var found map[id.Order]*order.Order
		found, err = r.OrderService.ByID(selected(ctx), p, of[id.Order](keys))
		add(nodes, found)
		orders = slices.Collect(maps.Values(found))
	case id.PaymentKind:
		payments = of[id.Payment](keys)
		var found map[id.Payment]*order.Order
		found, err = r.OrderService.ByPayment(selected(ctx), p, payments)
		for key, o := range found {
			nodes[uuid.UUID(key)] = o.PaymentByID(key)
		}
		orders = slices.Collect(maps.Values(found))
	case id.RefundKind:
		var found map[id.Refund]*order.Order
		found, err = r.OrderService.ByRefund(selectedAnd(ctx, order.Parts{Refunds: true}), p, of[id.Refund](keys))
		for key, o := range found {
			nodes[uuid.UUID(key)] = o.RefundByID(key)
		}
		orders = slices.Collect(maps.Values(found))
	case id.DisputeKind:
		var found map[id.Dispute]*order.Order
		found, err = r.OrderService.ByDispute(selected(ctx), p, of[id.Dispute](keys))
		for key, o := range found {
			nodes[uuid.UUID(key)] = o.DisputeByID(key)
		}
		orders = slices.Collect(maps.Values(found))
	case id.EndpointKind, id.DeliveryKind:
		return r.webhookNodes(ctx, p, kind, keys)
	case id.EventKind, id.CustomerKind, id.AttemptKind, id.AuditKind: // have ids and are no Nodes
	}
	held := map[id.Order]*order.Order{} // several payments or refunds may be of one order
	for _, o := range orders {
		held[o.ID] = o
	}
	scopeOf(ctx).holdPayments(slices.Collect(maps.Values(held)), payments...)
	return nodes, err
}

// of are the keys as ids of one kind.
func of[I id.Entity](keys []uuid.UUID) []I {
	ids := make([]I, len(keys))
	for i, key := range keys {
		ids[i] = I(key)
	}
	return ids
}

// add adds what was found by ids of one kind.
func add[I id.Entity, N model.Node](nodes map[uuid.UUID]model.Node, found map[I]N) {
	for key, node := range found {
		nodes[uuid.UUID(key)] = node
	}
}

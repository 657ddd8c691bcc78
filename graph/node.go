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
	parsed, err := id.Parse(id.Order, *orderID)
	if err != nil {
		return nil, err
	}
	return r.OrderService.Get(ctx, p, parsed)
}

// nodes reads objects of any kind by id, with one statement for each kind. An entry is nil when the object does not exist, may not be seen or
// is not a Node.
func (r *Resolver) nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	kinds := make([]id.Prefix, len(ids))
	keys := make([]uuid.UUID, len(ids))
	wanted := map[id.Prefix][]uuid.UUID{}
	for i, text := range ids {
		kind, key, err := id.ParseAny(text)
		if err != nil {
			return nil, err
		}
		kinds[i], keys[i] = kind, key
		wanted[kind] = append(wanted[kind], key)
	}
	p := auth.FromContext(ctx)
	found := map[id.Prefix]map[uuid.UUID]model.Node{}
	for kind, keys := range wanted {
		if kind != id.Product {
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

func (r *Resolver) nodesOfKind(ctx context.Context, p auth.Principal, kind id.Prefix, keys []uuid.UUID) (map[uuid.UUID]model.Node, error) {
	nodes := map[uuid.UUID]model.Node{}
	var orders map[uuid.UUID]*order.Order
	var payments []uuid.UUID
	var err error
	switch kind {
	case id.Product:
		products, err := r.ProductService.ByID(ctx, keys)
		for key, product := range products {
			nodes[key] = product
		}
		return nodes, err
	case id.Order:
		orders, err = r.OrderService.ByID(selected(ctx), p, keys)
		for key, o := range orders {
			nodes[key] = o
		}
	case id.Payment:
		orders, err = r.OrderService.ByPayment(selected(ctx), p, keys)
		for _, key := range keys {
			if o := orders[key]; o != nil {
				nodes[key] = paymentOf(o, key)
			}
		}
		payments = keys
	case id.Refund:
		orders, err = r.OrderService.ByRefund(selectedAnd(ctx, order.Parts{Refunds: true}), p, keys)
		for _, key := range keys {
			if o := orders[key]; o != nil {
				nodes[key] = o.RefundByID(key)
			}
		}
	case id.Endpoint, id.Delivery:
		return r.webhookNodes(ctx, p, kind, keys)
	case id.Event, id.Customer, id.Attempt, id.Audit: // have ids and are no Nodes
	}
	held := map[uuid.UUID]*order.Order{} // several payments or refunds may be of one order
	for _, o := range orders {
		held[o.ID] = o
	}
	scopeOf(ctx).holdPayments(slices.Collect(maps.Values(held)), payments...)
	return nodes, err
}

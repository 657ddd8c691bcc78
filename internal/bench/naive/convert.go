package naive

import (
	"strconv"

	"github.com/orderwire/orderwire/internal/bench/naive/model"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
)

func toMoney(a money.Amount) *model.Money {
	return &model.Money{AmountMinor: a.Minor, Currency: a.Currency}
}

func toOrder(o *order.Order) *model.Order {
	if o == nil {
		return nil
	}
	m := &model.Order{
		ID: o.ID.TypeID(), Number: o.Number, Status: model.OrderStatus(o.Status), Version: o.Version,
		CustomerID: o.CustomerID.String(), Total: toMoney(o.Total), Note: o.Note,
		Captured: toMoney(money.New(o.Captured, o.Total.Currency)), Refunded: toMoney(money.New(o.Refunded, o.Total.Currency)),
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, ExpiresAt: o.ExpiresAt, DeliversAt: o.DeliversAt,
	}
	for _, l := range o.Lines {
		m.Lines = append(m.Lines, &model.OrderLine{Name: l.Name, Quantity: l.Quantity, UnitPrice: toMoney(l.UnitPrice), Total: toMoney(l.Total)})
	}
	if p := o.Payment(); p != nil {
		m.Payment = &model.Payment{
			ID: p.ID.TypeID(), Status: string(p.Status), Amount: toMoney(p.Amount),
			Captured: toMoney(money.New(p.Captured, p.Amount.Currency)), Provider: p.Provider, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		}
	}
	return m
}

func toUpdate(e order.Event) *model.OrderUpdate {
	return &model.OrderUpdate{
		Kind: model.OrderUpdateKindEvent, Cursor: cursor(e.Version), Order: toOrder(e.Order),
		Event: &model.OrderEvent{
			ID: e.ID.TypeID(), Type: string(e.Type), OrderID: e.OrderID().TypeID(), Version: e.Version, OccurredAt: e.At,
		},
	}
}

func parseOrder(s string) (id.Order, error) { return id.Parse[id.Order](s) }

// cursor is an order's version: nothing can be resumed from it.
func cursor(version int) string { return strconv.Itoa(version) }

// pageSize returns first, or the contract's default.
func pageSize(first *int) int {
	if first == nil {
		return 20
	}
	return *first
}

// toPage makes a page of n from as many and one more, if there are.
func toPage(found []*order.Order, n int) *model.OrderConnection {
	page := &model.OrderConnection{PageInfo: &model.PageInfo{HasNextPage: len(found) > n}, Edges: []*model.OrderEdge{}, Nodes: []*model.Order{}}
	for _, o := range found[:min(n, len(found))] {
		node := toOrder(o)
		page.Nodes = append(page.Nodes, node)
		page.Edges = append(page.Edges, &model.OrderEdge{Cursor: node.ID, Node: node})
		page.PageInfo.EndCursor = &node.ID
	}
	return page
}

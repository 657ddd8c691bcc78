package graph

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/product"
)

// scope has the data that the resolvers of one response share: of a query, a mutation, or one item of a subscription. Resolvers
// register the orders that they return (hold). So payments and refunds find their order in memory, and each kind of data that
// orders' fields load is loaded for all orders of a list by one statement.
type scope struct {
	principal auth.Principal
	// past is true in a subscription: the orders are as of an event, not as of now, so nothing may be loaded for them.
	past bool
	// latest: see latestKey.
	latest bool

	products batches[id.Product, *product.Product]
	attempts batches[id.Payment, []payment.Attempt]
	events   batches[order.EventPageRequest, []order.Event]

	mu sync.Mutex
	// held are lists of orders that index has not put into the maps yet. Most responses never need the maps.
	held   []holding
	orders map[id.Order]*order.Order
	// lists has for each order the ids of the orders it was held together with. Of several lists it is the shortest, because the guard counts
	// the cost for the list that is asked for.
	lists map[id.Order][]id.Order
}

// holding is a list of orders, with those of their payments that the client asked for directly.
type holding struct {
	orders   []*order.Order
	payments []id.Payment
}

type scopeKey struct{}

// withScope gives each response a scope. It is a graphql.ResponseMiddleware.
func (r *Resolver) withScope(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	p := auth.FromContext(ctx)
	s := &scope{principal: p}
	if graphql.HasOperationContext(ctx) {
		operation := graphql.GetOperationContext(ctx).Operation
		s.past = operation != nil && operation.Operation == ast.Subscription
		s.latest, _ = graphql.GetOperationContext(ctx).Stats.GetExtension(latestKey).(bool)
	}
	s.products.fetch = r.ProductService.ByID
	if graphql.HasOperationContext(ctx) && graphql.GetOperationContext(ctx).Stats.GetExtension(briefKey) == true {
		s.products.fetch = r.ProductService.BriefByID
	}
	s.attempts.fetch = func(ctx context.Context, ids []id.Payment) (map[id.Payment][]payment.Attempt, error) {
		return r.OrderService.Attempts(ctx, p, ids)
	}
	s.events.fetch = func(ctx context.Context, requests []order.EventPageRequest) (map[order.EventPageRequest][]order.Event, error) {
		return r.OrderService.EventPages(ctx, p, requests)
	}
	return next(context.WithValue(ctx, scopeKey{}, s))
}

// scopeOf returns the scope of a resolver's context.
func scopeOf(ctx context.Context) *scope {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		panic("graph: no scope; the schema is executed without NewHandler's extensions")
	}
	return s
}

// hold registers the orders of one list for the resolvers of their fields. Every resolver that returns orders, payments or refunds calls
// it. Of two versions of an order the newer one is kept.
func (s *scope) hold(orders ...*order.Order) { s.holdPayments(orders) }

// holdPayments is hold for the orders of payments that the client asked for directly.
func (s *scope) holdPayments(orders []*order.Order, payments ...id.Payment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, holding{orders, payments})
}

// shown returns the payments of an order that its fields can lead to. Payments that the client asked for directly may be others.
func (s *scope) shown(o *order.Order) []payment.Payment {
	shown := o.ShownPayments()
	if s.latest {
		shown = shown[max(0, len(shown)-1):]
	}
	return shown
}

// index puts the held orders into the maps, and registers the data that their fields may load. The caller holds s.mu.
func (s *scope) index() {
	if s.orders == nil {
		s.orders, s.lists = map[id.Order]*order.Order{}, map[id.Order][]id.Order{}
	}
	for _, held := range s.held {
		var ids []id.Order
		var productIDs []id.Product
		paymentIDs := held.payments
		for _, o := range held.orders {
			ids = append(ids, o.ID)
			for i := range o.Lines {
				productIDs = append(productIDs, o.Lines[i].ProductID)
			}
			for _, shown := range s.shown(o) {
				paymentIDs = append(paymentIDs, shown.ID)
			}
			if known := s.orders[o.ID]; known == nil || known.Version < o.Version {
				s.orders[o.ID] = o
			}
		}
		for _, id := range ids {
			if known := s.lists[id]; known == nil || len(ids) < len(known) {
				s.lists[id] = ids
			}
		}
		s.products.expect(productIDs...)
		s.attempts.expect(paymentIDs...)
	}
	s.held = nil
}

// order returns the held order with the id, nil when there is none.
func (s *scope) order(orderID id.Order) *order.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index()
	return s.orders[orderID]
}

// list returns the ids of the orders that an order is held together with.
func (s *scope) list(orderID id.Order) []id.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index()
	return s.lists[orderID]
}

// product loads a product, together with the products of all held orders.
func (s *scope) product(ctx context.Context, productID id.Product) (*product.Product, bool, error) {
	s.mu.Lock()
	s.index()
	s.mu.Unlock()
	return s.products.load(ctx, productID)
}

// attemptsOf loads a payment's attempts, together with those of all held payments.
func (s *scope) attemptsOf(ctx context.Context, paymentID id.Payment) ([]payment.Attempt, error) {
	s.mu.Lock()
	s.index()
	s.mu.Unlock()
	attempts, _, err := s.attempts.load(ctx, paymentID)
	return attempts, err
}

// eventPage loads a page of an order's events. First pages are loaded for the whole list that the order is in, later pages for the one order.
func (s *scope) eventPage(ctx context.Context, request order.EventPageRequest) ([]order.Event, error) {
	if request.After == 0 {
		list := s.list(request.OrderID)
		requests := make([]order.EventPageRequest, len(list))
		for i, id := range list {
			requests[i] = order.EventPageRequest{OrderID: id, Limit: request.Limit}
		}
		s.events.expect(requests...)
	}
	events, _, err := s.events.load(ctx, request)
	return events, err
}

package event

import (
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
)

// TestAdmits: each delivery checks who may see the event, whatever list the subscriber is in.
func TestAdmits(t *testing.T) {
	t.Parallel()
	owner, other := id.New[id.Customer](), id.New[id.Customer]()
	e := &order.Event{Type: order.OrderCreated, Order: &order.Order{Head: &order.Head{CustomerID: owner}, State: order.State{Status: order.Created}}}
	for name, c := range map[string]struct {
		principal auth.Principal
		filter    Filter
		want      bool
	}{
		"the owner":               {auth.Principal{Role: auth.RoleCustomer, CustomerID: owner}, Filter{}, true},
		"another customer":        {auth.Principal{Role: auth.RoleCustomer, CustomerID: other}, Filter{}, false},
		"nobody":                  {auth.Principal{CustomerID: owner}, Filter{}, false},
		"staff":                   {auth.Principal{Role: auth.RoleStaff}, Filter{}, true},
		"another's filter":        {auth.Principal{Role: auth.RoleStaff}, Filter{CustomerID: id.Some(other)}, false},
		"an id of zeros":          {auth.Principal{Role: auth.RoleStaff}, Filter{CustomerID: id.Some(id.Customer{})}, false},
		"another status":          {auth.Principal{Role: auth.RoleStaff}, Filter{Statuses: []order.Status{order.Delivered}}, false},
		"one of the statuses":     {auth.Principal{Role: auth.RoleStaff}, Filter{Statuses: []order.Status{order.Delivered, order.Created}}, true},
		"another type":            {auth.Principal{Role: auth.RoleStaff}, Filter{Types: []order.EventType{order.OrderDelivered}}, false},
		"type and status, wholly": {auth.Principal{Role: auth.RoleStaff}, Filter{Types: []order.EventType{order.OrderCreated}, Statuses: []order.Status{order.Created}}, true},
	} {
		if got := c.filter.admits(c.principal, e); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

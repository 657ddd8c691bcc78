package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
)

// ErrTooMany says that there are as many endpoints as there may be.
var ErrTooMany = errors.New("too many endpoints")

// Service has what staff may do with endpoints and deliveries. All methods return fault.Unauthenticated or
// fault.Forbidden for everybody else.
type Service struct {
	store        Store
	destinations Destinations
	limit        int
	clock        order.Clock
	changed      func()
	log          Log
	client       *client
	tests        chan struct{} // has one for each test that runs
}

// NewService returns the service over a store and the event log. limit is the largest number of endpoints; changed is
// told when something may be due that was not, and must not block.
func NewService(store Store, log Log, destinations Destinations, limit int, clock order.Clock, changed func()) *Service {
	return &Service{
		store: store, log: log, destinations: destinations, limit: limit, clock: clock, changed: changed,
		client: newClient(destinations, testTimeout, 1), tests: make(chan struct{}, testsAtOnce),
	}
}

// Input has a new endpoint's values as staff give them.
type Input struct {
	URL         string
	EventTypes  []order.EventType
	Description *string
}

// Create adds an endpoint for events from now on and returns its secret, the only time that it can be seen. When there is
// an enabled one that is equal in all that was given, that one is returned and the secret is nil.
// User errors: URL_INVALID, URL_NOT_ALLOWED, TOO_MANY_ENDPOINTS, and those of package freetext for the description.
func (s *Service) Create(ctx context.Context, p auth.Principal, in Input) (*Endpoint, Secret, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, nil, err
	}
	if err := s.check(ctx, &in.URL, in.Description); err != nil {
		return nil, nil, err
	}
	secret, now := newSecret(), s.clock()
	e := &Endpoint{
		ID: id.At[id.Endpoint](now), URL: in.URL, EventTypes: typesOf(in.EventTypes), Description: emptyIsNone(in.Description),
		Enabled: true, CreatedAt: now,
	}
	entry := audit.New(now, p, "webhookEndpoint.create", e.ID, originOf(e.URL))
	e, created, err := s.store.CreateEndpoint(ctx, p, e, secret, s.limit, entry)
	if errors.Is(err, ErrTooMany) {
		return nil, nil, fault.User(fault.TooManyEndpoints,
			fmt.Sprintf("There are %d endpoints already, disabled ones included; delete one, or give one of those another URL.", s.limit))
	}
	if err != nil || !created {
		return e, nil, err
	}
	return e, secret, nil
}

// Change of an endpoint. A nil field stays as it is.
type Change struct {
	URL         *string
	EventTypes  *[]order.EventType
	Enabled     *bool
	Description *string // empty: none
}

// apply makes the change and says what of the endpoint is different now, for people.
func (c Change) apply(e *Endpoint, now time.Time) (different []string) {
	if c.URL != nil && *c.URL != e.URL {
		e.URL = *c.URL
		different = append(different, "url "+originOf(e.URL))
	}
	if c.EventTypes != nil {
		if types := typesOf(*c.EventTypes); !slices.Equal(types, e.EventTypes) {
			e.EventTypes = types
			different = append(different, "eventTypes")
		}
	}
	if c.Description != nil && *c.Description != valueOf(e.Description) {
		e.Description = emptyIsNone(c.Description)
		different = append(different, "description")
	}
	if c.Enabled != nil && *c.Enabled != e.Enabled {
		e.Enabled, e.DisabledReason, e.DisabledAt = *c.Enabled, nil, nil
		if !e.Enabled {
			e.DisabledAt = &now
		}
		different = append(different, fmt.Sprintf("enabled %t", e.Enabled))
	}
	return different
}

// Update sets what the change has. User errors: ENDPOINT_NOT_FOUND, and those of Create but TOO_MANY_ENDPOINTS.
func (s *Service) Update(ctx context.Context, p auth.Principal, endpointID id.Endpoint, c Change) (*Endpoint, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	if err := s.check(ctx, c.URL, c.Description); err != nil {
		return nil, err
	}
	e, err := s.store.UpdateEndpoint(ctx, p, endpointID, func(e *Endpoint) *audit.Entry {
		now := s.clock()
		different := c.apply(e, now)
		if len(different) == 0 {
			return nil
		}
		return audit.New(now, p, "webhookEndpoint.update", endpointID, strings.Join(different, ", "))
	})
	if err != nil {
		return nil, noSuchEndpoint(err)
	}
	s.changed()
	return e, nil
}

// RotateSecret gives an endpoint another secret and returns it, the only time that it can be seen. Requests are signed with
// the old ones too for RotationOverlap. User error: ENDPOINT_NOT_FOUND.
func (s *Service) RotateSecret(ctx context.Context, p auth.Principal, endpointID id.Endpoint) (*Endpoint, Secret, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, nil, err
	}
	secret, now := newSecret(), s.clock()
	entry := audit.New(now, p, "webhookEndpoint.rotateSecret", endpointID, "")
	e, err := s.store.RotateSecret(ctx, p, endpointID, secret, now, now.Add(RotationOverlap), entry)
	if err != nil {
		return nil, nil, noSuchEndpoint(err)
	}
	return e, secret, nil
}

// Delete deletes an endpoint; its deliveries are not seen any more, and are deleted soon. User error: ENDPOINT_NOT_FOUND.
func (s *Service) Delete(ctx context.Context, p auth.Principal, endpointID id.Endpoint) error {
	if err := auth.RequireStaff(p); err != nil {
		return err
	}
	now := s.clock()
	return noSuchEndpoint(s.store.DeleteEndpoint(ctx, p, endpointID, now, audit.New(now, p, "webhookEndpoint.delete", endpointID, "")))
}

// Redeliver sends a delivery again at once, whatever became of it, with the same webhook-id; failing, it is repeated as a
// new one is. User error: DELIVERY_NOT_FOUND.
func (s *Service) Redeliver(ctx context.Context, p auth.Principal, deliveryID id.Delivery) (*Delivery, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	now := s.clock()
	d, err := s.store.Redeliver(ctx, p, deliveryID, now, audit.New(now, p, "webhook.redeliver", deliveryID, ""))
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.User(fault.DeliveryNotFound, "There is no such delivery, or it was deleted because of its age.", "input", "deliveryId")
	}
	if err != nil {
		return nil, err
	}
	s.changed()
	return d, nil
}

// Endpoints are listed newest first.
func (s *Service) Endpoints(ctx context.Context, p auth.Principal, r pagination.Request) (pagination.Result[*Endpoint], error) {
	return s.store.Endpoints(ctx, p, r)
}

// EndpointsByID returns what exists of the ids.
func (s *Service) EndpointsByID(ctx context.Context, p auth.Principal, ids []id.Endpoint) (map[id.Endpoint]*Endpoint, error) {
	return s.store.EndpointsByID(ctx, p, ids)
}

// Deliveries are listed newest first.
func (s *Service) Deliveries(ctx context.Context, p auth.Principal, f Filter, r pagination.Request) (pagination.Result[*Delivery], error) {
	return s.store.Deliveries(ctx, p, f, r)
}

// DeliveriesByID returns what exists of the ids.
func (s *Service) DeliveriesByID(ctx context.Context, p auth.Principal, ids []id.Delivery) (map[id.Delivery]*Delivery, error) {
	return s.store.DeliveriesByID(ctx, p, ids)
}

// check finds all that is wrong with what was given.
func (s *Service) check(ctx context.Context, destination, description *string) error {
	var problems fault.List
	if destination != nil {
		if problem := s.destinations.Check(ctx, *destination, "input", "url"); problem != nil {
			problems.Add(problem)
		}
	}
	if description != nil {
		if problem := freetext.Check(*description, maxDescription, "input", "description"); problem != nil {
			problems.Add(problem)
		}
	}
	return problems.Err()
}

func noSuchEndpoint(err error) error {
	if fault.CodeOf(err) == fault.NotFound {
		return fault.User(fault.EndpointNotFound, "There is no such endpoint.", "input", "endpointId")
	}
	return err
}

// typesOf is the set, sorted, so that equal sets are equal.
func typesOf(types []order.EventType) []order.EventType {
	set := slices.Clone(types)
	slices.Sort(set)
	return slices.Compact(set)
}

func emptyIsNone(s *string) *string {
	if s == nil || *s == "" {
		return nil
	}
	return s
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// originOf returns a URL without path and query, which may contain a secret of the receiver's.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

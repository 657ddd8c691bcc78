package webhook

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/audit"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
)

const (
	// TestType is the type of a test event. It is none of the orders' types.
	TestType = "WEBHOOK_TEST"
	// testID begins the webhook-id of a test event, as event_ begins those of the others.
	testID = "test_"
	// testTimeout bounds the request, because a person waits; testsAtOnce bounds how many this process makes at the same time.
	testTimeout = 10 * time.Second
	testsAtOnce = 8
	// MaxProblem bounds Tested.Problem in characters: an error can repeat what a receiver has answered.
	MaxProblem = 300
)

// testPayload is the body of a test event: as that of the others, without an order.
type testPayload struct {
	Type       string    `json:"type"`
	Timestamp  time.Time `json:"timestamp"`
	APIVersion int       `json:"apiVersion"`
	Data       struct {
		EndpointID string `json:"endpointId"`
	} `json:"data"`
}

// Tested has the result of a test event.
type Tested struct {
	Endpoint *Endpoint
	// Status of the answer; nil: there was none, because of Problem.
	Status  *int
	Problem *string
}

// Delivered tells whether the receiver has taken the event.
func (t *Tested) Delivered() bool { return t.Status != nil && *t.Status >= 200 && *t.Status < 300 }

// Test sends an endpoint a test event, once, also when it is disabled or throttled. Nothing about it is stored but the audit entry.
// User error: ENDPOINT_NOT_FOUND.
func (s *Service) Test(ctx context.Context, p auth.Principal, endpointID id.Endpoint) (*Tested, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	now := s.clock()
	e, secrets, err := s.store.Signers(ctx, p, endpointID, now, audit.New(now, p, "webhookEndpoint.test", endpointID, ""))
	if err != nil {
		return nil, noSuchEndpoint(err)
	}
	payload := testPayload{Type: TestType, Timestamp: now.UTC(), APIVersion: PayloadVersion}
	payload.Data.EndpointID = endpointID.TypeID()
	text, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	select {
	case s.tests <- struct{}{}:
		defer func() { <-s.tests }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	answered, err := s.client.post(ctx, message{url: e.URL, secrets: secrets, id: testID + id.New[uuid.UUID]().String(), body: text}, now)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return &Tested{Endpoint: e, Problem: new(freetext.Clip(err.Error(), MaxProblem))}, nil
	}
	return &Tested{Endpoint: e, Status: &answered.status}, nil
}

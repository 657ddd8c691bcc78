package fakestripe

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"
)

// Event is one that Stripe sends to webhook endpoints.
type Event struct {
	ID, Type string
	// Body as it is sent.
	Body []byte
}

// happened is called with the lock held.
func (s *Stripe) happened(kind string, about object) {
	id := s.newID("evt")
	body, err := json.Marshal(object{
		"id": id, "object": "event", "type": kind, "livemode": false, "api_version": "2020-08-27", "data": object{"object": about},
	})
	if err != nil {
		panic(err) // the shapes are ours
	}
	s.events = append(s.events, Event{ID: id, Type: kind, Body: body})
}

// Events are all that happened, oldest first.
func (s *Stripe) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

// Sign is the value of the header Stripe-Signature.
func Sign(body []byte, secret string, at time.Time) string {
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, body, secret)))
}

// Deliver posts the events that were not delivered yet to a webhook endpoint, in their order, until one is not accepted.
func (s *Stripe) Deliver(ctx context.Context, endpoint, secret string) error {
	for {
		s.mu.Lock()
		if s.sent == len(s.events) {
			s.mu.Unlock()
			return nil
		}
		e := s.events[s.sent]
		s.sent++
		s.mu.Unlock()
		if err := Post(ctx, endpoint, secret, e); err != nil {
			return err
		}
	}
}

// Post delivers one event, signed now.
func Post(ctx context.Context, endpoint, secret string, e Event) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(e.Body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Stripe-Signature", Sign(e.Body, secret, time.Now()))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("event %s (%s): %s", e.ID, e.Type, response.Status)
	}
	return nil
}

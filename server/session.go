package main

import (
	"context"
	"encoding/json"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlws"
)

// sessions turns what a websocket says about its user into a session.
type sessions struct{ verifier auth.Verifier }

// credentials is the payload of connection_init, and of the ping that refreshes a session.
type credentials struct {
	Authorization string `json:"authorization"`
}

// init is a gqlws.Init. Without an authorization the socket is whoever the upgrade request was, mostly anonymous.
func (s sessions) init(ctx context.Context, payload json.RawMessage) (context.Context, gqlws.Session, error) {
	var c credentials
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, &c); err != nil {
			return nil, gqlws.Session{}, fault.New(fault.Unauthenticated, `connection_init's payload is {"authorization": "Bearer …"}`)
		}
	}
	if c.Authorization == "" {
		return ctx, gqlws.Session{ExpiresAt: auth.FromContext(ctx).ExpiresAt}, nil
	}
	p, err := s.verify(ctx, c)
	if err != nil {
		return nil, gqlws.Session{}, err
	}
	return auth.NewContext(ctx, p), gqlws.Session{ExpiresAt: p.ExpiresAt}, nil
}

// refresh is a gqlws.Refresh: the same user goes on with a newer token.
func (s sessions) refresh(ctx, present context.Context, payload json.RawMessage) (context.Context, gqlws.Session, error) {
	var c credentials
	if err := json.Unmarshal(payload, &c); err != nil {
		return nil, gqlws.Session{}, fault.New(fault.Unauthenticated, `A refreshing ping's payload is {"authorization": "Bearer …"}`)
	}
	p, err := s.verify(ctx, c)
	if err != nil {
		return nil, gqlws.Session{}, err
	}
	if !p.Same(auth.FromContext(present)) {
		return nil, gqlws.Session{}, fault.New(fault.Forbidden, "The token is another user's; open a new connection.")
	}
	return auth.NewContext(ctx, p), gqlws.Session{ExpiresAt: p.ExpiresAt}, nil
}

func (s sessions) verify(ctx context.Context, c credentials) (auth.Principal, error) {
	token, err := auth.Bearer(c.Authorization)
	if err != nil {
		return auth.Principal{}, err
	}
	return s.verifier.Verify(ctx, token)
}

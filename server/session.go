package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/gqlsse"
	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/ratelimit"
	"github.com/orderwire/orderwire/internal/requestid"
	"github.com/orderwire/orderwire/internal/session"
)

// openIdentity returns the verifier of tokens: that of development, or that of an issuer, whose keys it does not wait for.
func (a *App) openIdentity(ctx context.Context) (auth.Verifier, error) {
	if !a.cfg.DevAuth() {
		var err error
		a.issuer, err = auth.NewOIDC(auth.OIDCConfig{
			Issuer: a.cfg.OIDCIssuer, Audience: cmp.Or(a.cfg.OIDCAudience, a.cfg.OIDCClientID), ClientID: a.cfg.OIDCClientID,
			RoleClaim: a.cfg.OIDCRoleClaim, AccessTokensOnly: a.cfg.OIDCTokenType == "at+jwt", Logger: a.log,
		})
		return a.issuer, err
	}
	key, err := a.work.SharedSecret(ctx, "dev-auth-key", []byte(rand.Text()+rand.Text()))
	if err != nil {
		return nil, err
	}
	a.dev, err = auth.NewDev(key)
	return a.dev, err
}

// socketContext is a gqlws.Config.BaseContext. It carries the request id, the address and the principal.
func socketContext(request context.Context) context.Context {
	ctx := requestid.NewContext(context.Background(), requestid.FromContext(request))
	ctx = ratelimit.CopyPeer(ctx, request)
	if p := auth.FromContext(request); p.SignedIn() {
		ctx = auth.NewContext(ctx, p)
	}
	return ctx
}

// sessions turns the token of a websocket or an event stream into a session that can end.
type sessions struct{ registry *session.Registry }

// credentials reads the payload of connection_init, and of the ping that refreshes a session: the value of authorization, or
// "" when there is none. A payload that readers may read in two ways has none: it is an error.
func credentials(message string, payload json.RawMessage) (authorization string, err error) {
	if len(payload) == 0 {
		return "", nil
	}
	members, err := exactjson.Object(payload, "authorization")
	if err != nil {
		return "", fault.Wrap(err, fault.Unauthenticated, message+`'s payload is {"authorization": "Bearer …"}, with each member once and its name in this case`)
	}
	value, has := members["authorization"]
	if !has || string(value) == "null" {
		return "", nil
	}
	authorization, ok := exactjson.String(value)
	if !ok {
		return "", fault.New(fault.Unauthenticated, message+`'s payload is {"authorization": "Bearer …"}`)
	}
	return authorization, nil
}

// init is a gqlws.Init. Without an authorization the socket has the principal of the upgrade request, mostly anonymous.
func (s sessions) init(ctx context.Context, payload json.RawMessage) (context.Context, gqlws.Authentication, error) {
	authorization, err := credentials("connection_init", payload)
	if err != nil {
		return nil, gqlws.Authentication{}, err
	}
	p := auth.FromContext(ctx)
	if authorization != "" {
		if p, err = s.verify(ctx, authorization); err != nil {
			return nil, gqlws.Authentication{}, err
		}
	}
	ctx, err = s.registry.Open(ctx, p)
	if errors.Is(err, session.ErrTooMany) {
		err = gqlws.ErrTooManyConnections
	}
	return ctx, gqlws.Authentication{ExpiresAt: p.ExpiresAt, Anonymous: !p.SignedIn()}, err
}

// refresh is a gqlws.Refresh: the same user continues with a newer token.
func (s sessions) refresh(ctx, present context.Context, payload json.RawMessage) (context.Context, gqlws.Authentication, error) {
	authorization, err := credentials("a refreshing ping", payload)
	if err != nil {
		return nil, gqlws.Authentication{}, err
	}
	p, err := s.verify(ctx, authorization)
	if err != nil {
		return nil, gqlws.Authentication{}, err
	}
	ctx, err = session.Renew(present, p)
	return ctx, gqlws.Authentication{ExpiresAt: p.ExpiresAt}, err
}

// open is a gqlsse.Config.Open.
func (s sessions) open(ctx context.Context) (context.Context, error) {
	ctx, err := s.registry.Open(ctx, auth.FromContext(ctx))
	if errors.Is(err, session.ErrTooMany) {
		err = gqlsse.ErrTooManyStreams
	}
	return ctx, err
}

func (s sessions) verify(ctx context.Context, authorization string) (auth.Principal, error) {
	token, err := auth.Bearer(authorization)
	if err != nil {
		return auth.Principal{}, err
	}
	return s.registry.Verify(ctx, token)
}

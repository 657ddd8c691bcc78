package auth

import (
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/outbound"
)

const (
	// issuerTimeout bounds one request to the issuer.
	issuerTimeout = 5 * time.Second
	// keysInterval separates the regular reads of the keys. Without them a withdrawn key would stay valid for ever.
	keysInterval = 10 * time.Minute
	// retrySoonest and retryLatest bound the pause after an issuer did not answer.
	retrySoonest = time.Second
	retryLatest  = 30 * time.Second
	// A token whose key is not known makes us look for new keys. Anybody can send such tokens, so we look that often only.
	lookEvery = 2 * time.Second
	lookBurst = 5
	// maxIssuerBytes and maxKeys bound the cost of an issuer's answer.
	maxIssuerBytes = 1 << 20
	maxKeys        = 64
	// minRSABits: RFC 7518 section 3.3.
	minRSABits = 2048
)

var (
	errBadSignature = errors.New("no key of the issuer made this signature")
	errNoKeys       = errors.New("the issuer has not given its keys yet")
	errHeldBack     = errors.New("the token's key is not known, and the issuer was asked for new ones a moment ago")
)

// issuerKeys has the keys with which the issuer signs, in memory. An unknown key, or a signature that no key fits, makes it read
// them again: once for all callers that wait, and at most every lookEvery.
type issuerKeys struct {
	issuer string
	client *http.Client
	log    *slog.Logger
	looks  *rate.Limiter

	mu      sync.Mutex
	keys    []jose.JSONWebKey // nil until they were read once
	err     error             // why they could not be read the last time
	reading chan struct{}     // closed when the read that is under way has ended; nil: none is
}

func newIssuerKeys(issuer string, client *http.Client, logger *slog.Logger) *issuerKeys {
	if client == nil {
		client = &http.Client{
			Timeout: issuerTimeout,
			// A redirect could lead from https to http.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	bounded := *client
	bounded.Transport = boundedAnswers{outbound.NoUpgrades(client.Transport)}
	return &issuerKeys{
		issuer: issuer, client: &bounded, log: logger,
		looks: rate.NewLimiter(rate.Every(lookEvery), lookBurst), err: errNoKeys,
	}
}

func (k *issuerKeys) ready() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		return k.err
	}
	return nil
}

// verify gives the payload of a signed token. errBadSignature: no key fits. Any other error: it cannot be known now.
func (k *issuerKeys) verify(ctx context.Context, token string) (payload []byte, err error) {
	accepted := make([]jose.SignatureAlgorithm, len(algorithms))
	for i, a := range algorithms {
		accepted[i] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(token, accepted)
	if err != nil {
		return nil, errors.Join(errBadSignature, err)
	}
	payload, known := k.try(jws)
	if payload != nil {
		return payload, nil
	}
	failed := k.look(ctx)
	payload, knownNow := k.try(jws)
	switch {
	case payload != nil:
		return payload, nil
	case known || knownNow || failed == nil:
		return nil, errBadSignature
	default:
		return nil, failed
	}
}

// try verifies with the keys that are known; known tells whether one has the id that the token names. A token that names
// none may be of a key that is not known yet.
func (k *issuerKeys) try(jws *jose.JSONWebSignature) (payload []byte, known bool) {
	k.mu.Lock()
	keys := k.keys
	k.mu.Unlock()
	header := jws.Signatures[0].Header
	for i := range keys {
		key := &keys[i]
		if header.KeyID != "" && key.KeyID != header.KeyID {
			continue
		}
		known = known || header.KeyID != ""
		if key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key); err == nil {
			return payload, true
		}
	}
	return nil, known
}

// look reads the keys, or waits for the read that is under way, and returns why they could not be read: errHeldBack when
// they were read so often a moment ago that the issuer is not asked again.
func (k *issuerKeys) look(ctx context.Context) error {
	k.mu.Lock()
	reading := k.reading
	if reading == nil {
		if !k.looks.Allow() {
			defer k.mu.Unlock()
			return cmp.Or(k.err, errHeldBack)
		}
		reading = k.begin(context.WithoutCancel(ctx)) // others wait for it too
	}
	k.mu.Unlock()
	select {
	case <-reading:
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin starts a read. It is called with the lock held.
func (k *issuerKeys) begin(ctx context.Context) chan struct{} {
	done := make(chan struct{})
	k.reading = done
	go func() {
		keys, err := k.read(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			k.keys = keys
		}
		k.err = err
		k.reading = nil
		close(done)
	}()
	return done
}

// run reads the keys now and then.
func (k *issuerKeys) run(ctx context.Context) error {
	pause := retrySoonest
	failing := false
	for {
		k.mu.Lock()
		reading := k.reading
		if reading == nil {
			reading = k.begin(ctx)
		}
		k.mu.Unlock()
		<-reading // which ends with ctx, or with its own timeout
		if ctx.Err() != nil {
			return nil
		}
		k.mu.Lock()
		err := k.err
		k.mu.Unlock()
		wait := keysInterval
		if err != nil {
			wait, pause = pause, min(2*pause, retryLatest)
			if !failing { // once an outage
				k.log.WarnContext(ctx, "fetching the token issuer's keys failed; retrying", "issuer", k.issuer, "error", err)
			}
		} else {
			pause = retrySoonest
			if failing {
				k.log.InfoContext(ctx, "fetched the token issuer's keys", "issuer", k.issuer)
			}
		}
		failing = err != nil
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// read asks where the keys are, and then for them.
func (k *issuerKeys) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, k.client), issuerTimeout)
	defer cancel()
	provider, err := oidc.NewProvider(ctx, k.issuer) // which demands that the answer names this issuer
	if err != nil {
		return nil, err
	}
	var metadata struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&metadata); err != nil {
		return nil, err
	}
	if at, err := url.Parse(metadata.Keys); err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	} else if err := checkTransport(at); err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, metadata.Keys, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", metadata.Keys, response.Status)
	}
	return parseKeys(response.Body)
}

// parseKeys reads a JWK set (RFC 7517) and leaves out what cannot verify a signature here: private and symmetric keys,
// keys for encryption, kinds that we do not know, short RSA keys.
func parseKeys(r io.Reader) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	text, err := io.ReadAll(r)
	if err == nil {
		err = exactjson.Unmarshal(text, &set)
	}
	if err != nil {
		return nil, fmt.Errorf("the issuer's keys: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) != nil || !key.Valid() || !key.IsPublic() || (key.Use != "" && key.Use != "sig") || !mayVerify(text) {
			continue
		}
		if public, ok := key.Key.(*rsa.PublicKey); ok && public.N.BitLen() < minRSABits {
			continue
		}
		keys = append(keys, key)
	}
	if keys == nil {
		return nil, errors.New("the issuer's keys: none can verify a signature")
	}
	return keys, nil
}

// mayVerify reports whether a key's key_ops, if it has them, name verifying (RFC 7517 section 4.3), which go-jose does not read.
func mayVerify(text []byte) bool {
	var key struct {
		Operations []string `json:"key_ops"`
	}
	err := exactjson.Unmarshal(text, &key)
	return err == nil && (key.Operations == nil || slices.Contains(key.Operations, "verify"))
}

// boundedAnswers cuts answers off: go-oidc reads them whole.
type boundedAnswers struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxIssuerBytes), response.Body}
	return response, nil
}

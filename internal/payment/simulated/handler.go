package simulated

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/exactjson"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/payment"
)

const (
	maxRequestBytes = 16 << 10
	// operationTimeout bounds the work on one request. It does not end with the client: a provider continues to charge when the
	// connection drops, and callers have to cope with that.
	operationTimeout = 10 * time.Second
)

// Handler is the provider's HTTP face, which Client speaks to:
//
//	POST /v1/authorize, /v1/capture, /v1/void, /v1/refund, /v1/lookup, with an Idempotency-Key
//	POST /v1/complete                                    ends the action of a sim_requires_action payment
//	POST /v1/outside                                     does what others do at a provider: see Act
//	GET  /v1/ledger?payment=…&order=…&after=…&limit=…    balances by payment (a page of at most 1000) and totals
//	GET  /v1/charges?installation=…&from=…&until=…&after=…   an installation's charges by time, newest first, in pages
//	GET  /v1/charges/{reference}                         one charge
//	GET  /v1/audit                                       double charges and unbalanced charges; none is good
//	GET  /healthz                                        200 when the ledger's database answers
//	     /actions/…                                      Pages, for customers
//
// Only Pages have a secret in their address. The rest has no authentication: serve it where only its callers reach it.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/authorize", p.serveCall(p.Authorize))
	mux.HandleFunc("POST /v1/capture", p.serveCall(p.Capture))
	mux.HandleFunc("POST /v1/void", p.serveCall(p.Void))
	mux.HandleFunc("POST /v1/refund", p.serveCall(p.Refund))
	mux.HandleFunc("POST /v1/lookup", p.serveCall(p.LookUp))
	mux.HandleFunc("POST /v1/complete", p.serveComplete)
	mux.HandleFunc("/v1/outside", serveOutside(p))
	mux.HandleFunc("GET /v1/ledger", p.serveLedger)
	mux.HandleFunc("GET /v1/charges", p.serveCharges)
	mux.HandleFunc("GET /v1/charges/{reference}", p.serveCharge)
	mux.HandleFunc("GET /v1/audit", p.serveAudit)
	mux.HandleFunc("GET /healthz", p.serveHealth)
	mux.Handle("/actions/", p.Pages())
	return mux
}

func (p *Provider) serveCall(do func(context.Context, payment.Call) (payment.Result, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body wireCall
		if err := readBody(w, r, &body); err != nil {
			p.fail(w, r, err)
			return
		}
		key, err := uuid.Parse(r.Header.Get(keyHeader))
		if err != nil {
			p.fail(w, r, invalid(CodeRequestInvalid, "the header %s has to be a UUID", keyHeader))
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), operationTimeout+p.opts.Latency.Max)
		defer cancel()
		result, err := do(ctx, body.call(id.Attempt(key)))
		if err != nil {
			p.fail(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, wireResultOf(result))
	}
}

func (p *Provider) serveComplete(w http.ResponseWriter, r *http.Request) {
	var body wireComplete
	if err := readBody(w, r, &body); err != nil {
		p.fail(w, r, err)
		return
	}
	result, err := p.Complete(r.Context(), body.PaymentID, body.Approve)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, wireResultOf(result))
}

func (p *Provider) serveLedger(w http.ResponseWriter, r *http.Request) {
	filter, err := filterOf(r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	var answer wireLedger
	answer.Balances, err = p.Ledger(r.Context(), filter)
	if err == nil {
		answer.Totals, err = p.Totals(r.Context())
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func filterOf(r *http.Request) (Filter, error) {
	var f Filter
	query := r.URL.Query()
	for name, target := range map[string]encoding.TextUnmarshaler{"payment": &f.PaymentID, "order": &f.OrderID, "after": &f.After} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		if err := target.UnmarshalText([]byte(text)); err != nil {
			return f, invalid(CodeRequestInvalid, "%s has to be a UUID", name)
		}
	}
	if text := query.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxBalances {
			return f, invalid(CodeRequestInvalid, "limit has to be from 1 to %d", maxBalances)
		}
		f.Limit = limit
	}
	return f, nil
}

func (p *Provider) serveCharges(w http.ResponseWriter, r *http.Request) {
	selected, err := rangeOf(r.URL.Query())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	page, err := p.Charges(r.Context(), selected)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	answer := wireCharges{Charges: []wireCharge{}, Next: page.Next}
	for _, c := range page.Charges {
		answer.Charges = append(answer.Charges, wireChargeOf(c))
	}
	writeJSON(w, http.StatusOK, answer)
}

func (p *Provider) serveCharge(w http.ResponseWriter, r *http.Request) {
	c, err := p.Charge(r.Context(), r.PathValue("reference"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, wireChargeOf(c))
}

func (p *Provider) serveAudit(w http.ResponseWriter, r *http.Request) {
	found, err := p.Audit(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, wireAudit{Discrepancies: found})
}

func (p *Provider) serveHealth(w http.ResponseWriter, r *http.Request) {
	if err := p.db.PingContext(r.Context()); err != nil {
		p.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readBody reads one JSON value, and nothing but it.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return invalid(CodeRequestInvalid, "the content type has to be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if err != nil {
		return invalid(CodeRequestInvalid, "the body cannot be read, or has more than %d bytes", maxRequestBytes)
	}
	// The decoder's words may quote the body.
	if err := exactjson.Unmarshal(body, into, exactjson.RejectUnknownMembers); err != nil {
		return invalid(CodeRequestInvalid, "the body is not the expected JSON: one value, each member known and there once")
	}
	return nil
}

// fail is writeError, after the time that a time-out takes.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, err error) {
	if unknown, ok := errors.AsType[*UnavailableError](err); ok && unknown.Timeout() {
		p.delayTimeout(r.Context())
	}
	writeError(w, err)
}

// writeError maps an error to the status that keeps its meaning for the client: 4xx for what is definite, 5xx for what is
// unknown. Causes stay here.
func writeError(w http.ResponseWriter, err error) {
	var body wireError
	status := http.StatusInternalServerError
	body.Error.Code, body.Error.Message = CodeServerError, "the provider failed; the outcome is unknown"
	var refused *RejectedError
	var unknown *UnavailableError
	if errors.Is(err, payment.ErrPlaceGone) {
		err = rejection(CodePlaceGone)
	}
	switch {
	case errors.As(err, &refused):
		status = statusOf(refused.Code)
		body.Error.Code, body.Error.Message = refused.Code, refused.Message
	case errors.As(err, &unknown) && unknown.Timeout():
		status = http.StatusGatewayTimeout
		body.Error.Code = CodeTimeout
	}
	writeJSON(w, status, body)
}

// delayTimeout delays a timeout answer, as a slow provider would, until TimeoutHold has passed or the caller gives up.
func (p *Provider) delayTimeout(ctx context.Context) {
	timer := time.NewTimer(p.opts.TimeoutHold)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// statusOf is the HTTP status of a rejection.
func statusOf(code string) int {
	switch code {
	case CodeRequestInvalid:
		return http.StatusBadRequest
	case CodeKeyReused:
		return http.StatusConflict
	default:
		return http.StatusUnprocessableEntity
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: it learns by a look-up
}

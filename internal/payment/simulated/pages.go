package simulated

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
)

//go:embed pages
var pageFiles embed.FS

var actionPage = template.Must(template.ParseFS(pageFiles, "pages/action.html"))

// pagePolicy allows the style beside the page and the form to where the page came from; there is nothing else on it.
const pagePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// withAction gives the action of a result the address of its page, where Options.PublicURL says that there is one.
func (p *Provider) withAction(r payment.Result) payment.Result {
	if r.Action != nil && p.opts.PublicURL != "" {
		if address, err := url.JoinPath(p.opts.PublicURL, "actions", r.Reference, p.actionToken(r.Reference)); err == nil {
			r.Action.URL = address
		}
	}
	return r
}

// actionToken is the part of a page's address that nobody guesses. It follows from the charge, so every answer that
// names the action gives the same address.
func (p *Provider) actionToken(reference string) string {
	mac := hmac.New(sha256.New, p.actionKey)
	mac.Write([]byte(reference))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Pages serves the pages on which customers complete the action of a sim_requires_action payment, as at their bank:
// Options.PublicURL has to lead here. Handler includes it.
//
//	GET  /actions/<reference>/<token>   shows the action, or its result; changes nothing
//	POST /actions/<reference>/<token>   decision=approve or decision=refuse; the first one counts
//
// Anyone who knows the address may decide; only the payment's owner sees it. A post from another site is refused
// nevertheless.
func (p *Provider) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /actions/style.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		http.ServeFileFS(w, r, pageFiles, "pages/style.css")
	})
	mux.HandleFunc("GET /actions/{reference}/{token}", p.serveAction)
	mux.Handle("POST /actions/{reference}/{token}", http.NewCrossOriginProtection().Handler(http.HandlerFunc(p.serveDecision)))
	return mux
}

// shownCharge is a charge as the page shows it.
type shownCharge struct {
	charge
	PaymentID   id.Payment `db:"payment_id"`
	OrderID     id.Order   `db:"order_id"`
	OrderNumber string     `db:"order_number"`
}

// actionOf gives the charge of a page; false when the address is wrong.
func (p *Provider) actionOf(ctx context.Context, r *http.Request) (c shownCharge, found bool, err error) {
	reference := r.PathValue("reference")
	if !hmac.Equal([]byte(r.PathValue("token")), []byte(p.actionToken(reference))) {
		return c, false, nil
	}
	err = p.db.GetContext(ctx, &c, `
		SELECT reference, payment_id, order_id, order_number, status, code, amount, currency, action_expires_at,
			coalesce(status = 'ACTION_REQUIRED' AND action_expires_at <= statement_timestamp(), false) AS expired
		FROM simulated.charges WHERE reference = $1 AND action_expires_at IS NOT NULL`, reference)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	return c, err == nil, err
}

func (p *Provider) serveAction(w http.ResponseWriter, r *http.Request) {
	c, found, err := p.actionOf(r.Context(), r)
	switch {
	case err != nil:
		writePage(w, http.StatusServiceUnavailable, pageUnavailable)
	case !found:
		writePage(w, http.StatusNotFound, pageNotFound)
	default:
		writePage(w, http.StatusOK, pageOf(c))
	}
}

func (p *Provider) serveDecision(w http.ResponseWriter, r *http.Request) {
	// What the customer has decided is done even if they close the page now.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), operationTimeout)
	defer cancel()
	c, found, err := p.actionOf(ctx, r)
	if err == nil && !found {
		writePage(w, http.StatusNotFound, pageNotFound)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	decision := r.PostFormValue("decision")
	if decision != "approve" && decision != "refuse" {
		writePage(w, http.StatusBadRequest, page{Title: "Nothing was decided", Text: "Go back and choose again."})
		return
	}
	if err == nil {
		_, err = p.complete(ctx, c.PaymentID, c.Reference, decision == "approve")
	}
	if err != nil {
		writePage(w, http.StatusServiceUnavailable, pageUnavailable)
		return
	}
	// Relative, since the page does not know what stands before it. The page says what happened, and loading it again
	// posts nothing.
	w.Header().Set("Location", r.PathValue("token"))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
}

// page is the data of the template.
type page struct {
	Title, Text   string
	Amount, Order string
	// Asks: the customer can still decide.
	Asks bool
}

var (
	pageNotFound    = page{Title: "No such payment", Text: "This address is not, or no longer, one of a payment."}
	pageUnavailable = page{Title: "Please try again", Text: "It is not certain that your decision was taken. Deciding again does no harm."}
)

// pageOf says where a charge stands, in words for a customer.
func pageOf(c shownCharge) page {
	s := page{Amount: money.New(c.Amount, c.Currency).String(), Order: c.OrderNumber}
	if s.Order == "" {
		s.Order = c.OrderID.TypeID()
	}
	const done = " You may close this page."
	switch outcome, code := c.now(); {
	case outcome == payment.ActionRequired:
		s.Title, s.Asks = "Approve the payment?", true
		s.Text = "Decide until " + c.ActionExpiresAt.UTC().Format(time.TimeOnly) + " UTC."
	case outcome == payment.Captured:
		s.Title, s.Text = "Payment approved", "The amount is paid."+done
	case outcome == payment.Held:
		s.Title, s.Text = "Payment approved", "The amount is reserved; the shop takes it later."+done
	case outcome == payment.Released:
		s.Title, s.Text = "Payment called off", "The shop has voided it. Nothing was paid."+done
	case code == CodeActionExpired:
		s.Title, s.Text = "Too late", "The time to decide is over. Nothing was paid."+done
	default:
		s.Title, s.Text = "Payment refused", "Nothing was paid."+done
	}
	return s
}

func writePage(w http.ResponseWriter, status int, s page) {
	var b bytes.Buffer
	if err := actionPage.Execute(&b, s); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	// The address is the customer's right to decide: it leaves for no other site. "no-referrer" would take the Origin
	// from the form's own post as well (Fetch standard, "append a request Origin header").
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the customer is gone if it fails
}

package webhookinbox

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/payment"
)

const (
	// maxBody is far above what providers send.
	maxBody = 256 << 10
	// maxName bounds the provider's ids, in bytes.
	maxName = 255
	// putTimeout ends a commit that the database does not answer. Providers give up after 5 to 20 s.
	putTimeout = 4 * time.Second
	// refusalsLogged bounds what forgers can write into our log, a second; all are counted.
	refusalsLogged = 5
)

// ReceiverConfig of a Receiver. All fields are required.
type ReceiverConfig struct {
	Store Store
	// Verifiers by the provider's name, as it stands in the path.
	Verifiers map[string]payment.WebhookVerifier
	// Stored is told after each commit: Processor.Wake. It must not block.
	Stored func()
	Counts *Counts
	// Now is the time that the age of a signature is measured with.
	Now func() time.Time
	Log *slog.Logger
}

// Receiver serves POST /webhooks/{provider}. It answers
//   - 200 when the event is committed, now or earlier: the provider need not send it again;
//   - 400 when the signature is wrong or too old, or the event has no usable id; nothing is stored;
//   - 404 for a provider that is not configured, 405 for another method, 413 for more than 256 KB;
//   - 429 when too many webhooks of its address have not arrived whole: the provider sends it again;
//   - 503 when the database did not answer: the provider sends it again.
//
// Nothing of the body is parsed before its signature has been verified, nothing of it is logged or stored, and the
// provider is never asked within the request.
type Receiver struct {
	cfg      ReceiverConfig
	refusals *rate.Limiter
}

// NewReceiver returns the handler of /webhooks/{provider}.
func NewReceiver(cfg ReceiverConfig) *Receiver {
	return &Receiver{cfg: cfg, refusals: rate.NewLimiter(refusalsLogged, refusalsLogged)}
}

func (rc *Receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	provider := r.PathValue("provider")
	verifier, ok := rc.cfg.Verifiers[provider]
	if !ok {
		fault.WriteHTTP(w, http.StatusNotFound, fault.New(fault.NotFound, "There is no such payment provider here."), nil)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		fault.WriteHTTP(w, http.StatusMethodNotAllowed, fault.New(fault.BadUserInput, "Webhooks are sent by POST."), nil)
		return
	}
	if r.ContentLength > maxBody {
		tooLarge(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	var busy *fault.Error
	switch {
	case errors.As(err, &large):
		tooLarge(w)
		return
	case errors.As(err, &busy):
		fault.WriteHTTP(w, http.StatusTooManyRequests, busy, nil) // addresslimit.Bodies; the provider sends it again
		return
	case err != nil:
		fault.WriteHTTP(w, http.StatusBadRequest, fault.New(fault.BadUserInput, "The request body is incomplete."), nil)
		return
	}
	notice, err := verifier.VerifyWebhook(r.Header, body, rc.cfg.Now())
	if err == nil {
		err = usable(notice)
	}
	if err != nil {
		rc.refuse(w, r, provider, err)
		return
	}
	rc.put(w, r, provider, notice)
}

func (rc *Receiver) put(w http.ResponseWriter, r *http.Request, provider string, notice payment.Notice) {
	// A sender that hangs up early must not undo what it may count as delivered.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), putTimeout)
	defer cancel()
	fresh, err := rc.cfg.Store.Put(ctx, provider, notice)
	if err != nil {
		rc.cfg.Counts.Unavailable.Add(1)
		rc.cfg.Log.ErrorContext(ctx, "a webhook could not be stored; its provider sends it again", "provider", provider,
			"event", notice.EventID, "type", notice.Type, "error", err)
		w.Header().Set("Retry-After", "5")
		fault.WriteHTTP(w, http.StatusServiceUnavailable, fault.New(fault.Unavailable, "It could not be stored; send it again."), nil)
		return
	}
	if fresh {
		rc.cfg.Counts.Accepted.Add(1)
		rc.cfg.Stored()
	} else {
		rc.cfg.Counts.Duplicate.Add(1)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, `{"received":true}`+"\n") // a sender that is gone sends it again
}

// refuse answers what nobody can be believed to have sent. The reason is the verifier's; the body stays out of the log.
func (rc *Receiver) refuse(w http.ResponseWriter, r *http.Request, provider string, err error) {
	rc.cfg.Counts.Refused.Add(1)
	reason := "it could not be verified"
	var refused *payment.WebhookError
	if errors.As(err, &refused) {
		reason = refused.Reason
	}
	if rc.refusals.AllowN(rc.cfg.Now(), 1) {
		rc.cfg.Log.WarnContext(r.Context(), "webhook refused", "provider", provider, "reason", reason,
			"remote", r.RemoteAddr)
	}
	fault.WriteHTTP(w, http.StatusBadRequest, fault.New(fault.BadUserInput, "The webhook is refused: "+reason+"."), nil)
}

func tooLarge(w http.ResponseWriter) {
	fault.WriteHTTP(w, http.StatusRequestEntityTooLarge, fault.New(fault.DocumentTooLarge, "A webhook has at most 256 KB."), nil)
}

// usable refuses what the database cannot keep, so that a provider does not send it again and again.
func usable(n payment.Notice) error {
	for _, s := range []string{n.EventID, n.Type, n.Reference} {
		if len(s) > maxName || !utf8.ValidString(s) {
			return &payment.WebhookError{Reason: "an id or type in it is too long or not UTF-8"}
		}
		for _, c := range s {
			if c < ' ' {
				return &payment.WebhookError{Reason: "an id or type in it has control characters"}
			}
		}
	}
	if n.EventID == "" {
		return &payment.WebhookError{Reason: "it has no event id"}
	}
	return nil
}

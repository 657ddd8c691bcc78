// Package stripe takes payments with Stripe's PaymentIntents.
//
// One payment is one PaymentIntent. It is created unconfirmed, the pipeline commits its id, and only then is it
// confirmed: a create whose answer is lost cannot be looked up, and an unconfirmed PaymentIntent moves no money, so the
// only thing a lost answer can leave behind is an empty one. From then on every question has an answer at
// GET /v1/payment_intents/{id}. Stripe charges one PaymentIntent at most once.
//
// docs/stripe.md has the mapping as a table.
package stripe

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v85"

	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/outbound"
	"github.com/orderwire/orderwire/internal/payment"
)

// Name of the provider, in Payment.provider and in the webhook path.
const Name = "stripe"

// clientTimeout bounds one call when the caller's context does not.
const clientTimeout = 30 * time.Second

// Options of a Gateway.
type Options struct {
	// SecretKey is the account's: sk_test_…, sk_live_…, or a restricted one (rk_…) that may write PaymentIntents and
	// Refunds, and read Disputes and Radar's early fraud warnings.
	SecretKey string
	// WebhookSecrets are the endpoint's signing secrets (whsec_…): the old and the new one while they are rotated.
	// Without any, every webhook is refused.
	WebhookSecrets []string
	// APIBase replaces https://api.stripe.com.
	APIBase string
	// ReturnURL is the page to which the bank sends a customer who authenticated on its own page; "{order}" in it becomes the
	// order's id. Without one, authentication is left to Stripe.js, which is given the client secret.
	ReturnURL string
	// HTTPClient replaces the gateway's own. Its Timeout is kept unless it is zero.
	HTTPClient *http.Client
	// Clock replaces the machine's, for tests.
	Clock func() time.Time
}

// Gateway is a payment.Gateway and a payment.WebhookVerifier. It keeps no state and is safe for concurrent use.
type Gateway struct {
	api            *stripego.Client
	live           bool
	webhookSecrets []string
	returnURL      string
	clock          func() time.Time
}

// New returns a gateway; nothing is sent yet. The error never contains a secret.
func New(o Options) (*Gateway, error) {
	live, ok := KeyMode(o.SecretKey)
	if !ok {
		return nil, errors.New("stripe: the secret key must begin with " + KeyForms)
	}
	config := &stripego.BackendConfig{
		HTTPClient: httpClient(o.HTTPClient),
		// The pipeline repeats, after it has committed that it will.
		MaxNetworkRetries: stripego.Int64(0),
		EnableTelemetry:   stripego.Bool(false),
		// Its messages would hold bodies; what went wrong is in the errors.
		LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull},
	}
	if o.APIBase != "" {
		config.URL = stripego.String(o.APIBase)
	}
	clock := o.Clock
	if clock == nil {
		clock = time.Now
	}
	return &Gateway{
		clock: clock,
		api: stripego.NewClient(o.SecretKey, stripego.WithBackends(&stripego.Backends{
			API: stripego.GetBackendWithConfig(stripego.APIBackend, config),
		})),
		live:           live,
		webhookSecrets: o.WebhookSecrets,
		returnURL:      o.ReturnURL,
	}, nil
}

// KeyForms lists the prefixes of secret keys, for messages.
const KeyForms = "sk_test_, sk_live_, rk_test_ or rk_live_"

// KeyMode tells from a secret key's form whether it moves real money; ok is false for what is no secret key.
func KeyMode(key string) (live, ok bool) {
	for _, kind := range []string{"sk_", "rk_"} {
		mode, found := strings.CutPrefix(key, kind)
		switch {
		case found && strings.HasPrefix(mode, "live_"):
			return true, true
		case found && strings.HasPrefix(mode, "test_"):
			return false, true
		}
	}
	return false, false
}

// httpClient does not follow redirects: a call repeated at another address would be a call nobody counted. Go's transport
// still repeats a request by itself when a connection that was used before turns out dead, because it has an
// Idempotency-Key; the key makes that harmless.
func httpClient(given *http.Client) *http.Client {
	own := http.Client{}
	if given != nil {
		own = *given
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxIdleConnsPerHost = transport.MaxIdleConns // there is only one host
		own.Transport = transport
	}
	if own.Timeout == 0 {
		own.Timeout = clientTimeout
	}
	own.Transport = outbound.TellNotSent(outbound.NoUpgrades(own.Transport))
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// ValidMethod reports whether token has the form of a PaymentMethod's id and no card number in it. "" is valid: the customer then gives the means
// of payment in the browser, to Stripe.js, with the client secret of the payment's next action.
func (g *Gateway) ValidMethod(token string) bool {
	if token == "" {
		return true
	}
	name, ok := strings.CutPrefix(token, "pm_")
	return ok && name != "" && len(token) <= maxToken && strings.Trim(name, tokenAlphabet) == "" && !freetext.HasCardNumber(name)
}

const (
	maxToken      = 255
	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"
)

// Metadata keys of what we make at Stripe. Staff find a payment in Stripe's dashboard by them, and we a refund.
const (
	metaOrder   = "order"
	metaPayment = "payment"
	metaRefund  = "refund"
	metaAttempt = "attempt"
	// metaInstallation is on PaymentIntents only: see Gateway.Charges.
	metaInstallation = "installation"
)

func metadata(call payment.Call) map[string]string {
	m := map[string]string{
		metaOrder:   call.OrderID.TypeID(),
		metaPayment: call.PaymentID.TypeID(),
		metaAttempt: call.Key.TypeID(),
	}
	if !call.RefundID.IsNil() {
		m[metaRefund] = call.RefundID.TypeID()
	}
	return m
}

// step is one kind of request of an attempt; each has an idempotency key of its own, because Stripe refuses a key that
// comes back with another request.
type step string

const (
	// stepCreate changes its name when what a creation sends changes, because Stripe refuses a key that comes back with other
	// parameters. A second PaymentIntent that comes of it is left unconfirmed and moves no money.
	stepCreate  step = "create-2"
	stepConfirm step = "confirm"
	stepCapture step = "capture"
	stepCancel  step = "cancel"
	stepRefund  step = "refund"
)

// params gives the step its key. One that remembers a failure is followed by a fresh one, with its number at the end.
func (s step) params(call payment.Call) stripego.Params {
	key := call.Key.String() + ":" + string(s)
	if call.FreshKeys > 0 {
		key += ":" + strconv.Itoa(call.FreshKeys)
	}
	return stripego.Params{IdempotencyKey: stripego.String(key)}
}

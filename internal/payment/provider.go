package payment

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// Provider describes one payment provider: all that the server needs to know of it. Nothing else in the program depends on which provider
// it is. A nil field means that the provider does not have it.
type Provider struct {
	// Name is stored as Payment.provider and is part of the webhook path. It must never change.
	Name    string
	Gateway Gateway
	// ValidMethod reports whether token has the form of the provider's tokens, without asking it. "" is its default.
	ValidMethod func(token string) bool
	Limits      Limits
	// KeyLife is the time for which the provider remembers an idempotency key; 0: for ever. Within it, calls without an answer are
	// repeated.
	KeyLife time.Duration
	// Webhooks verifies what arrives at /webhooks/{Name}. nil: that path does not exist.
	Webhooks WebhookVerifier
	// Charges lists the provider's charges. nil: charges without a payment here are not found.
	Charges ChargeBooks
	// Actions stands in for customers. nil: only the customer can act.
	Actions ActionCompleter
	// Shop has the settings with which the web shop takes payments at the provider.
	Shop Shop
	// Pages serves pages for customers at /{Name}/.
	Pages http.Handler
	// Dashboard lets staff do at /{Name}/dashboard what merchants and banks do at a real provider. Only of one that moves no real money.
	Dashboard http.Handler
	// Run does the provider's work in the background until ctx ends.
	Run func(ctx context.Context) error
	// Close releases what the provider holds, once Run has ended.
	Close func() error
}

// ChargeBooks lists what a provider has charged.
type ChargeBooks interface {
	// Charges lists an installation's charges, newest first. Errors: ErrPlaceGone.
	Charges(ctx context.Context, r ChargeRange) (ChargePage, error)
	// Charge returns one charge as it is now.
	Charge(ctx context.Context, reference string) (Charge, error)
}

// ActionCompleter completes the action of a payment in place of its customer.
type ActionCompleter interface {
	// Complete approves or refuses the action that a payment waits for. Completing it again is a no-op. A *DefiniteError says that the
	// payment waits for none.
	Complete(ctx context.Context, paymentID id.Payment, approve bool) (Result, error)
}

// Limits are the amounts and currencies that a provider accepts, as far as they are known without a call.
type Limits struct {
	// Amounts returns the amounts that can be paid in a currency; false: the currency is not taken. nil: any amount in any currency.
	Amounts func(currency string) (Amounts, bool)
	// ManualCapture: money can be authorized first and captured later.
	ManualCapture bool
	// MultiCapture: an authorization can be captured in several parts. Otherwise capturing a part releases the rest.
	MultiCapture bool
	// OverCapture returns the most that can be captured of what is held, in its minor units. nil: what is held.
	OverCapture func(held money.Amount) int64
}

// Amounts are those of one payment in a currency, in its minor units. Zero fields do not limit.
type Amounts struct {
	Smallest, Largest int64
	// Multiple: an amount must be a multiple of it.
	Multiple int64
}

// Include reports whether one payment can have the amount, in minor units of the currency.
func (a Amounts) Include(minor int64) bool {
	return minor >= a.Smallest && (a.Largest == 0 || minor <= a.Largest) && (a.Multiple == 0 || minor%a.Multiple == 0)
}

// words says which amounts in the currency they are: "at least 0.50 EUR and at most 999999.99 EUR".
func (a Amounts) words(currency string) string {
	var parts []string
	if a.Smallest > 0 {
		parts = append(parts, "at least "+money.New(a.Smallest, currency).String())
	}
	if a.Largest > 0 {
		parts = append(parts, "at most "+money.New(a.Largest, currency).String())
	}
	if a.Multiple > 1 {
		parts = append(parts, "a multiple of "+money.New(a.Multiple, currency).String())
	}
	return strings.Join(parts, " and ")
}

// of returns the amounts that can be paid in the currency; false: it is not taken.
func (l Limits) of(currency string) (Amounts, bool) {
	if l.Amounts == nil {
		return Amounts{}, true
	}
	return l.Amounts(currency)
}

// TakesCurrency reports whether payments in the currency can be taken.
func (l Limits) TakesCurrency(currency string) bool {
	_, taken := l.of(currency)
	return taken
}

// Refusal says in a sentence with the limits why one payment cannot have the amount; "" if it can.
func (l Limits) Refusal(a money.Amount) string {
	of, taken := l.of(a.Currency)
	switch {
	case !taken:
		return "The payment provider takes no payments in " + a.Currency + "."
	case of.Include(a.Minor):
		return ""
	}
	return "The payment provider takes no payment of " + a.String() + ": a payment is " + of.words(a.Currency) + "."
}

// PriceRefusal is Refusal for the price of one piece. The price may be below the smallest payment, because several pieces can be paid
// together. It must be a multiple of what can be charged, or most quantities could not be ordered.
func (l Limits) PriceRefusal(price money.Amount) string {
	of, taken := l.of(price.Currency)
	of.Smallest = 0
	if taken && of.Include(price.Minor) {
		return ""
	}
	return l.Refusal(price)
}

// TakesCapture reports whether money can be captured in this way.
func (l Limits) TakesCapture(method CaptureMethod) bool {
	return method == CaptureAutomatic || method == CaptureManual && l.ManualCapture
}

// MostCapture returns the most that can be captured of what is held, in its minor units.
func (l Limits) MostCapture(held money.Amount) int64 {
	if l.OverCapture == nil {
		return held.Minor
	}
	return max(held.Minor, l.OverCapture(held))
}

// Shop is a provider as the web shop shows it. All visitors can read it.
type Shop struct {
	// TestMoney: no payment moves real money.
	TestMoney bool
	// Methods are the means of payment that one can choose in the shop; none where customers have to enter their own.
	Methods []TestMethod
	// Notice stands above Methods, or in their place when there are none.
	Notice string
	// ClientSecretHint says what to do about an action of type CLIENT_SECRET, which the shop cannot show.
	ClientSecretHint string
}

// TestMethod is a means of payment for trying things out.
type TestMethod struct {
	Token string `json:"token"`
	Label string `json:"label"`
	// Hint describes its result.
	Hint string `json:"hint"`
	// Fault: what goes wrong is between us and the provider. The shop shows it only on demand.
	Fault bool `json:"fault,omitempty"`
}

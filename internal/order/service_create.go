package order

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/product"
)

// Limits of an order. Texts are counted in characters (code points).
const (
	MaxItems = 100
	// MaxQuantity per item.
	MaxQuantity = 999
	// MaxTotal of an order in minor units.
	MaxTotal             = 1_000_000_000_000
	maxNote              = 500
	maxExternalReference = 100
	maxMetadata          = 20
	maxMetadataKey       = 40
	maxMetadataValue     = 500
	maxIdempotencyKey    = 255
)

// Item is a product and how many of it.
type Item struct {
	ProductID id.Product
	Quantity  int
}

// CreateInput is a request for a new order. The server computes the total.
type CreateInput struct {
	IdempotencyKey    string `json:"-"`
	Items             []Item
	PaymentToken      string
	Capture           payment.CaptureMethod
	Note              *string
	ExternalReference *string
	Metadata          []Metadata
	// ExpectedTotal is the total that the customer has agreed to; nil: any. It is a condition on a new order and no part of what is
	// ordered, so the request's hash leaves it out: a customer whose answer was lost may ask again with the total that the shop shows by then.
	ExpectedTotal *money.Amount `json:"-"`
	RequestID     string        `json:"-"`
	// Source: see Order.
	Source uuid.UUID `json:"-"`
}

// PriceChanged is the user error PRICE_CHANGED: the total is not the one that the customer has agreed to.
type PriceChanged struct {
	// Current is the total at the prices that were read last.
	Current money.Amount
	refusal *fault.Error
}

func (e *PriceChanged) Error() string { return e.refusal.Error() }

// Unwrap returns the refusal for the client.
func (e *PriceChanged) Unwrap() error { return e.refusal }

func checkExpected(expected *money.Amount, total money.Amount) error {
	if expected == nil || *expected == total {
		return nil
	}
	return &PriceChanged{total, fault.User(fault.PriceChanged, fmt.Sprintf("The total is %s, not %s.", total, *expected), "input", "expectedTotal")}
}

// Create places an order for the principal at today's prices and hands its payment to the pipeline. The same key with
// the same input returns the same order, replayed. User errors: see OrderCreateErrorCode in the schema.
func (s *Service) Create(ctx context.Context, p auth.Principal, in CreateInput) (Outcome, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return Outcome{}, err
	}
	if in.Capture == "" {
		in.Capture = payment.CaptureAutomatic
	}
	if !in.Capture.Valid() {
		return Outcome{}, fmt.Errorf("unknown capture method %q", in.Capture)
	}
	var problems fault.List
	checkKey(&problems, in.IdempotencyKey)
	checkItems(&problems, in.Items)
	checkText(&problems, in.Note, maxNote, "input", "note")
	checkText(&problems, in.ExternalReference, maxExternalReference, "input", "externalReference")
	checkMetadata(&problems, in.Metadata)
	provider := s.providers.First()
	checkMethod(&problems, provider, in.PaymentToken)
	if !provider.Limits.TakesCapture(in.Capture) {
		problems.Add(fault.User(fault.PaymentMethodInvalid, "The payment provider does not support captureMethod MANUAL. Use AUTOMATIC.", "input", "captureMethod"))
	}
	if err := problems.Err(); err != nil {
		return Outcome{}, err
	}
	key := Idempotency{Operation: "orderCreate", Key: in.IdempotencyKey, Hash: requestHash(in)}
	// Try cached prices first; create.sql rejects stale ones. Read the prices only then, or if a product cannot be ordered as cached or
	// the cached total is not the expected one. Either way the expected total is compared with that of the very lines that are placed.
	lines, total, err := s.price(ctx, in, s.products.Known)
	if err == nil {
		outcome, err := s.place(ctx, p, in, key, lines, total)
		if !errors.Is(err, ErrPricesChanged) {
			return outcome, err
		}
	}
	lines, total, err = s.price(ctx, in, s.products.ByID)
	if err == nil {
		for i := range lines {
			// Fresh prices are accepted unchecked, or a fast-changing price could refuse the order for ever.
			lines[i].Revision = 0
		}
		return s.place(ctx, p, in, key, lines, total)
	}
	// The order may have been placed when its products could still be ordered at that total, and only the answer was lost.
	if earlier, known := s.store.EarlierOrder(ctx, p, key); fault.CodeOf(known) != fault.NotFound {
		return earlier, known
	}
	return Outcome{}, err
}

func (s *Service) place(ctx context.Context, p auth.Principal, in CreateInput, key Idempotency, lines []Line, total money.Amount) (Outcome, error) {
	o := New(s.cause(p, in.RequestID), s.policy, Draft{
		Head: Head{
			CustomerID: p.CustomerID, Lines: lines, Total: total,
			Note: in.Note, ExternalReference: in.ExternalReference, Metadata: in.Metadata,
		},
		Method: PaymentMethod{Provider: s.providers.First().Name, Token: in.PaymentToken, Capture: in.Capture},
		Source: in.Source,
	})
	outcome, err := s.store.CreateOrder(ctx, p, o, key)
	return outcome, s.refuse(ctx, err)
}

// RetryInput asks for a new payment of an order whose last one failed or waits for its customer.
type RetryInput struct {
	IdempotencyKey  string `json:"-"`
	OrderID         id.Order
	PaymentToken    string
	ExpectedVersion *int
	RequestID       string `json:"-"`
	// Source: see Order.
	Source uuid.UUID `json:"-"`
}

// Retry makes a new payment; Outcome.EntityID is its id. A payment that waits for its customer is voided first; see Order.Retry.
// User errors: ORDER_NOT_FOUND, NOT_ALLOWED_IN_STATE, CONFLICT, TOO_MANY_ATTEMPTS, PAYMENT_METHOD_INVALID, AMOUNT_NOT_SUPPORTED, and those of
// idempotency.
func (s *Service) Retry(ctx context.Context, p auth.Principal, in RetryInput) (Outcome, error) {
	if err := auth.RequireSignedIn(p); err != nil {
		return Outcome{}, err
	}
	var problems fault.List
	checkKey(&problems, in.IdempotencyKey)
	provider := s.providers.First()
	checkMethod(&problems, provider, in.PaymentToken)
	if err := problems.Err(); err != nil {
		return Outcome{}, err
	}
	undo, refused, err := s.take(ctx, p, in.Source)
	if err != nil {
		return Outcome{}, err
	}
	c := s.cause(p, in.RequestID)
	outcome, err := s.store.ChangeOrder(ctx, p, in.OrderID, Change{
		Audit: audited(c, p, "payment.retry", in.OrderID, ""),
		Key:   Idempotency{Operation: "paymentRetry", Key: in.IdempotencyKey, Hash: requestHash(in)},
		Apply: func(o *Order) (uuid.UUID, error) {
			if o.waiting() != nil {
				return uuid.Nil, fault.User(fault.NotAllowedInState, "A new payment waits already: it begins once the earlier one is voided.", "input", "orderId")
			}
			if !o.CanRetry() {
				return uuid.Nil, fault.User(fault.NotAllowedInState, "A new payment needs an unpaid order whose last payment has failed, waits for its customer, or has not reached the provider.", "input", "orderId")
			}
			if err := expectVersion(o, in.ExpectedVersion); err != nil {
				return uuid.Nil, err
			}
			if err := o.checkRetry(s.policy); err != nil {
				return uuid.Nil, err
			}
			if refused != nil {
				return uuid.Nil, refused
			}
			capture := o.Payment().CaptureMethod
			if !provider.Limits.TakesCapture(capture) {
				return uuid.Nil, fault.User(fault.PaymentMethodInvalid, "The payment provider cannot capture this order's payment later.", "input", "orderId")
			}
			// The new payment's provider need not be the one that could take the order's total when it was placed.
			if err := checkAmount(provider.Limits, o.Total, "input", "orderId"); err != nil {
				return uuid.Nil, err
			}
			o.Source = in.Source
			method := PaymentMethod{Provider: provider.Name, Token: in.PaymentToken, Capture: capture}
			paymentID, err := o.Retry(c, s.policy, method)
			return uuid.UUID(paymentID), err
		},
	})
	if err != nil || outcome.Replayed {
		undo()
	}
	return outcome, s.refuse(ctx, notFound(err), "input", "orderId")
}

// price copies names and prices as they are read into lines. User errors: PRODUCT_NOT_FOUND, PRODUCT_ARCHIVED, MIXED_CURRENCY,
// TOTAL_OUT_OF_RANGE; all bad items are named. If there are none, a total that the payment provider cannot take is AMOUNT_NOT_SUPPORTED, and
// one that is not the expected one is a *PriceChanged.
func (s *Service) price(
	ctx context.Context, in CreateInput, read func(context.Context, []id.Product) (map[id.Product]*product.Product, error),
) ([]Line, money.Amount, error) {
	items := in.Items
	ids := make([]id.Product, len(items))
	for i, item := range items {
		ids[i] = item.ProductID
	}
	products, err := read(ctx, ids)
	if err != nil {
		return nil, money.Amount{}, err
	}
	var problems fault.List
	lines := make([]Line, 0, len(items))
	var total money.Amount
	for i, item := range items {
		at := []string{"input", "items", strconv.Itoa(i), "productId"}
		p, ok := products[item.ProductID]
		switch {
		case !ok:
			problems.Add(fault.User(fault.ProductNotFound, "There is no product "+item.ProductID.TypeID()+".", at...))
			continue
		case p.Archived():
			problems.Add(fault.User(fault.ProductArchived, p.Name+" can no longer be ordered.", at...))
			continue
		case total.Currency == "":
			total.Currency = p.Price.Currency
		case total.Currency != p.Price.Currency:
			problems.Add(fault.User(fault.MixedCurrency, fmt.Sprintf("%s is priced in %s, the items before in %s; an order has one currency.", p.Name, p.Price.Currency, total.Currency), at...))
			continue
		}
		sum, err := p.Price.Mul(item.Quantity)
		if err == nil {
			total, err = total.Add(sum)
		}
		if err != nil || total.Minor > MaxTotal {
			problems.Add(fault.User(fault.TotalOutOfRange, fmt.Sprintf("The total exceeds %d minor units.", int64(MaxTotal)), "input", "items"))
			break
		}
		lines = append(lines, Line{ProductID: p.ID, Name: p.Name, Quantity: item.Quantity, UnitPrice: p.Price, Total: sum, Revision: p.Revision})
	}
	if err := problems.Err(); err != nil {
		return lines, total, err
	}
	if err := checkAmount(s.providers.First().Limits, total, "input", "items"); err != nil {
		return lines, total, err
	}
	return lines, total, checkExpected(in.ExpectedTotal, total)
}

func checkAmount(limits payment.Limits, total money.Amount, field ...string) error {
	if refusal := limits.Refusal(total); refusal != "" {
		return fault.User(fault.AmountNotSupported, refusal, field...)
	}
	return nil
}

func checkItems(problems *fault.List, items []Item) {
	switch {
	case len(items) == 0:
		problems.Add(fault.User(fault.ItemsEmpty, "An order has at least one item.", "input", "items"))
	case len(items) > MaxItems:
		problems.Add(fault.User(fault.TooManyItems, fmt.Sprintf("An order has at most %d items, not %d.", MaxItems, len(items)), "input", "items"))
		return
	}
	for i, item := range items {
		if item.Quantity < 1 || item.Quantity > MaxQuantity {
			problems.Add(fault.User(fault.QuantityOutOfRange, fmt.Sprintf("A quantity is 1 to %d, not %d.", MaxQuantity, item.Quantity),
				"input", "items", strconv.Itoa(i), "quantity"))
		}
	}
}

func checkMetadata(problems *fault.List, entries []Metadata) {
	invalid := func(message string, at ...string) {
		problems.Add(fault.User(fault.MetadataInvalid, message, append([]string{"input", "metadata"}, at...)...))
	}
	if len(entries) > maxMetadata {
		invalid(fmt.Sprintf("At most %d entries are allowed, not %d.", maxMetadata, len(entries)))
		return
	}
	seen := map[string]bool{}
	for i, entry := range entries {
		index := strconv.Itoa(i)
		for _, part := range []struct {
			name, value string
			limit       int
		}{{"key", entry.Key, maxMetadataKey}, {"value", entry.Value, maxMetadataValue}} {
			switch problem := freetext.Check(part.value, part.limit); {
			case problem == nil:
			case problem.Code == fault.CardNumberRefused:
				problems.Add(fault.User(problem.Code, problem.Message, "input", "metadata", index, part.name))
			default:
				invalid(problem.Message, index, part.name)
			}
		}
		if entry.Key == "" || seen[entry.Key] {
			invalid("A key is not empty and given once.", index, "key")
		}
		seen[entry.Key] = true
	}
}

func checkMethod(problems *fault.List, provider *payment.Provider, token string) {
	if !provider.ValidMethod(token) {
		problems.Add(fault.User(fault.PaymentMethodInvalid, "The payment provider does not know this token.", "input", "paymentMethod", "token"))
	}
}

// checkKey allows 1 to 255 printable ASCII characters that do not look like a card number, since keys are stored.
func checkKey(problems *fault.List, key string) {
	ok := len(key) >= 1 && len(key) <= maxIdempotencyKey
	for i := 0; ok && i < len(key); i++ {
		ok = key[i] >= ' ' && key[i] <= '~'
	}
	if !ok {
		problems.Add(fault.User(fault.IdempotencyKeyInvalid, fmt.Sprintf("An idempotency key is 1 to %d printable ASCII characters.", maxIdempotencyKey), "input", "idempotencyKey"))
	} else if freetext.HasCardNumber(key) {
		problems.Add(fault.User(fault.IdempotencyKeyInvalid, "The idempotency key looks like a card number; send a random one, such as a UUID.", "input", "idempotencyKey"))
	}
}

func checkText(problems *fault.List, s *string, limit int, field ...string) {
	if s == nil {
		return
	}
	if problem := freetext.Check(*s, limit, field...); problem != nil {
		problems.Add(problem)
	}
}

// requestHash identifies what was asked, without the key: the same key with another hash is a reuse.
func requestHash(input any) [32]byte {
	encoded, err := json.Marshal(input)
	if err != nil {
		panic(err) // inputs are plain structs
	}
	return sha256.Sum256(encoded)
}

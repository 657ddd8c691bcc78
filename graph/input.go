package graph

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/orderwire/orderwire/graph/model"
	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/event"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/product"
	"github.com/orderwire/orderwire/internal/requestid"
)

// These functions turn GraphQL's inputs into the services' ones. Values of the wrong form, such as a malformed id, are
// BAD_USER_INPUT. The services check everything else.

// parsePaymentID and parseProductID call id.Parse where an argument named id hides the package.
func parsePaymentID(s string) (id.Payment, error) { return id.Parse[id.Payment](s) }
func parseProductID(s string) (id.Product, error) { return id.Parse[id.Product](s) }

// only is a list of one.
func only[T any](one T) []T { return []T{one} }

func toCreateInput(ctx context.Context, key string, input model.OrderCreateInput) (order.CreateInput, error) {
	in := order.CreateInput{
		IdempotencyKey: key, PaymentToken: token(input.PaymentMethod),
		Note: input.Note, ExternalReference: input.ExternalReference, RequestID: requestid.FromContext(ctx),
	}
	if input.CaptureMethod != nil {
		in.Capture = *input.CaptureMethod
	}
	if expected := input.ExpectedTotal; expected != nil {
		in.ExpectedTotal = amount(expected.AmountMinor, expected.Currency)
	}
	if len(input.Items) > order.MaxItems {
		// The service refuses this many items without looking at them, so their ids are not parsed.
		in.Items = make([]order.Item, len(input.Items))
		return in, nil
	}
	for i, item := range input.Items {
		productID, err := id.Parse[id.Product](item.ProductID)
		if err != nil {
			return in, at(err, "input.items."+strconv.Itoa(i)+".productId")
		}
		in.Items = append(in.Items, order.Item{ProductID: productID, Quantity: item.Quantity})
	}
	for _, entry := range input.Metadata {
		in.Metadata = append(in.Metadata, order.Metadata{Key: entry.Key, Value: entry.Value})
	}
	return in, nil
}

// at prefixes an error's message with the path of the input that it is about.
func at(err error, place string) error {
	return fault.New(fault.CodeOf(err), place+": "+messageOf(err))
}

func toOrderFilter(filter *model.OrderFilter) (order.Filter, error) {
	if filter == nil {
		return order.Filter{}, nil
	}
	if err := storable(filter.Search, filter.ExternalReference); err != nil {
		return order.Filter{}, err
	}
	narrowed := order.Filter{
		Status: filter.Status, PaymentStatus: filter.PaymentStatus,
		Search: text(filter.Search), ExternalReference: filter.ExternalReference,
	}
	if created := filter.CreatedAt; created != nil {
		narrowed.CreatedFrom, narrowed.CreatedTo = created.From, created.To
	}
	var err error
	narrowed.CustomerID, err = optionalID[id.Customer](filter.CustomerID)
	return narrowed, err
}

func toProductFilter(filter *model.ProductFilter) (product.Filter, error) {
	if filter == nil {
		return product.Filter{}, nil
	}
	return product.Filter{Search: text(filter.Search), Currency: text(filter.Currency)}, storable(filter.Search)
}

// storable refuses texts to search for that PostgreSQL cannot store, and so cannot find.
func storable(texts ...*string) error {
	for _, s := range texts {
		if s != nil && (strings.ContainsRune(*s, 0) || !utf8.ValidString(*s)) {
			return fault.New(fault.BadUserInput, "The search text contains a null byte or is not UTF-8.")
		}
	}
	return nil
}

// toFeedFilter also refuses customerId to all but staff: FORBIDDEN.
func toFeedFilter(p auth.Principal, filter *model.OrderFeedFilter) (event.Filter, error) {
	if filter == nil {
		return event.Filter{}, nil
	}
	if filter.CustomerID != nil {
		if err := auth.RequireStaff(p); err != nil {
			return event.Filter{}, err
		}
	}
	customer, err := optionalID[id.Customer](filter.CustomerID)
	return event.Filter{Statuses: filter.OrderStatus, Types: filter.EventTypes, CustomerID: customer}, err
}

// optionalID parses an id that may be absent: the result is not valid then. An id of zeros is an id.
func optionalID[I id.Entity](s *string) (id.Null[I], error) {
	if s == nil {
		return id.Null[I]{}, nil
	}
	parsed, err := id.Parse[I](*s)
	return id.Null[I]{ID: parsed, Valid: err == nil}, err
}

// token returns the token of a payment method, "" for the provider's default.
func token(method *model.PaymentMethodInput) string {
	if method == nil {
		return ""
	}
	return method.Token
}

// text returns an optional text, "" for none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// given returns the text, or nil when it is empty.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func amount(minor int64, currency string) *money.Amount {
	a := money.New(minor, currency)
	return &a
}

// paymentOf returns a payment of an order by its id, nil when there is none.
func paymentOf(o *order.Order, paymentID id.Payment) *payment.Payment {
	if o == nil {
		return nil
	}
	return o.PaymentByID(paymentID)
}

// toRefundLines keeps apart no lines (nil) and an empty list.
func toRefundLines(lines []*model.RefundLineInput) []payment.RefundLine {
	if lines == nil {
		return nil
	}
	asked := make([]payment.RefundLine, len(lines))
	for i, l := range lines {
		asked[i] = payment.RefundLine{Position: l.Position, Quantity: l.Quantity}
	}
	return asked
}

// Package product has the catalogue: the products and their prices.
package product

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/bytelru"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/freetext"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/payment"
)

// Product is one entry of the catalogue. It is never deleted: orders point to it for ever.
type Product struct {
	ID          id.Product
	SKU         string
	Name        string
	Description string
	Price       money.Amount
	// Image is an absolute path on this server or an https URL; nil for none.
	Image *string
	// ArchivedAt is the time at which it left the catalogue; nil while it can be ordered.
	ArchivedAt *time.Time
	// Revision differs after every change. 0 when it was not read.
	Revision int64
}

// IsNode marks the product as a GraphQL Node.
func (Product) IsNode() {}

// Archived reports whether it can no longer be ordered.
func (p Product) Archived() bool { return p.ArchivedAt != nil }

// Filter narrows a list of products. The zero value lists all that can be ordered.
type Filter struct {
	// Search is a text that name or SKU contains, ignoring case, of at most freetext.MaxSearch characters.
	Search string
	// Currency is an ISO 4217 code.
	Currency string
}

// Store keeps products. Reading them is public, so reads take no principal.
type Store interface {
	// Products lists the products that are not archived, oldest first.
	Products(ctx context.Context, filter Filter, page pagination.Request) (pagination.Result[*Product], error)
	// ProductsByID returns what exists of the ids, archived ones too.
	ProductsByID(ctx context.Context, ids []id.Product) (map[id.Product]*Product, error)
	// BriefProductsByID is ProductsByID without descriptions.
	BriefProductsByID(ctx context.Context, ids []id.Product) (map[id.Product]*Product, error)
	// UpsertProduct inserts or, when the SKU exists, changes it and takes it out of the archive.
	UpsertProduct(ctx context.Context, p auth.Principal, product Product) (*Product, error)
	// ArchiveProduct is idempotent. It returns fault.NotFound when there is no such product.
	ArchiveProduct(ctx context.Context, p auth.Principal, productID id.Product) (*Product, error)
}

const (
	// MaxPrice in minor units.
	MaxPrice       = 10_000_000_000
	maxName        = 200
	maxDescription = 2000
	maxImage       = 500

	// knownBytes is the cache's size, enough for some ten thousand products; knownSize is the size of one without its texts.
	knownBytes = 8 << 20
	knownSize  = 400
)

var (
	skuPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	imagePattern = regexp.MustCompile(`^(/|https://)[A-Za-z0-9._~:/?#@!$&()*+,;=%-]+$`)
)

// Input has a product's values as staff give them.
type Input struct {
	SKU         string
	Name        string
	Description string
	PriceMinor  int64
	Currency    string
	Image       *string
}

// Service implements the catalogue.
type Service struct {
	store Store
	byID  *batcher
	brief *batcher
	known *bytelru.Cache[*Product]
	// limits are those of the provider that takes new payments.
	limits payment.Limits
}

// ServiceOption changes how a service works from its start.
type ServiceOption func(*Service)

// PricesWithin makes the service refuse prices that a payment provider with these limits cannot charge. Prices that are stored already stay.
func PricesWithin(limits payment.Limits) ServiceOption {
	return func(s *Service) { s.limits = limits }
}

// NewService returns the service over a store.
func NewService(store Store, options ...ServiceOption) *Service {
	s := &Service{
		store: store, byID: newBatcher(store.ProductsByID), brief: newBatcher(store.BriefProductsByID),
		known: bytelru.New[*Product](knownBytes),
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// List returns products that can be ordered. BAD_USER_INPUT when the text to search for is too long.
func (s *Service) List(ctx context.Context, filter Filter, request pagination.Request) (pagination.Result[*Product], error) {
	if err := freetext.CheckSearch(filter.Search); err != nil {
		return pagination.Result[*Product]{}, err
	}
	return s.store.Products(ctx, filter, request)
}

// ByID returns those of the products that exist, archived ones too, as of now. Concurrent calls share a read, so callers must not
// change the products.
func (s *Service) ByID(ctx context.Context, ids []id.Product) (map[id.Product]*Product, error) {
	found, err := s.byID.Do(ctx, ids)
	for id, p := range found {
		s.known.Add(string(id[:]), p, knownSize+len(p.SKU)+len(p.Name)+len(p.Description))
	}
	return found, err
}

// BriefByID is ByID without descriptions, which are most of a product: the products of a list of orders can be a whole catalogue.
func (s *Service) BriefByID(ctx context.Context, ids []id.Product) (map[id.Product]*Product, error) {
	return s.brief.Do(ctx, ids)
}

// Known returns those of the products that exist, as this process last read them. A caller that decides by them must check that the
// Revision is still the same.
func (s *Service) Known(ctx context.Context, ids []id.Product) (map[id.Product]*Product, error) {
	found := make(map[id.Product]*Product, len(ids))
	for _, id := range ids {
		p, ok := s.known.Get(string(id[:]))
		if !ok {
			return s.ByID(ctx, ids)
		}
		found[id] = p
	}
	return found, nil
}

// Upsert creates the product, or changes the one with the same SKU; orders placed before keep their price. Staff only.
// User errors: SKU_INVALID, NAME_INVALID, TEXT_TOO_LONG, PRICE_OUT_OF_RANGE, CURRENCY_UNKNOWN, AMOUNT_NOT_SUPPORTED, IMAGE_INVALID.
func (s *Service) Upsert(ctx context.Context, p auth.Principal, in Input) (*Product, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	var problems fault.List
	add := func(code fault.Code, field, message string) {
		problems.Add(fault.User(code, message, "input", field))
	}
	if !skuPattern.MatchString(in.SKU) {
		add(fault.SkuInvalid, "sku", "A SKU is 1 to 64 letters, digits, dots, dashes and underscores, and starts with a letter or digit.")
	}
	if problem := freetext.Check(in.Name, maxName); problem != nil || in.Name == "" {
		add(fault.NameInvalid, "name", fmt.Sprintf("A name is 1 to %d characters without control characters.", maxName))
	}
	if utf8.RuneCountInString(in.Description) > maxDescription {
		add(fault.TextTooLong, "description", fmt.Sprintf("A description has at most %d characters.", maxDescription))
	} else if freetext.Check(in.Description, maxDescription) != nil {
		add(fault.NameInvalid, "description", "The description contains characters that are not allowed.")
	}
	price, known := money.New(in.PriceMinor, in.Currency), money.Valid(in.Currency)
	if !known {
		add(fault.CurrencyUnknown, "currency", "A currency is an ISO 4217 code such as EUR.")
	}
	refusal := s.limits.PriceRefusal(price)
	switch {
	case in.PriceMinor < 1 || in.PriceMinor > MaxPrice:
		add(fault.PriceOutOfRange, "priceMinor", fmt.Sprintf("A price is 1 to %d minor units.", int64(MaxPrice)))
	case known && refusal != "" && !s.limits.TakesCurrency(in.Currency):
		add(fault.AmountNotSupported, "currency", refusal)
	case known && refusal != "":
		add(fault.AmountNotSupported, "priceMinor", refusal)
	}
	if in.Image != nil && !ValidImage(*in.Image) {
		add(fault.ImageInvalid, "image", "An image is an absolute path on this server or an https URL of at most 500 characters.")
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return s.store.UpsertProduct(ctx, p, Product{
		ID: id.New[id.Product](), SKU: in.SKU, Name: in.Name, Description: in.Description,
		Price: price, Image: in.Image,
	})
}

// ValidImage reports whether text is an absolute path on this server or an https URL: the images that the shop's
// Content-Security-Policy allows. Browsers drop tabs and line breaks from a URL and read a backslash as a slash, so that a path
// with either may lead to another host.
func ValidImage(text string) bool {
	if len(text) > maxImage || !imagePattern.MatchString(text) || strings.HasPrefix(text, "//") {
		return false
	}
	u, err := url.Parse(text)
	return err == nil && u.User == nil && (u.Scheme == "") == (u.Hostname() == "")
}

// Archive takes the product out of the catalogue; archiving it again changes nothing. Staff only.
// User error: PRODUCT_NOT_FOUND.
func (s *Service) Archive(ctx context.Context, p auth.Principal, productID id.Product) (*Product, error) {
	if err := auth.RequireStaff(p); err != nil {
		return nil, err
	}
	product, err := s.store.ArchiveProduct(ctx, p, productID)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.User(fault.ProductNotFound, "There is no such product.", "input", "productId")
	}
	return product, err
}

package product_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

var staff = auth.Principal{Role: auth.RoleStaff, Subject: "sam"}

func TestUpsert(t *testing.T) {
	t.Parallel()
	service := product.NewService(postgrestest.Store(t, postgrestest.Open(t).API, nil))
	good := product.Input{SKU: "MUG-1", Name: "Mug", PriceMinor: 1800, Currency: "EUR"}
	text := func(s string) *string { return &s }

	t.Run("OKCreateChangeArchiveRevive", func(t *testing.T) {
		first, err := service.Upsert(t.Context(), staff, good)
		if err != nil {
			t.Fatal(err)
		}
		dearer := good
		dearer.PriceMinor = 1900
		second, err := service.Upsert(t.Context(), staff, dearer)
		if err != nil || second.ID != first.ID || second.Price != money.New(1900, "EUR") {
			t.Errorf("got %+v, %v", second, err)
		}
		for range 2 {
			if archived, err := service.Archive(t.Context(), staff, first.ID); err != nil || !archived.Archived() {
				t.Errorf("got %+v, %v", archived, err)
			}
		}
		if list, err := service.List(t.Context(), product.Filter{}, pagination.Request{Limit: 10}); err != nil || len(list.Items) != 0 {
			t.Errorf("archived, and listed: %+v, %v", list, err)
		}
		if revived, err := service.Upsert(t.Context(), staff, good); err != nil || revived.Archived() {
			t.Errorf("got %+v, %v", revived, err)
		}
	})
	for name, tt := range map[string]struct {
		change func(*product.Input)
		code   fault.Code
	}{
		"ErrSKU":         {func(in *product.Input) { in.SKU = "a b" }, "SKU_INVALID"},
		"ErrName":        {func(in *product.Input) { in.Name = "" }, "NAME_INVALID"},
		"ErrNameControl": {func(in *product.Input) { in.Name = "a\x00" }, "NAME_INVALID"},
		"ErrPriceZero":   {func(in *product.Input) { in.PriceMinor = 0 }, "PRICE_OUT_OF_RANGE"},
		"ErrPriceHuge":   {func(in *product.Input) { in.PriceMinor = product.MaxPrice + 1 }, "PRICE_OUT_OF_RANGE"},
		"ErrCurrency":    {func(in *product.Input) { in.Currency = "XXZ" }, "CURRENCY_UNKNOWN"},
		"ErrImageScheme": {func(in *product.Input) { in.Image = text("javascript:alert(1)") }, "IMAGE_INVALID"},
		"ErrImageTab":    {func(in *product.Input) { in.Image = text("/\t/elsewhere/x.svg") }, "IMAGE_INVALID"},
		"ErrImageLine":   {func(in *product.Input) { in.Image = text("/a\n") }, "IMAGE_INVALID"},
		"ErrImageNull":   {func(in *product.Input) { in.Image = text("/\x00") }, "IMAGE_INVALID"},
		"ErrImageUser":   {func(in *product.Input) { in.Image = text("https://user:secret@elsewhere/x.svg") }, "IMAGE_INVALID"},
		"ErrImageHost":   {func(in *product.Input) { in.Image = text("//elsewhere/x.svg") }, "IMAGE_INVALID"},
		"ErrDescription": {func(in *product.Input) { in.Description = strings.Repeat("x", 2001) }, fault.TextTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			in := good
			tt.change(&in)
			if _, err := service.Upsert(t.Context(), staff, in); fault.CodeOf(err) != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
		})
	}
	t.Run("ErrCustomer", func(t *testing.T) {
		customer := auth.Principal{Role: auth.RoleCustomer}
		if _, err := service.Upsert(t.Context(), customer, good); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("upsert: %v", err)
		}
		if _, err := service.Archive(t.Context(), customer, id.New[id.Product]()); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("archive: %v", err)
		}
	})
	t.Run("ErrArchiveUnknown", func(t *testing.T) {
		if _, err := service.Archive(t.Context(), staff, id.New[id.Product]()); fault.CodeOf(err) != "PRODUCT_NOT_FOUND" {
			t.Errorf("got %v", err)
		}
	})
}

// The catalogue can be stored as it is, shows amounts with two, no and three digits, and is seeded once.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	store := postgrestest.Store(t, postgrestest.Open(t).Worker, nil)
	for range 2 {
		if err := store.SeedProducts(t.Context(), product.Catalogue()); err != nil {
			t.Fatal(err)
		}
	}
	list, err := product.NewService(store).List(t.Context(), product.Filter{}, pagination.Request{Limit: 100})
	if err != nil || len(list.Items) != len(product.Catalogue()) {
		t.Fatalf("%d products, %v", len(list.Items), err)
	}
	digits := []int{}
	for _, p := range list.Items {
		d, ok := money.Digits(p.Price.Currency)
		if !ok {
			t.Errorf("%s: currency %s", p.SKU, p.Price.Currency)
		}
		if !slices.Contains(digits, d) {
			digits = append(digits, d)
		}
	}
	slices.Sort(digits)
	if !slices.Equal(digits, []int{0, 2, 3}) {
		t.Errorf("digits %v", digits)
	}
	found, err := product.NewService(store).List(t.Context(), product.Filter{Search: "%", Currency: "EUR"}, pagination.Request{Limit: 100})
	if err != nil || len(found.Items) != 0 {
		t.Errorf("a percent sign finds %d products, %v", len(found.Items), err)
	}
}

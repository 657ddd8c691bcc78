package product

import (
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// Catalogue returns the products of a new shop: a dozen, in currencies whose minor units have two, no and three digits. Each call
// makes new ids; seeding matches by SKU.
func Catalogue() []Product {
	entries := []struct {
		sku, name, description, currency string
		minor                            int64
	}{
		{"COFFEE-250", "Highland coffee beans, 250 g", "Washed arabica from small farms, roasted on the light side: stone fruit and cocoa.", "EUR", 1250},
		{"TEA-100", "Sencha green tea, 100 g", "First-harvest leaves, steamed and rolled. Brew at 75 °C.", "EUR", 980},
		{"MUG-STONE", "Stoneware mug", "Thrown by hand, glazed in sand and slate. Holds 300 ml.", "EUR", 1800},
		{"KETTLE-GN", "Gooseneck kettle", "A slow, steady pour. Brushed steel, 1 litre.", "EUR", 7400},
		{"GRINDER-H", "Hand grinder", "Steel burrs and forty settings, from espresso to French press.", "EUR", 11900},
		{"FILTER-40", "Paper filters, 40", "Unbleached cones for two to four cups.", "EUR", 420},
		{"SCALE-01", "Brewing scale", "Weighs to a tenth of a gram and times the pour.", "USD", 4900},
		{"TOTE-OW", "Canvas tote", "Heavy cotton, long handles, an inside pocket.", "USD", 1500},
		{"POSTER-JP", "Letterpress poster", "Two colours on cotton paper, 30 × 40 cm, printed in Kyoto.", "JPY", 3200},
		{"NOTEBOOK-JP", "Dotted notebook", "160 pages of fountain-pen paper, sewn so that it lies flat.", "JPY", 980},
		{"DATES-KW", "Medjool dates, 500 g", "Soft, large and sweet, packed at the farm.", "KWD", 3750},
		{"OUD-KW", "Oud incense", "Twelve slow-burning pieces in a wooden box.", "KWD", 12500},
	}
	products := make([]Product, len(entries))
	for i, e := range entries {
		image := "/products/" + e.sku + ".svg"
		products[i] = Product{
			ID: id.New[id.Product](), SKU: e.sku, Name: e.name, Description: e.description,
			Price: money.New(e.minor, e.currency), Image: &image,
		}
	}
	return products
}

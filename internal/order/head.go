package order

import (
	"slices"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
)

// Head has the fields of an order that never change after its creation. All versions of an order share one Head. Its JSON form is
// sent between replicas.
type Head struct {
	ID id.Order `json:"id"`
	// Number is for people: OW- and 8 random Crockford characters.
	Number            string       `json:"number"`
	CustomerID        id.Customer  `json:"customerId"`
	Lines             []Line       `json:"lines"`
	Total             money.Amount `json:"total"`
	Note              *string      `json:"note"`
	ExternalReference *string      `json:"externalReference"`
	Metadata          []Metadata   `json:"metadata"`
	CreatedAt         time.Time    `json:"createdAt"`
}

// Line is one product of an order, with its name and price copied when the order was placed.
type Line struct {
	ProductID id.Product   `json:"productId"`
	Name      string       `json:"name"`
	Quantity  int          `json:"quantity"`
	UnitPrice money.Amount `json:"unitPrice"`
	Total     money.Amount `json:"total"`
	// Revision of the product that name and price were copied from. Only a new order has it, for CreateOrder to look whether it is
	// still the product's; 0 is not looked at.
	Revision int64 `json:"-"`
}

// Metadata is one key and value a client attached to an order.
type Metadata struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// texts are those that the client gave, as the fields that hold them. nil is none.
func (h *Head) texts() []**string { return []**string{&h.Note, &h.ExternalReference} }

// ownTexts copies what the client gave: it may be a part of a whole request, which would stay in memory with it.
func (h *Head) ownTexts() {
	for _, text := range h.texts() {
		*text = cloned(*text)
	}
	h.Metadata = slices.Clone(h.Metadata)
	for i, m := range h.Metadata {
		h.Metadata[i] = Metadata{Key: strings.Clone(m.Key), Value: strings.Clone(m.Value)}
	}
}

func cloned(text *string) *string {
	if text == nil {
		return nil
	}
	return new(strings.Clone(*text))
}

// size is about what the head's lists and texts take in memory, in bytes.
func (h *Head) size() (size int) {
	for i := range h.Lines {
		size += recentLine + len(h.Lines[i].Name)
	}
	for _, m := range h.Metadata {
		size += len(m.Key) + len(m.Value)
	}
	for _, text := range h.texts() {
		if *text != nil {
			size += len(**text)
		}
	}
	return size
}

package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/orderwire/orderwire/internal/fault"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/money"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/payment"
	"github.com/orderwire/orderwire/internal/payment/paymenttest"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/product"
)

// shop is one replica's services: what it knows of prices is its own.
type shop struct {
	products *product.Service
	orders   *order.Service
}

// anyMethod is a provider that knows every token and is never called.
func anyMethod() *payment.Provider {
	return &payment.Provider{
		Name: "simulated", Gateway: struct{ payment.Gateway }{}, ValidMethod: func(string) bool { return true },
		Limits: payment.Limits{ManualCapture: true},
	}
}

func openShop(t *testing.T, db *postgrestest.DB) shop {
	t.Helper()
	store := postgrestest.Store(t, db.API, nil)
	products := product.NewService(store)
	return shop{products, order.NewService(store, products, paymenttest.Registry(t, anyMethod()), policy, order.SystemClock)}
}

func (s shop) price(t *testing.T, sku string, minor int64) id.Product {
	t.Helper()
	p, err := s.products.Upsert(t.Context(), staff, product.Input{SKU: sku, Name: sku, PriceMinor: minor, Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

func (s shop) order(t *testing.T, key string, productIDs ...id.Product) (order.Outcome, error) {
	t.Helper()
	in := order.CreateInput{IdempotencyKey: key, PaymentToken: "sim_approve"}
	for _, productID := range productIDs {
		in.Items = append(in.Items, order.Item{ProductID: productID, Quantity: 2})
	}
	return s.orders.Create(t.Context(), ada, in)
}

// An order is placed at the price of its moment, whatever the process that places it knew before.
func TestPriceOfTheMoment(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	here, there := openShop(t, db), openShop(t, db)
	mug, tea := here.price(t, "MUG", 1800), here.price(t, "TEA", 900)
	expect := func(t *testing.T, want int64, productIDs ...id.Product) {
		t.Helper()
		if placed, err := here.order(t, uuid.NewString(), productIDs...); err != nil || placed.Order.Total != money.New(want, "EUR") {
			t.Errorf("placed at %+v, %v, want %d", placed.Order, err, want)
		}
	}
	expect(t, 3600, mug)
	expect(t, 3600, mug)
	there.price(t, "MUG", 1900)
	expect(t, 5600, mug, tea)
	if _, err := db.ExecContext(t.Context(), `UPDATE products SET price_minor = 1000 WHERE id = $1`, tea); err != nil {
		t.Fatal(err)
	}
	expect(t, 2000, tea)
	expect(t, 5800, mug, tea)
	if _, err := there.products.Archive(t.Context(), staff, mug); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := here.order(t, uuid.NewString(), tea, mug); fault.CodeOf(err) != "PRODUCT_ARCHIVED" {
			t.Errorf("got %v", err)
		}
	}
	there.price(t, "MUG", 2000) // takes it out of the archive
	expect(t, 4000, mug)
}

// A request that is repeated has the answer that was lost, also when its products can no longer be ordered.
func TestReplayOfWhatCanNoLongerBeOrdered(t *testing.T) {
	t.Parallel()
	s := openShop(t, postgrestest.Open(t))
	mug := s.price(t, "MUG", 1800)
	first, err := s.order(t, "key", mug)
	if err != nil {
		t.Fatal(err)
	}
	s.price(t, "MUG", 1900)
	if again, err := s.order(t, "key", mug); err != nil || !again.Replayed || again.Order.ID != first.Order.ID || again.Order.Total.Minor != 3600 {
		t.Errorf("at another price: %+v, %v", again, err)
	}
	if _, err := s.products.Archive(t.Context(), staff, mug); err != nil {
		t.Fatal(err)
	}
	if again, err := s.order(t, "key", mug); err != nil || !again.Replayed || again.Order.ID != first.Order.ID {
		t.Errorf("archived: %+v, %v", again, err)
	}
	if _, err := s.order(t, "key", mug, mug); fault.CodeOf(err) != fault.IdempotencyKeyReused {
		t.Errorf("another request: %v", err)
	}
	if _, err := s.order(t, "another key", mug); fault.CodeOf(err) != "PRODUCT_ARCHIVED" {
		t.Errorf("another key: %v", err)
	}
}

// While a price rises all the time, each order has one that was true between its request and its answer, and orders of
// another product in the same batches are placed.
func TestPricesUnderFire(t *testing.T) {
	t.Parallel()
	const orders = 60
	db := postgrestest.Open(t)
	here, there := openShop(t, db), openShop(t, db)
	mug, tea := here.price(t, "MUG", 1), here.price(t, "TEA", 900)
	var begun, ended atomic.Int64
	begun.Store(1)
	ended.Store(1)
	var rising, buyers sync.WaitGroup
	done := make(chan struct{})
	rising.Go(func() {
		for minor := int64(2); ; minor++ {
			select {
			case <-done:
				return
			default:
			}
			begun.Store(minor)
			there.price(t, "MUG", minor)
			ended.Store(minor)
		}
	})
	for i := range 8 {
		buyers.Go(func() {
			for range orders {
				if i == 0 {
					if _, err := here.order(t, uuid.NewString(), tea); err != nil {
						t.Errorf("tea: %v", err)
					}
					continue
				}
				from := ended.Load()
				placed, err := here.order(t, uuid.NewString(), mug)
				to := begun.Load()
				if err != nil {
					t.Error(err)
				} else if price := placed.Order.Lines[0].UnitPrice.Minor; price < from || price > to {
					t.Errorf("placed at %d, want one of %d to %d", price, from, to)
				}
			}
		})
	}
	buyers.Wait()
	close(done)
	rising.Wait()
	if n := count(t, db, "orders"); n != 8*orders {
		t.Errorf("%d orders, want %d", n, 8*orders)
	}
	if ended.Load() < 10 {
		t.Errorf("the price rose %d times only", ended.Load())
	}
}

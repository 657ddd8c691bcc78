package postgres_test

import (
	"errors"
	"slices"
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
	return s.orderAt(t, key, nil, productIDs...)
}

// orderAt orders two of each product at an agreed total.
func (s shop) orderAt(t *testing.T, key string, expected *money.Amount, productIDs ...id.Product) (order.Outcome, error) {
	t.Helper()
	in := order.CreateInput{IdempotencyKey: key, PaymentToken: "sim_approve", ExpectedTotal: expected}
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

// An order is placed at the total that the customer has agreed to or not at all, whatever the process that places it knew before.
func TestExpectedTotal(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	here, there := openShop(t, db), openShop(t, db)
	mug := here.price(t, "MUG", 1800)
	euros := func(minor int64) *money.Amount { return &money.Amount{Minor: minor, Currency: "EUR"} }
	expectPlaced := func(t *testing.T, key string, expected, total int64, replayed bool) {
		t.Helper()
		got, err := here.orderAt(t, key, euros(expected), mug)
		if err != nil || got.Order.Total != *euros(total) || got.Replayed != replayed {
			t.Errorf("%d expected: %+v, %v", expected, got, err)
		}
	}
	expectRefused := func(t *testing.T, key string, expected *money.Amount, current int64) {
		t.Helper()
		_, err := here.orderAt(t, key, expected, mug)
		refused, ok := fault.UserErrors(err)
		changed, is := errors.AsType[*order.PriceChanged](err)
		if !ok || !is || changed.Current != *euros(current) || refused[0].Code != fault.PriceChanged || !slices.Equal(refused[0].Field, []string{"input", "expectedTotal"}) {
			t.Errorf("%v expected: %v, want PRICE_CHANGED to %d", expected, err, current)
		}
	}
	expectPlaced(t, "first", 3600, 3600, false)
	there.price(t, "MUG", 1900)
	expectRefused(t, "second", euros(3600), 3800) // the cached price was the expected one
	expectRefused(t, "second", euros(3600), 3800)
	there.price(t, "MUG", 2000)
	expectPlaced(t, "second", 4000, 4000, false) // the cached price was not
	expectRefused(t, "third", &money.Amount{Minor: 4000, Currency: "USD"}, 4000)
	expectRefused(t, "third", euros(-1), 4000)
	if orders, keys := count(t, db, "orders"), count(t, db, "idempotency_keys"); orders != 2 || keys != 2 {
		t.Errorf("%d orders and %d keys, want 2: a refusal writes nothing", orders, keys)
	}
	t.Run("Replay", func(t *testing.T) {
		expectPlaced(t, "first", 3600, 3600, true)
		expectPlaced(t, "first", 4000, 3600, true)
		expectPlaced(t, "first", 1, 3600, true)
		if again, err := here.order(t, "first", mug); err != nil || !again.Replayed {
			t.Errorf("without a total: %+v, %v", again, err)
		}
		if _, err := here.orderAt(t, "first", euros(8000), mug, mug); fault.CodeOf(err) != fault.IdempotencyKeyReused {
			t.Errorf("another request: %v", err)
		}
	})
}

// While a price rises all the time, each order has one that was true between its request and its answer, and orders of
// another product in the same batches are placed.
func TestPricesUnderFire(t *testing.T) {
	t.Parallel()
	const orders = 60
	db := postgrestest.Open(t)
	here, there := openShop(t, db), openShop(t, db)
	mug, tea := here.price(t, "MUG", 1), here.price(t, "TEA", 900)
	var buyers sync.WaitGroup
	rising := there.rise(t, "MUG")
	for i := range 8 {
		buyers.Go(func() {
			for range orders {
				if i == 0 {
					if _, err := here.order(t, uuid.NewString(), tea); err != nil {
						t.Errorf("tea: %v", err)
					}
					continue
				}
				from := rising.ended.Load()
				placed, err := here.order(t, uuid.NewString(), mug)
				to := rising.begun.Load()
				if err != nil {
					t.Error(err)
				} else if price := placed.Order.Lines[0].UnitPrice.Minor; price < from || price > to {
					t.Errorf("placed at %d, want one of %d to %d", price, from, to)
				}
			}
		})
	}
	buyers.Wait()
	rising.stop()
	if n := count(t, db, "orders"); n != 8*orders {
		t.Errorf("%d orders, want %d", n, 8*orders)
	}
}

// While a price rises all the time, nobody is charged another total than the agreed one, in whatever batch the order is placed, and who
// agrees to the current total again and again gets the order, with the same key.
func TestExpectedTotalUnderFire(t *testing.T) {
	t.Parallel()
	const orders, buyers = 20, 8
	db := postgrestest.Open(t)
	here, there := openShop(t, db), openShop(t, db)
	mug, tea := here.price(t, "MUG", 1), here.price(t, "TEA", 900)
	var shoppers sync.WaitGroup
	rising := there.rise(t, "MUG")
	for i := range buyers {
		shoppers.Go(func() {
			agreed := money.New(2, "EUR")
			for range orders {
				if i == 0 { // is placed in the same batches
					agreed = money.New(1800, "EUR")
					if placed, err := here.orderAt(t, uuid.NewString(), &agreed, tea); err != nil || placed.Order.Total != agreed {
						t.Errorf("tea: %+v, %v", placed, err)
					}
					continue
				}
				for key := uuid.NewString(); ; {
					from := rising.ended.Load()
					placed, err := here.orderAt(t, key, &agreed, mug)
					to := rising.begun.Load()
					changed, again := errors.AsType[*order.PriceChanged](err)
					switch {
					case again && changed.Current != agreed && changed.Current.Minor >= 2*from && changed.Current.Minor <= 2*to:
						agreed = changed.Current
						continue
					case err != nil || placed.Order.Total != agreed || placed.Order.Lines[0].Total != agreed:
						t.Errorf("%v agreed at %d to %d: %+v, %v", agreed, from, to, placed.Order, err)
					}
					break
				}
			}
		})
	}
	shoppers.Wait()
	rising.stop()
	if placed, keys := count(t, db, "orders"), count(t, db, "idempotency_keys"); placed != buyers*orders || keys != placed {
		t.Errorf("%d orders and %d keys, want %d", placed, keys, buyers*orders)
	}
}

// rising is a price that rises by 1 all the time. ended is the last that was committed, begun the last that may have been.
type rising struct {
	begun, ended atomic.Int64
	stop         func()
}

// rise raises the price of a product from 1 until stop, at least ten times.
func (s shop) rise(t *testing.T, sku string) *rising {
	t.Helper()
	r := &rising{}
	r.begun.Store(1)
	r.ended.Store(1)
	var work sync.WaitGroup
	done := make(chan struct{})
	work.Go(func() {
		for minor := int64(2); ; minor++ {
			select {
			case <-done:
				return
			default:
			}
			r.begun.Store(minor)
			s.price(t, sku, minor)
			r.ended.Store(minor)
		}
	})
	r.stop = func() {
		close(done)
		work.Wait()
		if r.ended.Load() < 10 {
			t.Errorf("the price rose %d times only", r.ended.Load())
		}
	}
	return r
}

package product

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/orderwire/orderwire/internal/id"
)

func TestBatcher(t *testing.T) {
	t.Parallel()
	ids := []id.Product{id.New[id.Product](), id.New[id.Product](), id.New[id.Product]()}
	all := map[id.Product]*Product{}
	for _, u := range ids[:2] { // the last does not exist
		all[u] = &Product{ID: u}
	}
	t.Run("OK", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var asked [][]id.Product
			var mu sync.Mutex
			answer := make(chan struct{})
			batcher := newBatcher(func(_ context.Context, ids []id.Product) (map[id.Product]*Product, error) {
				mu.Lock()
				asked = append(asked, ids)
				mu.Unlock()
				<-answer
				return all, nil
			})
			get := func(ids ...id.Product) {
				found, err := batcher.Do(t.Context(), ids)
				want := 0
				for _, u := range ids {
					if all[u] != nil {
						want++
					}
					if found[u] != all[u] {
						t.Errorf("%v: got %v", u, found[u])
					}
				}
				if err != nil || len(found) != want {
					t.Errorf("got %d, %v, want %d", len(found), err, want)
				}
			}
			go get(ids[0]) // is read for at once
			synctest.Wait()
			for range 10 { // and these wait
				go get(ids[0], ids[1])
				go get(ids[1], ids[2])
			}
			synctest.Wait()
			close(answer)
			synctest.Wait()
			if len(asked) != 2 || len(asked[1]) != 3 {
				t.Errorf("asked for %v, want two reads, the last of three products", asked)
			}
			get(ids[1])
			if len(asked) != 3 {
				t.Errorf("a later call got an earlier read")
			}
		})
	})
	t.Run("ErrRead", func(t *testing.T) {
		t.Parallel()
		failure := errors.New("no answer")
		batcher := newBatcher(func(context.Context, []id.Product) (map[id.Product]*Product, error) { return nil, failure })
		for range 2 {
			if found, err := batcher.Do(t.Context(), ids); !errors.Is(err, failure) {
				t.Errorf("got %v, %v", found, err)
			}
		}
	})
	t.Run("ErrEnded", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			answer := make(chan struct{})
			batcher := newBatcher(func(ctx context.Context, _ []id.Product) (map[id.Product]*Product, error) {
				<-answer
				return all, ctx.Err()
			})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := batcher.Do(ctx, ids)
				ended <- err
			}()
			synctest.Wait()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			close(answer)
		})
	})
}

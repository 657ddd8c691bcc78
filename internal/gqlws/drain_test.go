package gqlws_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderwire/orderwire/internal/gqlws"
	"github.com/orderwire/orderwire/internal/stream/streamtest"
)

// TestDrainFinishesOperations checks that a draining socket finishes the running operations and starts no more.
func TestDrainFinishesOperations(t *testing.T) {
	t.Parallel()
	const jitter = 2 * time.Second // of the bubble's clock; after it, every socket has begun to drain
	t.Run("OKAnswerBeforeTheClose", func(t *testing.T) {
		inBubble(t, gqlws.Config{}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `{ stubborn }`))
			c.send(subscribe("b", `subscription { feed }`))
			<-s.Pulled
			drained := make(chan error, 1)
			go func() { drained <- s.Drain(t.Context()) }()
			time.Sleep(jitter)
			synctest.Wait()
			c.send(subscribe("c", `mutation { touch }`))
			synctest.Wait()
			s.Items <- streamtest.Item{Value: "answer"} // the feed has ended, so the query gets it
			c.expect(`{"id":"a","type":"next","payload":{"data":{"stubborn":"answer"}}}`)
			c.expect(`{"id":"a","type":"complete"}`)
			c.expectClose(1012)
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
			if n := s.Touched.Load(); n != 0 {
				t.Errorf("%d mutations began while draining", n)
			}
		})
	})
	t.Run("OKClosedAfterDrainTimeout", func(t *testing.T) {
		inBubble(t, gqlws.Config{DrainTimeout: time.Minute}, func(t *testing.T, s *server) {
			c := s.ready()
			c.send(subscribe("a", `{ block }`))
			synctest.Wait()
			start := time.Now()
			drained := make(chan error, 1)
			go func() { drained <- s.Drain(t.Context()) }()
			c.expectError("a", "UNAVAILABLE")
			c.expectClose(1012)
			if took := time.Since(start); took < time.Minute || took > time.Minute+jitter {
				t.Errorf("closed after %v", took)
			}
			if err := <-drained; err != nil {
				t.Errorf("Drain: %v", err)
			}
		})
	})
}

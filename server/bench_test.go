package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/bench"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// The load generators of `make bench` run against the server for a second each, and find no fault.
func TestBenchLoads(t *testing.T) {
	t.Parallel()
	turn := func(t *testing.T, run func(context.Context, io.Reader, io.Writer) error, seen any) {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), strings.NewReader("\n"), &out); err != nil {
			t.Fatal(err)
		}
		_, last, _ := strings.Cut(out.String(), "\n")
		if err := json.Unmarshal([]byte(last), seen); err != nil {
			t.Fatalf("%s: %v", out.String(), err)
		}
	}
	t.Run("Whole", func(t *testing.T) {
		t.Parallel()
		app := startApp(t, postgrestest.URL(t), "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s")
		var seen bench.Seen
		turn(t, bench.WholeLoad{Addr: strings.TrimPrefix(app.URL(), "http://"), Clients: 4, Seconds: 1}.Run, &seen)
		if seen.Orders == 0 || seen.Faults.Sum() != 0 {
			t.Errorf("%+v", seen)
		}
	})
	t.Run("Resting", func(t *testing.T) {
		t.Parallel()
		app := startApp(t, postgrestest.URL(t), "PAYMENT_STEP_DELAY=1h")
		addr := strings.TrimPrefix(app.URL(), "http://")
		var created bench.Created
		turn(t, bench.CreateLoad{Addr: addr, Clients: 4, Seconds: 1}.Run, &created)
		if created.Orders == 0 || created.Repeated != 0 {
			t.Errorf("%+v", created)
		}
		for _, lists := range []bool{false, true} {
			var read bench.Read
			turn(t, bench.ReadLoad{Addr: addr, Clients: 2, Seconds: 1, Lists: lists}.Run, &read)
			if read.Answers == 0 || read.P99 < read.P50 {
				t.Errorf("%+v", read)
			}
		}
		var timed bench.Timed
		turn(t, bench.LatencyLoad{Addr: addr, Sockets: 20, Turns: 1, Rate: 50}.Run, &timed)
		if timed.P50 == 0 || timed.Faults.Sum() != 0 {
			t.Errorf("%+v", timed)
		}
		var delivered bench.Delivered
		turn(t, (&bench.DeliverLoad{Addr: addr, Groups: 2, Sockets: 5, Window: 2, Seconds: 1}).Run, &delivered)
		if delivered.Deliveries == 0 || delivered.Lost+delivered.Duplicated+delivered.Disordered != 0 {
			t.Errorf("%+v", delivered)
		}
	})
}

package main

import (
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
	"github.com/orderwire/orderwire/internal/soak"
)

// soakSeconds is the default of SOAK_SECONDS: long enough for each kind of fault.
const soakSeconds = 8

// soakConfig is the short form that belongs to the tests, or the long one of `make soak`.
func soakConfig(t *testing.T) soak.Config {
	t.Helper()
	cfg := soak.Config{
		Binary: build(t), DatabaseURL: postgrestest.URL(t), Seed: soakNumber(t, "SOAK_SEED", rand.Uint64()), Stderr: t.Output(),
		Duration: time.Duration(soakNumber(t, "SOAK_SECONDS", soakSeconds)) * time.Second,
	}
	if !soakIsLong() {
		cfg.Subscribers, cfg.FaultEvery, cfg.ItemsPerConnection, cfg.Lifetime = 80, time.Second, 15, 3*time.Second
	}
	t.Logf("SOAK_SEED=%d repeats this run's choices", cfg.Seed)
	return cfg
}

func soakIsLong() bool { return os.Getenv("SOAK_SECONDS") != "" }

func soakNumber(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// Two replicas are killed, stopped and cut off from the database while writers write and subscribers drop, resume,
// and switch replica and transport. Afterwards every history equals the log.
func TestSoak(t *testing.T) {
	t.Parallel()
	cfg := soakConfig(t)
	result, err := soak.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Write(t.Output()); err != nil {
		t.Error(err)
	}
	if !result.Faultless() {
		t.Errorf("%d findings, %d problems", len(result.Findings), len(result.Problems))
	}
	if result.Kills == 0 || result.Stops == 0 || result.Terminated == 0 {
		t.Errorf("not every kind of fault was there: %d kills, %d stops, %d terminated", result.Kills, result.Stops, result.Terminated)
	}
	// 100,000 in the two minutes of `make soak`.
	if want := int(cfg.Duration.Seconds()) * 100_000 / 120; soakIsLong() && result.Deliveries < want {
		t.Errorf("%d deliveries, want %d for the findings to say something", result.Deliveries, want)
	}
}

// The checker of TestSoak is not blind in a whole run either: faults planted into what some subscribers record are
// reported, each with its kind and subscriber, and nothing else is.
func TestSoakReportsPlantedFaults(t *testing.T) {
	t.Parallel()
	cfg := soakConfig(t)
	cfg.Duration, cfg.Subscribers = 4*time.Second, 40
	planted := map[int]struct {
		kind   soak.Kind
		tamper func(fifth, sixth soak.Item) []soak.Item
	}{
		1: {soak.Lost, func(_, sixth soak.Item) []soak.Item { return []soak.Item{sixth} }},
		2: {soak.Duplicated, func(fifth, sixth soak.Item) []soak.Item { return []soak.Item{fifth, sixth, sixth} }},
		3: {soak.OutOfOrder, func(fifth, sixth soak.Item) []soak.Item { return []soak.Item{sixth, fifth} }},
		5: {soak.WrongContent, func(fifth, sixth soak.Item) []soak.Item {
			wrong := *sixth.Order
			wrong.Status = "REFUNDED"
			sixth.Order = &wrong
			return []soak.Item{fifth, sixth}
		}},
	}
	cfg.Tamper = func(n int) func(soak.Item) []soak.Item {
		fault, ok := planted[n]
		if !ok {
			return nil
		}
		var events int
		var fifth soak.Item
		return func(item soak.Item) []soak.Item {
			if item.Kind == "EVENT" {
				events++
			}
			switch {
			case item.Kind != "EVENT" || events < 5 || events > 6:
				return []soak.Item{item}
			case events == 5:
				fifth = item
				return nil
			default:
				return fault.tamper(fifth, item)
			}
		}
	}
	result, err := soak.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]soak.Kind{}
	for n, fault := range planted {
		want[soak.FeedSubscriber(n, "staff")] = fault.kind
	}
	got := map[string]soak.Kind{}
	for _, f := range result.Findings {
		got[f.Subscriber] = f.Kind
	}
	if !maps.Equal(got, want) || len(result.Findings) != len(want) || len(result.Problems) > 0 {
		t.Errorf("want %v", want)
		if err := result.Write(t.Output()); err != nil {
			t.Error(err)
		}
	}
}

// A reader that stops reading is dropped, and the others lose nothing by it. `make soak` also measures that it does not
// delay them: their p99 is at most 1.2 times that of the paired runs without it.
func TestSoakStalledReader(t *testing.T) {
	t.Parallel()
	cfg := soakConfig(t)
	cfg.Subscribers, cfg.OrdersPerSecond = 45, 10
	pairs := 0
	if soakIsLong() {
		pairs = 6
	}
	result, err := soak.Stall(t.Context(), cfg, pairs)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(result)
	for _, f := range result.Findings {
		t.Error(f)
	}
	if !soakIsLong() {
		return
	}
	if result.Ratio() > soak.StallLimit {
		t.Errorf("a stalled reader delays the others: ratio %.2f", result.Ratio())
	}
	// Ten seconds, and as many for buffers to fill on a loaded machine.
	if result.SubscriptionsGone > 20*time.Second {
		t.Errorf("its subscriptions were still there after %s", result.SubscriptionsGone)
	}
	if result.SocketGone > 20*time.Second {
		t.Errorf("its socket was still there after %s", result.SocketGone)
	}
}

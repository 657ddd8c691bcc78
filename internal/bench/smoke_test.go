package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/bench/naive"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// startNaive starts a naive server without delays and returns its address and its database.
func startNaive(t *testing.T) (addr, databaseURL string) {
	t.Helper()
	databaseURL = postgrestest.URL(t)
	in, stop := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := naive.Server{DatabaseURL: databaseURL}.Run(t.Context(), in, out)
		_ = out.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		_ = stop.Close()
		if err := <-ended; err != nil {
			t.Errorf("the naive server: %v", err)
		}
	})
	var at struct{ Addr string }
	line, err := bufio.NewReader(said).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &at)
	}
	if err != nil {
		t.Fatalf("the naive server: %v", err)
	}
	return at.Addr, databaseURL
}

// turn runs a load generator for one turn and reads its result.
func turn(t *testing.T, run func(context.Context, io.Reader, io.Writer) error, seen any) {
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

// The naive server does the work that is compared: it answers, delivers every event in order, and keeps the rows that pgbench
// writes.
func TestNaive(t *testing.T) {
	t.Parallel()
	addr, databaseURL := startNaive(t)
	var created Created
	turn(t, CreateLoad{Addr: addr, Clients: 4, Seconds: 1}.Run, &created)
	kept, err := count(t.Context(), databaseURL)
	if err != nil || created.Orders == 0 || kept != created.Orders || created.Repeated != 0 || created.P99 < created.P50 {
		t.Errorf("%+v, %d orders kept, %v", created, kept, err)
	}
	var whole Seen
	turn(t, WholeLoad{Addr: addr, Clients: 4, Seconds: 1}.Run, &whole)
	if whole.Orders == 0 || whole.Faults.Sum() != 0 {
		t.Errorf("%+v", whole)
	}
	for _, lists := range []bool{false, true} {
		var read Read
		turn(t, ReadLoad{Addr: addr, Clients: 2, Seconds: 1, Lists: lists}.Run, &read)
		if read.Answers == 0 {
			t.Errorf("%+v", read)
		}
	}
	t.Run("Pgbench", func(t *testing.T) {
		b := &pgbench{bin: findPgbench(), url: postgrestest.URL(t), folder: t.TempDir()}
		if b.bin == "" {
			t.Skip("there is no pgbench here")
		}
		if err := b.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.copyTexts(t.Context(), databaseURL); err != nil {
			t.Fatal(err)
		}
		var seen benched
		if err := b.turn(t.Context(), 4, 1, &seen); err != nil {
			t.Fatal(err)
		}
		kept, err := count(t.Context(), b.url)
		if err != nil || seen.transactions == 0 || kept != seen.transactions || seen.took.percentile(50) == 0 {
			t.Errorf("%d transactions, %d orders kept, p50 %v, %v", seen.transactions, kept, seen.took.percentile(50), err)
		}
	})
}

// A client that believes a server too easily would call a fault a success.
func TestWatched(t *testing.T) {
	t.Parallel()
	f := &faults{}
	w := &watched{faults: f}
	for _, version := range []int{3, 4, 4, 6, 5} {
		w.saw(version)
	}
	if got, want := f.counted(), (Faults{Lost: 1, Duplicated: 1, Disordered: 1}); got != want {
		t.Errorf("3, 4, 4, 6, 5: %+v, want %+v", got, want)
	}
	if n, err := numberBehind([]byte(`{"version":17,`), `"version":`); n != 17 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := numberBehind([]byte(`{"version":null`), `"version":`); err == nil {
		t.Error("null is no number")
	}
}

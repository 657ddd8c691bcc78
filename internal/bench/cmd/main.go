// Command bench measures Orderwire; `make bench` runs it. Without arguments it conducts; with one it is a part of a
// measurement, started by itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/orderwire/orderwire/internal/bench"
	"github.com/orderwire/orderwire/internal/bench/naive"
)

const usage = `usage: bench SERVER FOLDER

Measures the server program SERVER and writes the report into FOLDER, as JSON and as SVG.

  BENCH_ROUNDS   how often each measurement is repeated (3)
  BENCH_ONLY     names of the measurements to run, separated by commas: %s (all)
  BENCH_ORDERS   how many orders the big database of growth has (1000000)
  BENCH_FOLDER   a folder for the databases that is kept, so that the big one is made once (a temporary one)
  BENCH_LOG      a file for the servers' logs
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if part, ok := parts[args[0]]; ok {
			return part(ctx, args[1:])
		}
	}
	if len(args) != 2 {
		fmt.Fprintf(os.Stderr, usage, strings.Join(bench.Names(), ","))
		return errors.New("two arguments are needed")
	}
	cfg := bench.Config{Server: args[0], Progress: os.Stderr, Log: io.Discard}
	var err error
	if cfg.Self, err = os.Executable(); err != nil {
		return err
	}
	if text := os.Getenv("BENCH_ROUNDS"); text != "" {
		if cfg.Rounds, err = strconv.Atoi(text); err != nil || cfg.Rounds < 1 {
			return errors.New("BENCH_ROUNDS must be a number of at least 1")
		}
	}
	if text := os.Getenv("BENCH_ORDERS"); text != "" {
		if cfg.Orders, err = strconv.Atoi(text); err != nil || cfg.Orders < 1 {
			return errors.New("BENCH_ORDERS must be a number of at least 1")
		}
	}
	if text := os.Getenv("BENCH_ONLY"); text != "" {
		cfg.Only = strings.Split(text, ",")
	}
	if name := os.Getenv("BENCH_LOG"); name != "" {
		log, err := os.Create(name)
		if err != nil {
			return err
		}
		defer log.Close() //nolint:errcheck // only a log
		cfg.Log = log
	}
	if cfg.Folder = os.Getenv("BENCH_FOLDER"); cfg.Folder == "" {
		if cfg.Folder, err = os.MkdirTemp("", "orderwire-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(cfg.Folder) //nolint:errcheck // of the system's temporary folder
	} else if err := os.MkdirAll(cfg.Folder, 0o755); err != nil { //nolint:gosec // see below
		return err
	}
	if err := os.Chmod(cfg.Folder, 0o755); err != nil { // PostgreSQL may run as another account
		return err
	}
	report, err := bench.Run(ctx, cfg)
	if report == nil {
		return err
	}
	if !report.Faultless() {
		err = errors.Join(err, errors.New("deliveries were lost, duplicated or out of order: the figures say nothing"))
	}
	return errors.Join(err, report.Write(os.Stdout), report.Save(args[1]))
}

// parts are the processes of measurements. Each writes a line when it is ready and continues when it reads one.
var parts = map[string]func(context.Context, []string) error{
	"idle": func(ctx context.Context, args []string) error {
		n, err := numbers(args[1:], 3)
		if err != nil {
			return err
		}
		return bench.IdleLoad{Addr: args[0], Base: n[0], More: n[1], Each: n[2]}.Run(ctx, os.Stdin, os.Stdout)
	},
	"broadcast": func(ctx context.Context, _ []string) error {
		return (&bench.Broadcaster{}).Run(ctx, os.Stdin, os.Stdout)
	},
	"naive": func(ctx context.Context, args []string) error {
		if len(args) != 2 {
			return errors.New("naive: a database and a delay are needed")
		}
		delay, err := time.ParseDuration(args[1])
		if err != nil {
			return err
		}
		return naive.Server{DatabaseURL: args[0], StepDelay: delay}.Run(ctx, os.Stdin, os.Stdout)
	},
	"create": func(ctx context.Context, args []string) error {
		n, err := numbers(args[1:], 2)
		if err != nil {
			return err
		}
		return bench.CreateLoad{Addr: args[0], Clients: n[0], Seconds: n[1]}.Run(ctx, os.Stdin, os.Stdout)
	},
	"whole": func(ctx context.Context, args []string) error {
		n, err := numbers(args[1:], 2)
		if err != nil {
			return err
		}
		return bench.WholeLoad{Addr: args[0], Clients: n[0], Seconds: n[1]}.Run(ctx, os.Stdin, os.Stdout)
	},
	"latency": func(ctx context.Context, args []string) error {
		n, err := numbers(args[1:], 3)
		if err != nil {
			return err
		}
		return bench.LatencyLoad{Addr: args[0], Sockets: n[0], Turns: n[1], Rate: n[2]}.Run(ctx, os.Stdin, os.Stdout)
	},
	"read-one":    func(ctx context.Context, args []string) error { return read(ctx, args, false) },
	"read-list":   func(ctx context.Context, args []string) error { return read(ctx, args, true) },
	"deliver":     func(ctx context.Context, args []string) error { return deliver(ctx, args, false) },
	"deliver-raw": func(ctx context.Context, args []string) error { return deliver(ctx, args, true) },
}

func deliver(ctx context.Context, args []string, raw bool) error {
	n, err := numbers(args[1:], 4)
	if err != nil {
		return err
	}
	load := bench.DeliverLoad{Addr: args[0], Raw: raw, Groups: n[0], Sockets: n[1], Window: n[2], Seconds: n[3]}
	return load.Run(ctx, os.Stdin, os.Stdout)
}

func read(ctx context.Context, args []string, lists bool) error {
	n, err := numbers(args[1:], 2)
	if err != nil {
		return err
	}
	return bench.ReadLoad{Addr: args[0], Clients: n[0], Seconds: n[1], Lists: lists}.Run(ctx, os.Stdin, os.Stdout)
}

func numbers(args []string, want int) ([]int, error) {
	if len(args) != want {
		return nil, fmt.Errorf("%d arguments, want %d", len(args), want)
	}
	all := make([]int, want)
	for i, text := range args {
		var err error
		if all[i], err = strconv.Atoi(text); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Command server is Orderwire: the GraphQL API with its subscriptions, the payment pipeline, the web shop, the staff
// board and the playground in one process.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/requestid"
)

func usage() string {
	return fmt.Sprintf(`Orderwire takes orders and their payments, and pushes every change to its subscribers.

Usage:
  server                start; Ctrl-C drains and stops
%s  server seed --orders N
                        fill the database up to N invented orders of the past months; see server seed --help
  server manifest PATH… write the operations in those files and folders, as TRUSTED_DOCUMENTS wants them
  server healthcheck    exit with 0 when the server at ADDR is ready, else with 1
  server --help         this text

The environment has the settings. GOGC and GOMEMLIMIT are Go's own; without either, garbage is collected from a heap
of 128 MiB on.

`, providerUsage())
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// run is main with its surroundings as arguments.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	if asksForHelp(args) {
		fmt.Fprint(stdout, usage())
		return config.Help(stdout, providerSettings()...)
	}
	if command == "manifest" {
		return writeManifest(stdout, args[1:])
	}
	sections := providerSettings()
	provider := providerCommand(sections, command)
	if len(args) > 1 && (provider != nil || command == "healthcheck") {
		return fmt.Errorf("server %s takes no argument such as %q: the environment has the settings; server --help lists them", command, args[1])
	}
	cfg, err := config.Load(environ, sections...)
	if err != nil {
		return err
	}
	logger := newLogger(cfg, stderr)
	slog.SetDefault(logger)
	if provider != nil {
		return serveProvider(ctx, provider, cfg, logger, stdout)
	}
	switch command {
	case "":
		return serve(ctx, cfg, logger, stdout)
	case "seed":
		return seed(ctx, cfg, logger, stdout, stderr, args[1:])
	case "healthcheck":
		return healthcheck(ctx, cfg)
	default:
		return fmt.Errorf("unknown command %q; server --help lists them", command)
	}
}

// asksForHelp reports whether a command line wants the usage. seed has one of its own.
func asksForHelp(args []string) bool {
	help := func(arg string) bool { return arg == "-h" || arg == "--help" }
	return len(args) > 0 && (args[0] == "help" || help(args[0]) || args[0] != "seed" && slices.ContainsFunc(args[1:], help))
}

func serve(ctx context.Context, cfg config.Config, logger *slog.Logger, stdout io.Writer) error {
	defer runtime.KeepAlive(newBallast())
	app, err := New(ctx, cfg, logger)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Orderwire is ready: shop %[1]s/  board %[1]s/board", app.URL())
	if cfg.Introspection {
		fmt.Fprintf(stdout, "  playground %s/playground", app.URL())
	}
	fmt.Fprintln(stdout)
	err = app.Run(ctx)
	return errors.Join(err, app.Close())
}

// healthcheck asks the running server whether it is ready; container engines call it.
func healthcheck(ctx context.Context, cfg config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme(cfg)+"://"+loopbackOf(cfg.Addr)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	// The certificate is for the name that others know the server by, and this is the same machine.
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, //nolint:gosec // as said above
	}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", response.Status)
	}
	return nil
}

func newLogger(cfg config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(requestid.LogHandler(slog.NewJSONHandler(w, options)))
	}
	return slog.New(requestid.LogHandler(slog.NewTextHandler(w, options)))
}

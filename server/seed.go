package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/orderwire/orderwire/internal/auth"
	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/id"
	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/product"
)

const (
	// seedSpan is the time in which the orders were placed. It ends where reconciling with the provider does not reach, which
	// has never heard of them.
	seedSpan = 180 * 24 * time.Hour
	// seedCustomers sign in as seed-0, seed-1 and so on.
	seedCustomers = 10_000
	// seedLineEvery is the interval of progress lines without a terminal.
	seedLineEvery = 5 * time.Second
)

// seed is the command server seed.
func seed(ctx context.Context, cfg config.Config, logger *slog.Logger, stdout, stderr io.Writer, args []string) (err error) {
	flags := flag.NewFlagSet("server seed", flag.ContinueOnError)
	flags.SetOutput(stderr)
	orders := flags.Int("orders", 0, "how many `orders` the database is to have")
	walked := flags.Bool("walked", false, "paid and delivered, with four events each instead of one")
	force := flags.Bool("force", false, "also with another AUTH_MODE than dev")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *orders < 1 || flags.NArg() > 0 {
		return errors.New("seed needs --orders N and takes --walked and --force")
	}
	if !cfg.DevAuth() && !*force {
		return fmt.Errorf("AUTH_MODE is %s, so this may be a shop's database: seed fills it with invented orders only with --force", cfg.AuthMode)
	}
	database, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		err = errors.Join(err, database.close(closing))
	}()
	if err := postgres.Migrate(ctx, database.url); err != nil {
		return err
	}
	// The owner's role, since partitions are made too.
	db, err := database.open(ctx, postgres.RoleMigrate, ownerConns)
	if err != nil {
		return err
	}
	baskets, err := seedBaskets(ctx, db)
	if err != nil {
		return err
	}
	customers := make([]id.Customer, min(seedCustomers, 1+*orders/20))
	for i := range customers {
		customers[i] = id.ForCustomer(auth.DevIssuer, "seed-"+strconv.Itoa(i))
	}
	to := time.Now().UTC().Add(-cfg.ReconcileWindow - 24*time.Hour)
	return postgres.Seed{
		Orders: *orders, From: to.Add(-seedSpan), To: to, Walked: *walked,
		Customers: customers, Baskets: baskets, Provider: cfg.PaymentProviders[0],
		Progress: seedProgress(*orders, stdout),
	}.Run(ctx, db)
}

// seedBaskets are one to three of each product, as the catalogue has them now.
func seedBaskets(ctx context.Context, db *sqlx.DB) ([]postgres.Basket, error) {
	store, err := postgres.NewStore(ctx, db, func([]postgres.Committed) {})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if err := store.SeedProducts(ctx, product.Catalogue()); err != nil {
		return nil, err
	}
	products, err := store.Products(ctx, product.Filter{}, pagination.Request{Limit: pagination.Max})
	if err != nil {
		return nil, err
	}
	var baskets []postgres.Basket
	for _, p := range products.Items {
		for quantity := 1; quantity <= 3; quantity++ {
			total := p.Price
			total.Minor *= int64(quantity)
			line := order.Line{ProductID: p.ID, Name: p.Name, Quantity: quantity, UnitPrice: p.Price, Total: total}
			baskets = append(baskets, postgres.Basket{Lines: []order.Line{line}, Total: total})
		}
	}
	return baskets, nil
}

// seedProgress is a bar on a terminal, and a line now and then elsewhere.
func seedProgress(total int, stdout io.Writer) func(orders int) {
	if file, ok := stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(stdout), progressbar.OptionSetDescription("orders"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionOnCompletion(func() { fmt.Fprintln(stdout) }))
		return func(orders int) { _ = bar.Set(min(orders, total)) } // a bar that cannot be drawn keeps nothing from being done
	}
	var told time.Time
	return func(orders int) {
		if time.Since(told) >= seedLineEvery || orders >= total {
			told = time.Now()
			fmt.Fprintf(stdout, "%d of %d orders\n", orders, total)
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jmoiron/sqlx"

	"github.com/orderwire/orderwire/internal/config"
	"github.com/orderwire/orderwire/internal/pgembed"
	"github.com/orderwire/orderwire/internal/postgres"
)

// database is the PostgreSQL we were given, or our own.
type database struct {
	*sqlx.DB
	// url is what a further connection of its own (LISTEN) needs.
	url     string
	cluster *pgembed.Cluster
}

func openDatabase(ctx context.Context, cfg config.Config, logger *slog.Logger) (*database, error) {
	d := &database{url: cfg.DatabaseURL.Reveal()}
	if d.url == "" {
		cluster, err := pgembed.Start(ctx, pgembed.Config{DataDir: cfg.DataDir, Bin: cfg.PGBin, Logger: logger})
		if err != nil {
			return nil, err
		}
		d.cluster, d.url = cluster, cluster.URL(pgembed.Database)
	}
	var err error
	if d.DB, err = postgres.Open(ctx, d.url, cfg.DatabaseMaxConns); err != nil {
		return nil, errors.Join(err, d.stopCluster(ctx))
	}
	return d, nil
}

// died is closed when our own PostgreSQL ended by itself; nil, and so never, for one that we were given.
func (d *database) died() <-chan struct{} {
	if d.cluster == nil {
		return nil
	}
	return d.cluster.Done()
}

func (d *database) close(ctx context.Context) error {
	// An idle connection that PostgreSQL has ended meanwhile fails to say goodbye. Nothing depends on that any more, and
	// a server that stopped well must not say otherwise.
	_ = d.DB.Close()
	return d.stopCluster(ctx)
}

func (d *database) stopCluster(ctx context.Context) error {
	if d.cluster == nil {
		return nil
	}
	if err := d.cluster.Stop(ctx); err != nil {
		return fmt.Errorf("stop the private PostgreSQL: %w", err)
	}
	return nil
}

package bench

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/lib/pq"
)

func describe(ctx context.Context, l *lab) Machine {
	m := Machine{CPUs: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if db, err := sql.Open("postgres", l.cluster.URL("postgres")); err == nil {
		_ = db.QueryRowContext(ctx, `SELECT split_part(version(), ' on ', 1)`).Scan(&m.PostgreSQL) // it is only a remark
		_ = db.Close()
	}
	if l.bin != "" {
		if said, err := exec.CommandContext(ctx, l.bin, "--version").Output(); err == nil {
			m.Pgbench = strings.TrimSpace(string(said))
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" }); i >= 0 {
			m.Revision = info.Settings[i].Value
		}
	}
	return m
}

// findPgbench looks where PostgreSQL's programs are; the newest wins. The embedded distribution has none.
func findPgbench() string {
	if bin := os.Getenv("PG_BIN"); bin != "" {
		if path, err := exec.LookPath(filepath.Join(bin, "pgbench")); err == nil {
			return path
		}
	}
	if path, err := exec.LookPath("pgbench"); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench") // the pattern is a good one
	homebrew, _ := filepath.Glob("/opt/homebrew/opt/postgresql*/bin/pgbench")
	if found = append(found, homebrew...); len(found) > 0 {
		return found[len(found)-1]
	}
	return ""
}

// database makes an empty one for a server.
func (l *lab) database(ctx context.Context) (string, error) {
	name := "bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	return name, l.inCluster(func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(name))
		return err
	})
}

// named is the database of that name, which is made if it is not there.
func (l *lab) named(ctx context.Context, name string) error {
	return l.inCluster(func(db *sql.DB) error {
		var there bool
		err := db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&there)
		if err == nil && !there {
			_, err = db.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(name))
		}
		return err
	})
}

// sweep drops an earlier run's databases from a folder that is kept, except the big ones.
func (l *lab) sweep(ctx context.Context) error {
	return l.inCluster(func(db *sql.DB) error {
		var statements pq.StringArray
		err := db.QueryRowContext(ctx, `
			SELECT coalesce(array_agg(format('DROP DATABASE %I', datname)), '{}') FROM pg_database
			WHERE datname LIKE 'bench\_%' AND datname NOT LIKE 'bench\_grown\_%'`).Scan(&statements)
		for _, statement := range statements {
			if err == nil {
				_, err = db.ExecContext(ctx, statement)
			}
		}
		return err
	})
}

func (l *lab) inCluster(f func(*sql.DB) error) error {
	db, err := sql.Open("postgres", l.cluster.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing is left in it to lose
	return f(db)
}

package bench

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/orderwire/orderwire/internal/postgres"
)

//go:embed pgbench.sql
var pgbenchSQL string

// pgbench is the reference for orderCreate: PostgreSQL's own load generator, which writes the rows of an order by one prepared
// statement into a separate database of the same cluster.
type pgbench struct {
	bin, url, folder string
	variables        []string
}

// benched is pgbench's result of all turns.
type benched struct {
	transactions int64
	seconds      float64
	took         durations
	// database is the CPU seconds of PostgreSQL.
	database float64
}

// pgbench takes the texts of the rows from an order that was placed in the server's database.
func (l *lab) pgbench(ctx context.Context, serverURL string) (*pgbench, error) {
	name, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	b := &pgbench{bin: l.bin, url: l.cluster.URL(name), folder: l.cfg.Folder}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	return b, b.copyTexts(ctx, serverURL)
}

// prepare makes the tables and the script.
func (b *pgbench) prepare(ctx context.Context) error {
	if err := postgres.Migrate(ctx, b.url); err != nil {
		return err
	}
	db, err := postgres.Open(ctx, b.url, postgres.RoleMigrate, 2)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // all is committed
	if err := postgres.EnsurePartitions(ctx, db, time.Now()); err != nil {
		return err
	}
	var version int
	if err := db.GetContext(ctx, &version, `SELECT current_setting('server_version_num')::integer`); err != nil {
		return err
	}
	script := pgbenchSQL
	if version < 180000 {
		script = strings.ReplaceAll(script, "uuidv7()", "gen_random_uuid()")
	}
	return os.WriteFile(filepath.Join(b.folder, "pgbench.sql"), []byte(script), 0o644)
}

// copyTexts makes the script's variables from an order in a database.
func (b *pgbench) copyTexts(ctx context.Context, from string) error {
	db, err := sql.Open("postgres", from)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it was only read
	var hash []byte
	var prefix, currency, total, lines, request, data, state string
	err = db.QueryRowContext(ctx, `
		SELECT left(key, greatest(length(key) - 36, 1)), request_hash, currency, total_minor, lines, request_id, data, state
		FROM orders o JOIN idempotency_keys k ON k.order_id = o.id JOIN order_events e ON e.order_id = o.id
		ORDER BY o.id DESC, e.version LIMIT 1`).
		Scan(&prefix, &hash, &currency, &total, &lines, &request, &data, &state)
	if err != nil {
		return fmt.Errorf("an order to take the texts from: %w", err)
	}
	for _, variable := range []string{
		"prefix=" + prefix, `hash=\x` + hex.EncodeToString(hash), "currency=" + currency, "total=" + total, "lines=" + lines,
		"request=" + request, "data=" + data, "state=" + state,
	} {
		b.variables = append(b.variables, "-D", variable)
	}
	return nil
}

// turn runs pgbench for some seconds and adds its result.
func (b *pgbench) turn(ctx context.Context, clients, seconds int, seen *benched) error {
	logs, err := os.MkdirTemp(b.folder, "pgbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(logs) //nolint:errcheck // of a temporary folder
	cmd := exec.CommandContext(ctx, b.bin, append([]string{
		"--no-vacuum", "--protocol=prepared", "--client=" + strconv.Itoa(clients), "--jobs=" + strconv.Itoa(min(clients, 2)),
		"--time=" + strconv.Itoa(seconds), "--file=" + filepath.Join(b.folder, "pgbench.sql"),
		"--log", "--log-prefix=" + filepath.Join(logs, "log"),
	}, append(b.variables, b.url)...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_, database, err := meter(os.Getpid(), cmd.Run)
	if err != nil {
		return fmt.Errorf("pgbench: %w\n%s", err, stderr.String())
	}
	n, rate, err := parsePgbench(stdout.String())
	if err != nil {
		return err
	}
	seen.transactions += n
	seen.seconds += float64(n) / rate
	seen.database += database
	files, err := filepath.Glob(filepath.Join(logs, "log*"))
	if err != nil {
		return err
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		took, err := parsePgbenchLog(file)
		_ = file.Close() // it was only read
		if err != nil {
			return err
		}
		seen.took.add(took...)
	}
	return nil
}

var (
	pgbenchTransactions = regexp.MustCompile(`number of transactions actually processed: (\d+)`)
	pgbenchRate         = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
)

// parsePgbench takes transactions and rate out of pgbench's report.
func parsePgbench(report string) (transactions int64, rate float64, err error) {
	n, tps := pgbenchTransactions.FindStringSubmatch(report), pgbenchRate.FindStringSubmatch(report)
	if n == nil || tps == nil {
		return 0, 0, fmt.Errorf("pgbench said:\n%s", report)
	}
	transactions, err = strconv.ParseInt(n[1], 10, 64)
	if err != nil {
		return 0, 0, err
	}
	rate, err = strconv.ParseFloat(tps[1], 64)
	return transactions, rate, err
}

// parsePgbenchLog takes the latencies out of a log of transactions: of each line the third field, in microseconds.
func parsePgbenchLog(log io.Reader) ([]time.Duration, error) {
	var took []time.Duration
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 {
			return nil, fmt.Errorf("pgbench logged %q", lines.Text())
		}
		microseconds, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, err
		}
		took = append(took, time.Duration(microseconds)*time.Microsecond)
	}
	return took, lines.Err()
}

package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/order"
	"github.com/orderwire/orderwire/internal/pagination"
	"github.com/orderwire/orderwire/internal/pgtest"
	"github.com/orderwire/orderwire/internal/postgres"
	"github.com/orderwire/orderwire/internal/postgres/postgrestest"
)

// What an administrator has set for the database changes nothing: sessions begin, an order is placed, and its event gets a position.
func TestSettingsOfTheDatabase(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]map[string]string{
		"Timeouts":    {"statement_timeout": "1ms", "lock_timeout": "1ms", "idle_session_timeout": "1ms", "idle_in_transaction_session_timeout": "1ms"},
		"Isolation":   {"default_transaction_isolation": "serializable", "default_transaction_deferrable": "on"},
		"Formats":     {"datestyle": "German", "intervalstyle": "iso_8601", "timezone": "Asia/Kathmandu", "bytea_output": "escape", "extra_float_digits": "-15"},
		"Strings":     {"client_encoding": "LATIN1", "standard_conforming_strings": "off", "transform_null_equals": "on", "array_nulls": "off"},
		"RowSecurity": {"row_security": "off"},
		"SearchPath":  {"search_path": "nowhere"},
		"Commits":     {"synchronous_commit": "off"},
		"Errors":      {"exit_on_error": "on", "backslash_quote": "off", "plpgsql.extra_errors": "all", "plpgsql.variable_conflict": "use_variable"},
		"Names":       {"quote_all_identifiers": "on", "default_tablespace": "nowhere", "temp_tablespaces": "nowhere", "check_function_bodies": "on"},
		"Messages":    {"client_min_messages": "debug5", "log_statement": "all", "log_min_messages": "debug1", "log_duration": "on", "lc_time": "C", "xmlbinary": "hex", "xmloption": "document"},
		"Memory":      {"work_mem": "64kB", "maintenance_work_mem": "1MB", "temp_buffers": "800kB", "hash_mem_multiplier": "1", "max_stack_depth": "100kB", "temp_file_limit": "0", "logical_decoding_work_mem": "64kB"},
		"Parallel":    {"max_parallel_workers_per_gather": "8", "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0", "parallel_leader_participation": "off", "enable_partitionwise_join": "on", "enable_partitionwise_aggregate": "on"},
		"Optimizer":   {"geqo_threshold": "2", "constraint_exclusion": "on", "cursor_tuple_fraction": "0", "default_statistics_target": "1", "effective_cache_size": "8kB", "recursive_worktable_factor": "1000", "enable_gathermerge": "off"},
		"Tracking":    {"track_activities": "off", "track_counts": "off", "stats_fetch_consistency": "snapshot", "client_connection_check_interval": "1", "vacuum_cost_delay": "100", "commit_delay": "1000", "tcp_user_timeout": "1000"},
		"Relations":   {"restrict_nonsystem_relation_kind": "view, foreign-table"},
		"Planner": {
			"enable_seqscan": "off", "enable_indexscan": "off", "enable_nestloop": "off", "enable_bitmapscan": "off", "jit": "on", "jit_above_cost": "0",
			"plan_cache_mode": "force_generic_plan", "random_page_cost": "1000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := postgrestest.URL(t)
			admin := postgrestest.Pool(t, url, postgres.AsLogin)
			var database string
			if err := admin.GetContext(t.Context(), &database, `SELECT current_database()`); err != nil {
				t.Fatal(err)
			}
			for setting, value := range settings {
				statement := `ALTER DATABASE ` + pq.QuoteIdentifier(database) + ` SET ` + setting + ` = ` + pq.QuoteLiteral(value)
				if _, err := admin.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}

			db := postgrestest.Connect(t, url)
			s := sequencer(t, db, longLease)
			take(t, s, true)
			place(t, db)
			if got := assign(t, s); got.Count != 1 {
				t.Errorf("%d events got a position, want 1", got.Count)
			}
			checkFeed(t, db)
			var durable string
			if err := db.API.GetContext(t.Context(), &durable, `SHOW synchronous_commit`); err != nil || durable != "on" {
				t.Errorf("synchronous_commit is %s, %v", durable, err)
			}
		})
	}
}

// A database that cannot hold every text is refused, with what to do.
func TestEncodings(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	admin := postgrestest.Pool(t, server.URL("postgres"), postgres.AsLogin)
	for _, encoding := range []string{"SQL_ASCII", "LATIN1"} {
		name := strings.ToLower(encoding)
		admin.MustExec(`CREATE DATABASE ` + name + ` ENCODING '` + encoding + `' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
		err := postgres.Migrate(t.Context(), server.URL(name))
		for _, part := range []string{"encoding is " + encoding, "ENCODING 'UTF8' TEMPLATE template0"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: it does not say %q: %v", encoding, part, err)
			}
		}
	}
	// The order of texts is another there, and lists are in the same order.
	admin.MustExec(`CREATE DATABASE icu ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk' LOCALE 'C' TEMPLATE template0`)
	if err := postgres.Migrate(t.Context(), server.URL("icu")); err != nil {
		t.Fatal(err)
	}
	db := postgrestest.Connect(t, server.URL("icu"))
	s := sequencer(t, db, longLease)
	take(t, s, true)
	for range 5 {
		advance(t, db, place(t, db).Order.Head)
	}
	assignAll(t, s)
	checkFeed(t, db)
	listed, err := postgrestest.Store(t, db.API, nil).Orders(t.Context(), ada, order.Filter{}, pagination.Request{Limit: 10})
	if err != nil || len(listed.Items) != 5 {
		t.Fatal(len(listed.Items), err)
	}
	if !slices.IsSortedFunc(listed.Items, func(a, b *order.Order) int { return strings.Compare(b.ID.String(), a.ID.String()) }) {
		t.Error("the newest order is not the first")
	}
}

// DATABASE_URL cannot switch on what would stop the sequencer.
func TestJITStaysOff(t *testing.T) {
	t.Parallel()
	var jit string
	pool := postgrestest.Pool(t, postgrestest.URL(t)+"&jit=on", postgres.RoleWorker)
	if err := pool.GetContext(t.Context(), &jit, `SHOW jit`); err != nil || jit != "off" {
		t.Errorf("jit is %s, %v", jit, err)
	}
	// Not even the statement that makes the settings is compiled.
	if err := pool.GetContext(t.Context(), &jit, `SELECT reset_val FROM pg_settings WHERE name = 'jit'`); err != nil || jit != "off" {
		t.Errorf("jit begins as %s, %v", jit, err)
	}
}

// Where the tables are made depends on the database's search_path only as far as it names a schema of somebody's.
func TestMigrateWithSearchPath(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	admin := postgrestest.Pool(t, server.URL("postgres"), postgres.AsLogin)
	for name, paths := range map[string][2]string{
		"none": {`''`, "public"}, "temporary": {"pg_temp, public", "public"}, "other": {`pg_catalog, information_schema, "My shop", public`, "My shop"},
	} {
		admin.MustExec(`CREATE DATABASE ` + name)
		admin.MustExec(`ALTER DATABASE ` + name + ` SET search_path = ` + paths[0])
		url := server.URL(name)
		postgrestest.Pool(t, url, postgres.AsLogin).MustExec(`CREATE SCHEMA "My shop"`)
		if err := postgres.Migrate(t.Context(), url); err != nil {
			t.Errorf("search_path %s: %v", paths[0], err)
			continue
		}
		var schemas []string
		err := postgrestest.Pool(t, url, postgres.AsLogin).SelectContext(t.Context(), &schemas,
			`SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('orders', 'goose_db_version', 'order_events')`)
		if err != nil || !slices.Equal(schemas, []string{paths[1]}) {
			t.Errorf("search_path %s: the tables are in %q, %v", paths[0], schemas, err)
		}
	}
}

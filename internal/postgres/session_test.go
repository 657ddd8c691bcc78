package postgres_test

import (
	"testing"

	"github.com/lib/pq"

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

package postgres

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/orderwire/orderwire/internal/pgurl"
)

// Setting is a setting of PostgreSQL that the connections of a pool begin with.
type Setting struct{ name, value string }

// PlanOnce lets a connection plan each prepared statement once, for any values. Otherwise PostgreSQL plans each execution for as
// long as custom plans look cheaper; planning the sequencer's statement took three times as long as running it. Use it for pools
// with few statements that have one good plan each.
var PlanOnce = Setting{"plan_cache_mode", "force_generic_plan"}

// sessionSetting is one that each of our connections makes, because the database, the role or the server may have another.
type sessionSetting struct {
	name, value string
	// reason is the problem with another value.
	reason string
	// ours: DATABASE_URL cannot change it either.
	ours bool
	// since is the first version of PostgreSQL that has it, as server_version_num; 0 for all that we support.
	since int
}

// sessionSettings are all of them. What only a superuser may set is not here: see sessionChecks.
var sessionSettings = []sessionSetting{
	{name: "application_name", value: "orderwire", reason: "who is connected"},

	{name: "default_transaction_isolation", value: "read committed", ours: true, reason: "statements read what others have committed while they waited for a lock; at serializable they fail instead"},
	{name: "default_transaction_deferrable", value: "off", ours: true, reason: "no transaction waits for a moment without writers"},
	{name: "datestyle", value: "ISO, MDY", ours: true, reason: "the driver reads times in this form only"},
	{name: "intervalstyle", value: "postgres", ours: true, reason: "as it was tested"},
	{name: "timezone", value: "UTC", reason: "times as text, and days, are in UTC"},
	{name: "client_encoding", value: "UTF8", ours: true, reason: "Go's strings are UTF-8"},
	{name: "bytea_output", value: "hex", ours: true, reason: "keys, hashes and records arrive as they were stored"},
	{name: "extra_float_digits", value: "1", ours: true, reason: "a number arrives as it was stored"},
	{name: "standard_conforming_strings", value: "on", ours: true, reason: "a backslash in our statements is a backslash"},
	{name: "array_nulls", value: "on", ours: true, reason: "NULL in an array is no text"},
	{name: "transform_null_equals", value: "off", ours: true, reason: "x = NULL is not x IS NULL"},
	{name: "row_security", value: "on", ours: true, reason: "off makes every statement under a policy an error"},
	{name: "gin_fuzzy_search_limit", value: "0", ours: true, reason: "an index gives all that it finds"},
	{name: "default_table_access_method", value: "heap", ours: true, reason: "revisions of products are the heap's xmin"},
	{name: "password_encryption", value: "scram-sha-256", ours: true, reason: "passwords that we set are not kept as MD5"},

	{name: "statement_timeout", value: "20000", reason: "no statement runs for ever, and none ends before its time"},
	{name: "lock_timeout", value: "5000", reason: "no statement waits for ever, and none gives up before its time"},
	{name: "idle_in_transaction_session_timeout", value: "10000", reason: "a transaction that we have forgotten holds no locks for ever"},
	{name: "idle_session_timeout", value: "0", reason: "a pool's connection waits for its next use, however long"},
	{name: "transaction_timeout", value: "0", since: 170000, reason: "a new epoch of the log may take long"},

	{name: "jit", value: "off", ours: true, reason: "to compile a statement takes longer than to run it; with enable_seqscan=off or enable_nestloop=off up to PostgreSQL 17 the sequencer's is compiled each time, which takes seconds, longer than its lease"},
	{name: "enable_seqscan", value: "off", reason: "a plan made while a table is empty reads all of it for ever; every statement of the hot path has an index"},
	{name: "enable_indexscan", value: "on", reason: "statements have their indexes"},
	{name: "enable_indexonlyscan", value: "on", reason: "as above"},
	{name: "enable_bitmapscan", value: "on", reason: "as above"},
	{name: "enable_nestloop", value: "on", reason: "few rows are joined by an index, not by reading whole tables"},
	{name: "enable_hashjoin", value: "on", reason: "many rows are joined in one pass"},
	{name: "enable_mergejoin", value: "on", reason: "as above"},
	{name: "enable_hashagg", value: "on", reason: "as above"},
	{name: "enable_sort", value: "on", reason: "a list is sorted if its index does not sort it"},
	{name: "enable_incremental_sort", value: "on", reason: "as above"},
	{name: "enable_material", value: "on", reason: "as above"},
	{name: "enable_memoize", value: "on", reason: "as above"},
	{name: "enable_tidscan", value: "on", reason: "as above"},
	{name: "enable_partition_pruning", value: "on", reason: "an order's log is in one partition, not in all"},
	{name: "plan_cache_mode", value: "auto", reason: "a list is planned for its values, a hot statement once"},
	{name: "max_parallel_workers_per_gather", value: "0", reason: "one request does not take the workers of all"},
	{name: "from_collapse_limit", value: "8", reason: "plans do not depend on the order in which tables are named"},
	{name: "join_collapse_limit", value: "8", reason: "as above"},
	{name: "geqo", value: "on", reason: "as it was tested"},
	{name: "seq_page_cost", value: "1", reason: "costs are compared with each other"},
	{name: "random_page_cost", value: "1.1", reason: "an index is not taken for slower than it is"},
	{name: "cpu_tuple_cost", value: "0.01", reason: "as seq_page_cost"},
	{name: "cpu_index_tuple_cost", value: "0.005", reason: "as seq_page_cost"},
	{name: "cpu_operator_cost", value: "0.0025", reason: "as seq_page_cost"},
}

// sessionState is the state of a new connection.
type sessionState struct {
	recovery, readOnly bool
	encoding           string
	version            int64
	replication        string
}

const (
	// oldestVersion is the first version of PostgreSQL with all that our statements use.
	oldestVersion = 140000
	// searchPath finds our tables, wherever DATABASE_URL's user would look: first where it would, if they are there. New ones are made
	// where it would make them, but in none of PostgreSQL's own schemas, which pg_catalog and pg_temp lead to.
	searchPath = `coalesce((
		SELECT quote_ident(n.nspname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relname = 'order_events' AND c.relkind = 'p'
			AND EXISTS (SELECT FROM pg_catalog.pg_class l WHERE l.relnamespace = n.oid AND l.relname = 'event_log' AND l.relkind = 'r')
		ORDER BY n.nspname = current_schema() DESC NULLS LAST, n.nspname LIMIT 1
	), (
		SELECT quote_ident(s.name) FROM unnest(current_schemas(false)) WITH ORDINALITY AS s (name, place)
		WHERE left(s.name, 3) <> 'pg_' AND s.name <> 'information_schema' ORDER BY s.place LIMIT 1
	), 'public')`
	// durable keeps what is committed through a crash, and leaves stronger promises as they are: a standby that is waited for.
	durable = `CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END`
)

// sessionSQL makes the settings and reads the state, in one round trip. It has no parameters, so that it is one also with a pooler.
func sessionSQL(s pgurl.Source, role Role, settings []Setting) string {
	values := map[string]string{}
	for _, d := range sessionSettings {
		values[d.name] = d.value
	}
	for _, d := range settings {
		values[d.name] = d.value
	}
	for name, value := range s.Settings {
		values[name] = value
	}
	since := map[string]int{}
	for _, d := range sessionSettings {
		since[d.name] = d.since
		if d.ours {
			values[d.name] = d.value
		}
	}
	var b strings.Builder
	b.WriteString(`SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on', current_setting('server_encoding'),
		current_setting('server_version_num')::int, current_setting('session_replication_role')`)
	if _, ok := values["search_path"]; !ok {
		b.WriteString(`, set_config('search_path', ` + searchPath + `, false)`)
	}
	b.WriteString(`, ` + durable)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if name == "role" {
			continue
		}
		set := `set_config(` + pq.QuoteLiteral(name) + `, ` + pq.QuoteLiteral(values[name]) + `, false)`
		if version := since[name]; version > 0 {
			set = `CASE WHEN current_setting('server_version_num')::int >= ` + strconv.Itoa(version) + ` THEN ` + set + ` END`
		}
		b.WriteString(`, ` + set)
	}
	if role != AsLogin {
		b.WriteString(`, set_config('role', ` + pq.QuoteLiteral(string(role)) + `, false)`)
	} else if asked := s.Settings["role"]; asked != "" {
		b.WriteString(`, set_config('role', ` + pq.QuoteLiteral(asked) + `, false)`)
	}
	return b.String()
}

// Limits are those of one pool.
type Limits struct {
	// Silence bounds how long a connection may stay silent while an answer is awaited.
	Silence time.Duration
	// Statement and Lock are PostgreSQL's statement_timeout and lock_timeout; zero: as sessionSettings have them. Statement should
	// be below Silence, or a statement that is only slow ends its connection.
	Statement, Lock time.Duration
}

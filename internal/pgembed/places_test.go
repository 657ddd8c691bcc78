package pgembed_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/orderwire/orderwire/internal/pgembed"
)

func TestLongPath(t *testing.T) {
	t.Parallel()
	// Longer than a socket's path can be, and with characters that have a meaning in configuration files and URLs.
	dir := filepath.Join(dataDir(t), strings.Repeat("a long folder, ", 8), `it's & 100%`)
	cluster := start(t, config(dir))
	if got := query(t, cluster, `SELECT current_setting('data_directory')`); got != filepath.Join(dir, "postgres", "data") {
		t.Errorf("the data is in %q", got)
	}
	link, err := os.Readlink(filepath.Join(dir, "postgres", "run"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(link) })
	stop(t, cluster)
	stop(t, start(t, config(dir)))
}

// TestPrivate checks that another account does not get in, even where it can reach the socket.
func TestPrivate(t *testing.T) {
	t.Parallel()
	other := nobody(t)
	dir := dataDir(t)
	cluster := start(t, config(dir))
	for _, name := range []string{"data", "run"} {
		info, err := os.Stat(filepath.Join(dir, "postgres", name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, want 0700", name, info.Mode())
		}
	}
	socket := filepath.Join(dir, "postgres", "run")
	for _, path := range []string{socket, filepath.Join(socket, ".s.PGSQL.5432")} {
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(testBinary(t))
	cmd.Dir = "/"
	cmd.Env = []string{connectVariable + "=" + cluster.URL(pgembed.Database)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: other}
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Peer authentication failed")) {
		t.Errorf("another account's connection ended with %v:\n%s", err, out)
	}
}

// TestRelocated covers root with a data folder that PostgreSQL's account cannot enter.
func TestRelocated(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another account")
	}
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, ".data")
	first := start(t, config(dir))
	place, err := os.Readlink(filepath.Join(dir, "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(place) })
	query(t, first, `CREATE TABLE note ()`, `SELECT 1`)
	stop(t, first)

	second := start(t, config(dir))
	if got := query(t, second, `SELECT count(*) FROM note`); got != "0" {
		t.Errorf("count is %s", got)
	}
	stop(t, second)

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	third := start(t, config(dir))
	if got := query(t, third, `SELECT to_regclass('note') IS NULL`); got != "true" {
		t.Error("a removed data folder came back with its tables")
	}
	if _, err := os.Stat(filepath.Join(place, "data.removed", "PG_VERSION")); err != nil {
		t.Errorf("the former cluster was not set aside: %v", err)
	}
}

// TestUnreadableBinaries covers root with binaries in a folder that PostgreSQL's account cannot enter.
func TestUnreadableBinaries(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another account")
	}
	closed := t.TempDir()
	copyDistribution(t, filepath.Join(closed, "pgsql"))
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	cfg := config(dataDir(t))
	cfg.Bin = filepath.Join(closed, "pgsql", "bin")
	stop(t, start(t, cfg))
	copies, err := filepath.Glob(filepath.Join(cfg.DataDir, "postgres", "dist-*"))
	if err != nil || len(copies) != 1 {
		t.Errorf("there are copies %q (%v), want one", copies, err)
	}
}

// TestOtherMajor takes the operating system's PostgreSQL, where there is one, which is usually older than npm's.
func TestOtherMajor(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		t.Skip("there is no /usr/lib/postgresql")
	}
	cfg := config(dataDir(t))
	cfg.Bin = found[0]
	made := start(t, cfg)
	version := query(t, made, `SHOW server_version`)
	stop(t, made)

	// The search passes over newer ones that cannot open this data.
	cfg.Bin = ""
	if got := query(t, start(t, cfg), `SHOW server_version`); got != version {
		t.Errorf("PostgreSQL %s opened the data, want %s", got, version)
	}
}

// TestAsOrdinaryUser repeats the tests of this package's core without root's rights.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	account := nobody(t)
	dir := dataDir(t)
	copyDistribution(t, filepath.Join(dir, "pgsql"))
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tmp, int(account.Uid), int(account.Gid)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(testBinary(t), "-test.run=^Test(Start|Owner|Kill|LongPath)$", "-test.v")
	cmd.Dir = tmp
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + tmp, "PG_BIN=" + filepath.Join(dir, "pgsql", "bin")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := bytes.Count(out, []byte("\n--- PASS")); n != 4 {
		t.Errorf("%d of 4 tests ran:\n%s", n, out)
	}
}

// nobody is the account of that name; only root can become it.
func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	found, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
	if errUID != nil || errGID != nil {
		t.Fatal(errUID, errGID)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// testBinary is a copy of this test's executable where every account can run it.
func testBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(dataDir(t), "pgembed.test")
	source, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	target, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// copyDistribution copies a whole PostgreSQL.
func copyDistribution(t *testing.T, to string) {
	t.Helper()
	for _, bin := range append([]string{os.Getenv("PG_BIN")}, pgembed.Candidates()...) {
		if bin == "" || !pgembed.Relocatable(bin) {
			continue
		}
		if err := pgembed.CopyTree(filepath.Dir(bin), to); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Skip("there is no PostgreSQL that can be copied: npm ci --ignore-scripts --prefix internal/pgembed/npm")
}

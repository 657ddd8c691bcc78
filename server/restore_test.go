package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// copyFolder is cp -a.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
}

// privateServer runs on a PostgreSQL of its own in a data folder that may be copied.
func privateServer(t *testing.T) (server *process, folder string) {
	t.Helper()
	parent, err := os.MkdirTemp("", "orderwire-restore-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil { // for the account of root's PostgreSQL
		t.Fatal(err)
	}
	folder = filepath.Join(parent, "data")
	return newProcess(t, "", "DATA_DIR="+folder, "PAYMENT_STEP_DELAY=0s", "DELIVERY_DELAY=0s"), folder
}

// A copy of the data folder is put back, as whoever has only read "stop it and copy the folder" does. killed: the server was
// killed and not stopped before each.
func TestRestoreFolder(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"OKStopped": false, "OKKilled": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, folder := privateServer(t)
			d := newDrill(t, server)
			t.Cleanup(func() { server.kill() })
			end := d.stop
			if killed {
				end = func() {
					server.kill()
					await(t.Context(), t, func() bool { // its PostgreSQL follows
						_, err := os.Stat(filepath.Join(folder, "postgres", "data", "postmaster.pid"))
						return errors.Is(err, os.ErrNotExist)
					})
				}
			}
			end()
			copyFolder(t, folder, folder+".copy")
			server.start()
			d.signIn()
			d.goOn()
			end()
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(folder+".copy", folder); err != nil {
				t.Fatal(err)
			}
			server.start()
			d.signIn()
			d.judge("just restored", d)
			d.goesOn("just restored")
			d.overtake()
			d.judge("with a life of its own", d)
			d.goesOn("with a life of its own")
		})
	}
}

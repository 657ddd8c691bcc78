// Package debian gives tests the programs of others that they run as counterparts: proxies, poolers, databases.
package debian

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Program returns the path of a program: an installed one, or one from the Debian package of that name, which is unpacked
// into bin/debian without root and without a service being started (tools/debian). If there is neither, it fails the test with the
// package to install.
func Program(t testing.TB, pkg, program string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for { // tests run in their package's folder
		if _, err := os.Stat(filepath.Join(folder, "tools", "debian")); err == nil {
			break
		}
		if filepath.Dir(folder) == folder {
			t.Fatal("no folder above has tools/debian")
		}
		folder = filepath.Dir(folder)
	}
	var stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), filepath.Join(folder, "tools", "debian"), pkg, program)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

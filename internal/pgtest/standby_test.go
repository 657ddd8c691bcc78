package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/orderwire/orderwire/internal/eventually"
)

// doomedVariable makes TestDoomed the process that is killed.
const doomedVariable = "ORDERWIRE_PGTEST_TEST_DOOMED"

func TestDoomed(t *testing.T) {
	if os.Getenv(doomedVariable) == "" {
		return // it is a part of TestServerEndsWithProcess
	}
	s := NewServer(t)
	fmt.Println("\nserver", s.dir, s.Address())
	select {}
}

// A test process that is killed leaves no server and no folder.
func TestServerEndsWithProcess(t *testing.T) {
	t.Parallel()
	doomed := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^TestDoomed$", "-test.v")
	doomed.Env = append(os.Environ(), doomedVariable+"=yes")
	out, err := doomed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := doomed.Start(); err != nil {
		t.Fatal(err)
	}
	var dir, address string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, place, found := strings.Cut(lines.Text(), "server "); found {
			dir, address, _ = strings.Cut(place, " ")
			break
		}
	}
	if dir == "" {
		t.Fatalf("it has no server: %v", doomed.Wait())
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if err := doomed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = doomed.Wait()                                                                          // it was killed
	for deadline := time.Now().Add(eventually.Patience); ; time.Sleep(10 * time.Millisecond) { // a pause between attempts
		_, err := os.Stat(dir)
		conn, errDial := net.Dial("tcp", address)
		if errors.Is(err, fs.ErrNotExist) && errDial != nil {
			return
		}
		if errDial == nil {
			_ = conn.Close()
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v, %s: %v", dir, err, address, errDial)
		}
	}
}

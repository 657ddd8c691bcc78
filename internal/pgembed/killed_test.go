package pgembed_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestKilledFirstStart kills servers at random moments of their first start. The next start succeeds, at once and on the same
// folder, and nothing is left of the interrupted ones. KILLED_STARTS sets the number of kills.
func TestKilledFirstStart(t *testing.T) {
	t.Parallel()
	n := 4
	if text := os.Getenv("KILLED_STARTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	begun := time.Now()
	startServer(t, dataDir(t)).kill(t)
	whole := time.Since(begun)
	for i := range n {
		dir := dataDir(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), serverVariable+"="+dir)
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after := rand.N(whole) // a random moment of the start; nothing waits for it
		time.Sleep(after)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		s := startServer(t, dir)
		if got := queryURL(t, s.url, `SELECT 'ready'`); got != "ready" {
			t.Errorf("start %d, killed after %v of %v: %q", i, after, whole, got)
		}
		s.kill(t)
		if left, _ := filepath.Glob(filepath.Join(dir, "postgres", "data.new*")); len(left) == 0 {
			continue
		}
		s = startServer(t, dir) // processes of the killed one may have written until a moment ago
		if left, err := filepath.Glob(filepath.Join(dir, "postgres", "data.new*")); err != nil || len(left) > 0 {
			t.Errorf("start %d, killed after %v of %v, leaves %q, %v", i, after, whole, left, err)
		}
		s.kill(t)
	}
}

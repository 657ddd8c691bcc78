package debian_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/orderwire/orderwire/internal/debian"
)

func TestProgram(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), debian.Program(t, "nginx", "nginx"), "-v").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "nginx version") {
		t.Errorf("%v: %s", err, out)
	}
}

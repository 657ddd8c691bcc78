package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// A request for help starts nothing, with any command.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"help"}, {"simprovider", "--help"}, {"healthcheck", "-h"}, {"manifest", "--help"}} {
		var said bytes.Buffer
		// No command could run with this setting.
		if err := run(t.Context(), args, []string{"ADDR=nowhere"}, &said, io.Discard); err != nil || !strings.HasPrefix(said.String(), usage()) {
			t.Errorf("%q: %v: %.80s", args, err, said.String())
		}
	}
	for _, args := range [][]string{{"simprovider", "8081"}, {"healthcheck", "x"}} {
		if err := run(t.Context(), args, []string{"ADDR=nowhere"}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "takes no argument") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

package pgembed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	// maxLogSize bounds postgres.log, and postgres.log.1 too.
	maxLogSize = 8 << 20
	// logCheckInterval is the interval between checks of the size.
	logCheckInterval = time.Minute
)

// openLog opens the server log for appending and returns the offset of this start's lines. PostgreSQL writes to the file
// itself, not through this process, so that even the shutdown after a kill -9 is on record.
func openLog(path string) (file *os.File, begin int64, err error) {
	if err := rotateLog(path, maxLogSize); err != nil {
		return nil, 0, err
	}
	file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("pgembed: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, fmt.Errorf("pgembed: %w", err)
	}
	return file, info.Size(), nil
}

// rotateLog copies a log that has grown too large to path.1 and empties it. A running postgres appends, so it continues at the new
// beginning. A line that is written in between is lost.
func rotateLog(path string, limit int64) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() < limit) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if err := os.Remove(path + ".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pgembed: %w", err)
	}
	if err := copyFile(path, path+".1", 0o600); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	if err := os.Truncate(path, 0); err != nil {
		return fmt.Errorf("pgembed: %w", err)
	}
	return nil
}

// complaints returns the errors in postgres's log since an offset, to explain a failed start.
func complaints(path string, since int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // read only
	text, err := io.ReadAll(io.NewSectionReader(file, since, 1<<20))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	fatal := slices.IndexFunc(lines, func(line string) bool {
		return strings.Contains(line, " FATAL: ") || strings.Contains(line, " PANIC: ")
	})
	if fatal < 0 {
		return lastLines(string(text), 6)
	}
	// The line before often has the reason ("unrecognized configuration parameter"), those after it the remedy.
	return strings.Join(lines[max(0, fatal-2):min(len(lines), fatal+4)], "\n")
}

// lastLines is the end of a text, at most n lines of it.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

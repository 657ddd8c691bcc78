package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// clockTicks is the unit of CPU times in /proc: USER_HZ, 100 on every Linux that Go runs on (proc(5)).
const clockTicks = 100

// process has a process's values from /proc/pid/stat.
type process struct {
	parent int
	name   string
	// cpu is its CPU time, reaped that of its children that have ended, in seconds.
	cpu, reaped float64
}

func stat(pid int) (process, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// The name, in parentheses, may have spaces in it. Behind it come state, parent, and as 12th to 15th utime, stime,
	// cutime and cstime.
	open, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	if open < 0 || end < open {
		return process{}, errors.New("/proc/pid/stat has no name")
	}
	p := process{name: string(raw[open+1 : end])}
	var ticks [4]float64
	fields := strings.Fields(string(raw[end+1:]))
	if len(fields) < 15 {
		return process{}, errors.New("/proc/pid/stat is short")
	}
	if p.parent, err = strconv.Atoi(fields[1]); err != nil {
		return process{}, err
	}
	for i := range ticks {
		if ticks[i], err = strconv.ParseFloat(fields[11+i], 64); err != nil {
			return process{}, err
		}
	}
	p.cpu, p.reaped = (ticks[0]+ticks[1])/clockTicks, (ticks[2]+ticks[3])/clockTicks
	return p, nil
}

// cpu is the CPU time of a process, in seconds.
func cpu(pid int) (float64, error) {
	p, err := stat(pid)
	return p.cpu, err
}

// cpuOfDatabase is that of the PostgreSQL which this process has started: its first process is a child of ours, its
// backends are that one's.
func cpuOfDatabase() (float64, error) {
	all := map[int]process{}
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			return 0, err
		}
		if p, err := stat(pid); err == nil { // else it has ended meanwhile
			all[pid] = p
		}
	}
	total := 0.0
	for _, p := range all {
		switch {
		case p.name != "postgres":
		case p.parent == os.Getpid():
			total += p.cpu + p.reaped
		case all[p.parent].name == "postgres" && all[p.parent].parent == os.Getpid():
			total += p.cpu
		}
	}
	return total, nil
}

// rss is the resident memory of a process, in bytes.
func rss(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kilobytes * 1024, err
		}
	}
	return 0, errors.New("/proc/pid/status has no VmRSS")
}

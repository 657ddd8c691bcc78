package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	t.Parallel()
	r := newReport()
	for name, values := range map[string][]float64{
		"deliveries.ratio": {.5, .9, .7}, "idle.socket": {4, 9}, "idle.goroutines.subscription": {0}, "deliveries.faults": {0, 1},
	} {
		for _, v := range values {
			r.add(name, v)
		}
	}
	for name, want := range map[string]struct {
		median  float64
		verdict string
	}{
		"deliveries.ratio": {.7, "holds"}, "idle.socket": {6.5, "holds"},
		"idle.goroutines.subscription": {0, "reached"}, "deliveries.faults": {.5, "MISSED"},
	} {
		median, measured := r.Median(name)
		if !measured || median != want.median {
			t.Errorf("%s: median %v, %v, want %v", name, median, measured, want.median)
		}
		for _, f := range figures {
			if f.name == name && f.verdict(median) != want.verdict {
				t.Errorf("%s of %v: %s, want %s", name, median, f.verdict(median), want.verdict)
			}
		}
	}
	if _, measured := r.Median("deliveries.rate"); measured {
		t.Error("what was not measured has a median")
	}
	if r.Faultless() {
		t.Error("a report with a lost delivery is faultless")
	}
	folder := t.TempDir()
	if err := r.Save(folder); err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string]string{"latest.json": `"deliveries.ratio"`, "latest.svg": "<svg"} {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !strings.Contains(string(raw), part) {
			t.Errorf("%s: %v, without %s", name, err, part)
		}
	}
	var table strings.Builder
	if err := r.Write(&table); err != nil || !strings.Contains(table.String(), "MISSED") {
		t.Errorf("table: %v\n%s", err, table.String())
	}
}

// No bar points the wrong way or dwarfs the others.
func TestChartTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		least             bool
		must, value, want float64
	}{
		{false, .5, 1, 2},
		{false, .5, .25, .5},
		{false, .5, 100, chartMost},
		{false, .5, 0, 0},
		{true, 8, 4, 2},
		{true, 8, 16, .5},
		{true, 8, 0, chartMost},
		{true, 8, -1, chartMost},
		{true, 8, .001, chartMost},
	} {
		if got := (&figure{must: c.must, least: c.least}).times(c.value); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// The load generator's check of a delivery must be able to fail.
func TestBetween(t *testing.T) {
	t.Parallel()
	frame := []byte(rawFrame("group-1-7"))
	if got := string(between(frame, `"order":{"id":"`)); strings.TrimRight(got, " ") != "group-1-7" {
		t.Errorf("got %q", got)
	}
	if got := between(frame, `"nothing":"`); got != nil {
		t.Errorf("got %q of what is not there", got)
	}
}

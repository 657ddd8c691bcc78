// Package bench measures the promises about speed, as ratios to the limits of the machine (pgbench, a raw gorilla/websocket
// broadcaster) and to a straightforward implementation (package naive). These run in turn with the real server process, in the same
// minutes, so that other load on the machine affects both sides of a ratio. Every delivery is checked when it arrives: a figure
// with a lost, duplicated or disordered one does not count.
//
// One program (cmd) conducts the measurements and starts itself again as load generator, broadcaster and naive server, so that none
// of them shares a process, or a garbage collector, with the server. docs/benchmarks.md has the method and the results.
package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Config of a Run.
type Config struct {
	// Server is the server program, Self this one.
	Server, Self string
	// Rounds is the number of times that each measurement runs, in turn with the others: 3.
	Rounds int
	// Orders are those of the big database whose figures are compared with an empty one's: 1,000,000.
	Orders int
	// Only has the names of the measurements to run; empty: all.
	Only []string
	// Folder contains the cluster. The big database of an earlier run is used again.
	Folder string
	// Progress gets a line for each step, Log the server's log.
	Progress, Log io.Writer
}

// measurement is one experiment: a round adds its values to the report.
type measurement struct {
	name  string
	about string
	round func(context.Context, *lab, *Report) error
}

var measurements = []measurement{
	{"idle", "what an idle subscription costs", idle},
	{"deliveries", "events to 100 subscribers each, in turn with a raw broadcast", deliveries},
	{"create", "orders placed by 1, 16 and 64 clients, in turn with pgbench", creates},
	{"whole", "orders from the request to DELIVERED, in turn with the naive server", wholes},
	{"reads", "order(id) and orders(first: 20) by 16 clients, in turn with the naive server", reads},
	{"start", "from the server's start to its first answer", starts},
	{"replicas", "from the provider's answer to its event on the socket of another replica", replicas},
	{"growth", "with many orders, in turn with an empty database", growths},
	{"latency", "from a request to its event on the socket, in turn with the naive server", latencies},
}

// Names of the measurements, for Config.Only.
func Names() []string {
	var names []string
	for _, m := range measurements {
		names = append(names, m.name)
	}
	return names
}

// Run measures. The report is whole also when an error is returned, as far as it got.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	if cfg.Rounds == 0 {
		cfg.Rounds = 3
	}
	if cfg.Orders == 0 {
		cfg.Orders = 1_000_000
	}
	for _, name := range cfg.Only {
		if !slices.Contains(Names(), name) {
			return nil, fmt.Errorf("there is no measurement %q; there are %s", name, strings.Join(Names(), ", "))
		}
	}
	report := newReport()
	lab, err := openLab(ctx, cfg)
	if err != nil {
		return report, err
	}
	defer lab.close()
	report.Machine = describe(ctx, lab)
	began := time.Now()
	for round := range cfg.Rounds {
		for _, m := range measurements {
			if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, m.name) {
				continue
			}
			lab.say("round %d of %d, %4.0f s: %s", round+1, cfg.Rounds, time.Since(began).Seconds(), m.about)
			if err := m.round(ctx, lab, report); err != nil {
				return report, fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	return report, nil
}

package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// figure is one number that is promised. Must and reach are 0 where none is.
type figure struct {
	name, what, unit string
	must, reach      float64
	// least: lower is better.
	least bool
}

// figures in the order of the table. The targets are those of the issue that set them.
var figures = []figure{
	{"idle.socket", "resident per idle socket with one subscription", "kB", 8, 5, true},
	{"idle.subscription", "resident per further subscription on a socket", "kB", 1.2, .8, true},
	{"idle.goroutines.socket", "goroutines per idle socket", "", 1, 1, true},
	{"idle.goroutines.subscription", "goroutines per idle subscription", "", 0, 0, true},
	{"deliveries.ratio", "deliveries per second ÷ raw broadcast, 100 subscribers an event", "", .60, .80, false},
	{"deliveries.rate", "deliveries per second", "/s", 0, 0, false},
	{"deliveries.raw", "raw broadcast, deliveries per second", "/s", 0, 0, false},
	{"deliveries.cpu", "server CPU per delivery", "µs", 0, 0, true},
	{"deliveries.rawcpu", "raw broadcaster's CPU per delivery", "µs", 0, 0, true},
	{"deliveries.dbcpu", "database CPU per delivery", "µs", 0, 0, true},
	{"deliveries.faults", "deliveries lost, duplicated or out of order", "", 0, 0, true},
	{"deliveries.p50", "request to event on all 100 sockets, p50", "ms", 0, 0, true},
	{"deliveries.p99", "request to event on all 100 sockets, p99", "ms", 0, 0, true},
	{"create.ratio.1", "orderCreate per second ÷ pgbench, 1 client", "", .45, .60, false},
	{"create.ratio.16", "orderCreate per second ÷ pgbench, 16 clients", "", .80, 1, false},
	{"create.ratio.64", "orderCreate per second ÷ pgbench, 64 clients", "", 1.5, 2.5, false},
	{"create.p99ratio.64", "orderCreate p99 ÷ pgbench's, 64 clients", "", .6, .4, true},
	{"create.cpu.16", "CPU of server and database per 1,000 orderCreate, 16 clients", "s", .30, .22, true},
	{"create.cpu.64", "CPU of server and database per 1,000 orderCreate, 64 clients", "s", .22, .16, true},
	{"create.faults", "orders answered and not there, or there twice", "", 0, 0, true},
	{"whole.ratio", "orders from request to DELIVERED per second ÷ naive, 64 clients, a subscriber each", "", 3, 6, false},
	{"whole.faults", "events of these orders lost, duplicated or out of order", "", 0, 0, true},
	{"latency.p50ratio", "request to its event on the socket ÷ naive, 100/s, 1,000 subscribers, p50", "", .65, .5, true},
	{"latency.p99ratio", "request to its event on the socket ÷ naive, 100/s, 1,000 subscribers, p99", "", .6, .4, true},
	{"latency.faults", "events of these requests lost, duplicated or out of order", "", 0, 0, true},
	{"reads.one.ratio", "order(id) per second ÷ naive, 16 clients", "", 1.5, 2, false},
	{"reads.list.ratio", "orders(first: 20) per second ÷ naive, 16 clients", "", 2.5, 4, false},
	{"start.warm", "server's start to its first answer, warm, its own PostgreSQL", "s", 1, .4, true},
	{"replicas.p50", "provider's answer to its event on the socket of another replica, p50", "ms", 25, 10, true},
	{"replicas.faults", "events on the other replica lost, duplicated or out of order", "", 0, 0, true},
	{"growth.insert", "orderCreate per second with many orders ÷ empty", "", .90, .95, false},
	{"growth.one", "order(id) per second with many orders ÷ empty", "", .85, .95, false},
	{"growth.list", "orders(first: 20) per second with many orders ÷ empty", "", .95, .95, false},
	{"growth.step", "orders from request to DELIVERED per second with many orders ÷ empty", "", .85, .95, false},
	{"reads.one.rate", "order(id) per second", "/s", 0, 0, false},
	{"reads.one.naive", "naive, order(id) per second", "/s", 0, 0, false},
	{"reads.one.cpu", "server CPU per 1,000 order(id)", "s", 0, 0, true},
	{"reads.one.naivecpu", "naive, server CPU per 1,000 order(id)", "s", 0, 0, true},
	{"reads.one.dbcpu", "database CPU per 1,000 order(id)", "s", 0, 0, true},
	{"reads.one.naivedbcpu", "naive, database CPU per 1,000 order(id)", "s", 0, 0, true},
	{"reads.one.p99", "order(id), p99", "ms", 0, 0, true},
	{"reads.one.naivep99", "naive, order(id), p99", "ms", 0, 0, true},
	{"reads.list.rate", "orders(first: 20) per second", "/s", 0, 0, false},
	{"reads.list.naive", "naive, orders(first: 20) per second", "/s", 0, 0, false},
	{"reads.list.cpu", "server CPU per 1,000 orders(first: 20)", "s", 0, 0, true},
	{"reads.list.naivecpu", "naive, server CPU per 1,000 orders(first: 20)", "s", 0, 0, true},
	{"reads.list.dbcpu", "database CPU per 1,000 orders(first: 20)", "s", 0, 0, true},
	{"reads.list.naivedbcpu", "naive, database CPU per 1,000 orders(first: 20)", "s", 0, 0, true},
	{"reads.list.p99", "orders(first: 20), p99", "ms", 0, 0, true},
	{"reads.list.naivep99", "naive, orders(first: 20), p99", "ms", 0, 0, true},
	{"start.cold", "server's first start of all to its first answer", "s", 0, 0, true},
	{"replicas.p99", "provider's answer to its event on the socket of another replica, p99", "ms", 0, 0, true},
	{"growth.insert.small", "orderCreate per second, empty", "/s", 0, 0, false},
	{"growth.insert.big", "orderCreate per second, many orders", "/s", 0, 0, false},
	{"growth.one.small", "order(id) per second, empty", "/s", 0, 0, false},
	{"growth.one.big", "order(id) per second, many orders", "/s", 0, 0, false},
	{"growth.list.small", "orders(first: 20) per second, empty", "/s", 0, 0, false},
	{"growth.list.big", "orders(first: 20) per second, many orders", "/s", 0, 0, false},
	{"growth.step.small", "orders to DELIVERED per second, empty", "/s", 0, 0, false},
	{"growth.step.big", "orders to DELIVERED per second, many orders", "/s", 0, 0, false},
	{"create.rate.1", "orderCreate per second, 1 client", "/s", 0, 0, false},
	{"create.rate.16", "orderCreate per second, 16 clients", "/s", 0, 0, false},
	{"create.rate.64", "orderCreate per second, 64 clients", "/s", 0, 0, false},
	{"create.pgbench.1", "pgbench, transactions per second, 1 client", "/s", 0, 0, false},
	{"create.pgbench.16", "pgbench, transactions per second, 16 clients", "/s", 0, 0, false},
	{"create.pgbench.64", "pgbench, transactions per second, 64 clients", "/s", 0, 0, false},
	{"create.cpu.1", "CPU of server and database per 1,000 orderCreate, 1 client", "s", 0, 0, true},
	{"create.dbcpu.1", "database CPU per 1,000 orderCreate, 1 client", "s", 0, 0, true},
	{"create.dbcpu.16", "database CPU per 1,000 orderCreate, 16 clients", "s", 0, 0, true},
	{"create.dbcpu.64", "database CPU per 1,000 orderCreate, 64 clients", "s", 0, 0, true},
	{"create.pgbenchcpu.1", "database CPU per 1,000 of pgbench, 1 client", "s", 0, 0, true},
	{"create.pgbenchcpu.16", "database CPU per 1,000 of pgbench, 16 clients", "s", 0, 0, true},
	{"create.pgbenchcpu.64", "database CPU per 1,000 of pgbench, 64 clients", "s", 0, 0, true},
	{"create.p99ratio.1", "orderCreate p99 ÷ pgbench's, 1 client", "", 0, 0, true},
	{"create.p99ratio.16", "orderCreate p99 ÷ pgbench's, 16 clients", "", 0, 0, true},
	{"create.p50.1", "orderCreate p50, 1 client", "ms", 0, 0, true},
	{"create.p50.16", "orderCreate p50, 16 clients", "ms", 0, 0, true},
	{"create.p50.64", "orderCreate p50, 64 clients", "ms", 0, 0, true},
	{"create.p99.1", "orderCreate p99, 1 client", "ms", 0, 0, true},
	{"create.p99.16", "orderCreate p99, 16 clients", "ms", 0, 0, true},
	{"create.p99.64", "orderCreate p99, 64 clients", "ms", 0, 0, true},
	{"create.pgbenchp99.1", "pgbench p99, 1 client", "ms", 0, 0, true},
	{"create.pgbenchp99.16", "pgbench p99, 16 clients", "ms", 0, 0, true},
	{"create.pgbenchp99.64", "pgbench p99, 64 clients", "ms", 0, 0, true},
	{"whole.rate", "orders from request to DELIVERED per second", "/s", 0, 0, false},
	{"whole.naive", "naive, orders from request to DELIVERED per second", "/s", 0, 0, false},
	{"whole.cpu", "CPU of server and database per 1,000 of these orders", "s", 0, 0, true},
	{"whole.naivecpu", "naive, CPU of server and database per 1,000 of these orders", "s", 0, 0, true},
	{"whole.dbcpu", "database CPU per 1,000 of these orders", "s", 0, 0, true},
	{"whole.naivedbcpu", "naive, database CPU per 1,000 of these orders", "s", 0, 0, true},
	{"whole.p50", "request to DELIVERED, p50", "ms", 0, 0, true},
	{"whole.p99", "request to DELIVERED, p99", "ms", 0, 0, true},
	{"whole.naivep50", "naive, request to DELIVERED, p50", "ms", 0, 0, true},
	{"whole.naivep99", "naive, request to DELIVERED, p99", "ms", 0, 0, true},
	{"latency.p50", "request to its event on the socket, p50", "ms", 0, 0, true},
	{"latency.p99", "request to its event on the socket, p99", "ms", 0, 0, true},
	{"latency.naivep50", "naive, request to its event on the socket, p50", "ms", 0, 0, true},
	{"latency.naivep99", "naive, request to its event on the socket, p99", "ms", 0, 0, true},
}

// promised tells the figures with a target, of which 0 is one where less than nothing cannot be.
func (f figure) promised() bool {
	return f.must > 0 || f.reach > 0 || f.name == "idle.goroutines.subscription" || strings.HasSuffix(f.name, faultsSuffix)
}

// Machine describes the machine of a report.
type Machine struct {
	CPUs       int    `json:"cpus"`
	OS         string `json:"os"`
	Go         string `json:"go"`
	PostgreSQL string `json:"postgresql"`
	Pgbench    string `json:"pgbench,omitempty"`
	Revision   string `json:"revision,omitempty"`
}

// Report has every round's value of each figure.
type Report struct {
	At      time.Time            `json:"at"`
	Machine Machine              `json:"machine"`
	Values  map[string][]float64 `json:"values"`
}

func newReport() *Report {
	return &Report{At: time.Now().UTC().Truncate(time.Second), Values: map[string][]float64{}}
}

func (r *Report) add(name string, value float64) {
	if !slices.ContainsFunc(figures, func(f figure) bool { return f.name == name }) {
		panic("bench: no figure " + name)
	}
	r.Values[name] = append(r.Values[name], value)
}

// Median of a figure's rounds; false when it was not measured.
func (r *Report) Median(name string) (float64, bool) {
	values := slices.Sorted(slices.Values(r.Values[name]))
	n := len(values)
	if n == 0 {
		return 0, false
	}
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

// verdict compares a median with the figure's targets.
func (f figure) verdict(median float64) string {
	meets := func(target float64) bool {
		return median == target || (median < target) == f.least
	}
	switch {
	case !f.promised():
		return ""
	case meets(f.reach):
		return "reached"
	case meets(f.must):
		return "holds"
	}
	return "MISSED"
}

// faultsSuffix is that of the figures that count faults.
const faultsSuffix = ".faults"

// Faultless reports whether nothing was lost, duplicated or out of order.
func (r *Report) Faultless() bool {
	for name, values := range r.Values {
		if strings.HasSuffix(name, faultsSuffix) && slices.ContainsFunc(values, func(v float64) bool { return v > 0 }) {
			return false
		}
	}
	return true
}

// Write prints the table.
func (r *Report) Write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "figure\tmedian\tmust\treach\tverdict\trounds")
	for _, f := range figures {
		median, measured := r.Median(f.name)
		if !measured {
			continue
		}
		must, reach := "", ""
		if f.promised() {
			must, reach = number(f.must), number(f.reach)
		}
		fmt.Fprintf(table, "%s\t%s %s\t%s\t%s\t%s\t", f.what, number(median), f.unit, must, reach, f.verdict(median))
		for _, v := range r.Values[f.name] {
			fmt.Fprintf(table, "%s ", number(v))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

// number has as many digits as mean something.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/orderwire/orderwire/internal/guard/guardtest"
)

// mostBytes is the largest answer to a hostile request.
const mostBytes = 4 << 10

// leaks must be in no answer: secrets in the documents, and words of the database and of Go.
var leaks = regexp.MustCompile(`(?i)hunter|secret|pq:|sql|syntax error at or near|relation |goroutine|panic|\.go:|Did you mean|x{50}|№`)

// checkHostile checks the body of an answer: short, without internals, and with one of the codes.
func checkHostile(t *testing.T, how string, body []byte, codes []string) {
	t.Helper()
	if len(body) >= mostBytes {
		t.Errorf("%s: the answer has %d bytes", how, len(body))
	}
	if found := leaks.Find(body); found != nil {
		t.Errorf("%s: the answer has %q: %.300s", how, found, body)
	}
	var decoded struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(body, &decoded); err != nil || len(decoded.Errors) == 0 || len(decoded.Errors) > 5 {
		t.Errorf("%s: %v, %d errors: %.300s", how, err, len(decoded.Errors), body)
	}
	for _, e := range decoded.Errors {
		if !slices.Contains(codes, e.Extensions.Code) || e.Message == "" {
			t.Errorf("%s: code %s, want %v: %.300s", how, e.Extensions.Code, codes, body)
		}
	}
}

// A public server refuses every hostile request, over every transport, at little cost.
func TestHostile(t *testing.T) {
	t.Parallel()
	p, _, ada := behindIssuer(t)
	t.Run("Documents", func(t *testing.T) { hostileDocumentsAreRefused(t, p, ada) })
	t.Run("Requests", func(t *testing.T) { hostileRequestsAreRefused(t, ada) })
	t.Run("CPU", func(t *testing.T) { hostileDocumentsAreCheap(t, p, ada) })
	if !ready(t.Context(), p.url()) {
		t.Error("the server is not ready any more")
	}
}

// Every hostile document is answered, over each transport, and briefly.
func hostileDocumentsAreRefused(t *testing.T, p *process, ada *user) {
	socket := dialWire(t, p.url()).init(ada.token)
	for i, d := range guardtest.Documents(t, "../internal/guard") {
		body, err := json.Marshal(map[string]any{"query": d.Text})
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > 64<<10 {
			t.Fatalf("%s is refused for its size already", d.Name)
		}
		_, answer := ada.hostile(t, http.MethodPost, "", body)
		checkHostile(t, d.Name+" by POST", answer, d.Codes)

		if target := "?query=" + url.QueryEscape(d.Text); len(target) < 30<<10 {
			_, answer := ada.hostile(t, http.MethodGet, target, nil)
			checkHostile(t, d.Name+" by GET", answer, d.Codes)
		}
		if d.Name == "subscription_over_post" {
			continue // elsewhere it is welcome
		}
		_, answer = ada.hostile(t, http.MethodPost, "", body, "Accept", "text/event-stream")
		if !bytes.HasPrefix(answer, []byte("{")) { // refused before the stream began
			_, answer, _ = bytes.Cut(answer, []byte("data:"))
			answer, _, _ = bytes.Cut(answer, []byte("\n"))
		}
		checkHostile(t, d.Name+" by SSE", answer, d.Codes)

		id := strconv.Itoa(i)
		socket.send(id, "subscribe", map[string]any{"query": d.Text})
		for {
			var m wireMessage
			if err := socket.ReadJSON(&m); err != nil {
				t.Fatalf("%s by websocket: %v", d.Name, err)
			}
			if m.Type == "ping" || m.ID != id {
				continue
			}
			if m.Type == "error" {
				checkHostile(t, d.Name+" by websocket", fmt.Appendf(nil, `{"errors":%s}`, m.Payload), d.Codes)
				break
			}
			if m.Type == "complete" {
				break
			}
			checkHostile(t, d.Name+" by websocket", m.Payload, d.Codes)
		}
	}
}

// hostile sends a request as this user and returns status and body. header has names and values.
func (u *user) hostile(t *testing.T, method, target string, body []byte, header ...string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, u.url+"/graphql"+target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

// Requests that are hostile by themselves, whatever the document.
func hostileRequestsAreRefused(t *testing.T, ada *user) {
	const good = `{"query":"{ viewer { id } }"}`
	deep := func(open, end string) string {
		return `{"query":"query($f: OrderFilter) { orders(filter: $f) { nodes { id } } }","variables":{"f":` + strings.Repeat(open, 9000) + "1" + strings.Repeat(end, 9000) + "}}"
	}
	type values map[string]any
	with := func(query string, variables values) string {
		raw, err := json.Marshal(values{"query": query, "variables": variables})
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	const orders = `query($f: OrderFilter) { orders(filter: $f) { nodes { id } } }`
	long := strings.Repeat("x", 50_000)
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	for name, c := range map[string]struct {
		method, target, body string
		header               []string
		status               int
		code                 string
	}{
		"Batch":             {"POST", "", "[" + strings.TrimSuffix(strings.Repeat(good+",", 10), ",") + "]", nil, 400, "BAD_USER_INPUT"},
		"BatchByGet":        {"GET", "?query=[{viewer{id}}]", "", nil, 200, "GRAPHQL_PARSE_FAILED"},
		"TooLarge":          {"POST", "", `{"query":"` + strings.Repeat(" ", 64<<10) + `"}`, nil, 413, "DOCUMENT_TOO_LARGE"},
		"TwoMegabytes":      {"POST", "", `{"query":"` + strings.Repeat("{", 2<<20) + `"}`, nil, 413, "DOCUMENT_TOO_LARGE"},
		"Gzip":              {"POST", "", good, []string{"Content-Encoding", "gzip"}, 415, "BAD_USER_INPUT"},
		"Deflate":           {"POST", "", good, []string{"Content-Encoding", "gzip, deflate"}, 415, "BAD_USER_INPUT"},
		"DuplicateQuery":    {"POST", "", `{"query":"{ viewer { id } }","query":"{ a }"}`, nil, 400, "BAD_USER_INPUT"},
		"DuplicateByGet":    {"GET", "?query={viewer{id}}&query={a}", "", nil, 400, "BAD_USER_INPUT"},
		"Form":              {"POST", "", "query=%7Bviewer%7Bid%7D%7D", form, 415, "BAD_USER_INPUT"},
		"Multipart":         {"POST", "", "--x--", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "BAD_USER_INPUT"},
		"Text":              {"POST", "", good, []string{"Content-Type", "text/plain"}, 415, "BAD_USER_INPUT"},
		"TypeList":          {"POST", "", good, []string{"Content-Type", "application/json, text/plain"}, 415, "BAD_USER_INPUT"},
		"Charset":           {"POST", "", good, []string{"Content-Type", "application/json; charset=utf-7"}, 415, "BAD_USER_INPUT"},
		"Accept":            {"POST", "", good, []string{"Accept", "text/html"}, 406, "BAD_USER_INPUT"},
		"Empty":             {"POST", "", "", nil, 400, "BAD_USER_INPUT"},
		"NotJSON":           {"POST", "", "{", nil, 400, "BAD_USER_INPUT"},
		"NotUTF8":           {"POST", "", "{\"query\":\"\xff\xfe\"}", nil, 400, "BAD_USER_INPUT"},
		"QueryObject":       {"POST", "", `{"query":{"a":1}}`, nil, 400, "BAD_USER_INPUT"},
		"NameNumber":        {"POST", "", `{"query":"{ viewer { id } }","operationName":7}`, nil, 400, "BAD_USER_INPUT"},
		"NameLong":          {"POST", "", `{"query":"{ viewer { id } }","operationName":"` + long + `"}`, nil, 200, "GRAPHQL_VALIDATION_FAILED"},
		"VariablesList":     {"POST", "", `{"query":"{ viewer { id } }","variables":[1]}`, nil, 400, "BAD_USER_INPUT"},
		"VariablesDeep":     {"POST", "", deep("[", "]"), nil, 200, "BAD_USER_INPUT"},
		"VariablesTooDeep":  {"POST", "", `{"query":"{ viewer { id } }","variables":{"a":` + strings.Repeat("[", 60_000) + "}}", nil, 400, "BAD_USER_INPUT"},
		"VariableLong":      {"POST", "", with(orders, values{"f": values{"status": long}}), nil, 200, "BAD_USER_INPUT"},
		"VariableKeyLong":   {"POST", "", with(orders, values{"f": values{long: 1}}), nil, 200, "BAD_USER_INPUT"},
		"VariableKeys":      {"POST", "", with(orders, values{"f": manyKeys(3000)}), nil, 200, "BAD_USER_INPUT"},
		"VariableHugeInt":   {"POST", "", `{"query":"query($n: Int) { products(first: $n) { nodes { id } } }","variables":{"n":` + strings.Repeat("9", 50_000) + `}}`, nil, 200, "BAD_USER_INPUT"},
		"VariableExponent":  {"POST", "", `{"query":"query($n: Int) { products(first: $n) { nodes { id } } }","variables":{"n":1e999999}}`, nil, 200, "BAD_USER_INPUT"},
		"VariableIDs":       {"POST", "", with(`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, values{"ids": manyIDs(6000)}), nil, 200, "BAD_USER_INPUT"},
		"VariableCost":      {"POST", "", with(`query($n: Int) { orders(first: $n) { nodes { events(first: $n) { nodes { actor { kind } } } } } }`, values{"n": 100}), nil, 200, "COST_EXCEEDED"},
		"VariableNUL":       {"POST", "", with(orders, values{"f": values{"search": "a\x00b"}}), nil, 200, "BAD_USER_INPUT"},
		"ExtensionsText":    {"POST", "", `{"query":"{ viewer { id } }","extensions":"x"}`, nil, 400, "BAD_USER_INPUT"},
		"PersistedUnknown":  {"POST", "", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.Repeat("a", 64) + `"}}}`, nil, 200, "PERSISTED_QUERY_NOT_FOUND"},
		"PersistedForged":   {"POST", "", `{"query":"{ viewer { id } }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.Repeat("a", 64) + `"}}}`, nil, 200, "BAD_USER_INPUT"},
		"PersistedLong":     {"POST", "", `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + long + `"}}}`, nil, 200, "BAD_USER_INPUT"},
		"DocumentID":        {"POST", "", `{"documentId":"` + long + `"}`, nil, 200, "BAD_USER_INPUT"},
		"MutationByGet":     {"GET", "?query=" + url.QueryEscape("mutation { viewerSignOut { signedOutAt } }"), "", nil, 405, "BAD_USER_INPUT"},
		"SubscriptionByGet": {"GET", "?query=" + url.QueryEscape("subscription { orderFeed { cursor } }"), "", nil, 400, "BAD_USER_INPUT"},
		"MutationByGetSSE":  {"GET", "?query=" + url.QueryEscape("mutation { viewerSignOut { signedOutAt } }"), "", []string{"Accept", "text/event-stream"}, 405, "BAD_USER_INPUT"},
		"Put":               {"PUT", "", good, []string{"Content-Type", "application/json"}, 405, "BAD_USER_INPUT"},
		"Delete":            {"DELETE", "?query={viewer{id}}", "", nil, 405, "BAD_USER_INPUT"},
		"BadEscape":         {"GET", "?query=%zz", "", nil, 400, "BAD_USER_INPUT"},
		"Introspection":     {"POST", "", `{"query":"{ __schema { types { name } } }"}`, nil, 200, "GRAPHQL_VALIDATION_FAILED"},
		"IntrospectionType": {"POST", "", `{"query":"{ __type(name: \"Order\") { name } }"}`, nil, 200, "GRAPHQL_VALIDATION_FAILED"},
		"IntrospectionGet":  {"GET", "?query=" + url.QueryEscape("{ a: __schema { types { name } } }"), "", nil, 200, "GRAPHQL_VALIDATION_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, answer := ada.hostile(t, c.method, c.target, []byte(c.body), c.header...)
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			checkHostile(t, name, answer, []string{c.code})
		})
	}
}

func manyKeys(n int) map[string]any {
	keys := make(map[string]any, n)
	for i := range n {
		keys[fmt.Sprintf("key%d", i)] = i
	}
	return keys
}

func manyIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

// largest is about the largest plain query that is allowed: its cost is just below MAX_COST.
const largest = `{ orders(first: 15) { nodes { ` + everyLeaf + `
	payment { status order { ` + everyLeaf + ` payment { status order { ` + everyLeaf + ` lines { product { id sku name } } } } } }
	lines { product { id sku name description } } } } }`

const everyLeaf = `id number status version customerId createdAt updatedAt availableActions note externalReference
	total { amount amountMinor currency } captured { amount amountMinor currency } refunded { amount amountMinor currency }
	refundable { amount amountMinor currency } lines { name quantity unitPrice { amount } total { amount } }`

// No hostile document takes more than .1 s of CPU, the limit of an operation. The CPU time of the server's own threads is measured,
// not a clock, and the least of several runs counts, since other work can only add to a run.
func hostileDocumentsAreCheap(t *testing.T, p *process, ada *user) {
	if runtime.GOOS != "linux" {
		t.Skip("threads' CPU time is read from /proc")
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 13 {
				if _, err := place(t.Context(), ada.client, ada.productID, "sim_approve"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	fresh := 0
	cost := func(text string) int64 {
		least := int64(math.MaxInt64)
		for range 3 {
			fresh++ // a document that is not in any cache
			body, err := json.Marshal(map[string]any{"query": text + "\n#" + strconv.Itoa(fresh)})
			if err != nil {
				t.Fatal(err)
			}
			before := cpu(t, p.cmd.Process.Pid)
			_, answer := ada.hostile(t, http.MethodPost, "", body)
			least = min(least, cpu(t, p.cmd.Process.Pid)-before)
			if text == largest && bytes.Contains(answer, []byte(`"errors"`)) {
				t.Fatalf("the plain query: %.300s", answer)
			}
		}
		return least
	}
	plain := cost(largest)
	worst, name := int64(0), ""
	for _, d := range guardtest.Documents(t, "../internal/guard") {
		if got := cost(d.Text); got > worst {
			worst, name = got, d.Name
		}
	}
	const most = 100_000_000 // nanoseconds
	t.Logf("the plain query takes %d µs, the worst document, %s, %d µs", plain/1000, name, worst/1000)
	if worst > most {
		t.Errorf("%s takes %d µs of CPU", name, worst/1000)
	}
}

// cpu returns the CPU time of a process's threads, in nanoseconds: the first number of their schedstat (Linux,
// Documentation/scheduler/sched-stats.rst).
func cpu(t *testing.T, pid int) (sum int64) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		raw, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended meanwhile
		}
		ran, _, _ := strings.Cut(string(raw), " ")
		n, err := strconv.ParseInt(ran, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if sum == 0 {
		t.Skip("this kernel does not count threads' CPU time")
	}
	return sum
}

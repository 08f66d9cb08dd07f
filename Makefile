# Everything a newcomer or CI types. `make help` lists it.
#
# One cargo profile (release) serves the demo, the tests, the lints and the bench: wasmtime takes minutes to compile,
# once.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:
MAKEFLAGS += --no-print-directory

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WASI2 := $(TARGET_DIR)/wasm32-wasip2/release
LT_HOST := $(TARGET_DIR)/release/lt-host

SCENARIOS := $(notdir $(patsubst %/,%,$(wildcard scenarios/*/)))
# Packages that exist for WebAssembly only: neither built nor tested for this machine.
GUESTS := $(SCENARIOS) lt-test-programs
SCENARIO_FLAGS := $(addprefix -p ,$(SCENARIOS))
HOST_FLAGS := --workspace $(addprefix --exclude ,$(GUESTS))

# Pinned: later ones may encode components differently.
CARGO_COMPONENT_VERSION := 0.21.1
# What the bench compares with: a figure is only comparable with that of the same version.
OHA_VERSION := 1.16.0
# What the servers that the tests run for real need: a command that shows it is there, and the Debian package that brings it.
# Django and npm's ws themselves are installed below the target directory by the first test that needs them.
PEERS := "nginx -v:nginx" "test -e /usr/lib/nginx/modules/ngx_rtmp_module.so:libnginx-mod-rtmp" "ffmpeg -version:ffmpeg" "rtmpdump --help:rtmpdump" "command -v prosody:prosody" "python3 -c 'import ensurepip, venv':python3-venv" "node --version:nodejs" "npm --version:npm" "command -v chromium:chromium"

.PHONY: help setup rust-targets tools peers guests build demo test lint check doc deny bench fuzz clean-results

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: rust-targets tools peers ## install what is missing: wasm targets, cargo tools, servers for the tests

rust-targets:
	@if command -v rustup >/dev/null; then
	  rustup target add wasm32-wasip1 wasm32-wasip2 wasm32-unknown-unknown
	else
	  echo "no rustup here: the wasm32 targets must come with your Rust toolchain"
	fi

tools:
	@if ! cargo component --version 2>/dev/null | grep -qF ' $(CARGO_COMPONENT_VERSION)'; then
	  echo "installing cargo-component $(CARGO_COMPONENT_VERSION): some five minutes, once"
	  cargo install --locked cargo-component@$(CARGO_COMPONENT_VERSION)
	fi
	if ! cargo nextest --version >/dev/null 2>&1; then
	  echo "installing cargo-nextest: some minutes, once"
	  cargo install --locked cargo-nextest
	fi

peers:
	@missing=
	for peer in $(PEERS); do
	  PATH="$$PATH:/usr/sbin" bash -c "$${peer%:*}" >/dev/null 2>&1 || missing="$$missing $${peer##*:}"
	done
	if [ -z "$$missing" ]; then
	  :
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then
	  apt-get update -q
	  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$missing
	else
	  echo "not installed and not installable here (apt-get as root):$$missing; the tests that need them are skipped"
	fi

guests: ## build the scenarios for all three wasm targets, and the tests' guest programs
	cargo build --release --target wasm32-wasip2 $(SCENARIO_FLAGS)
	cargo build --release --target wasm32-wasip2 -p lt-test-programs --examples
	cargo build --release --target wasm32-unknown-unknown $(SCENARIO_FLAGS)
	cargo component build --release $(SCENARIO_FLAGS)

# The same packages and targets as the test run, so that cargo sees one graph and compiles each crate once.
build: ## build the program and everything its tests need
	cargo build --release $(HOST_FLAGS) --all-targets

demo: ## 100 sandboxed users for 10 s against the built-in server
	@if command -v rustup >/dev/null; then rustup target add wasm32-wasip2; fi
	cargo build --release $(HOST_FLAGS) --bin lt-host
	cargo build --release --target wasm32-wasip2 -p http-get
	said=$$(mktemp)
	$(LT_HOST) target --listen 127.0.0.1:0 >"$$said" &
	target=$$!
	trap 'kill $$target 2>/dev/null || true; rm -f "$$said"' EXIT
	url=
	for _ in {1..100}; do
	  url=$$(sed -n 's/^listening on //p' "$$said")
	  if [ -n "$$url" ]; then break; fi
	  kill -0 $$target 2>/dev/null || { echo "lt-host target ended before it listened" >&2; exit 1; }
	  sleep 0.1
	done
	if [ -z "$$url" ]; then echo "lt-host target did not listen within 10 s" >&2; exit 1; fi
	$(LT_HOST) run $(WASI2)/http_get.wasm --users 100 --duration 10s --set "url=$$url/"

test: setup guests build ## every test: unit, guest, real servers, documentation examples
	cargo nextest run --release $(HOST_FLAGS)
	cargo test --release --doc $(HOST_FLAGS)

lint:
	cargo fmt --all --check
	cargo clippy --release $(HOST_FLAGS) --all-targets -- -D warnings
	cargo clippy --release --target wasm32-wasip2 -p lt-sdk $(SCENARIO_FLAGS) -- -D warnings
	cargo clippy --release --target wasm32-wasip2 -p lt-test-programs --examples -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps $(HOST_FLAGS)

deny:
	@if cargo deny --version >/dev/null 2>&1; then
	  cargo deny --offline check licenses bans sources
	else
	  echo "cargo-deny is not installed: licences and sources were not checked"
	fi

check: lint doc deny ## formatting, lints for host and guests, documentation, licences

# How many inputs, and the number of the first: each input follows from its number alone, so one that fails can be made again.
FUZZ_INPUTS ?= 10000000
FUZZ_SEED ?= 0
fuzz: ## ten million random inputs for the RTMP decoder (FUZZ_INPUTS, FUZZ_SEED)
	cargo build --release $(HOST_FLAGS) --example fuzz_rtmp
	$(TARGET_DIR)/release/examples/fuzz_rtmp --inputs $(FUZZ_INPUTS) --seed $(FUZZ_SEED)

# Beside the product: oha (built once, some four minutes), wrk and tsung (Debian packages). Without them their rows say so.
bench: setup guests ## the figures of the bench, side by side (BENCH_ARGS: --quick, --only ROW,ROW, --strict)
	cargo build --release $(HOST_FLAGS) --bins --examples
	for tool in wrk tsung; do
	  if ! command -v $$tool >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends $$tool || true
	  fi
	done
	if ! command -v oha >/dev/null && [ ! -x $(TARGET_DIR)/tools/bin/oha ]; then
	  echo "installing oha $(OHA_VERSION) to compare with: some four minutes, once"
	  cargo install --locked --root $(TARGET_DIR)/tools oha@$(OHA_VERSION) || true
	fi
	$(TARGET_DIR)/release/lt-bench $(BENCH_ARGS)

clean-results: ## remove the results of runs
	rm -rf results

# Flow Studio from make; `make` alone says what there is. GNU make 3.81 or later, a Rust toolchain, sh and git.

.DEFAULT_GOAL := help

# `make demo PROFILE=release` uses the optimised build; it takes longer to compile.
PROFILE ?= dev
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
FLOW_STUDIO := $(TARGET_DIR)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/flow-studio
FLOW_STUDIO_READY := build

include stepwise.mk

.PHONY: help build demo sdlc replay-demo test soak test-agent-clis test-api test-ui bench bench-peers fmt clippy doc schemas ci studio screenshots toolchain \
        retention-status cleanup-aged retention-hold retention-release

help:
	@echo 'make demo      a real flow on this repository: look, mend, ask, report (no key, no server)'
	@echo 'make sdlc [WORKSPACE=DIR] [RUN_ID=ID] [PARAMS="name=value …"]'
	@echo '               seven flows from a request to something that is live; again with RUN_ID, it goes on'
	@echo 'make replay-demo  the flow build on the example, replayed from a recording: no key, no server'
	@echo 'make test      all tests'
	@echo 'make soak [SEEDS=8] [CASES=2000] [FIRST=SEED]   random flows from other seeds; every kill in a run of its own'
	@echo 'make test-agent-clis   the engines claude and codex with the real programs (npm installs them into .tools)'
	@echo 'make test-api  schemathesis against the studio (pip installs it into .tools)'
	@echo 'make test-ui   the studio in a real browser (needs chromium, chromedriver and npm; says so)'
	@echo 'make screenshots  pictures of the studio, into docs/pictures'
	@echo 'make build     the program: $(FLOW_STUDIO)'
	@echo
	@echo 'make stepwise-help       the flows here, and how to run one'
	@echo 'make stepwise-<flow> [RUN_ID=ID] [START_STEP=STEP] [WORKSPACE=DIR] [JOBS=N] [PARAMS="name=value …"]'
	@echo
	@echo 'make ci        what CI runs: fmt, clippy, test, test-api, doc, the feature tiktoken, schemas, test-ui'
	@echo 'make fmt clippy doc schemas bench bench-peers'
	@echo 'make retention-status              what each run holds, and what is due by flow-studio.toml'
	@echo 'make cleanup-aged [ARCHIVE=DIR] [YES=yes]    remove what is due; asks at a terminal'
	@echo 'make retention-hold RUN_ID=ID REASON="…"     make retention-release RUN_ID=ID'
	@echo 'make studio [BIND=ADDRESS]         runs and answers in a browser on this machine'

toolchain:
	@command -v cargo >/dev/null 2>&1 || { \
	  echo "make: cargo not found. Install Rust $$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or later (https://rustup.rs), then try again." >&2; exit 1; }

build: toolchain
	@cargo build --locked --quiet --bin flow-studio --profile $(PROFILE)

demo: build
	@sh scripts/demo.sh "$(FLOW_STUDIO)"

# As it was typed; RUN_ID, WORKSPACE and PARAMS likewise, in stepwise.mk.
override ENGINE := $(value ENGINE)
sdlc: export ENGINE := $(ENGINE)
sdlc: build
	@sh scripts/sdlc.sh "$(FLOW_STUDIO)"

replay-demo: build
	@sh scripts/replay-demo.sh "$(FLOW_STUDIO)"

# Pictures of the studio's pages under docs/pictures.
screenshots: toolchain
	@sh scripts/ui-tools.sh .tools/ui
	UPDATE_PICTURES=1 cargo test --locked --quiet --features ui-tests --test studio_ui pictures

test: toolchain
	cargo test --locked --quiet

# SEEDS, CASES and FIRST: from the environment, where make puts what it is given.
soak: toolchain
	@sh scripts/soak.sh

# Claude Code and Codex themselves, from npm into .tools, against servers on this machine: no key, no cost.
test-agent-clis: toolchain
	@sh scripts/agent-clis.sh .tools/agent-clis
	cargo test --locked --quiet --features agent-clis --test agents_real_programs

# The studio in Chromium. More at once than there are processors would only wait for one another.
test-ui: toolchain
	@sh scripts/ui-tools.sh .tools/ui
	cargo test --locked --quiet --features ui-tests --test studio_ui -- --test-threads=2

# Requests made from the studio's own document, each answer held against it: two minutes, on this machine alone.
test-api: build
	@sh scripts/test-api.sh "$(FLOW_STUDIO)"

bench: toolchain
	cargo bench --locked

# Beside LangGraph, which it installs from PyPI into target/peers.
bench-peers: toolchain
	scripts/bench-peers.sh

fmt: toolchain
	cargo fmt

clippy: toolchain
	cargo clippy --locked --all-targets --all-features -- -D warnings

doc: toolchain
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# Writes them; `make ci` compares.
schemas: toolchain
	UPDATE_SCHEMAS=1 cargo test --locked --quiet --lib --test schemas committed_schemas
	UPDATE_DOCS=1 cargo test --locked --quiet --test reference

ci:
	@bash .ci/run

# As they were typed; no shell sees them but as variables.
override REASON := $(value REASON)
override ARCHIVE := $(value ARCHIVE)
override YES := $(value YES)
retention-status cleanup-aged retention-hold retention-release: export REASON := $(REASON)
cleanup-aged: export ARCHIVE := $(ARCHIVE)
cleanup-aged: export YES := $(YES)

retention-status: build
	@"$$FLOW_STUDIO" retention status

# Without YES=yes it asks at the terminal, and refuses where there is none.
cleanup-aged: build
	@"$$FLOW_STUDIO" retention prune $${ARCHIVE:+--archive "$$ARCHIVE"} $$([ "$$YES" = yes ] && echo --yes)

retention-hold: build
	@[ -n "$$RUN_ID" ] && [ -n "$$REASON" ] || { echo 'make: which run, and why? make retention-hold RUN_ID=… REASON="…"' >&2; exit 2; }
	@"$$FLOW_STUDIO" retention hold "$$RUN_ID" --reason "$$REASON"

retention-release: build
	@[ -n "$$RUN_ID" ] || { echo "make: which run? make retention-release RUN_ID=…" >&2; exit 2; }
	@"$$FLOW_STUDIO" retention release "$$RUN_ID"

# In front, until Ctrl-C; runs are not ended by it.
override BIND := $(value BIND)
studio: export BIND := $(BIND)
studio: build
	@"$$FLOW_STUDIO" serve $${BIND:+--bind "$$BIND"}

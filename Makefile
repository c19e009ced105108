# Flowdeck, one command per purpose. `make` alone lists them.
#
# Everything that is built or installed stays in this folder (target/, .venv/, demo-data/, test-artifacts/), except
# Debian packages that are missing and what cargo and pip keep in their own caches. scripts/setup.sh installs; this
# file says in which order.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# rustup puts cargo here, and a shell that was open at that moment does not know it yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)

PYTHON ?= python3
VENV := .venv
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# The program looks for the sources of the prelude beside itself, and CARGO_TARGET_DIR may have put it elsewhere.
export FLOWDECK_PRELUDE_SOURCE ?= $(CURDIR)
SETUP := PYTHON='$(PYTHON)' VENV='$(VENV)' bash scripts/setup.sh
STEP := bash scripts/step.sh
# A build in CI must be the build of the committed Cargo.lock.
LOCKED := $(if $(CI),--locked)
# For builds of tests: with clippy's warnings as errors, so that dependencies need not be checked a second time for them.
WITH_CLIPPY := RUSTC_WORKSPACE_WRAPPER='$(CURDIR)/scripts/rustc-with-clippy.sh'

# Tests have a kernelspec, a cache and data of their own: they leave those of the person who runs them alone.
TEST_ENV := FLOWDECK_CACHE_DIR='$(TARGET)/test-cache' FLOWDECK_HISTORY='$(TARGET)/test-history.sqlite' FLOWDECK_CONFIG='$(TARGET)/test-demo-data/flowdeck.toml' \
	JUPYTER_PATH='$(TARGET)/test-prefix/share/jupyter' FLOWDECK_TEST_CHDB='$(TARGET)/test-chdb/bin/python'
TEST_FLOWS := 50000
TEST_SEED := 7
DEBUG := $(TARGET)/debug/flowdeck
RELEASE := $(TARGET)/release/flowdeck

JUPYTER_ARGS ?=
NEXTEST_ARGS ?=
PYTEST_ARGS ?=
# Files of Python tests at once. Most of them wait for a browser or a compiler; more would wait for each other.
AT_ONCE ?= -n 2 --dist loadfile
BENCH_ARGS ?=
# For each of nine readers.
FUZZ_SECONDS ?= 7

##@ Use

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\n  Arguments pass through: make lab JUPYTER_ARGS="--port=9999 --no-browser", make test-python\n  PYTEST_ARGS="-k hmac", make test-rust NEXTEST_ARGS="-p widgets-comm", make bench BENCH_ARGS="--quick".\n\n'

.PHONY: lab
lab: release ## build, install, write demo data and open JupyterLab on notebooks/
	@$(SETUP) venv lab
	@$(STEP) 'kernel into $(VENV)' $(RELEASE) install --prefix '$(abspath $(VENV))'
	@if [ ! -f demo-data/flowdeck.toml ]; then $(STEP) 'demo data into demo-data' $(RELEASE) demo-data demo-data; fi
	@mkdir -p notebooks
	@echo 'JupyterLab starts; its address, with the token, is in the lines below. Control-C twice ends it.'
	@FLOWDECK_CONFIG='$(CURDIR)/demo-data/flowdeck.toml' exec $(VENV)/bin/jupyter lab --notebook-dir=notebooks \
		--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
		$$([ "$$(id -u)" -ne 0 ] || echo --allow-root) $(JUPYTER_ARGS)

.PHONY: release
release: ## build the optimised binaries
	@$(SETUP) rust
	@$(STEP) 'release build' cargo build --release --bin flowdeck --bin flowdeck-cell-host $(LOCKED)

.PHONY: dist
dist: release ## a wheel for pip in dist/: program, kernelspec, playbooks
	@$(SETUP) venv test
	@$(STEP) 'what the wheel has beside the program' bash scripts/stage-wheel.sh '$(TARGET)/release'
	@cd python-shim && CARGO_TARGET_DIR='$(TARGET)' bash ../scripts/step.sh 'wheel into dist' ../$(VENV)/bin/maturin build --release $(LOCKED) --out ../dist

##@ Check

.PHONY: test
test: format test-rust fuzz test-python ## install what the tests need and run all of them

.PHONY: test-rust
test-rust: test-kernel ## the Rust tests alone
	@$(SETUP) nextest
	@$(SETUP) git
	@$(SETUP) nfdump
	@$(SETUP) postgresql
	@$(SETUP) clickhouse
	@$(SETUP) chdb '$(TARGET)/test-chdb'
	@if cargo nextest --version >/dev/null 2>&1; then \
		$(TEST_ENV) $(WITH_CLIPPY) $(STEP) 'Rust tests' cargo nextest run --workspace $(LOCKED) $(NEXTEST_ARGS); \
		$(TEST_ENV) $(WITH_CLIPPY) $(STEP) 'Rust examples in the documentation' cargo test --workspace --doc $(LOCKED); \
	else \
		$(TEST_ENV) $(WITH_CLIPPY) $(STEP) 'Rust tests' cargo test --workspace $(LOCKED); \
	fi

.PHONY: test-python
test-python: test-kernel test-wheel ## the Python tests alone: conformance, protocol, notebooks, browser
	@$(SETUP) venv test
	@$(SETUP) chromium
	@$(SETUP) font
	@$(SETUP) softflowd
	@$(SETUP) git
	@$(TEST_ENV) $(STEP) 'Python tests' $(VENV)/bin/python -m pytest tests $(AT_ONCE) $(PYTEST_ARGS)

# The same features as in all other builds, so that no dependency is compiled for it.
.PHONY: fuzz
fuzz: ## damaged and invented bytes for the readers of binary files; FUZZ_SECONDS each
	@$(SETUP) rust
	@RUSTC_WORKSPACE_WRAPPER='$(CURDIR)/scripts/rustc-with-coverage.sh' $(STEP) 'build for libFuzzer' \
		cargo build --workspace --bin fuzz --target-dir '$(TARGET)' $(LOCKED)
	@$(STEP) 'bytes for the readers' bash scripts/fuzz.sh '$(TARGET)/debug/fuzz' '$(TARGET)/fuzz' '$(FUZZ_SECONDS)'

# The wheel of the development build: there is nothing left to compile, and its test is about what is in it.
.PHONY: test-wheel
test-wheel: test-kernel
	@$(SETUP) venv test
	@rm -rf '$(TARGET)/test-wheels'
	@$(STEP) 'what the wheel has beside the program' bash scripts/stage-wheel.sh '$(TARGET)/debug'
	@cd python-shim && CARGO_TARGET_DIR='$(TARGET)' $(WITH_CLIPPY) bash ../scripts/step.sh 'wheel for the tests' \
		../$(VENV)/bin/maturin build --profile dev $(LOCKED) --out '$(TARGET)/test-wheels'

# The development build, and what it needs to run as a kernel: kernelspec, compiled prelude, data.
.PHONY: test-kernel
test-kernel:
	@$(SETUP) rust
	@$(WITH_CLIPPY) $(STEP) 'build, with clippy' cargo build --workspace $(LOCKED)
	@$(TEST_ENV) $(STEP) 'kernel for the tests' $(DEBUG) install --prefix '$(TARGET)/test-prefix'
	@if [ '$(TARGET)/test-demo-data/flowdeck.toml' -ot '$(DEBUG)' ]; then \
		rm -rf '$(TARGET)/test-demo-data'; \
		$(STEP) 'demo data for the tests' $(DEBUG) demo-data '$(TARGET)/test-demo-data' --flows $(TEST_FLOWS) --seed $(TEST_SEED); \
	fi

.PHONY: lint
lint: format ## rustfmt and clippy, both without mercy; the builds of `make test` have clippy in them
	@$(STEP) 'clippy' cargo clippy --workspace --all-targets $(LOCKED) -- -D warnings

.PHONY: format
format:
	@$(SETUP) rust
	@$(STEP) 'rustfmt' cargo fmt --all --check

.PHONY: fmt
fmt: ## format the Rust sources
	@$(SETUP) rust
	cargo fmt --all

.PHONY: bench
bench: release ## measure against ipykernel, evcxr_jupyter and nfdump; results in target/bench
	@$(SETUP) venv bench
	@$(SETUP) nfdump
	@$(SETUP) chromium
	@$(SETUP) evcxr '$(TARGET)/bench-tools'
	@FLOWDECK_CACHE_DIR='$(TARGET)/bench-cache' $(STEP) 'kernel for the benchmark' \
		$(RELEASE) install --prefix '$(TARGET)/bench-prefix'
	@FLOWDECK_CACHE_DIR='$(TARGET)/bench-cache' $(VENV)/bin/python tests/bench/bench.py --target '$(TARGET)' $(BENCH_ARGS)

##@ Clean

.PHONY: clean
clean: ## remove all that was built, installed or written here
	rm -rf '$(TARGET)' $(VENV) demo-data test-artifacts dist python-shim/flowdeck.data

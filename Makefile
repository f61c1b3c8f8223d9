# Everything starts here: `make` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
BIN := .venv/bin
# Nothing outside the clone: caches live in .cache, Dagster's instance in .dagster.
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export DAGSTER_HOME ?= $(CURDIR)/.dagster
export MYPY_CACHE_DIR := $(CURDIR)/.cache/mypy
export RUFF_CACHE_DIR := $(CURDIR)/.cache/ruff
export PREK_HOME := $(CURDIR)/.cache/prek
export DG_CLI_CONFIG := $(CURDIR)/.cache/dg.toml
export PYTHONUTF8 := 1

PICTURES := lineage-groups lineage asset-market_cap_losses plot-market_cap_losses checks schedule backfill \
  brief brief-phone

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# The environment, from hashes alone. uv first, itself from its hash; then everything by uv.
.venv/.installed: requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python 3.11, 3.12 or 3.13 is needed, this is " + sys.version.split()[0] + ". Set PYTHON=python3.x")'
	@echo "Installing the environment into .venv (1 GB) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: install
install: .venv/.installed ## Make the environment in .venv

.PHONY: demo
demo: install ## From a fresh clone to the story of 27 January 2025, offline after the install
	@$(BIN)/capshock run
	@$(BIN)/capshock story --session 2025-01-27
	@echo
	@$(BIN)/capshock brief --session 2025-01-27

.PHONY: demo-yahoo
demo-yahoo: install ## The same through the real Yahoo client, offline: a replay answers it
	@mkdir -p warehouse/demo-yahoo
	@CAPSHOCK_SOURCE=yahoo CAPSHOCK_REQUESTS_PER_SECOND=0 CAPSHOCK_WAREHOUSE=warehouse/demo-yahoo/market.duckdb \
	  DAGSTER_HOME=$(CURDIR)/warehouse/demo-yahoo/dagster \
	  $(BIN)/python -m tests.yahoo_replay warehouse/sample 2025-02-14T23:30:00 $(BIN)/capshock run
	@CAPSHOCK_SOURCE=yahoo CAPSHOCK_WAREHOUSE=warehouse/demo-yahoo/market.duckdb $(BIN)/capshock trace NVDA 2025-01-27

.PHONY: ui
ui: install ## Dagster UI and daemon on http://127.0.0.1:3000
	@$(BIN)/capshock history
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/dg dev --host 127.0.0.1 --port 3000

.PHONY: test
test: install ## Lint, types, layers and the fast tests
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint test-fast

.PHONY: test-fast
test-fast: install ## The fast tests alone
	@POLARS_MAX_THREADS=1 $(BIN)/pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: test-all
test-all: test test-slow ## All tests, the long ones too

# Servers that are waited for: beside other work they answer late.
ALONE := tests/browser tests/end_to_end/test_daemon.py

.PHONY: test-slow
test-slow: install ## The long tests alone; a skipped one is a failure
	@CAPSHOCK_NO_SKIPS=1 $(BIN)/pytest -m slow -n 2 --dist worksteal $(addprefix --ignore=,$(ALONE))
	@CAPSHOCK_NO_SKIPS=1 $(BIN)/pytest -m slow $(ALONE)

.PHONY: mutants
mutants: install ## Forty small mutations of the code by seed: do the room's tests notice? (twenty minutes)
	@$(BIN)/python -m tests.mutants --seed $(or $(SEED),1)

.PHONY: reliability
reliability: install ## Inject every kind of fault and write docs/reliability.md (ten minutes)
	@POLARS_MAX_THREADS=1 $(BIN)/python -m tests.faults.report --seeds $(or $(CAPSHOCK_FAULT_SEEDS),1)

.PHONY: pictures
pictures: install ## Take the screenshots of docs/pictures anew (needs chromium)
	@$(BIN)/pytest -m slow tests/browser
	@cp $(foreach name,$(PICTURES),.cache/pictures/$(name).png) docs/pictures/

.PHONY: lint
lint: install ## Ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

.PHONY: bench
bench: install bench-yahoo bench-backfill bench-brief ## Compare the marts with hand-written SQL, Polars and pandas (half an hour)
	@$(BIN)/python tests/bench/marts.py

.PHONY: bench-yahoo
bench-yahoo: install ## Compare the fetch with yf.download, on loopback (six minutes)
	@$(BIN)/python -m tests.bench.yahoo_fetch

.PHONY: bench-backfill
bench-backfill: install ## Time a backfill of ten years, with Dagster's event log and ours (three minutes)
	@$(BIN)/python -m tests.bench.backfill

.PHONY: bench-brief
bench-brief: install ## Time the brief: a run with and without it, the page in Chromium (three minutes)
	@$(BIN)/python -m tests.bench.brief

.PHONY: lock
lock: install ## Resolve requirements.lock anew (needs the package index)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --extra dev pyproject.toml -o requirements.lock
	@echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes -c requirements.lock - -o requirements-uv.lock

.PHONY: clean
clean: ## Remove the warehouse and Dagster's history; keep the environment
	@rm -rf warehouse/*.duckdb* warehouse/.build warehouse/responses warehouse/briefs warehouse/demo-yahoo
	@find .dagster -mindepth 1 ! -name dagster.yaml -delete

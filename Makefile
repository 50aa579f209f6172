# Two commands need nothing but Python 3.11 or newer and make: `make demo` and `make test`.
# Every target sets up what it needs; `.venv` is made once and again when its lock changes.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_LOCK := $(wildcard requirements/bench.txt)
BENCH_READY := $(if $(BENCH_LOCK),$(VENV)/.bench-ready,)
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
YAML := compose.yaml .pre-commit-config.yaml .yamllint

# What is set outside for another Python must not leak into ours.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PIP_USER := 0

.PHONY: help demo test quick check format bench prove serve worker migrate clean $(VENV)

help: ## this page
	@printf 'make TARGET [ARGS="..."]\n\n'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-11s%s\n", $$1, $$2}'

demo: $(READY) ## a city that lives: reports, claims, handovers, at http://localhost:8000 (ARGS=--once: one story, then ends)
	@$(BIN)/didi demo $(ARGS)

test: check ## everything CI runs: check, then all tests
	@echo '==> all tests (PostgreSQL and Valkey start by themselves)'
	@$(BIN)/python -m pytest $(ARGS)

quick: $(READY) ## the tests without the slow ones
	@$(BIN)/python -m pytest -m 'not slow' $(ARGS)

check: $(READY) ## format, lint, types, imports, YAML
	@echo '==> format, lint, types, imports, YAML'
	@$(BIN)/ruff format --check --quiet . || { echo 'Run `make format`.' >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@out=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$out"; exit 1; }
	@$(BIN)/yamllint --strict $(YAML)
	@bash -n .ci/run

format: $(READY) ## format the code and mend what the linter can
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

bench: $(READY) $(BENCH_READY) ## measure against the goals; each line a ratio from one run
	@$(BIN)/python -m benchmarks $(ARGS)

prove: $(READY) ## the long proofs (hours): kills, clocks off, full sizes
	@$(BIN)/python -m tests.prove $(ARGS)

serve: $(READY) ## the service alone
	@$(BIN)/didi serve $(ARGS)

worker: $(READY) ## the worker alone
	@$(BIN)/didi worker $(ARGS)

migrate: $(READY) ## bring the database to the newest schema
	@$(BIN)/didi migrate $(ARGS)

clean: ## stop the embedded servers of .didi, remove it, .venv and caches
	@if [ -d .didi ]; then \
	  if [ -x $(BIN)/python ]; then \
	    echo '==> stopping the embedded servers of .didi'; \
	    $(BIN)/python -c 'from pathlib import Path; from app.kit.embedded import stop; stop(Path(".didi"))' || exit 1; \
	  elif ls .didi/postgres.pid .didi/valkey.pid >/dev/null 2>&1; then \
	    echo 'Servers may run in .didi, and without .venv they cannot be stopped: run `make .venv` first.' >&2; exit 1; \
	  fi; \
	fi
	@rm -rf .didi $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'Clean. (What root keeps in /var/lib/didi stays.)'

$(VENV): $(READY)

# The stamp comes last: what was cut off is done again, and pip's cache makes that short.
$(READY): requirements/dev.txt pyproject.toml
	@set -e; \
	usable='import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (int(sys.argv[1]), int(sys.argv[2])))'; \
	if ! $(BIN)/python -c "$$usable" 3 99 >/dev/null 2>&1; then \
	  python=''; \
	  for try in $(PYTHON) "python3 3 13" "python3.13 3 13" "python3.12 3 12" "python3.11 3 11" "python3 3 99"; do \
	    set -- $$try; \
	    if [ -z "$$python" ] && "$$1" -c "$$usable" "$${2:-3}" "$${3:-99}" >/dev/null 2>&1; then python="$$1"; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "No Python from 3.11 on with the venv module was found (python3 is: $$(python3 --version 2>&1))." >&2; \
	    echo 'Install one (on Debian and Ubuntu: python3 and python3-venv), or name yours: make PYTHON=/path/to/python3.12' >&2; \
	    exit 1; \
	  fi; \
	  echo "==> $(VENV) from $$("$$python" --version)"; \
	  "$$python" -m venv --clear $(VENV); \
	fi; \
	echo '==> installing the locked packages, each checked by its hash (half a minute, once)'; \
	$(PIP_INSTALL) --require-hashes -r requirements/dev.txt; \
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .; \
	touch $@

$(VENV)/.bench-ready: $(BENCH_LOCK) $(READY)
	@echo '==> installing what we compare ourselves with'
	@$(BIN)/python -m venv --clear $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip install -qq --disable-pip-version-check --no-input --require-hashes -r $(BENCH_LOCK)
	@touch $@

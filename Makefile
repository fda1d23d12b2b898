# Two commands do all the set-up: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The stamp's name holds the checksum of pyproject.toml: another checksum means that the packages are installed again.
SUM := $(shell cksum < pyproject.toml | cut -d ' ' -f 1)
RUN := $(VENV)/.installed-run-$(SUM)
DEV := $(VENV)/.installed-dev-$(SUM)

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check docs bench audit lock clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

demo: $(RUN)  ## install, then the main job on real data; prints where the report lies
	$(BIN)/warmstart demo

test: $(DEV)  ## install, then the fast tests
	$(BIN)/python -m pytest -n 2

test-all: $(DEV)  ## the slow tests too
	$(BIN)/python -m pytest -n 2 -m ""

check: $(DEV)  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(DEV)  ## the site, into site/: open site/index.html, no server needed
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: $(DEV)  ## side by side with other tools, and frozen work part by part; then docs/benchmarks.md (hours)
	-$(BIN)/python benchmarks/run.py --probe
	-$(BIN)/python benchmarks/run.py --whole
	-$(BIN)/python benchmarks/run.py --few-labels
	-$(BIN)/python benchmarks/run.py --texts
	$(BIN)/python benchmarks/frozen_work.py
	$(BIN)/python benchmarks/plot.py

audit: $(DEV)  ## known faults of the dependencies, by pip-audit (asks the network)
	$(BIN)/pip-audit --requirement requirements-dev.lock --disable-pip --require-hashes --strict

lock:  ## write requirements-dev.lock anew: the development set with its hashes (needs uv)
	uv pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
	  --quiet --output-file requirements-dev.lock

clean:  ## remove the venv and what tools leave behind (never runs/)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "warmstart needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN): | $(BIN)/python
	@echo "installing into $(VENV) (the first time takes minutes)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

$(DEV): | $(BIN)/python
	@echo "installing into $(VENV) (the first time takes minutes)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]'
	@rm -f $(VENV)/.installed-*
	@touch $(RUN) $@

# Needs make and Python 3.11 or newer; everything else, PostgreSQL included, goes into $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXAMPLE ?= examples/lighthouse.sql
PYTEST_ARGS ?= -n auto
SIZES ?= 2500 5000 10000

.PHONY: help install demo test test-releases format check soak bench bench-big bench-search examples clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $@

install: $(VENV)/.installed  ## the command promote, in .venv/bin

demo: $(VENV)/.installed  ## promote an example book into a database that this brings up
	$(BIN)/promote run --env test-prod --file $(EXAMPLE)

test: $(VENV)/.installed-dev  ## the tests
	$(BIN)/pytest -m "not soak" $(PYTEST_ARGS)

test-releases: $(VENV)/.installed-dev  ## the tests about servers and privileges, on PostgreSQL 18 and on 16
	for release in 18 16; do \
		PROMOTE_POSTGRES_VERSION=$$release $(BIN)/pytest -m "not soak" $(PYTEST_ARGS) \
			tests/database tests/grants tests/schema tests/run || exit 1; \
	done

format: $(VENV)/.installed-dev  ## let ruff format the code and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(VENV)/.installed-dev  ## everything that CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not soak" $(PYTEST_ARGS)

soak: $(VENV)/.installed-dev  ## the long campaigns
	$(BIN)/pytest -m soak $(PYTEST_ARGS)

bench: $(VENV)/.installed  ## against psql, COPY and the full parser; SIZES="2500 5000 10000"
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.grants
	$(BIN)/python -m benchmarks.run --sizes $(SIZES)

bench-big:  ## 100,000 chunks, 2.4 GB
	$(MAKE) bench SIZES=100000

bench-search: $(VENV)/.installed-dev  ## vector searches at 1,000, 10,000 and 100,000 chunks: some 10 minutes, 4 GB
	$(BIN)/python -m benchmarks.search --sizes 1000 10000 100000

examples: $(VENV)/.installed  ## write examples/*.sql anew from examples/text
	$(BIN)/python -m benchmarks.examples

clean:  ## caches, benchmark files and the virtual environment; not .promote, which holds databases
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist benchmarks/data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

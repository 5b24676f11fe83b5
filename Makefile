# Needs make and Python 3.11 or newer; everything else, PostgreSQL included, goes into $(VENV).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock"
EXAMPLE ?= examples/lighthouse.sql
PYTEST_ARGS ?= -n auto
SIZES ?= 2500 5000 10000
RELEASES ?= 18 16
SAMPLE ?= 20
SEED ?= 1

.PHONY: help install demo test test-releases format check coverage soak bench bench-big bench-search examples reference transcripts docs \
	mutants lock clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

$(VENV)/.installed: pyproject.toml requirements/install.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements/install.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed-dev requirements/docs.txt
	$(PIP) --require-hashes -r requirements/docs.txt
	@touch $@

$(VENV)/.installed-mutants: $(VENV)/.installed-dev requirements/mutants.txt
	$(PIP) --require-hashes -r requirements/mutants.txt
	@touch $@

install: $(VENV)/.installed  ## the command promote, in .venv/bin

demo: $(VENV)/.installed  ## promote an example book into a database that this brings up
	$(BIN)/promote run --env test-prod --file $(EXAMPLE)

test: $(VENV)/.installed-dev  ## the tests
	$(BIN)/pytest -m "not soak" $(PYTEST_ARGS)

test-releases: $(VENV)/.installed-dev  ## the tests about servers and privileges, on PostgreSQL 18 and on 16, or RELEASES
	for release in $(RELEASES); do \
		PROMOTE_POSTGRES_VERSION=$$release $(BIN)/pytest -m "not soak" $(PYTEST_ARGS) \
			tests/database tests/grants tests/migrations tests/schema_diff tests/setup tests/run tests/upgrade tests/ledger/test_structure.py || exit 1; \
	done

format: $(VENV)/.installed-dev  ## let ruff format the code and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(VENV)/.installed-dev  ## everything that CI runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not soak" $(PYTEST_ARGS) --cov --cov-report=

coverage: $(VENV)/.installed-dev  ## the tests, and which lines of the whole package they leave out
	$(BIN)/pytest -m "not soak" $(PYTEST_ARGS) --cov=minerva_promote --cov-config=/dev/null --cov-report=term-missing:skip-covered

soak: $(VENV)/.installed-dev  ## the long campaigns
	$(BIN)/pytest -m soak $(PYTEST_ARGS)

mutants: $(VENV)/.installed-mutants  ## whether tests notice changes of the code; SAMPLE=20 lines of each package, SEED=1
	$(BIN)/python -m tests.mutants --sample $(SAMPLE) --seed $(SEED) $(MUTANTS_ARGS)

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

reference: $(VENV)/.installed-dev  ## write the reference pages that come from the program
	$(BIN)/python -m tests.reference

transcripts: $(VENV)/.installed-dev  ## write what commands really print into README.md and docs/
	$(BIN)/python -m tests.transcript

docs: $(VENV)/.installed-docs  ## build the documentation into site/; a warning is an error
	$(BIN)/mkdocs build --strict --quiet

lock:  ## write requirements/*.txt anew from pyproject.toml, for Python 3.11 to 3.14; needs uv
	$(LOCK) --group build pyproject.toml -o requirements/install.txt
	$(LOCK) --group dev -c requirements/install.txt pyproject.toml -o requirements/dev.txt
	$(LOCK) --group docs -c requirements/dev.txt -o requirements/docs.txt
	$(LOCK) --group mutants -c requirements/dev.txt -o requirements/mutants.txt

clean:  ## caches, benchmark files and the virtual environment; not .promote, which holds databases
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage build dist site benchmarks/data
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

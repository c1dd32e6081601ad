# One command a job. `make` alone lists them.
PYTHON ?= python3
UV ?= uv
N ?= 24
BIN := .venv/bin
STAMP := .venv/.installed
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help venv demo test check format generate chaos bench lock clean

help:  ## list the jobs
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 12

venv: $(STAMP)  ## make .venv from the lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "touchstream needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": make venv PYTHON=python3.13")'
	@$(PYTHON) -c 'import sys, importlib.util as u; sys.exit(not u.find_spec("ensurepip") and "$(PYTHON) cannot make a venv, its ensurepip is missing: apt install python3-venv")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: venv  ## two weeks of three businesses in a minute
	$(BIN)/touchstream demo

test: venv  ## every test, live ones too (the first run fetches Kafka)
	$(BIN)/python -m streams.embedded.jars fetch
	$(BIN)/pytest

check: venv  ## lint, format, types, imports: what CI runs before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv  ## repair what the linter and the formatter can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: venv  ## write every generated file again; on a clean tree nothing changes
	$(BIN)/python -m schemas.public.asyncapi > docs/asyncapi.yaml
	$(BIN)/python -m schemas.public.release schemas/public/released
	$(BIN)/python -m streams.cli.docs > docs/cli.md
	$(BIN)/python -m schemas.base.channel_tables docs/campaigns.md
	$(BIN)/python -m processors.diagrams docs/state-machines.md
	$(BIN)/python -m tests.sinks.catalog > tests/sinks/catalog.txt

chaos: venv  ## disturb the live engine N times and recount (N=24)
	$(BIN)/python -m tests.chaos --cycles $(N)

bench: venv  ## events a second per core, latency, memory
	$(BIN)/python -m bench

lock:  ## pin again: Python packages (needs uv) and jars
	$(COMPILE) --upgrade --all-extras pyproject.toml -o requirements.lock
	$(COMPILE) -c requirements.lock --extra build pyproject.toml -o requirements-runtime.lock
	$(MAKE) venv
	$(BIN)/python -m streams.embedded.jars lock

clean:  ## remove what can be made again
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

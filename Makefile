# Each job is one target. `make` alone lists the targets.
PYTHON ?= python3
UV ?= uv
N ?= 24
BIN := .venv/bin
STAMP := .venv/.installed
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help venv demo test check format generate explore chaos bench lock clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/' | expand -t 12

venv: $(STAMP)  ## create .venv from the lock file

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "touchstream needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": make venv PYTHON=python3.13")'
	@$(PYTHON) -c 'import sys, importlib.util as u; sys.exit(not u.find_spec("ensurepip") and "$(PYTHON) cannot create a venv, because its module ensurepip is missing: apt install python3-venv")'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: venv  ## run three businesses through two weeks in about a minute
	$(BIN)/touchstream demo

test: venv  ## run all tests, including the live ones (the first run downloads Kafka)
	$(BIN)/python -m streams.embedded.jars fetch
	$(BIN)/python -m tests

check: venv  ## check lint, format, types and imports; CI runs this before the tests
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
	$(BIN)/python -m tests.oracle.experiment_plot > docs/experiments.svg

explore: venv  ## search the property tests with new random examples, N times (N=24)
	for round in $$(seq $(N)); do \
		$(BIN)/pytest -q -m "hypothesis and not live" --hypothesis-profile explore || exit 1; \
	done

chaos: venv  ## disturb a live engine N times and verify the result (N=24)
	$(BIN)/python -m tests.chaos --cycles $(N)

bench: venv  ## measure events a second per core, latency and memory
	$(BIN)/python -m bench

lock:  ## update the pinned Python packages (needs uv) and jars
	$(COMPILE) --upgrade --all-extras pyproject.toml -o requirements.lock
	$(COMPILE) -c requirements.lock --extra build pyproject.toml -o requirements-runtime.lock
	$(MAKE) venv
	$(BIN)/python -m streams.embedded.jars lock

clean:  ## remove everything that can be created again
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# make run and make test are all the set-up a fresh machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
ARGS ?=

.PHONY: run test check bench bench-knowledge chaos format lock docs clean

run: $(VENV)/.runtime  ## start the bot: web chat on http://127.0.0.1:8080
	$(BIN)/parley run $(ARGS)

test: $(VENV)/.dev  ## the whole test suite with coverage
	$(BIN)/python -m tests.run $(ARGS)

check: $(VENV)/.dev  ## format, lint, types, floors, documents, secrets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m docs.house
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline .secrets.baseline

bench: $(VENV)/.dev  ## Parley against the floor, in one run
	$(BIN)/python -m benchmarks $(ARGS)

bench-knowledge: $(VENV)/.dev  ## how well and how fast passages are found
	$(BIN)/python -m benchmarks.knowledge $(ARGS)

chaos: $(VENV)/.dev  ## many workers, kills and redeliveries; nothing may be lost or doubled
	$(BIN)/python -m benchmarks.chaos $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev  ## write docs/configuration.md from the schema
	$(BIN)/python -m docs.generate

lock: $(VENV)/.dev  ## resolve pyproject.toml again
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate pyproject.toml -o requirements.lock
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

# uv where present, else into the environment first: pip alone takes minutes on this set.
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Parley needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	command -v uv >/dev/null || $(BIN)/pip install -q uv

$(VENV)/.runtime: $(BIN)/python requirements.lock pyproject.toml
	$(UV) pip install --python $(BIN)/python --compile-bytecode --require-hashes -r $(if $(wildcard $(VENV)/.dev),requirements-dev.lock,requirements.lock)
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	touch $@

$(VENV)/.dev: $(BIN)/python requirements-dev.lock pyproject.toml
	$(UV) pip install --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-dev.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .coverage*

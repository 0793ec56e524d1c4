# What a developer types. Everything is installed into .venv from the lock files; nothing else is touched.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
PIP_INSTALL := $(BIN)/python -m pip install --quiet --require-hashes

.DEFAULT_GOAL := help
.PHONY: help up test check format types lint layers templates migrations-check lock screenshots bench crash reset clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

up: $(VENV)/.runtime  ## Start the whole desk with demo data on http://127.0.0.1:8000 (PORT)
	@AGENTDESK_DEMO=$${AGENTDESK_DEMO:-1} exec $(BIN)/python manage.py up

test: $(VENV)/.dev  ## Run all tests (those that need PostgreSQL, Redis or Chromium skip where there is none)
	@$(BIN)/python -m pytest -n 2 --dist loadscope $(ARGS)
	@test -n "$(ARGS)" || $(BIN)/python -m tests.on_servers

check: lint types layers templates migrations-check  ## Run every static check

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev
	@$(BIN)/mypy

layers: $(VENV)/.dev
	@$(BIN)/lint-imports

templates: $(VENV)/.dev
	@$(BIN)/djlint --quiet --lint templates

migrations-check: $(VENV)/.dev
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py check --fail-level WARNING

format: $(VENV)/.dev  ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

screenshots: $(VENV)/.dev  ## Make the README's pictures anew (needs Chromium)
	@$(BIN)/python -m agentdesk.docs.screenshots

bench: $(VENV)/.dev  ## Measure against the bars on each database there is; a table, and var/bench.json
	@$(BIN)/python -m tests.benchmarks $(ARGS)

crash: $(VENV)/.dev  ## Kill processes everywhere and judge what is left (KILLS, DB=sqlite|postgres|both, SEED)
	@$(BIN)/python -m tests.crash --kills $${KILLS:-200} --db $${DB:-sqlite} $(if $(SEED),--seed $(SEED)) $(ARGS)

lock: $(VENV)/.dev  ## Write the lock files anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

reset:  ## Throw the demo's data away
	@rm -rf var && echo "var/ is gone; make up starts from nothing."

clean: reset  ## Throw the virtual environment away too
	@rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "AgentDesk needs Python 3.11 or newer. Install it, or name it: make up PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (on Debian: apt install python3-venv)." >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing what AgentDesk needs into $(VENV) (about half a minute the first time) ..."
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@

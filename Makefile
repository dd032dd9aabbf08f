# Two commands are enough: `make run` to use JourMême, `make test` to try all of it.
# The rest is in CONTRIBUTING.md.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
AUDIT := .audit
PORT ?= 8000
export PORT

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test check bench audit scan clean migration worker lint translations

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "JourMême needs Python 3.11 or newer: make run PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { echo "Python's venv is missing: on Debian, apt install python3-venv"; exit 1; }

$(VENV)/.run: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@touch $@ $(VENV)/.run

booking/translations/en/LC_MESSAGES/messages.mo: booking/translations/en/LC_MESSAGES/messages.po | $(VENV)/.run
	$(BIN)/pybabel -q compile -d booking/translations

setup: $(VENV)/.run booking/translations/en/LC_MESSAGES/messages.mo
setup-dev: $(VENV)/.dev booking/translations/en/LC_MESSAGES/messages.mo

run: setup ## web + worker + database + demo data on http://127.0.0.1:$PORT; Ctrl-C stops all
	@exec $(BIN)/flask --app wsgi serve

worker: setup ## the worker alone, where DATABASE_URL is set
	@exec $(BIN)/flask --app wsgi worker

browser: setup-dev
	@sh tests/install_browser.sh

test: browser ## the whole suite, browser included
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/flask --app wsgi check-protocols

check: lint browser ## what CI runs: format, lint, types, imports, protocols, tests, coverage
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations=40 --cov --cov-report=term

bench: setup-dev ## speed, as ratios against floors, into var/bench.json
	$(BIN)/python -m tests.bench

$(AUDIT)/.installed: requirements-audit.txt | $(BIN)/python
	$(PYTHON) -m venv $(AUDIT)
	$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-audit.txt
	@touch $@

# In an environment of its own: it wants another httpx than schemathesis.
$(AUDIT)/wapiti/bin/wapiti: $(AUDIT)/.installed
	$(PYTHON) -m venv $(AUDIT)/wapiti
	$(AUDIT)/wapiti/bin/python -m pip install --quiet --disable-pip-version-check wapiti3==3.2.3

audit: setup-dev $(AUDIT)/wapiti/bin/wapiti ## scanners, known weaknesses, 5 000 requests, 100 kills, into var/audit/
	$(BIN)/python -m tests.audit

scan: setup-dev $(AUDIT)/.installed ## the part of it that CI runs too
	$(BIN)/python -m tests.audit bandit semgrep
	$(BIN)/python -m pytest -q tests/house/test_audit.py

migration: setup-dev ## draft a migration: make migration m="what changes"
	$(BIN)/flask --app wsgi upgrade
	$(BIN)/flask --app wsgi draft-migration "$(m)"

translations: setup-dev ## gather the texts of the screens into the English catalogue
	@mkdir -p var
	$(BIN)/pybabel -q extract -F babel.cfg -k lazy -k lazy_gettext --no-location --no-wrap --sort-output -o var/messages.pot booking
	$(BIN)/pybabel -q update -i var/messages.pot -d booking/translations -l en --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

clean: ## forget the virtual environment, the embedded database, every cache
	rm -rf $(VENV) $(AUDIT) var .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find booking/translations -name '*.mo' -delete

# make demo | test | lint | clean.  Everything is installed into .venv and nowhere else; no compiler is needed.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_OPTIONS ?= -n 2

# One thread for each process: on small machines more threads cost more than they give.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint clean
.DELETE_ON_ERROR:

demo: .venv/installed
	$(BIN)/lagsym run double_pendulum -o out/

test: .venv/installed-test
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

lint: .venv/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/basedpyright
	$(BIN)/lint-imports

clean:
	rm -rf .venv out

# The stamps lie in .venv, so that removing it installs again, as a change of what is asked for does.
.venv/created:
	@echo "Installing into .venv; the first time takes a few minutes."
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade "pip>=25.1"
	touch $@

.venv/installed: .venv/created pyproject.toml constraints.txt
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(PIP) install --constraint constraints.txt --group test
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) install --constraint constraints.txt --group dev
	touch $@

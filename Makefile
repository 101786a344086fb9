# Two commands for a fresh clone:  make demo   and   make test.
# Each makes $(VENV) when it is missing; stamp files make the second run quick.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
WEFT_STAMP := $(VENV)/.installed-weft
DEV_STAMP := $(VENV)/.installed-dev

# mypy and import-linter look for a folder named `weft`; the checkout may have any name.
TYPECHECK := .typecheck/weft

.PHONY: demo test check lint types format pytest soak kernels clean
.DEFAULT_GOAL := demo

# The first start also compiles the grammar engine, and says so: about a minute, once.
demo: $(WEFT_STAMP)
	$(BIN)/python examples/extraction.py

test: check pytest

check: lint types

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: $(DEV_STAMP) $(TYPECHECK)
	$(BIN)/mypy -p weft

pytest: $(DEV_STAMP)
	$(BIN)/python -m pytest

format: $(DEV_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The long versions: more random histories, and the tests marked `soak`.
soak: $(DEV_STAMP)
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -m "soak or not soak" --timeout 3600

# Every Triton kernel, compiled ahead of time for each architecture; needs no GPU.
kernels: $(DEV_STAMP)
	$(BIN)/python -m weft.kernels.compile

clean:
	rm -rf build dist *.egg-info .typecheck .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# torch comes first and by itself, so that a machine that has a CPU wheel at hand takes that one.
$(VENV)/.installed-torch: | $(BIN)/python
	$(BIN)/python -c "import torch" 2>/dev/null || $(PIP) "$(TORCH)"
	touch $@

$(WEFT_STAMP): pyproject.toml $(VENV)/.installed-torch
	$(PIP) --editable .
	touch $@

$(DEV_STAMP): pyproject.toml $(VENV)/.installed-torch
	$(PIP) --editable ".[dev]"
	touch $@ $(WEFT_STAMP)

$(TYPECHECK):
	mkdir -p .typecheck
	ln -sfn .. $@

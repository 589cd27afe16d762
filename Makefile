# Everything here sets up its own environment in .venv; only Python >= 3.11 and make are needed.
PYTHON ?= python3
# More options for pip. On Linux, PyPI's torch brings 3 GB of CUDA; the CPU build is enough here:
#   make demo PIP_FLAGS='--extra-index-url https://download.pytorch.org/whl/cpu'
PIP_FLAGS ?=

BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo "Settings: PYTHON=python3.12 (which Python), PIP_FLAGS='...' (more options for pip),"
	@echo "          LANGLIFT_CORPUS=folder (motion corpus for make test)"

install: $(STAMP) ## Set up .venv (the other targets do this by themselves)

demo: $(STAMP) ## Lift the clip that comes with the package and write demo/
	$(BIN)/langlift demo --out demo

test: $(STAMP) ## Run all tests
	$(BIN)/python -m pytest

check: $(STAMP) ## Lint, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

bench: $(STAMP) ## Measure speed and memory, print a table and write JSON
	$(BIN)/python benchmarks/run.py

# One resolver run: an exact pin in the constraints also admits the CPU build (2.13.0+cpu), which
# pip prefers wherever an index or a wheel folder that it knows has it.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null); \
	  echo "langlift needs Python 3.11 or newer, but '$(PYTHON)' is $${found:-missing};" \
	    "name another one: make PYTHON=python3.12" >&2; \
	  exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

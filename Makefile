# Every target needs only make and Python >= 3.11: it makes the virtual environment it runs in.
# Another interpreter: make PYTHON3=python3.12 test

PYTHON3 ?= python3
PYTEST_ARGS ?= -n auto
ATLAS_ARGS ?=
TAG ?=

VENV := .venv
OLDEST_VENV := .venv-oldest
INTEROP_VENV := .venv-interop
BENCH_VENV := .venv-bench
DOCS_VENV := .venv-docs
RELEASE_VENV := .venv-release
PYTHON := $(VENV)/bin/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Two installations into one environment must not run at once.
.NOTPARALLEL:
.PHONY: help demo test test-oldest test-interop test-cov lint format bench bench-full atlas docs \
	release-check clean

help:  ## Show this list.
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) \
		| awk -F '|' '{ printf "%-14s %s\n", $$1, $$2 }'

demo: $(VENV)/.stamp-demo  ## Compare with scikit-learn on two data sets: a table and a figure.
	@$(PYTHON) benchmarks/demo.py

test: $(VENV)/.stamp-test  ## Run the tests and the examples in the docstrings.
	$(PYTHON) -m pytest $(PYTEST_ARGS)

test-oldest: $(OLDEST_VENV)/.stamp-test  ## The same, with the oldest versions that are allowed.
	$(OLDEST_VENV)/bin/python -m pytest $(PYTEST_ARGS)

test-interop: $(INTEROP_VENV)/.stamp-interop  ## Test what works with ONNX, SHAP, skops and others.
	$(INTEROP_VENV)/bin/python -m pytest tests/test_interop.py tests/test_docs.py -k interop

test-cov: $(VENV)/.stamp-test  ## The same, with a report of what they cover.
	$(PYTHON) -m pytest $(PYTEST_ARGS) --cov --cov-report=term-missing

lint: $(VENV)/.stamp-lint  ## Check style, format, types and the direction of imports.
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.stamp-lint  ## Correct style and format where that can be done safely.
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

bench: $(BENCH_VENV)/.stamp-bench  ## Run the small benchmark.
	$(BENCH_VENV)/bin/python benchmarks/run.py --preset small

bench-full: $(BENCH_VENV)/.stamp-bench  ## Run the full benchmark.
	$(BENCH_VENV)/bin/python benchmarks/run.py --preset full

atlas: $(BENCH_VENV)/.stamp-bench  ## Race on many kinds of data; ATLAS_ARGS=--quick: two minutes.
	cd benchmarks && ../$(BENCH_VENV)/bin/python -m atlas run $(ATLAS_ARGS)

docs: $(DOCS_VENV)/.stamp-docs  ## Build the documentation in docs/_build/html.
	@rm -f docs/generated/*.rst  # pages of names that may be no more
	$(DOCS_VENV)/bin/python -m sphinx -W --keep-going -b html docs docs/_build/html

release-check: $(RELEASE_VENV)/.stamp-release  ## Build and test what a release uploads; TAG=v1.2.3.
	PYTHON3='$(PYTHON3)' TAG='$(TAG)' PYTEST_ARGS='$(PYTEST_ARGS)' \
		.ci/release-check $(RELEASE_VENV)/bin/python

clean:  ## Remove the environments and everything that was built.
	rm -rf .venv .venv-* build dist demo_output docs/_build docs/auto_examples
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* htmlcov
	find bce_logistic benchmarks docs tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment, with a pip that knows dependency groups.
%/.stamp-venv:
	@echo "Making the environment $* ..."
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed.")'
	@$(PYTHON3) -m venv --clear $*
	@$*/bin/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
	@touch $@

# One stamp for each dependency group that is installed in an environment; the second argument is
# for pip.
define install
	@echo "Installing the group $(1) in $(@D) ..."
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --editable . --group $(1) $(2)
	@touch $@
endef

# Of ISLP only the data of the book are needed, and not what it requires: PyTorch, for one.
$(VENV)/.stamp-test: pyproject.toml | $(VENV)/.stamp-venv
	$(call install,test)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps ISLP==0.6.0

$(VENV)/.stamp-lint $(VENV)/.stamp-demo: pyproject.toml | $(VENV)/.stamp-venv
	$(call install,$(@:$(VENV)/.stamp-%=%))

$(OLDEST_VENV)/.stamp-test: pyproject.toml tests/oldest-constraints.txt | $(OLDEST_VENV)/.stamp-venv
	$(call install,test,--constraint tests/oldest-constraints.txt)

$(INTEROP_VENV)/.stamp-interop: pyproject.toml | $(INTEROP_VENV)/.stamp-venv
	$(call install,interop)

$(BENCH_VENV)/.stamp-bench: pyproject.toml | $(BENCH_VENV)/.stamp-venv
	$(call install,bench)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --no-deps ISLP==0.6.0

# The package itself is not installed there.
$(RELEASE_VENV)/.stamp-release: pyproject.toml | $(RELEASE_VENV)/.stamp-venv
	@echo "Installing the group release in $(@D) ..."
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check --group release
	@touch $@

$(DOCS_VENV)/.stamp-docs: pyproject.toml | $(DOCS_VENV)/.stamp-venv
	$(call install,docs)

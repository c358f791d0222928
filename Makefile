# Practical ML Engineering. Needs Python 3 and make; everything else is set up on first use.
#
#   make lab             JupyterLab on the course; options of its own: make lab LAB_ARGS='--no-browser --port=8890'
#   make lab CHAPTER=2   the same with nbgrader's formgrader on the exercises of a chapter (docs/teaching.md)
#   make setup           only the environment, which the other commands set up too: 2 to 10 minutes, once
#   make pipeline        the churn pipeline, end to end, and its report
#   make test            lint, unit tests, every notebook, the pipeline, the exercises
#   make test-platforms  lessons and tests that need the large engines
#   make test-processors every notebook and the pipeline as two other processors would run them
#   make unit            only the tests of the package; make unit COVERAGE=--all measures all of its coverage
#   make lessons         only the notebooks, compared with their stored outputs
#   make lock            resolve the dependencies anew (after a change in pyproject.toml)
#   make clean           remove what these commands made

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup lab pipeline test lint unit lessons exercises test-platforms test-processors lock images clean

PYTHON ?= python3
WORKERS ?= 2
UV_VERSION := 0.13.9
UV := .tools/bin/uv
BIN := .venv/bin
PLATFORMS := .venv-platforms/bin
AIRFLOW := .venv-airflow/bin
UV_ENV := UV_NO_PROGRESS=1 UV_LINK_MODE=$(or $(UV_LINK_MODE),hardlink)

# One thread for each numeric library: results do not depend on the machine's cores,
# and two workers do not fight for two cores.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export PYTHONHASHSEED ?= 0
export DVC_NO_ANALYTICS ?= 1
# Importing uncompiled libraries takes twice as long; set-up compiles them, and nothing may switch that off.
unexport PYTHONDONTWRITEBYTECODE
export JUPYTER_PLATFORM_DIRS ?= 1

help:
	@sed -n 's/^#   make /make /p' Makefile

# --- set-up -------------------------------------------------------------------------------------

# $(call installing,ENVIRONMENT,COMMAND): run it, and tell every ten seconds how far it is.
TELL_SECONDS ?= 10
define installing
start=$$SECONDS; $(2) & job=$$!; trap 'kill $$job 2>/dev/null || true' EXIT; \
while sleep 1; kill -0 $$job 2>/dev/null; do \
  passed=$$((SECONDS - start)); if ((passed % $(TELL_SECONDS) == 0)); then \
    there=$$(find $(1)/lib -name '*.dist-info' -prune 2>/dev/null | wc -l); \
    if ((there == 0)); then echo "setup:   fetching packages, $$passed s"; \
    else echo "setup:   $$there packages there, $$passed s"; fi; \
  fi; \
done; wait $$job && echo "setup:   done in $$((SECONDS - start)) s"
endef

$(UV):
	@echo "setup: uv $(UV_VERSION), which installs the rest, into .tools"
	@for python in $(PYTHON) /usr/bin/python3 /usr/local/bin/python3 python; do \
	  if "$$python" -m pip --version >/dev/null 2>&1; then \
	    "$$python" -m pip install --quiet --disable-pip-version-check --target .tools --upgrade uv==$(UV_VERSION) 2> >(grep -v WARNING >&2 || true); exit; \
	  fi; \
	done; echo "setup: no Python with pip found; install pip (Debian: apt install python3-pip) or name a Python: make PYTHON=..." >&2; exit 1
	@touch $@

# A changed lock or package metadata sets up again; otherwise this costs nothing.
.venv/.ready: requirements.lock pyproject.toml | $(UV)
	@echo "setup: Python 3.11 into .venv"
	@test -x $(BIN)/python || $(UV_ENV) $(UV) venv --quiet --python 3.11 .venv
	@echo "setup: the $$(grep -c '==' requirements.lock) packages of requirements.lock, 2.5 GB; a minute, or as long as the download takes"
	@$(call installing,.venv,$(UV_ENV) $(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock)
	@echo "setup: the course's own package"
	@$(UV_ENV) $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@test -d .git || { mkdir -p .dvc && printf '[core]\n    no_scm = true\n' > .dvc/config.local; }
	@touch $@
	@echo "setup: ready; \`make lab\` opens the course, \`source .venv/bin/activate\` brings the command mle"

# What JupyterLab and its kernels read; binder/postBuild copies the same.
SETTINGS := binder/overrides.json binder/page_config.json binder/nbgrader_config.py binder/ipython_kernel_config.py
.venv/.settings: $(SETTINGS) | .venv/.ready
	@mkdir -p .venv/share/jupyter/lab/settings .venv/etc/jupyter/labconfig .venv/etc/ipython
	@cp binder/overrides.json .venv/share/jupyter/lab/settings/
	@cp binder/page_config.json .venv/etc/jupyter/labconfig/
	@cp binder/nbgrader_config.py .venv/etc/jupyter/
	@cp binder/ipython_kernel_config.py .venv/etc/ipython/
	@touch $@

.venv-platforms/.ready: requirements-platforms.lock pyproject.toml | $(UV)
	@echo "setup: Python 3.11 and the platforms tier into .venv-platforms, a minute or two"
	@test -x $(PLATFORMS)/python || $(UV_ENV) $(UV) venv --quiet --python 3.11 .venv-platforms
	@$(call installing,.venv-platforms,$(UV_ENV) $(UV) pip sync --quiet --compile-bytecode --python $(PLATFORMS)/python --require-hashes requirements-platforms.lock)
	@$(UV_ENV) $(UV) pip install --quiet --python $(PLATFORMS)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Airflow wants other versions of what the course is built on, so it has an environment and a lock of its own.
.venv-airflow/.ready: requirements-airflow.lock | $(UV)
	@echo "setup: Python 3.11 and Airflow into .venv-airflow, a minute or two"
	@test -x $(AIRFLOW)/python || $(UV_ENV) $(UV) venv --quiet --python 3.11 .venv-airflow
	@$(call installing,.venv-airflow,$(UV_ENV) $(UV) --no-config pip sync --quiet --compile-bytecode --python $(AIRFLOW)/python --require-hashes requirements-airflow.lock)
	@touch $@

setup: .venv/.ready .venv/.settings

# --- use ----------------------------------------------------------------------------------------

# Jupyter refuses root without an option, and without a screen it would open a browser in the terminal.
ROOT_ARGS = $(if $(filter 0,$(shell id -u)),--allow-root)
SCREEN_ARGS = $(if $(filter Linux,$(shell uname)),$(if $(DISPLAY)$(WAYLAND_DISPLAY),,--no-browser))
# CHAPTER=2 or 02_data: JupyterLab reads binder/formgrader before its other settings.
CHAPTER_FOLDER = $(firstword $(wildcard exercises/$(CHAPTER)/source exercises/0$(CHAPTER)_*/source exercises/$(CHAPTER)_*/source))
FORMGRADER_ENV = JUPYTER_CONFIG_PATH="$(CURDIR)/binder/formgrader" MLE_CHAPTER_FOLDER="$(CURDIR)/$(CHAPTER_FOLDER:/source=)"
lab: setup
	@$(if $(CHAPTER),$(if $(CHAPTER_FOLDER),,echo "lab: no exercises of chapter $(CHAPTER); there are: $(notdir $(patsubst %/source,%,$(wildcard exercises/*/source)))" >&2; exit 1))
	@echo "lab: JupyterLab on notebooks/00_start_here.ipynb; its address follows, Ctrl-C stops it"
	@$(if $(CHAPTER),echo "lab: formgrader on $(CHAPTER_FOLDER:/source=): menu Nbgrader > Formgrader")
	@$(if $(ROOT_ARGS),echo "lab: you are root and so is every cell that runs; an account of your own is safer")
	@$(if $(CHAPTER),$(FORMGRADER_ENV)) PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab --Application.log_level=ERROR --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb \
	  $(ROOT_ARGS) $(SCREEN_ARGS) $(LAB_ARGS)

pipeline: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python pipelines/run.py churn

# --- tests --------------------------------------------------------------------------------------

test: setup
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory pipeline
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory lessons
	@$(MAKE) --no-print-directory exercises
	@echo "test: all passed"

lint: setup
	@echo "lint: ruff on code and notebooks, the order of imports between stages, the lessons' form"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@out=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$out"; exit 1; }
	@find notebooks pipelines -name '*.ipynb' -not -path '*/artifacts/*' -not -path '*/.*' | sort \
	  | PATH="$(CURDIR)/$(BIN):$$PATH" xargs $(BIN)/mle lesson check | { grep -v ': ok$$' || true; }

# COVERAGE=--all measures every stage; by default those that the last 20 commits changed.
unit: setup
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/unit.py $(COVERAGE) -n $(WORKERS)

lessons: setup
	@echo "lessons: every notebook against its stored outputs"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --nbval -p no:cacheprovider -n $(WORKERS) --dist loadfile -q notebooks
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest --nbval -p no:cacheprovider -q pipelines

exercises: setup
	@if compgen -G "exercises/*/source" >/dev/null; then \
	  echo "exercises: solutions, releases and typical mistakes"; \
	  PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest tests/exercises -n $(WORKERS) -q; \
	else echo "exercises: none written yet"; fi

test-platforms: .venv-platforms/.ready .venv-airflow/.ready
	@echo "test-platforms: what needs the large engines"
	@PATH="$(CURDIR)/$(PLATFORMS):$$PATH" $(PLATFORMS)/python -m pytest tests -m platforms -q -p no:cacheprovider

# CHANGED=20 looks at the notebooks whose code the last 20 commits changed; NOTEBOOKS=... at these only.
test-processors: setup
	@echo "test-processors: outputs and hashes as two other processors make them"
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tests/processors.py $(if $(CHANGED),--changed $(CHANGED)) $(NOTEBOOKS)

# --- upkeep -------------------------------------------------------------------------------------

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra dev
lock: $(UV)
	@echo "lock: requirements.lock, requirements-platforms.lock, requirements-airflow.lock, environment.yml"
	@$(LOCK) $(LOCK_ARGS) pyproject.toml --output-file requirements.lock
	@$(LOCK) $(LOCK_ARGS) --extra platforms --constraint requirements.lock pyproject.toml --output-file requirements-platforms.lock
	@$(UV) --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  $(LOCK_ARGS) deploy/airflow/requirements.in --output-file requirements-airflow.lock
	@$(PYTHON) binder/make_environment.py

clean:
	@echo "clean: environments, tools, caches, artifacts"
	@rm -rf .venv .venv-platforms .venv-airflow .tools .pytest_cache .ruff_cache .hypothesis .coverage .coverage.* .import_linter_cache \
	  pipelines/*/artifacts pipelines/*/report .dvc/cache .dvc/tmp
	@find . -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf

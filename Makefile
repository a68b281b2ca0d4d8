# Everything that sets up and checks ViMo-Flow. Needs GNU make, Python 3.10-3.12 and a package index.
#
#   make demo           a real video in, 3D animation in demo/result out
#   make test           what CI runs: lint, format, types, import contracts, documentation, tests
#   make docs           the documentation as a site, in site/
#   make test-slow      tests that take minutes
#   make test-blender   the files against a real Blender (bpy, about 1 GB; needs Python 3.11)
#   make test-browser   the preview page, and files in three.js, in headless Chromium (and npm)
#   make fuzz N=1000000 so many broken files into all readers, going on where the last run stopped
#   make clean          removes what these commands made
#
# Settings, each as in `make demo PYTHON=python3.12`:
#   PYTHON     which interpreter makes the environments; the first of 3.10-3.12 found by default
#   TORCH      what to install as PyTorch. On Linux the package index serves the CUDA build (some
#              GB), which also runs on a CPU; to save the space, name your own wheel or index here:
#              TORCH='torch==2.13.0 --index-url URL'
#   WORKERS    how many test processes at once

TORCH ?= torch==2.13.0
WORKERS ?= 2
PYTHON ?= $(shell for python in python3 python3.11 python3.12 python3.10 python; do \
  $$python -c $(SUPPORTED) 2>/dev/null && echo $$python && break; done)

SUPPORTED := 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
BLENDER_VENV := .venv-blender
BLENDER_INSTALLED := $(BLENDER_VENV)/.installed
# The part of the demo clip with two people in it.
DEMO_PART := --start 1.5 --end 6.5
BLENDER_DEBIAN := libxrender1 libxxf86vm1 libxfixes3 libxi6 libxkbcommon0 libsm6

PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
# Results must not depend on how many threads a machine has, and parallel tests share the cores.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest
SITE = NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

.DELETE_ON_ERROR:
.PHONY: fuzz help demo test docs test-slow test-blender test-browser clean check-python

help:
	@sed -n '3,9s/^# *//p' Makefile

check-python:
	@$(or $(PYTHON),false) -c $(SUPPORTED) 2>/dev/null || { \
	  echo "ViMo-Flow needs Python 3.10, 3.11 or 3.12; $(or $(PYTHON),python3) is none of them" \
	    "($$($(or $(PYTHON),python3) --version 2>&1 | head -n 1))." \
	    "Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }

# An environment made by another interpreter, or half made, is made anew. Debian's Python has no venv
# module until python3-venv is installed; virtualenv from the package index does the same.
define make_venv
	@$(1)/bin/python -c $(SUPPORTED) 2>/dev/null && $(1)/bin/python -m pip --version >/dev/null 2>&1 \
	  || { $(MAKE) --no-print-directory check-python && rm -rf $(1) \
	  && echo "Making $(1) with $(PYTHON)" && { $(PYTHON) -m venv $(1) >/dev/null 2>&1 \
	  || { $(PYTHON) $(PIP_INSTALL) --target $(1)/virtualenv virtualenv \
	  && PYTHONPATH=$(1)/virtualenv $(PYTHON) -m virtualenv --quiet $(1); }; }; }
endef

$(INSTALLED): pyproject.toml constraints.txt
	$(call make_venv,$(VENV))
	@echo "Installing PyTorch and ViMo-Flow into $(VENV) (minutes, once)"
	@$(BIN)/python $(PIP_INSTALL) $(TORCH)
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e .
# OpenCV's desktop build, which MediaPipe asks for, needs the system's libGL; the headless one not.
	@$(BIN)/python -c 'import cv2' 2>/dev/null || $(BIN)/python $(PIP_INSTALL) --force-reinstall \
	  --no-deps opencv-contrib-python-headless==4.11.0.86
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@echo "Installing the development tools into $(VENV)"
	@$(BIN)/python $(PIP_INSTALL) -c constraints.txt -e '.[dev]'
# rtmlib asks for another build of OpenCV than the one that is there.
	@$(BIN)/python $(PIP_INSTALL) --no-deps rtmlib==0.0.16
	@touch $@

$(BLENDER_INSTALLED): pyproject.toml
	$(call make_venv,$(BLENDER_VENV))
	@echo "Installing Blender's Python module into $(BLENDER_VENV) (about 1 GB, once)"
	@$(BLENDER_VENV)/bin/python $(PIP_INSTALL) 'bpy==4.5.*'
	@touch $@

demo: $(INSTALLED)
	$(BIN)/python -m lab.demo_video demo/sports2d_demo.mp4
	$(BIN)/vimoflow generate demo/sports2d_demo.mp4 -o demo/result $(DEMO_PART)
	@echo "The results are in $(CURDIR)/demo/result: open preview.html in a browser."

test: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(SITE) --quiet
	$(PYTEST) -n $(WORKERS)

# Any warning, such as a link to nowhere, is an error.
docs: $(INSTALLED_DEV)
	$(SITE)
	@echo "The site is in $(CURDIR)/site. With search: $(BIN)/python -m http.server -d site"

test-slow: $(INSTALLED_DEV)
	$(PYTEST) -m slow

# The tests run in .venv and hand files to the other environment's interpreter.
test-blender: $(INSTALLED_DEV) $(BLENDER_INSTALLED)
	@$(BLENDER_VENV)/bin/python -c 'import bpy' || { echo "bpy does not load. On Debian and" \
	  "Ubuntu it needs: apt-get install $(BLENDER_DEBIAN)" >&2; exit 1; }
	VIMOFLOW_BLENDER_PYTHON=$(CURDIR)/$(BLENDER_VENV)/bin/python $(PYTEST) -m blender

test-browser: $(INSTALLED_DEV)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
	  || command -v google-chrome >/dev/null || { echo "No Chromium or Chrome found." \
	  "On Debian: apt-get install chromium" >&2; exit 1; }
	$(PYTEST) -m browser

N ?= 100000
fuzz: $(INSTALLED_DEV)
	OMP_NUM_THREADS=1 nice $(BIN)/python -m lab.fuzzing $(N)

clean:
	rm -rf $(VENV) $(BLENDER_VENV) demo build dist site .pytest_cache .mypy_cache .ruff_cache \
	  .hypothesis .import_linter_cache src/vimoflow.egg-info
	find src tests lab -name __pycache__ -prune -exec rm -rf {} +

# What can be done here; `make` alone lists it. Nothing is installed outside this folder, except what
# `make test` lacks when root runs it (and python3-venv, should root's Python have none).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --constraint $(LOCK)
FRONT := dashboards/static/vendor/versions.json
# How many test at a time; 1 for one after the other. A third would take the time that broadcasts are promised.
# One begins with broadcasts, which wait, another with pages, which compute; who is done first takes from the other.
TESTERS ?= 2
APT := export DEBIAN_FRONTEND=noninteractive; apt-get update -q && apt-get install -q -y --no-install-recommends

# The first Python of at least 3.11; `make PYTHON=...` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

.PHONY: help demo test lint format wheel bench pictures lock clean install machinery

help: ## This list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: install ## A whole simulated council, live, in one command; ARGS="--port 0 --for 60" are passed on
	@exec $(BIN)/avctl demo $(ARGS)

install: $(VENV)/.installed $(FRONT) ## avctl in .venv, with its pages

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "avctl needs Python 3.11 or newer; 'make PYTHON=/path/to/python3' names it." >&2; exit 1; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv $(VENV); \
	elif [ "$$(id -u)" = 0 ]; then $(APT) python3-venv; $(PYTHON) -m venv $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; \
	else echo "This Python cannot make virtual environments. As root: apt-get install python3-venv" >&2; exit 1; fi
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml $(LOCK)
	@echo "Installing avctl in $(VENV)"
	@$(INSTALL) pip
	@$(INSTALL) --editable .
	@$(BIN)/python -m compileall -q avctl drivers streams dashboards  # a first start is as fast as the next
	@touch $@

$(FRONT): dashboards/package.json dashboards/package-lock.json dashboards/build.py | $(VENV)/.installed
	@echo "Fetching what the pages use"
	@{ command -v node && command -v npm; } >/dev/null || $(INSTALL) --group node
	@$(BIN)/python dashboards/build.py

# --- the test machinery ----------------------------------------------------------------------------

test: machinery $(FRONT) ## Everything that CI runs; all of it, whatever fails first
	@status=0; $(MAKE) lint || status=1; $(MAKE) wheel || status=1; \
	[ $$status = 0 ] || echo "Code style, types, imports or the wheel FAILED, see above; now the tests."; \
	$(BIN)/pytest --numprocesses $(TESTERS) --dist worksteal --ignore tests/whole $(ARGS) || status=1; \
	[ -n "$(ARGS)" ] || $(BIN)/pytest tests/whole || status=1; exit $$status  # a whole day has the machine to itself

# An RTSP server for the tests, which is no program but a library of the system's Python.
RTSP_PARTS := python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad
define RTSP
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst
Gst.init(None)
for name in ("openh264enc", "voaacenc", "rtph264pay", "videotestsrc"):
    assert Gst.ElementFactory.find(name)
endef
export RTSP

machinery: $(VENV)/.testing
	@missing=""; for part in ffmpeg:ffmpeg chromium:chromium firefox-esr:firefox-esr obs:obs-studio Xvfb:xvfb \
		snmpget:snmp upsc:nut-client /lib/nut/upsd:nut-server mosquitto:mosquitto; do \
		command -v $${part%:*} >/dev/null || missing="$$missing $${part#*:}"; done; \
	/usr/bin/python3 -c "$$RTSP" 2>/dev/null || missing="$$missing $(RTSP_PARTS)"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then $(APT) $$missing; \
	else echo "The tests need, as root: apt-get install$$missing" >&2; exit 1; fi

$(VENV)/.testing: $(VENV)/.installed
	@echo "Installing the test machinery in $(VENV)"
	@$(INSTALL) --group test
	@touch $@

lint: $(VENV)/.testing ## Format, style, types and the direction of imports
	@status=0; for part in "ruff format --check ." "ruff check ." mypy lint-imports; do \
		echo "$$part"; $(BIN)/$$part || status=1; done; exit $$status

format: $(VENV)/.testing ## Put the code in its form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

define IMPORT_ALL
import importlib, pkgutil
folders = [importlib.import_module(name) for name in ("avctl", "drivers", "streams", "dashboards")]
names = [found.name for folder in folders for found in pkgutil.walk_packages(folder.__path__, f"{folder.__name__}.")]
for name in names:
    if ".migrations" not in name and not name.endswith("__main__"):
        importlib.import_module(name)
print(f"The wheel is complete: {len(names)} modules imported.")
endef
export IMPORT_ALL

wheel: $(VENV)/.installed $(FRONT) ## The wheel, proven in a clean environment
	@rm -rf build/wheel build/clean
	@$(PIP) wheel --no-deps --wheel-dir build/wheel .
	@$(BIN)/python -m venv build/clean
	@build/clean/bin/python -m pip --disable-pip-version-check --quiet install --constraint $(LOCK) build/wheel/*.whl
	@cd build && clean/bin/python -c "$$IMPORT_ALL"
	@build/clean/bin/avctl --help >/dev/null
	@build/clean/bin/avctl check build/clean/share/avctl/demo.toml
	@listed=$$($(BIN)/python -m zipfile -l build/wheel/*.whl) && grep -q static/vendor/htmx.min.js <<<"$$listed" \
		|| { echo "The wheel lacks the front end." >&2; exit 1; }

bench: machinery $(FRONT) ## Measure, beside what it is compared with, into tests/bench/results.json
	@$(INSTALL) --group node
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

pictures: machinery $(FRONT) ## Take the pictures of the README again
	@PYTHONPATH=tests $(BIN)/python -m bench.pictures

lock: ## Newest versions of everything into requirements.lock
	@rm -rf build/lock && $(PYTHON) -m venv build/lock && build/lock/bin/pip --quiet install --upgrade pip
	@build/lock/bin/pip --quiet install --group build --group node --group test .
	@build/lock/bin/pip freeze --all --exclude avctl --exclude setuptools > $(LOCK)
	@rm -rf build/lock
	@cat $(LOCK)

clean: ## Back to what git knows
	@rm -rf $(VENV) build dist dashboards/node_modules dashboards/static/vendor
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find avctl drivers streams dashboards tests -name __pycache__ -type d -prune -exec rm -rf {} +

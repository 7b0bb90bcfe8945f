# Everything runs in .venv, made on first use with the pinned versions of constraints.txt.
# Written: this checkout and the user's cache, nothing else.

VENV   := .venv
BIN    := $(VENV)/bin
TOO_OLD := 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c $(TOO_OLD) 2>/dev/null && echo $$p && break; done)
# setuptools warns of every editable installation, in eight lines.
PIP    := PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip --disable-pip-version-check
# `make test PYTEST="-x tests/state"` runs a part, `make test WORKERS=0` without processes.
PYTEST  ?=
# Six more than cores: half of the time tests wait, for a rollout or a time-out that is their subject.
CORES := $(shell getconf _NPROCESSORS_ONLN)
WORKERS ?= $(shell echo $$(($(CORES) + 6)))
# What shares something is a group, which one process runs (tests/testbed/groups.py). Of the tests
# that need root, those with a kubelet, those with a container engine and those with a browser are
# one each, and run side by side: nodes have fixed names, and engines are a module's.
# Without bytecode every process would rewrite all the tests' assertions anew: a third of a minute.
TESTS = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
# `make mutants SAMPLE=100` tries so many of them, the same for the same code.
SAMPLE  ?=

.PHONY: help demo test test-sweep test-node test-programs test-long mutants lint format check coverage fuzz bench pictures image clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/.demo  ## the main job on this machine: promote, diff, sync, a failing rollout, rollback
	@$(BIN)/gitops demo

test: $(VENV)/.test $(VENV)/.rewritten  ## the tests that need Python, git, make and Go (a real kube-apiserver is built once)
	$(TESTS) -m "not node and not long and not sweep" $(PYTEST)

test-sweep: $(VENV)/.test $(VENV)/.rewritten  ## every command under every condition, broken documents, the sandbox, each page, small crowds and kills
	$(TESTS) -m "sweep and not node and not long" $(PYTEST)

# Nodes wait half of their time: `make test-node MARKED="node or sweep"` fills that up, as CI does.
test-node: MARKED ?= node
test-node: WORKERS = $(shell echo $$(($(CORES) + 2)))  # kubelets and engines work beside them
test-node: $(VENV)/.test $(VENV)/.rewritten  ## the tests that need root on Debian: ssh, registry, containers, a real node
	tests/node/setup
	$(TESTS) -m "($(MARKED)) and not long and not programs" $(PYTEST)

test-programs: $(VENV)/.test  ## the node tests with real SOPS, OpenTofu, Helm, kustomize, cosign, promtool and Gitea: built once, for half an hour
	tests/node/setup programs
	$(TESTS) -m programs $(PYTEST)

test-long: $(VENV)/.test  ## fifty writers at once, a kill at every step
	$(TESTS) -m "long and not node" $(PYTEST)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "not over ssh: that needs root on Debian" >&2; exit; fi; \
	set -x; tests/node/setup && $(BIN)/python -m pytest -m "long and node" $(PYTEST)

mutants: $(VENV)/.mutants  ## is each line of domain/ held by tests/domain? SAMPLE=100 tries so many; all take an hour
	$(BIN)/python -m tests.mutants $(SAMPLE)

lint: $(VENV)/.test  ## format, lint, types, walls between the layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.test  ## let ruff format and sort
	$(BIN)/ruff check --fix-only --select I .
	$(BIN)/ruff format .

check: lint test  ## what to run before a commit

coverage: $(VENV)/.test  ## the same tests, with the lines and branches they do not reach
	$(TESTS) -m "not node and not long" --cov --cov-report=term $(PYTEST)

fuzz: $(VENV)/.test  ## the properties and the broken documents with hours of examples
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --hypothesis-profile=fuzz tests/domain tests/fuzz

bench: $(VENV)/.test  ## the figures of docs/performance.md, as ratios beside git and kubectl; needs hyperfine
	$(BIN)/python -m tests.benchmarks

pictures: $(VENV)/.test  ## draw the pictures of the README and the docs anew
	$(BIN)/python docs/images/house.py
	$(BIN)/python docs/schema/index.py
	$(BIN)/python docs/schema/files/make.py
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/images/terminal.py
	$(BIN)/python docs/images/screens.py
	! command -v chromium >/dev/null || $(BIN)/python docs/images/delivery.py

image:  ## the agent's image
	docker build -t gitops-cli .

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: set PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt pip

$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -q -c constraints.txt -e '.[sandbox]'
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -q -c constraints.txt -e '.[sandbox]' --group check --group test
	@touch $@ $(VENV)/.demo

# In a fresh checkout each process that runs tests would rewrite the assertions of all of them: a
# minute of two cores. What is wrong in one of them is told by the run itself.
$(VENV)/.rewritten: | $(VENV)/.test
	@find tests -name 'test_*.py' | sort | PYTHONDONTWRITEBYTECODE= xargs -n 260 -P 2 \
		$(BIN)/python -m pytest -q --collect-only >/dev/null 2>&1 || true
	@touch $@

$(VENV)/.mutants: pyproject.toml constraints.txt $(VENV)/.test
	$(PIP) install -q -c constraints.txt --group mutants
	@touch $@

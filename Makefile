# Every target works from a fresh clone: it makes .venv on first use and rebuilds the native core
# when its sources change. Needs Python 3.11+ with its headers, a C++20 compiler and make.

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
NATIVE := $(shell find csrc -name '*.cpp' -o -name '*.h')
CORE := $(filter-out csrc/tests/%,$(NATIVE)) setup.py
ASAN := build/asan

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-services test-all lint format bench asan commands fuzz fuzz-screening tsan neon \
	golden wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

demo: .venv/runtime ## build the demo index, scan the demo uploads, show what was decided and why
	@$(BIN)/hashmatch demo $(ARGS)

test: .venv/dev ## run the test suite; ARGS="-k word" chooses
	@$(BIN)/python -m pytest -n auto -m 'not services' $(ARGS)

# Exit code 5: no test carries the marker.
test-services: .venv/dev ## run the tests that start a real service: a database, a cluster, a browser
	@$(BIN)/python -m pytest -m services $(ARGS) || \
	{ code=$$?; test $$code -eq 5 && echo "no test needs a service yet" || exit $$code; }

test-all: test-services test ## run every test

lint: .venv/dev ## ruff, mypy, stubtest, clang-format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	MYPYPATH=src $(BIN)/stubtest hashmatch._core --allowlist tests/stubtest_allowlist.txt
	$(BIN)/clang-format --dry-run --Werror $(NATIVE)

format: .venv/dev ## rewrite the sources as lint wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(NATIVE)

bench: .venv/dev ## run the benchmarks; ARGS="--benchmark-json=FILE" keeps the figures
	@$(BIN)/python -m pytest benchmarks -o python_files='bench_*.py' $(ARGS)

golden: .venv/dev ## rewrite the golden files; nothing else does
	@$(BIN)/python -m pytest -m golden --rewrite-golden $(ARGS)

wheel: .venv/dev ## build/wheel: the wheel, built offline from the source distribution
	rm -rf build/sdist build/wheel
	$(BIN)/python setup.py -q egg_info --egg-base .venv sdist --formats gztar --dist-dir build/sdist
	$(PIP) wheel --no-index --no-build-isolation --no-deps --wheel-dir build/wheel build/sdist/*.tar.gz

# The sanitizers' libraries must be loaded before Python, and Python's own allocations at exit are
# not leaks of ours.
SANITIZED = PYTHONPATH=$(CURDIR)/$(ASAN) \
	LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 $(BIN)/python

asan: $(ASAN)/package ## native code under AddressSanitizer and UndefinedBehaviorSanitizer; needs g++
	CXX=g++ csrc/tests/run.sh sanitize
	$(SANITIZED) -m pytest tests/test_kernels.py tests/hashing tests/hamming \
	tests/decode/test_border.py $(ARGS)

fuzz: $(ASAN)/package ## damaged index files, under the same sanitizers; ARGS="--seconds 3600"
	$(SANITIZED) tests/hamming/fuzz_reader.py $(ARGS)

fuzz-screening: .venv/dev ## damaged files and adversarial JPEGs, screened; ARGS="--mutated 200000 --jpegs 100000"
	@PYTHONPATH=. $(BIN)/python tests/screener/fuzz_screening.py $(ARGS)

commands: .venv/dev ## random commands against an index, compared with a naive model; ARGS="--commands 100000"
	@folder=$$(mktemp -d) && $(BIN)/python -m tests.index.live_commands $$folder $(ARGS); \
	code=$$?; rm -rf $$folder; exit $$code

tsan: ## native code under ThreadSanitizer; needs g++
	CXX=g++ csrc/tests/run.sh threads $(ARGS)

neon: ## native tests on aarch64, emulated elsewhere; needs Debian's g++-aarch64-linux-gnu, qemu-user
	csrc/tests/run.sh neon $(ARGS)

# Made anew each time: the Python sources may have changed.
.PHONY: $(ASAN)/package
$(ASAN)/package: $(ASAN)/core
	rm -rf $(ASAN)/hashmatch
	cp -R src/hashmatch $(ASAN)/hashmatch
	rm -f $(ASAN)/hashmatch/_core.*.so
	cp $(ASAN)/core/hashmatch/_core.*.so $(ASAN)/hashmatch/
	grep -q __asan_report $(ASAN)/hashmatch/_core.*.so

$(ASAN)/core: .venv/dev $(CORE)
	rm -rf $@
	CC=gcc CXX=g++ HASHMATCH_SANITIZE=address,undefined \
	$(BIN)/python setup.py -q build_ext --build-temp $(ASAN)/objects --build-lib $@

clean: ## remove all that make and the tests made
	rm -rf .venv build dist src/*.egg-info src/hashmatch/_core.*.so indexes/*/built
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	{ echo "Python's venv module is needed (on Debian: the package python3-venv)" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; \
	sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || \
	{ echo "Python's headers are needed (on Debian: the package python3-dev)" >&2; exit 1; }
	@command -v $(CXX) >/dev/null || \
	{ echo "A C++20 compiler is needed; $(CXX) is not on PATH (or name one: make CXX=...)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python $(CORE) pyproject.toml src/hashmatch/_version.py
	$(PIP) install --editable .
	@touch $@

# The extra's packages are installed by name: asking for ".[dev]" would compile the core once more.
.venv/dev: .venv/runtime
	@$(BIN)/python -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["optional-dependencies"]["dev"], sep="\n")' >.venv/dev.txt
	$(PIP) install --requirement .venv/dev.txt
	@touch $@

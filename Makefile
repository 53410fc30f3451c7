# Two commands for a newcomer: `make demo` and `make test`. Each sets up all it needs in .venv/.
# What takes minutes is in `make prove`; what measures in `make bench-…`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := lite_env/bootstrap/runtime
# Of a script that runs as it was written: its types stand in its comments.
CHECK_JS := --noEmit --allowJs --checkJs --strict --target es2022 --lib es2022,dom,dom.iterable
# The environment's own tools first, Node from PyPI among them: the same versions everywhere.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The project file says what is installed: when it changes, so does the environment.
STAMP := $(VENV)/.installed

.PHONY: help demo test lint test-js prove verify-4x pictures setup chromium format bench-start bench-restored bench-engines bench-memory bench-pack bench-rebuild bench-fleet bench-jupyterlite bench-science snapshots clean

help:
	@echo "make demo       set up, build the channel, lock, pack, start the kernel, run a numpy cell"
	@echo "make test       set up, linters, type checks, unit, JavaScript and browser tests"
	@echo "make prove      the long tests: other versions of Python, 100,000 file operations, the page in three browser engines, channels by a keyring"
	@echo "make verify-4x  run today's kernels from the real channels (needs a network that reaches them)"
	@echo "make bench-start, bench-pack  measure against others: an hour, half an hour (BENCH=--quick: minutes)"
	@echo "make bench-rebuild  measure packing again, and on a new machine with a store far away: half an hour (BENCH=--quick: minutes)"
	@echo "make bench-fleet  measure how the cost of many environments grows: a quarter of an hour (BENCH=--quick: a minute)"
	@echo "make bench-jupyterlite  measure kernels in JupyterLite against others: a quarter of an hour (BENCH=--quick: minutes)"
	@echo "make bench-science  measure the scientific stack against Pyodide's own loading: twenty minutes (BENCH=--quick: some)"
	@echo "make bench-restored  measure second visits that are restored against plain ones and others: twenty minutes (BENCH=--quick: minutes)"
	@echo "make bench-engines  measure restored and plain second visits and restarts in Chromium, Firefox and WebKit: ten minutes"
	@echo "make bench-memory  measure the memory of a worker: minutes"
	@echo "make pictures   make the documentation's pictures of the page anew"
	@echo "make snapshots  write the kept answers of tests/report, tests/lock and tests/recipe anew"
	@echo "make format     format Python and say what the linters would"
	@echo "make clean      remove what was built"

$(STAMP): pyproject.toml hatch_build.py $(RUNTIME)/package-lock.json
	@$(PYTHON) -m venv $(VENV) || { echo "error: no venv module; on Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[channels,chromium,node,remote]" --group dev
	@touch $@

setup: $(STAMP) runtime

# The runtime is built by the package's hook at installation, and here again when its sources changed.
.PHONY: runtime
runtime: $(STAMP)
	@$(BIN)/python hatch_build.py

demo: setup
	$(BIN)/lite-env pack examples/numpy/environment.yml -o .build/demo
	$(BIN)/lite-env run .build/demo --figures -c "import numpy; print(numpy.linspace(0, 1, 5), numpy.__version__)"

test: setup chromium lint test-js
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd $(RUNTIME) && node node_modules/typescript/bin/tsc --noEmit
	node $(RUNTIME)/node_modules/typescript/bin/tsc $(CHECK_JS) lite_env/report/page/report.js

test-js: setup
	cd $(RUNTIME) && npm test --silent

prove: setup engines keyring
	$(BIN)/python tests/other_pythons.py 3.12 3.13
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow" -rP

verify-4x: setup
	$(BIN)/python tests/verify_4x.py

# Not in CI: figures of a machine that does other work too mean nothing. BENCH="--quick" tries it out.
bench-start: setup chromium
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.start $(BENCH)

bench-restored: setup chromium
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.start.restored $(BENCH)

bench-engines: setup engines
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.start.engines $(BENCH)

bench-memory: setup chromium
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.start.memory

bench-pack: setup
	$(BIN)/python -m benchmarks.pack $(BENCH)

# Taskset gives a process one core or two.
bench-rebuild: setup
	$(BIN)/python -m benchmarks.pack.rebuilds $(BENCH)

bench-fleet: setup
	$(BIN)/python -m benchmarks.fleet $(BENCH)

bench-jupyterlite: setup chromium
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.jupyterlite $(BENCH)

bench-science: setup chromium
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m benchmarks.science $(BENCH)

# Tests leave the pictures as they are, unless they are told otherwise.
pictures: setup chromium
	LITE_ENV_PICTURES=1 $(BIN)/python -m pytest tests/browser/test_page_in_chromium.py tests/browser/test_page_failures.py \
	  tests/browser/jupyterlite/test_widgets.py tests/browser/jupyterlite/test_failures.py tests/browser/test_report_in_chromium.py

chromium:
	@sh tests/browser/install_chromium.sh

# Firefox and WebKit, and what drives them.
.PHONY: engines
engines: $(STAMP)
	@sh tests/browser/install_engines.sh
	@$(BIN)/python -m pip install --quiet --group engines

# A keyring, which keeps credentials for channels.
.PHONY: keyring
keyring:
	@sh tests/cli/install_keyring.sh

# What changed is read in the difference, and committed with what changed it.
snapshots: setup
	RENEW_SNAPSHOTS=1 $(BIN)/python -m pytest -q -n0 tests/report/test_questions.py tests/lock/test_corpus.py \
	  tests/recipe/convert/test_corpus.py

format: setup
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) $(VENV)-* .build dist $(RUNTIME)/dist $(RUNTIME)/.build $(RUNTIME)/node_modules
	rm -rf channels/*/noarch channels/*/emscripten-wasm32

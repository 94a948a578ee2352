# Two commands do all the set-up: `make demo` and `make test`. Both make .venv on their first run.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= auto
BIN = $(VENV)/bin
# OpenMP threads that wait by spinning take the core that another process needs: on 2 busy cores an epoch of the demo
# took 0.4 to 1.1 s with this, 4 to 17 s without.
export OMP_WAIT_POLICY ?= PASSIVE
PLUGINS = $(wildcard plugins/*)
DISTRIBUTIONS = . $(PLUGINS)

.PHONY: demo test install lint types stubs bench build test-gpu clean

demo: install  ## train the three models on real digits, save, load, predict
	$(BIN)/python examples/demo.py

# A file of tests goes to one process as a whole, since its fixtures are made once; torch takes one thread in each.
test: install lint types  ## everything that CI runs; on so many cores: make test WORKERS=4
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt $(addsuffix /pyproject.toml,$(PLUGINS))
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip editables hatchling
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
	  --editable '.[dev]' $(addprefix --editable ,$(PLUGINS))
	touch $@

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy corekit scripts $(foreach plugin,$(PLUGINS),$(plugin)/corekit_$(notdir $(plugin)))

stubs: install  ## write the namespaces' .pyi files and the table of standard names
	$(BIN)/python scripts/write_stubs.py

bench: install  ## the main table; a part of it: make bench WORKLOADS=W1,W4 FRAMEWORKS=corekit,torch_tuned ROUNDS=5
	$(BIN)/python -m benchmarks.run $(if $(WORKLOADS),--workloads $(WORKLOADS)) \
	  $(if $(FRAMEWORKS),--frameworks $(FRAMEWORKS)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(BENCH)

test-gpu: install
	$(BIN)/python -m pytest -m cuda

build: install  ## a wheel of every distribution in dist/
	for folder in $(DISTRIBUTIONS); do \
	  $(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist $$folder || exit 1; \
	done

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache

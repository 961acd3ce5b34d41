# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev
BIN := $(VENV)/bin
SOURCES := src tests benchmarks examples
PEERS := liblinear-multicore libsvm-official scikit-learn-intelex skglm snapml thundersvm-cpu

.PHONY: demo test install lint bench clean

demo: $(VENV)/.installed
	$(BIN)/maxmargin compare digits

# Each of the two processes has a processor: more threads would wait for each other.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

install: $(VENV)/.installed-$(EXTRAS)

lint: install
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: $(VENV)/.installed-bench
	for peer in $(PEERS); do $(BIN)/python -m pip install --quiet --constraint constraints.txt $$peer || echo "$$peer: not installable here"; done
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/loss_speed.py
	$(BIN)/python benchmarks/trainer_overhead.py

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$*]"
	touch $@

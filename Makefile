# The commands of this project. `make` without a target lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# DVC starts the stages as `python`, so the virtual environment must be first on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONSAFEPATH  # with it, Python does not find `stages` and `src`
READY := $(VENV)/.installed-$(shell cat requirements.lock | cksum | cut -d' ' -f1)

# The tests of one file run in one process, because they share expensive fixtures.
ON_ALL_CORES := -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
CHECK := ruff check . && ruff format --check . && lint-imports && mypy src stages

SHELL := /bin/bash -o pipefail
# Of pip's lines, only those about packages of a megabyte and more.
SHOW_LARGE := awk '/ MB\)/ { $$1 = $$1; print "  " $$0 } /^Installing/ { print "  Unpacking all packages" } { fflush() }'

comma := ,
# A list in YAML if MODEL has several names.
SELECTION = $(if $(findstring $(comma),$(MODEL)),[$(MODEL)],$(MODEL))

.DEFAULT_GOAL := help
.PHONY: help setup repro test test-all faults ui tensorboard demo notebook experiments sync bench verify record report lint lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "error: Python 3.11 to 3.13 is required, but $(PYTHON) is %d.%d; choose another Python: make PYTHON=python3.12 ..." % v)'
	@echo "installing the pinned requirements into $(VENV) (only once; takes a few minutes) …" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements.lock | $(SHOW_LARGE)
	@rm -f $(VENV)/.installed-*
	@touch $@

setup: $(READY) ## set up the environment only

repro: $(READY) ## set up the environment, run the pipeline, print the comparison (MODEL=softmax,cnn: only these; sets model in params.yaml)
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo "error: DVC needs git, and this folder is not a git repository; run: git init && git add . && git commit -m 'Start'" >&2; exit 1; }
	@TABLE_FOLLOWS=1 $(if $(MODEL),dvc exp run -S 'model=$(SELECTION)',dvc repro)
	@python -m src.reporting.report
	@$(if $(MODEL),echo "params.yaml now has model: $(SELECTION); git checkout . && dvc checkout goes back")

test: $(READY) ## set up the environment, check the code, run the fast tests (TESTS=tests/src: only these)
	@$(CHECK)
	@python -m pytest $(ON_ALL_CORES) -m "not slow and not expensive" $(TESTS)

test-all: $(READY) ## the same with all tests (TESTS=tests/faults: only these)
	@$(CHECK)
	@python -m pytest $(ON_ALL_CORES) -m "not expensive" --durations 25 $(TESTS)

faults: $(READY) ## run more cases of the tests that kill processes
	@python -m pytest $(ON_ALL_CORES) -m expensive

ui: PORT ?= 5000
ui: $(READY) ## log what MLflow lacks, start its UI on localhost, print the link (PORT=5000)
	@python -m src.tracking.ui --port $(PORT)

experiments: $(READY) ## list the DVC experiments with their changes and results
	@python -m src.reporting.experiments

sync: $(READY) ## log the results that MLflow lacks, for example after a store failed
	@python -m src.tracking.sync

# The charts at the top: [{"plugin":"scalars","tag":"epoch_accuracy"},{… "epoch_loss"}] in a URL.
CHART = %7B%22plugin%22%3A%22scalars%22%2C%22tag%22%3A%22epoch_$(1)%22%7D
PINNED = %5B$(call CHART,accuracy)%2C$(call CHART,loss)%5D
tensorboard: PORT ?= 6006
tensorboard: $(READY) ## start TensorBoard on localhost (PORT=6006)
	@echo 'Accuracy and loss by epoch at http://127.0.0.1:$(PORT)/?pinnedCards=$(PINNED)&smoothing=0#timeseries'
	@TF_CPP_MIN_LOG_LEVEL=3 tensorboard --logdir logs --host 127.0.0.1 --port $(PORT)

demo: PORT ?= 8000
demo: $(READY) ## start the demo on localhost: draw or drop an image (PORT=8000)
	@python -m src.apps.demo --port $(PORT)

notebook: $(READY) ## install JupyterLab, and open the tour in it
	@pip install --quiet --disable-pip-version-check -r requirements-notebook.txt
	@jupyter lab --ip 127.0.0.1 notebooks/tour.ipynb

bench: $(READY) ## run the benchmarks and write benchmarks/RESULTS.md (AGAIN=1: all of them again)
	@python -m benchmarks.run $(if $(AGAIN),--again)

lint: $(READY) ## format the code, fix and check it
	@ruff format . && ruff check --fix . && lint-imports && mypy src stages

lock: $(READY) ## update requirements.lock from requirements*.txt
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --quiet --upgrade requirements-dev.txt -o requirements.lock

verify: $(READY) ## train all again in a clone, compare with the last commit (MODEL=softmax: one minute)
	@python -m src.apps.verify $(MODEL)

record: $(READY) ## after `make repro`, before a commit: update README.md and metrics/recorded_on.json
	@python -m src.tracking.notes
	@python -m benchmarks.readme

report: BASE ?= main
report: $(READY) ## print as Markdown how parameters and metrics differ from another branch (BASE=main)
	@echo '## Changed parameters' && dvc params diff --md "$(BASE)"
	@echo '## Changed metrics' && dvc metrics diff --md "$(BASE)"
	@echo '## Comparison' && echo && cat metrics/comparison.md

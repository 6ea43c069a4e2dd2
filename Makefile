# The project's commands; `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Stages are started by DVC as `python`: this environment's, whatever else is on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
READY := $(VENV)/.installed-$(shell cat requirements.lock | cksum | cut -d' ' -f1)

# Tests of a file stay together: they share what is costly to make.
ON_ALL_CORES := -n logical --maxprocesses 8 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help repro test fast-test faults ui tensorboard demo experiments find send bench lint lock readme

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(not (3, 11) <= v <= (3, 13) and "error: Python 3.11 to 3.13 is needed, and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12 ..." % v)'
	@echo "installing the pinned requirements into $(VENV) (once; minutes) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@rm -f $(VENV)/.installed-*
	@touch $@

repro: $(READY) ## set up, run the whole pipeline, show the comparison
	@TABLE_FOLLOWS=1 dvc repro
	@python -m src.reporting.report

test: $(READY) ## set up, run all tests
	@ruff check . && ruff format --check .
	@python -m pytest $(ON_ALL_CORES)

fast-test: $(READY) ## the tests without the slow ones
	@python -m pytest $(ON_ALL_CORES) -m "not slow"

faults: $(READY) ## inject every fault into the pipeline (ten minutes or more)
	@FAULTS=all python -m pytest $(ON_ALL_CORES) tests/faults

ui: PORT ?= 5000
ui: $(READY) ## the MLflow UI on localhost (PORT=5000)
	@echo 'Runs, best first: http://127.0.0.1:$(PORT)/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=recipes'
	@MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false PYTHONWARNINGS=ignore \
	    mlflow server --backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" \
	    --artifacts-destination mlruns --workers 1 --host 127.0.0.1 --port $(PORT)

experiments: $(READY) ## compare the DVC experiments: what changed, and what came of it
	@dvc exp show --only-changed --drop '.*/|models$$|params.yaml|runner_up'

find: $(READY) ## the MLflow runs of a DVC experiment, recipe or commit, or one run (WHAT=…)
	@python -m src.tracking.find '$(WHAT)'

send: $(READY) ## log the results that MLflow lacks, for example after a store failed
	@python -m src.tracking.sync

tensorboard: PORT ?= 6006
tensorboard: $(READY) ## TensorBoard on localhost (PORT=6006)
	@tensorboard --logdir logs --host 127.0.0.1 --port $(PORT)

demo: PORT ?= 8000
demo: $(READY) ## draw a digit in the browser (PORT=8000)
	@python -m src.apps.demo --port $(PORT)

bench: $(READY) ## time this program against its peers, into benchmarks/RESULTS.md
	@python -m benchmarks.run

lint: $(READY) ## format and check the code
	@ruff format . && ruff check --fix .

lock: $(READY) ## refresh requirements.lock from requirements*.txt
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --quiet --upgrade requirements-dev.txt -o requirements.lock

readme: $(READY) ## paste metrics/comparison.md into README.md
	@python -m src.reporting.report --readme

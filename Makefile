# One word for each job. PORT=8600 make run starts on another port.
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

.PHONY: help run test mutants bench weights lint clean

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/run.done: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

.venv/test.done: requirements-test.txt .venv/run.done
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-test.txt
	touch $@

run: .venv/run.done  ## install what is missing and start Glassnet
	$(BIN)/streamlit run app.py --server.port $(PORT)

test: .venv/test.done  ## install what the tests need and run them all, in two processes
	sh tests/install_chromium.sh
	$(BIN)/python -m pytest -n 2 --dist worksteal

mutants: .venv/test.done  ## break the code on purpose; every breakage must turn a test red
	$(BIN)/python -m tests.mutants

bench: .venv/test.done  ## print all ratios against the named rivals
	for b in bench/[a-z]*.py; do $(BIN)/python -m bench.$$(basename $$b .py) || exit 1; done

weights: .venv/run.done  ## train the networks of models/weights again; GLASSNET_DATA names the folder of the data sets
	for s in $$(grep -l __main__ models/train/*.py); do $(BIN)/python -m models.train.$$(basename $$s .py) || exit 1; done
	$(BIN)/python -m core.recurrent.shipped

lint: .venv/test.done  ## style check
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

clean:  ## remove the virtual environment
	rm -rf .venv

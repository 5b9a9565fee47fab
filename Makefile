# make demo: see it work.  make test: the project's own tests.  Everything is set up in .venv first.
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help demo test lint proofs record accuracy mutants bench clean

help:
	@echo "make demo      start a lab with mistakes in it, check it, print causes and fixes"
	@echo "make test      run the project's own tests"
	@echo "make proofs    prove every check in the living lab: healthy, its fault, its remedy"
	@echo "make record    record the evidence of every fault into tests/recorded"
	@echo "make accuracy  plant several faults at once, and write what was found into docs/accuracy.md"
	@echo "make mutants   break the judging code on purpose, and see whether anything notices (hours)"
	@echo "make bench     measure a run beside other ways to read the same, and write docs/benchmark.md (40 minutes)"

.venv/done: requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

demo: .venv/done
	@$(BIN)/python -m tools.demo

lint: .venv/done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/done lint
	$(BIN)/pytest -c tests/pytest.ini tests -n 2 --dist loadfile --no-loadscope-reorder -m "not proof and not accuracy"

proofs: .venv/done
	$(BIN)/pytest -c tests/pytest.ini tests -n 2 -m proof

record: .venv/done
	$(BIN)/python -m tools.record

accuracy: .venv/done
	$(BIN)/python -m tools.accuracy

# What it needs besides is no package of the project's: it has a place of its own, and is as new as here.
mutants: .venv/done
	test -x .mutants/bin/python || { $(PYTHON) -m venv .mutants && .mutants/bin/python -m pip install --quiet cosmic-ray==8.7.0; }
	AZ_PYTHON=$(CURDIR)/$(BIN)/python .mutants/bin/python -m tools.mutation .mutants/mutants.jsonl

# pytest-testinfra is only measured: it has a place of its own, too.
bench: .venv/done
	test -x .bench/bin/pytest || { $(PYTHON) -m venv .bench && .bench/bin/python -m pip install --quiet pytest-testinfra==10.2.2 pytest-xdist==3.8.0; }
	$(BIN)/python -m tools.bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache

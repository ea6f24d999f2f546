# Each target is one command that also works without make.
# `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN ?=
ENDPOINT ?=
CASE ?=
SUITE ?=
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
endpoint = $(if $(ENDPOINT),--endpoint $(ENDPOINT))

.PHONY: help env lab report status warm health quick test lint format types docs bench mutants clean lock

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.report ## set up .venv with what `make report` needs
lab: $(VENV)/.lab ## open JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=. --LabApp.default_url="/lab/tree/notebooks/README.md?factory=Markdown%20Preview" $(if $(filter 0,$(shell id -u)),--allow-root)
report: $(VENV)/.report ## run the suite on the embedded model and write the report (RUN=id: only write it; SUITE=name: another suite)
	@$(BIN)/liftlab report $(RUN) $(endpoint) $(addprefix --suite ,$(SUITE))
status: $(VENV)/.report ## print the newest run's message for a status update (RUN=id for another)
	@$(BIN)/liftlab status $(RUN)
warm: $(VENV)/.report ## warm an endpoint up and time it cold and warm (ENDPOINT=name)
	@$(BIN)/liftlab wake $(endpoint)
health: $(VENV)/.report ## ask every URL of an endpoint how it is (ENDPOINT=name)
	@$(BIN)/liftlab health $(endpoint)
quick: $(VENV)/.report ## run one case and print its attempts (CASE=id, ENDPOINT=name)
	@$(BIN)/liftlab quick $(CASE) $(endpoint)
test: $(VENV)/.test ## run the tests
	@$(BIN)/pytest -n 2 --dist loadfile
lint: $(VENV)/.test ## check style, spelling, sizes and notebooks
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/codespell liftlab tests docs notebooks benchmarks data README.md CHANGELOG.md CONTRIBUTING.md
	@$(BIN)/python .ci/house_rules.py
format: $(VENV)/.test ## format the code and strip the notebooks
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .
	@$(BIN)/nbstripout notebooks/*.ipynb
types: $(VENV)/.test ## check the types, strictly
	@$(BIN)/mypy
docs: $(VENV)-docs/.docs ## build the site in build/site; a dead link fails
	@NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet && echo "build/site/index.html"
bench: $(VENV)/.test ## measure liftlab itself
	@for script in $(filter-out %/mutants.py,$(wildcard benchmarks/[a-z]*.py)); do echo "== $$script"; $(BIN)/python $$script || exit 1; done
mutants: $(VENV)/.test ## change liftlab in 200 places, one at a time, and see whether tests notice (hours)
	@$(BIN)/python benchmarks/mutants.py --record
clean: ## remove what was built; never touches data/
	rm -rf $(VENV) $(VENV)-docs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find liftlab tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
lock: ## write locks/ anew from pyproject.toml (needs uv)
	@sh locks/lock.sh

$(VENV)/.report $(VENV)/.test $(VENV)/.lab: $(VENV)/.%: locks/%.txt locks/model.txt pyproject.toml .ci/setup
	@PYTHON="$(PYTHON)" sh .ci/setup $(VENV) $*
$(VENV)-docs/.docs: locks/docs.txt .ci/setup
	@PYTHON="$(PYTHON)" sh .ci/setup $(VENV)-docs docs

# Every verb a person types; `make help` lists them. Each installs what it needs into .venv, once.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
LITELLM := .venv-litellm/.ready
TARGET ?=
ARGS   ?=

RUN = $(BIN)/tokenswarm run $(1) $(if $(TARGET),--target "$(TARGET)") $(ARGS)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  Aim at a gateway: TOKENSWARM_API_KEY=… make stress TARGET=https://gateway.example'
	@echo '  More options:     make stress ARGS="--workers 2 --time-scale 0.1"'

# The requirements.lock holds what runs it and what checks it, so that two machines run the same.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "tokenswarm needs Python 3.11 or newer: make PYTHON=python3.12 …" >&2; exit 104; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable '.'
	@touch $@

.PHONY: install
install: $(READY) ## create .venv with the locked versions

.PHONY: stress smoke ramp spike soak
stress: $(READY) ## the main job: climb to 100 users, hold, recover; verdict and report
	@$(call RUN,stress)
smoke: $(READY) ## 10 s with a few users: does it work at all?
	@$(call RUN,smoke)
ramp: $(READY) ## step by step up to the expected load
	@$(call RUN,ramp)
spike: $(READY) ## 10 → 100 → 10 users at once
	@$(call RUN,spike)
soak: $(READY) ## a long, even load: leaks and drift
	@$(call RUN,soak)

.PHONY: master worker
master: $(READY) ## many machines: wait for EXPECT=2 workers at BIND=address, then run PROFILE=stress
	@$(call RUN,$(or $(PROFILE),stress)) --expect-workers $(or $(EXPECT),2) $(if $(BIND),--bind-host "$(BIND)")
worker: $(READY) ## many machines: make load for MASTER=host
	@test -n "$(MASTER)" || { echo 'make worker MASTER=host: which host runs `make master`?' >&2; exit 104; }
	@$(BIN)/tokenswarm worker --master "$(MASTER)" $(ARGS)

.PHONY: compare ab
compare: $(READY) ## has anything become worse? BASE=reports/… CURRENT=reports/…
	@test -n "$(BASE)" -a -n "$(CURRENT)" || { echo 'make compare BASE=reports/… CURRENT=reports/…' >&2; exit 104; }
	@$(BIN)/tokenswarm compare "$(BASE)" "$(CURRENT)" $(ARGS)
ab: $(READY) ## is B worse than A? eight pairs of runs: A=url B=url PROFILE=smoke
	@$(BIN)/tokenswarm ab $(or $(PROFILE),smoke) $(if $(A),--a "$(A)") $(if $(B),--b "$(B)") $(ARGS)

.PHONY: web
web: $(READY) ## Locust's web UI on 127.0.0.1:8089, with a report after each run
	@$(BIN)/tokenswarm web $(PROFILE) $(if $(TARGET),--target "$(TARGET)") $(ARGS)

.PHONY: mock
mock: $(READY) ## run the mock gateway on 127.0.0.1:8000
	@$(BIN)/tokenswarm mock gateway --port 8000 $(ARGS)

.PHONY: lint types imports check
lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
types: $(READY)
	@$(BIN)/mypy
imports: $(READY)
	@$(BIN)/lint-imports
check: lint types imports ## lint, types and import rules

.PHONY: test
test: $(READY) lint imports ## the fast checks and the tests; with LONG=1 those that take longest, too
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup $(if $(LONG),--long) $(ARGS)

.PHONY: test-accuracy
test-accuracy: $(READY) ## every metric against a server that notes what it really did, twenty times as long as in `make test`
	@$(BIN)/python -m pytest tests/end_to_end/test_accuracy.py --accuracy-rounds 20 -s $(ARGS)

# A proxy's many packages stay out of ours.
$(LITELLM): requirements-litellm.lock
	@test -x .venv-litellm/bin/python || $(PYTHON) -m venv .venv-litellm
	@echo "installing LiteLLM into .venv-litellm …"
	@.venv-litellm/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-litellm.lock
	@touch $@

.PHONY: gateways test-gateways
gateways: $(LITELLM) ## install LiteLLM in an environment of its own, for the tests through real gateways
test-gateways: $(READY) $(LITELLM) ## only the tests through LiteLLM and nginx
	@$(BIN)/python -m pytest tests/end_to_end/gateways $(ARGS)

PEERS := .venv-peers
.PHONY: bench bench-peers
bench: $(READY) ## how fast and exact, beside peers; ARGS=--quick takes a minute
	@$(BIN)/python benchmarks/bench.py $(ARGS)
# Their dependencies quarrel: an environment for each. One that can't be installed is left out of the benchmark.
bench-peers: ## install openai, aiperf and guidellm for the benchmark, each in an environment of its own
	@for peer in openai aiperf guidellm; do \
		test -x $(PEERS)/$$peer/bin/python || $(PYTHON) -m venv $(PEERS)/$$peer; \
		echo "installing $$peer into $(PEERS)/$$peer …"; \
		timeout 900 $(PEERS)/$$peer/bin/python -m pip install --quiet --disable-pip-version-check $$peer \
			|| { echo "$$peer: not installed"; rm -rf $(PEERS)/$$peer; }; \
	done

.PHONY: lock
lock: ## write requirements.lock anew from pyproject.toml, in a throw-away environment
	@rm -rf .lock-venv && $(PYTHON) -m venv .lock-venv
	@.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'setuptools>=77' '.[dev]'
	@.lock-venv/bin/python -m pip freeze --all --exclude tokenswarm --exclude pip > requirements.lock
	@rm -rf .lock-venv

.PHONY: clean
clean: ## remove .venv and caches; reports stay
	@rm -rf $(VENV) .venv-litellm $(PEERS) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info

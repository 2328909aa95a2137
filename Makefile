# Kubewright's commands. A bare `make` lists them.
STACK ?= dev
SHELL := /bin/sh
PYTHON = "$$(setup/environment)"
PYTEST = PYTHONPYCACHEPREFIX="$${KUBEWRIGHT_CACHE:-$$HOME/.cache/kubewright}/pycache" $(PYTHON) -m pytest -p no:cacheprovider
# Files side by side: tests mostly wait.
TOGETHER = -n auto --maxprocesses=4 --dist loadfile --no-loadscope-reorder
# Parts of the host program: linted joined, as they are sent.
PROGRAM = $(patsubst %,nodeconfig/host/%.sh,prelude host fetch guard service node)
# The clouds' halves of the boot program: each linted with the half that all share.
CLOUDS = $(filter-out providers/cloud/boot.sh,$(wildcard providers/*/boot.sh))

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: prepare
prepare: ## put tools and plugins onto this machine, ahead of the first command
	@./kubewright prepare

.PHONY: up
up: ## make everything and end with a cluster that answers (STACK=dev)
	@./kubewright up --stack $(STACK)

.PHONY: preview
preview: ## show what `make up` would change (STACK=dev)
	@./kubewright preview --stack $(STACK)

.PHONY: down
down: ## take the cluster and its hosts down again (STACK=dev)
	@./kubewright down --stack $(STACK)

.PHONY: status
status: ## hosts, services, etcd, certificates, nodes, add-ons; fails when something is wrong (STACK=dev)
	@./kubewright status --stack $(STACK)

.PHONY: drift
drift: ## what on the hosts no longer is as it was delivered (STACK=dev)
	@./kubewright drift --stack $(STACK)

.PHONY: repair
repair: ## deliver to a host again what was delivered to it (HOST=…, STACK=dev)
	@./kubewright repair --stack $(STACK) --host "$(HOST)"

.PHONY: certificates
certificates: ## when each certificate ends; fails when one does in fewer than DAYS=30 (STACK=dev)
	@./kubewright certificates --stack $(STACK) $(if $(DAYS),--days "$(DAYS)")

.PHONY: diagnose
diagnose: ## look for what is wrong: services, DNS, network, pods, events, clocks (STACK=dev)
	@./kubewright diagnose --stack $(STACK)

.PHONY: user
user: ## a kubeconfig for a person (NAME=…, GROUPS="a b", NAMESPACE=…, ROLE=edit, DAYS=30, STACK=dev)
	@./kubewright user --stack $(STACK) --name "$(NAME)" $(foreach group,$(GROUPS),--group "$(group)") \
	  $(if $(NAMESPACE),--namespace "$(NAMESPACE)") $(if $(ROLE),--role "$(ROLE)") $(if $(DAYS),--days "$(DAYS)")

.PHONY: user-revoke
user-revoke: ## end a person's access (NAME=…, STACK=dev)
	@./kubewright user revoke --stack $(STACK) --name "$(NAME)"

.PHONY: replace
replace: ## make an empty machine what the lost host of that name was (HOST=…, STACK=dev)
	@./kubewright replace --stack $(STACK) "$(HOST)"

.PHONY: forget
forget: ## take what is left of a host that is gone for good out of cluster and state (HOST=…, STACK=dev)
	@./kubewright forget --stack $(STACK) "$(HOST)"

.PHONY: snapshot
snapshot: ## take a snapshot of etcd now, onto this machine (TO=directory, STACK=dev)
	@./kubewright snapshot --stack $(STACK) $(if $(TO),--to "$(TO)")

.PHONY: restore
restore: ## make the cluster what it was at a snapshot (SNAPSHOT=file, YES=1, STACK=dev)
	@./kubewright restore --stack $(STACK) --snapshot "$(SNAPSHOT)" $(if $(YES),--yes)

.PHONY: lab-status
lab-status: ## the lab's hosts and what runs on them
	@./kubewright lab-status

.PHONY: mirror
mirror: ## make a directory of all files and images, to be served (DIRECTORY=…, INDEX=file: its checksums, to keep)
	@./kubewright mirror $(if $(DIRECTORY),--directory "$(DIRECTORY)") $(if $(INDEX),--index "$(INDEX)")

.PHONY: lint
lint: ## style (ruff, shellcheck) and types (mypy, strict)
	@$(PYTHON) -m ruff check --no-cache .
	@$(PYTHON) -m ruff format --no-cache --check .
	@shellcheck kubewright setup/environment $(filter-out $(PROGRAM),$(wildcard nodeconfig/host/*.sh automation/operations/*.sh)) providers/aws/host-network.sh
	@$(PYTHON) -c 'from nodeconfig.host_program import program; print(program())' | shellcheck --shell=sh -
	@for half in $(CLOUDS); do cat $$half providers/cloud/boot.sh | shellcheck --shell=sh - || exit 1; done
	@MYPY_CACHE_DIR="$${KUBEWRIGHT_CACHE:-$$HOME/.cache/kubewright}/mypy" $(PYTHON) -m mypy

# Three processes: for a quarter of the time one of two waits for pauses to pass.
.PHONY: test-unit
test-unit: ## fast tests, no root
	@$(PYTEST) $(TOGETHER) -n 3 tests/unit

.PHONY: test-engine
test-engine: ## the real engine on plugins that touch no host: reports, plans, previews; no root
	@./kubewright prepare
	@$(PYTEST) tests/engine

.PHONY: test-lab
test-lab: ## tests on real hosts of a lab of their own (root)
	@./kubewright prepare
	@$(PYTEST) tests/lab

.PHONY: test-clouds
test-clouds: ## user data of AWS and Azure run by cloud-init in the lab, against emulated services (root)
	@./kubewright prepare
	@$(PYTEST) tests/clouds

.PHONY: test-faults
test-faults: ## the highly available stack under faults and changes, hours of them (root)
	@./kubewright prepare
	@$(PYTEST) tests/faults

.PHONY: test
test: lint ## everything: lint, types, unit, engine, lab
	@./kubewright prepare
	@$(PYTEST) $(TOGETHER) tests/unit tests/engine tests/lab

.PHONY: bench
bench: ## measure how long a cluster takes, part by part
	@./kubewright prepare
	@$(PYTHON) -m benchmarks

.PHONY: bench-ready
bench-ready: ## the same highly available cluster by kubeadm and by Kubewright, in turns
	@./kubewright prepare
	@$(PYTHON) -m benchmarks.ready

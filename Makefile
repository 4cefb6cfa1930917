# What one starts here. `make` alone explains the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help run build test fuzz bench format clean

# More flags for `fature up` or the benchmark, as in: make run ARGS="--port 9090 --workers 4"
ARGS ?=

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Install what is missing, build, and run the cluster with the demo network until Ctrl-C.
	@exec .build/release/fature up --demo $(ARGS)

build: ## Install what is missing and build for release.
	@cluster/bootstrap.sh
	swift build -c release --product fature

test: ## Install what is missing, build and run all tests; quiet unless something fails.
	@cluster/bootstrap.sh --test
	@cluster/quietly.sh 1 swift build --build-tests
	@cluster/tests.sh

fuzz: ## Throw random bytes at the readers of bytes from outside; ARGS is seconds (15).
	@cluster/fuzz.sh $(ARGS)

bench: ## Measure against the peers, and print the tables of docs/benchmarks.md (about 25 minutes; leave the machine alone).
	@cluster/bootstrap.sh --bench
	swift build -c release
	.build/release/fature-bench partition
	.build/release/fature-bench partition --affiliates 10000000
	.build/release/fature-bench queue
	.build/release/fature-bench http $(ARGS)
	.build/release/fature-bench ledger

format: ## Format all Swift files as the tidy test wants them.
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

clean: ## Remove what was built. The data in .fature stays.
	@rm -rf .build

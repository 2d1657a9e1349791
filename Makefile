# The front door: `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help run test bench images plugins lint release engine test-needs cluster cluster-stop

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# Installing packages needs root; everything else runs as whoever calls make.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo)
# Where `make run` keeps its database; the name is the program's own, so that the environment overrides it.
LAUNCHPAD_DB ?= var/launchpad.db

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: images ## Build everything and start the portal with the example catalogue
	cargo build --locked -p launchpad-server
	mkdir -p var
	LAUNCHPAD_DB=$(LAUNCHPAD_DB) cargo run --locked --quiet -p launchpad-server -- serve --seed examples/apps.json

test: test-needs images lint ## Prove everything: style, unit, integration and browser suites
	plugins/build.sh --check
	tests/cluster/cluster.sh check
	tests/cluster/cluster.sh with cargo test --workspace --locked

bench: test-needs images ## Measure the promised figures and print them as a table
	cargo bench --locked -p launchpad-tests

images: engine ## Build the images that the example catalogue launches
	examples/images/build.sh

plugins: ## Build the launch types that are components, from source
	plugins/build.sh

lint: ## Check format, warnings and documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked --quiet

release: ## Build the optimised program, target/release/launchpad
	cargo build --release --locked -p launchpad-server

engine: ## Make Podman start containers on this machine (Debian)
	$(AS_ROOT) deploy/podman/install-debian.sh

test-needs: ## Install what the suites need beyond that: a browser, PostgreSQL, Node
	tests/prepare.sh

cluster: images ## Start a real Kubernetes of one node and print its kubeconfig (Debian, Go)
	tests/cluster/cluster.sh up

cluster-stop: ## End that Kubernetes and leave nothing of it
	tests/cluster/cluster.sh down

# The front door: `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help test

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

test: ## Prove everything
	cargo test --workspace --locked

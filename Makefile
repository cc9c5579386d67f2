# What a person types here. The work is done by cargo, by `cargo xtask` and by the files in scripts/.

.DEFAULT_GOAL := help
.PHONY: help build demo test fmt model soak bench fixtures

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build target/release/sembla
	cargo build --release --locked

demo: ## See text become vectors, a dataset and answers
	@scripts/demo

test: ## Check everything, as CI does
	cargo xtask ci

fmt: ## Format the Rust code
	cargo fmt --all

model: ## Get the model of the demo and the tests, and print its folder
	@scripts/get-model

soak: ## Run the long tests at full length (hours)
	cargo xtask soak

bench: ## Measure tokens per second and the share of the machine's peak; writes and searches of vectors; the gateway
	cargo xtask bench
	cargo xtask bench --index
	cargo xtask bench --endpoints

fixtures: ## Make the test fixtures again (installs torch)
	cargo xtask fixtures

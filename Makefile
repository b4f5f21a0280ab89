# Each target calls one thing. `make demo` and `make test` need nothing but Rust on a Debian-like
# machine: `setup` installs the rest.

TARGET := $(or $(CARGO_TARGET_DIR),target)
# A killed make takes the program with it.
TIED := $(if $(shell command -v setpriv),setpriv --pdeathsig TERM --)

.PHONY: help setup demo test bench lint crds

help:
	@echo "make demo          a whole shop on this machine; ONCE=1 ends after the played purchase"
	@echo "make test          all tests, on stores that they start themselves"
	@echo "make bench         load, latency and cost, with the limits of this machine beside them"
	@echo "make lint          formatting and clippy, warnings denied; the charts and what they render"
	@echo "make crds          writes crds/ and charts/warung-crds from the types"

setup:
	@scripts/setup

demo: setup
	cargo build --workspace --bins
	@exec $(TIED) $(TARGET)/debug/warung-demo

test:
	@scripts/setup --pages
	@scripts/kubernetes api
	cargo test --workspace

bench: setup
	cargo build --release --workspace --bins
	@exec $(TIED) $(TARGET)/release/warung-bench

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/kubernetes lint >/dev/null
	@scripts/lint-charts

crds:
	UPDATE=1 cargo test -p warung-operator --test it the_files_say_what_the_types_say

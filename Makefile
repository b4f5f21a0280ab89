# Each target calls one thing. `make demo` and `make test` need nothing but Rust on a Debian-like
# machine: `setup` installs the rest.

TARGET := $(or $(CARGO_TARGET_DIR),target)
# A killed make takes the program with it.
TIED := $(if $(shell command -v setpriv),setpriv --pdeathsig TERM --)

.PHONY: help setup demo test e2e cluster node bench bench-peer bench-scaling bench-growth bench-instructions bench-operator hostile lint crds chaos fuzz

help:
	@echo "make demo          a whole shop on this machine; ONCE=1 ends after the played purchase"
	@echo "make test          all tests, on stores that they start themselves"
	@echo "make e2e           all of it on a real Kubernetes of one node (or on KUBECONFIG), broken under load"
	@echo "make cluster       such a Kubernetes with a demo shop to play with, until Ctrl-C"
	@echo "make bench         load, latency and cost, with the limits of this machine beside them"
	@echo "make bench-operator  memory and time of the operator with a thousand shops; OPERATOR=/program"
	@echo "                   takes another build than the release's, such as the image's"
	@echo "make bench-peer    the same load on a shop in Node.js and on ours, in turns"
	@echo "make bench-scaling, bench-growth, bench-instructions    see docs/performance.md"
	@echo "make hostile       what customers feel while strangers mean harm: slow, huge, forged, many"
	@echo "make chaos         a fleet broken in every way, and whether it was ever wrong; SHORT=1, SEED=n,"
	@echo "                   HOURS=n (new seeds until a violation), MUTATION=name|all (must turn red)"
	@echo "make fuzz          what strangers may send, thrown at all that read it for SECONDS=n each, or at one"
	@echo "                   READER=webhook|notification|command|catalogue|configuration"
	@echo "make lint          formatting and clippy, warnings denied; the charts and what they render; licences"
	@echo "make crds          writes crds/ and charts/warung-crds from the types"

setup:
	@scripts/setup

# Without the operator, which a newcomer need not wait for.
demo: setup
	cargo build -p warung-bot -p warung-sandbox -p warung-testkit --bins
	@exec $(TIED) $(TARGET)/debug/warung-demo

test:
	@scripts/setup --pages
	@scripts/kubernetes api
	cargo test --workspace

# What a node runs: its programs, and the images of this checkout.
node:
	@scripts/setup --node
	@scripts/kubernetes node >/dev/null
	@scripts/images >/dev/null
	@TAG=next scripts/images bot >/dev/null
	cargo build -p warung-testkit --bin warung-e2e --bin warung-cluster

e2e: node
	@exec $(TIED) $(TARGET)/debug/warung-e2e

cluster: node
	@exec $(TIED) $(TARGET)/debug/warung-e2e --stay

bench: setup
	cargo build --release --workspace --bins
	@exec $(TIED) $(TARGET)/release/warung-bench

bench-operator: setup
	@scripts/kubernetes api >/dev/null
	$(if $(OPERATOR),,cargo build --release -p warung-operator)
	$(if $(OPERATOR),OPERATOR=$(abspath $(OPERATOR))) \
		cargo test -p warung-operator --test it -- --ignored --nocapture a_thousand_shops

bench-peer:
	@scripts/setup --peer
	npm ci --omit=dev --no-progress --prefix bench/node-peer
	cargo build --release -p warung-bot -p warung-testkit --bins
	@exec $(TIED) $(TARGET)/release/warung-bench --against node

# Confines each bot by cgroup, which takes root.
bench-scaling bench-growth bench-instructions: bench-%: setup
	@test $* != instructions || scripts/setup --instructions
	cargo build --release -p warung-bot -p warung-testkit --bins
	@exec $(TIED) $(TARGET)/release/warung-bench --only $*

hostile: setup
	cargo build --release -p warung-bot -p warung-testkit --bins
	@exec $(TIED) $(TARGET)/release/warung-bench --only hostile

# With a network and mounts of its own where they can be had, so that it can be cut and be full.
ISOLATED := $(shell unshare --net --mount true 2>/dev/null && command -v ip >/dev/null && command -v iptables >/dev/null && echo yes)
CHAOS := $(TARGET)/debug/warung-chaos $(if $(SHORT),--short) $(if $(SEED),--seed $(SEED)) \
	$(if $(HOURS),--hours $(HOURS)) $(if $(MUTATION),--mutation $(MUTATION)) $(if $(ONLY),--only $(ONLY))

chaos: setup
	cargo build -p warung-bot -p warung-testkit --features warung-bot/chaos --bin warung-bot-chaos --bin warung-chaos
ifeq ($(ISOLATED),yes)
	@exec $(TIED) unshare --net --mount sh -c 'ip link set lo up && exec $(TIED) $(CHAOS) --isolated'
else
	@exec $(TIED) $(CHAOS)
endif

fuzz:
	@scripts/fuzz $(or $(READER),all) $(or $(SECONDS),300)

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings
	@scripts/kubernetes lint >/dev/null
	@scripts/lint-charts
	@"$$(scripts/setup --lint)" check licenses bans sources

crds:
	UPDATE=1 cargo test -p warung-operator --test it the_files_say_what_the_types_say

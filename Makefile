# The commands of this repository; each is a thin door to a script. `make help` lists them.
#
# build/       release build (ninja, ccache); binaries in build/bin
# build/asan, build/tsan, build/fuzz, build/bench: the other builds, each from its preset in CMakePresets.json

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
APPS := bin/cb-dragonfly bin/cb-agent bin/cbmon bin/udp-shooter

.DEFAULT_GOAL := build
.PHONY: build run demo test check asan tsan fuzz bench bench-scale packages docs clean help deps

help:            ## This list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1|/' | column -t -s '|'

build: deps      ## Install what is missing, configure, build the four programs into build/bin (the default)
	@scripts/configure release
	@ninja -C build $(APPS)

run: build       ## Build, then run server and agent on this machine; Ctrl-C stops both
	@scripts/run

demo: build      ## Agents come and go, collectors follow: a chart in the terminal, 4.5 min; fails where it was not so
	@scripts/demo

test: deps       ## Build and run every test; ends with one line of how many passed, failed, were skipped
	@scripts/install_deps test
	@scripts/configure release
	@ninja -C build
	@scripts/run_tests

check: deps      ## Format, house rules, headers, module directions, clang-tidy on changed files (ALL=1: on all)
	@scripts/install_deps check
	@scripts/check

asan: deps       ## Unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/configure asan
	@ninja -C build/asan
	@scripts/run_tests --build build/asan --no-e2e

tsan: deps       ## Unit tests of everything with threads under ThreadSanitizer
	@scripts/configure tsan
	@scripts/tsan

fuzz: deps       ## Every fuzz target for FUZZ_SECONDS (20) each; the canary must crash
	@scripts/install_deps fuzz
	@scripts/configure fuzz
	@scripts/fuzz

bench: deps      ## Every benchmark, and the figures of agent, start-up and server
	@scripts/configure bench
	@ninja -C build/bench
	@bench/run

bench-scale: deps ## What the server costs by number of agents and collectors, a table; 25 min on an idle machine
	@scripts/configure bench
	@ninja -C build/bench $(APPS)
	@bench/scale

packages: deps  ## .deb, .rpm, .txz and .tar.gz of cb-agent for x86-64, aarch64 and armel into build/packages
	@scripts/install_deps cross
	@scripts/cross_sysroot arm64 $(CURDIR)/build/sysroot-aarch64
	@scripts/cross_sysroot armel $(CURDIR)/build/sysroot-armel
	@for arch in x86_64 aarch64 armel; do scripts/configure agent-$$arch && ninja -C build/agent-$$arch cb-agent; done
	@packaging/make_packages $(foreach arch,x86_64 aarch64 armel,$(arch)=build/agent-$(arch)/bin/cb-agent)

docs: deps       ## Rewrite the generated documents (docs/metrics.md)
	@scripts/configure release
	@ninja -C build bin/metrics_doc
	@build/bin/metrics_doc > docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md

clean:           ## Remove everything that was built; data/ and agent/ stay
	@rm -rf build

deps:
	@scripts/install_deps build

# SPDX-License-Identifier: MIT
# The everyday verbs; meson does the building. DEPS=no leaves the machine's packages alone.
#
#   make demo [KEEP=1]   one HTTP request through weft, taken apart; KEEP=1 goes on serving
#   make test            everything that proves that weft works; the last line is the result
#   make build           the library, the command and the examples
#   make campaign [SEEDS=10000] [SEED=1] [JOBS=2]   random networks in virtual time
#   make conformance     which requirements are met, and the tests that prove it
#   make table           writes tests/sim/throughput.txt anew: throughput by loss, round trip and rate
#   make bench fuzz lint docs
#   make versus          weft's TCP beside Linux's on bad paths, in real time: docs/versus-linux.md (50 minutes)
#   make packetdrill PACKETDRILL=… SCRIPTS=…   packetdrill scripts against weft (docs/packetdrill.md)
#   make install [PREFIX=/usr/local] [DESTDIR=]

MAKEFLAGS += --no-print-directory
SHELL     := /bin/bash
DEPS      ?= yes
PREFIX    ?= /usr/local
BUILD     := build
FUZZ_TIME ?= 600
SEEDS     ?= 10000
SEED      ?= 1
JOBS      ?= $(shell nproc)

ifeq ($(DEPS),no)
deps = @:
else
deps = @scripts/install-deps.sh $(1)
endif

.PHONY: all build demo test campaign table conformance bench versus fuzz packetdrill lint format docs install clean help

all: build

help:
	@sed -n '/^#   make/s/^#   //p' Makefile

$(BUILD)/build.ninja:
	meson setup $(BUILD) >/dev/null

build:
	$(call deps,build)
	@$(MAKE) $(BUILD)/build.ninja
	@ninja -C $(BUILD)

demo:
	$(call deps,build demo)
	@$(MAKE) $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet src/cli/weft
	@$(BUILD)/src/cli/weft demo $(if $(KEEP),--keep) $(DEMO_OPTIONS)

test:
	$(call deps,build test)
	@scripts/run-tests.py $(TEST_OPTIONS)

campaign: build
	@$(BUILD)/src/cli/weft lab --campaign $(SEEDS) --seed $(SEED) --jobs $(JOBS)

conformance:
	$(call deps,build test)
	@$(MAKE) $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@scripts/conformance.py $(BUILD)

table: build
	@$(BUILD)/tests/sim/throughput_table > tests/sim/throughput.txt

bench: build
	@meson test -C $(BUILD) --benchmark --verbose

versus: build
	@ninja -C $(BUILD) --quiet bench/versus
	@bench/versus/compare.py --write docs/versus-linux.md

fuzz:
	$(call deps,build test)
	@scripts/run-fuzz.sh build-fuzz $(FUZZ_TIME)

packetdrill: build
	@[ -n "$(PACKETDRILL)" ] && [ -n "$(SCRIPTS)" ] || \
		{ echo "make packetdrill PACKETDRILL=/path/to/packetdrill SCRIPTS=/path/to/scripts; see docs/packetdrill.md"; exit 2; }
	@scripts/run-packetdrill.py --packetdrill "$(PACKETDRILL)" $(PACKETDRILL_OPTIONS) $(SCRIPTS)

lint:
	$(call deps,build lint)
	@scripts/lint.sh all

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

docs:
	$(call deps,build docs)
	@$(MAKE) $(BUILD)/build.ninja
	@ninja -C $(BUILD) docs

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD) --quiet
	@meson install -C $(BUILD) --no-rebuild $(if $(DESTDIR),--destdir $(DESTDIR))

clean:
	rm -rf build build-asan build-fuzz out

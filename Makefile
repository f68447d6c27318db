# SPDX-License-Identifier: MIT
# The everyday verbs; meson does the building. DEPS=no leaves the machine's packages alone.
#
#   make demo [KEEP=1]   one HTTP request through weft, taken apart; KEEP=1 goes on serving
#   make test            everything that proves that weft works; the last line is the result
#   make build           the library, the command and the examples
#   make bench fuzz lint docs
#   make install [PREFIX=/usr/local] [DESTDIR=]

MAKEFLAGS += --no-print-directory
SHELL     := /bin/bash
DEPS      ?= yes
PREFIX    ?= /usr/local
BUILD     := build
FUZZ_TIME ?= 600

ifeq ($(DEPS),no)
deps = @:
else
deps = @scripts/install-deps.sh $(1)
endif

.PHONY: all build demo test bench fuzz lint format docs install clean help

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

bench: build
	@meson test -C $(BUILD) --benchmark --verbose

fuzz:
	$(call deps,build test)
	@scripts/run-fuzz.sh build-fuzz $(FUZZ_TIME)

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

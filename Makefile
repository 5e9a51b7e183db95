# Two commands set up a fresh Debian or Ubuntu machine that has Rust:
#   make demo   builds impasto and paints demo.png
#   make test   builds and runs every test
# The software Vulkan driver is installed only where no usable adapter is found.

CARGO ?= cargo
IMPASTO = $(or $(CARGO_TARGET_DIR),target)/release/impasto
# Mesa complains without one, which is usual in containers.
export XDG_RUNTIME_DIR ?= /tmp
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test build build-tests adapter

demo: build
	@$(MAKE) --no-print-directory adapter
	$(IMPASTO) demo -o demo.png

# Crates that only tests need turn features of others on, so what `build` made would be made again: one build is enough.
test: build-tests
	@$(MAKE) --no-print-directory adapter
	$(CARGO) test --release

build:
	$(CARGO) build --release

build-tests:
	$(CARGO) test --release --no-run

# Asks the binary that one of the two built.
adapter:
	@$(IMPASTO) --quiet devices >/dev/null 2>&1 || { \
		echo "no usable GPU adapter; installing Mesa's software Vulkan driver"; \
		$(SUDO) apt-get update && $(SUDO) apt-get install -y mesa-vulkan-drivers libvulkan1; }
	@$(IMPASTO) --quiet devices

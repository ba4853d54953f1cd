# The front door. CMake presets do the work; make only names the things people do.
#   make demo   set up, build, and watch an app hit its ration       make test   set up and run every test
PRESET ?= release
J ?= $(shell nproc)

.PHONY: help setup build device demo test bench format lint clean

help:
	@echo "make demo    install what is missing, build, run the leak sample into its ration"
	@echo "make test    install what is missing, run every test (units, sanitizers, fuzz smoke, system)"
	@echo "make build   programs in build/bin, libraries in build/lib (PRESET=$(PRESET))"
	@echo "make device  what virtual devices run: kernel, agent and libraries for 32-bit ARM, in build/device/image"
	@echo "make bench   measure speed and size, as ratios beside the plain alternative"
	@echo "make format  rewrite the sources in the house format"
	@echo "make lint    clang-format, clang-tidy, cppcheck"

setup:
	@scripts/setup.sh

build: setup
	@scripts/build.sh $(PRESET) $(J)

device: build
	@scripts/device.py -j $(J)

demo: build
	@scripts/demo.sh

test: setup
	@python3 scripts/test.py -j $(J)

bench: build
	@python3 bench/bench.py
	@python3 bench/heap.py
	@python3 bench/https_poll.py
	@python3 bench/machine.py || [ $$? -eq 5 ] # 5: the virtual device is not built, as it says

format:
	@scripts/lint.sh --format

lint: setup
	@scripts/lint.sh

clean:
	rm -rf build

# SPDX-License-Identifier: GPL-2.0-or-later
#
# The front door: which steps each target takes.  The work is done by scripts/ and
# images/; meson.build names the tests.

# Works from any directory: make -f ../virtio-desktop/Makefile run
TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
# Also if it is there and empty
override B := $(abspath $(or $(B),build))
export B QEMU_SRC DEBIAN_MIRROR CPUS MEM QEMU_ARGS CLIPBOARD SUITE ARCH SINCE DISK_SIZE

STEPS := $(TOP)/scripts/lib/steps
PREPARE := fetch-qemu fetch-tools prepare-tree
BUILD_RUN := "install-deps run" $(PREPARE) "build-qemu run"
BUILD_GUEST := build-minimal build-guest-modules build-guest-tools build-conformance
# What the tests need: images are made while the compilers run
BUILD_CHECK := $(PREPARE) "build-qemu run" fetch-sysroot \
	--beside $(BUILD_GUEST) build-debian build-guest-package build-desktop \
	--meanwhile "build-qemu test" "build-qemu kvm" --join
GUEST ?= desktop
BUILD_minimal := build-minimal
BUILD_debian := build-debian
BUILD_desktop := build-guest-package build-desktop
ifeq ($(BUILD_$(GUEST)),)
$(error there is no guest "$(GUEST)"; GUEST is desktop, debian or minimal)
endif

.DEFAULT_GOAL := help
.PHONY: help run build image image-installed check check-all fuzz bench series screenshot package package-check clean distclean

help:
	@echo 'make run         build what is needed and start the desktop'
	@echo 'make build       only build $(B)/qemu-system-aarch64 and qemu-img'
	@echo 'make image       make the guest anew: kernel, initramfs, root disk'
	@echo 'make image-installed  make the disk of an installed Debian, to boot by firmware'
	@echo 'make screenshot  write a picture of the running desktop: $(B)/desktop.png'
	@echo 'make check       build and run the tests for every change (SUITE=qtest: only some)'
	@echo 'make check-all   these and the long ones; tests/README tells which'
	@echo 'make fuzz        feed our devices bad requests until something breaks'
	@echo 'make bench       measure, side by side with -M virt and virtio-gpu'
	@echo 'make series      write the patch series for QEMU to $(B)/series'
	@echo 'make package     build Debian packages of QEMU and the drivers: $(B)/packages'
	@echo 'make package-check  build, install and try them in a clean Debian'
	@echo 'make clean       remove what was built, the guest and its disk; keep downloads'
	@echo 'make distclean   remove $(B)'
	@echo
	@echo 'B=dir            build directory (default: build, here)'
	@echo 'QEMU_SRC=dir     use this QEMU 10.0.x source tree, download none'
	@echo 'DEBIAN_MIRROR=   mirror, if not the one that apt here uses'
	@echo 'ARCH=aarch64     for make check: only the tests of these architectures'
	@echo 'SINCE=commit     for make check: compile the patches changed since then'
	@echo 'GUEST=minimal    for make run and image: text only, made in seconds'
	@echo 'GUEST=debian     a small Debian without a desktop'
	@echo 'CPUS=2 MEM=2G QEMU_ARGS="..."   for make run'
	@echo 'CLIPBOARD=off    for make run: or to-guest, to-host, both (default)'

run:
	@$(STEPS) $(BUILD_RUN) $(BUILD_$(GUEST)) "run-vm $(GUEST)"

build:
	@$(STEPS) $(BUILD_RUN)

# Made anew, even if nothing has changed: with Debian's latest packages.  Those of
# a root disk are configured by our QEMU.
image:
	@rm -f $(B)/$(if $(filter minimal,$(GUEST)),images,$(GUEST))/recipe
	@$(STEPS) $(if $(filter minimal,$(GUEST)),"install-deps run",$(BUILD_RUN)) $(BUILD_$(GUEST))

# By hand: it takes minutes
image-installed:
	@$(STEPS) "install-deps check" $(PREPARE) "build-qemu run" \
		build-guest-package build-installed

screenshot:
	@$(STEPS) $(BUILD_RUN) $(BUILD_$(GUEST)) "screenshot $(B)/desktop.png"

check:
	@$(STEPS) "install-deps check" $(BUILD_CHECK) run-tests

check-all:
	@$(STEPS) "install-deps check-all" $(BUILD_CHECK) "build-qemu full" \
		"make-package binary" "run-tests --all"

# Sessions with ever new seeds, until one fails or it is interrupted
fuzz:
	@$(STEPS) "install-deps check" $(PREPARE) "build-qemu test" "run-fuzz all"

bench:
	@$(STEPS) "install-deps bench" $(PREPARE) "build-qemu run" "build-qemu full" \
		$(BUILD_GUEST) fetch-sysroot "build-qemu kvm" bench/run

series:
	@$(STEPS) "install-deps check" $(PREPARE) "make-series $(B)/src/upstream $(B)/series"

package:
	@$(STEPS) "install-deps package" fetch-qemu build-guest-package "make-package binary"

package-check: package
	@$(STEPS) $(BUILD_minimal) check-package

clean:
	@$(TOP)/scripts/build/clean

# Only what is surely ours: B may be any directory.
distclean:
	@$(TOP)/scripts/build/clean --all

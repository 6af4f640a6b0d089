# SPDX-License-Identifier: GPL-2.0-or-later
#
# The front door.  The work is done by scripts/ and images/, the tests are named
# in meson.build.

# Works from any directory: make -f ../virtio-desktop/Makefile run
TOP := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
# Also if it is there and empty
override B := $(abspath $(or $(B),build))
export B QEMU_SRC DEBIAN_MIRROR CPUS MEM QEMU_ARGS SUITE DISK_SIZE

STEPS := $(TOP)/scripts/steps
PREPARE := scripts/fetch-qemu scripts/fetch-tools scripts/prepare-tree
BUILD_GUEST := scripts/build-guest-modules scripts/build-guest-tools \
	scripts/build-conformance
BUILD_RUN := "scripts/install-deps run" $(PREPARE) "scripts/build-qemu run"
GUEST ?= desktop
BUILD_minimal := images/build-minimal
BUILD_debian := images/build-debian
BUILD_desktop := scripts/build-guest-package images/build-desktop
ifeq ($(BUILD_$(GUEST)),)
$(error there is no guest "$(GUEST)"; GUEST is desktop, debian or minimal)
endif

.DEFAULT_GOAL := help
.PHONY: help run build image image-installed check fuzz bench series screenshot package package-check clean distclean

help:
	@echo 'make run         build what is needed and start the desktop'
	@echo 'make build       only build $(B)/qemu-system-aarch64 and qemu-img'
	@echo 'make image       make the guest anew: kernel, initramfs, root disk'
	@echo 'make image-installed  make the disk of an installed Debian, to boot by firmware'
	@echo 'make screenshot  write a picture of the running desktop: $(B)/desktop.png'
	@echo 'make check       build and run all tests (SUITE=qtest: only some)'
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
	@echo 'GUEST=minimal    for make run and image: text only, made in seconds'
	@echo 'GUEST=debian     a small Debian without a desktop'
	@echo 'CPUS=2 MEM=2G QEMU_ARGS="..."   for make run'

run:
	@$(STEPS) $(BUILD_RUN) $(BUILD_$(GUEST)) "scripts/run-vm $(GUEST)"

build:
	@$(STEPS) $(BUILD_RUN)

# Made anew, even if nothing has changed: with Debian's latest packages.  Those of
# a root disk are configured by our QEMU.
image:
	@rm -f $(B)/$(if $(filter minimal,$(GUEST)),images,$(GUEST))/recipe
	@$(STEPS) $(if $(filter minimal,$(GUEST)),"scripts/install-deps run",$(BUILD_RUN)) $(BUILD_$(GUEST))

# By hand: it takes minutes
image-installed:
	@$(STEPS) "scripts/install-deps check" $(PREPARE) "scripts/build-qemu run" \
		scripts/build-guest-package images/build-installed

screenshot:
	@$(STEPS) $(BUILD_RUN) $(BUILD_$(GUEST)) "scripts/screenshot $(B)/desktop.png"

check:
	@$(STEPS) "scripts/install-deps check" $(PREPARE) "scripts/build-qemu run" \
		scripts/fetch-sysroot \
		--beside $(BUILD_minimal) $(BUILD_GUEST) $(BUILD_debian) $(BUILD_desktop) \
		--meanwhile "scripts/build-qemu test" "scripts/build-qemu fuzz" "scripts/build-qemu kvm" \
		--join scripts/run-tests

# Sessions with ever new seeds, until one fails or it is interrupted
fuzz:
	@$(STEPS) "scripts/install-deps check" $(PREPARE) "scripts/build-qemu test" \
		"scripts/build-qemu fuzz" "scripts/run-fuzz all"

bench:
	@$(STEPS) "scripts/install-deps bench" $(PREPARE) "scripts/build-qemu run" \
		"scripts/build-qemu test" $(BUILD_minimal) $(BUILD_GUEST) \
		scripts/fetch-sysroot "scripts/build-qemu kvm" \
		"bench/run --qemu $(B)/qemu-test/qemu-system-aarch64 --images $(B)/images --out $(B)/bench.json --kms-client $(B)/guest-tools/kms-client --evdev-client $(B)/guest-tools/evdev-client --driver $(B)/modules/arm64/virtio_fb.ko --power-driver $(B)/modules/arm64/virtio_power.ko --kvm-qemu $(B)/qemu-kvm/qemu-system-aarch64 --sysroot $(B)/sysroot --slim $(B)/qemu-run/qemu-system-aarch64 --packages $(B)/packages"

series:
	@$(STEPS) "scripts/install-deps check" $(PREPARE)
	@$(TOP)/scripts/make-series $(B)/src/upstream $(B)/series

package:
	@$(STEPS) "scripts/install-deps package" scripts/fetch-qemu scripts/build-guest-package \
		"scripts/make-package binary"

package-check: package
	@$(STEPS) $(BUILD_minimal) scripts/check-package

clean:
	@$(TOP)/scripts/make-package clean
	@rm -rf $(addprefix $(B)/,qemu-run qemu-test qemu-fuzz qemu-kvm qemu-system-aarch64 qemu-img \
		bench.json images images.old images.tmp debian debian.old debian.tmp desktop desktop.old desktop.tmp desktop.png installed installed.tmp modules guest-tools conformance meson series series-check logs src/qemu src/qemu.new \
		src/patched.tmp src/upstream src/upstream.new src/origin tools.new sysroot.new)
	@echo '==> Removed what was built; downloads stay in $(B)'

# Only what is surely ours: B may be any directory.
distclean: clean
	@$(TOP)/scripts/make-package distclean
	@rm -rf $(addprefix $(B)/,apt kbuild logs src sysroot tools)
	@rmdir $(B) 2>/dev/null || [ ! -d $(B) ] || echo '==> $(B) holds other files: not removed'

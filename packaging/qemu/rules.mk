# SPDX-License-Identifier: GPL-2.0-or-later
#
# Included by debian/rules: a slim QEMU with the machine virtio-desktop only, in
# the way of the microvm one.  Its list of devices is
# configs/devices/aarch64-softmmu/virtio-desktop.mak.

slim = qemu-system-aarch64-virtio-desktop

configure-virtio-desktop: b/virtio-desktop/configured
b/virtio-desktop/configured: configure
	rm -rf ${@D}
	mkdir -p ${@D}
	cd ${@D} && ../../configure ${common_configure_opts} \
		--extra-cflags="${extra-cflags}" \
		--extra-ldflags="${extra-ldflags}" \
		--target-list=aarch64-softmmu \
		--without-default-features --without-default-devices \
		--with-devices-aarch64=virtio-desktop \
		--enable-kvm --enable-tcg --enable-fdt=system \
		--enable-coroutine-pool --enable-seccomp \
		--enable-linux-aio --enable-linux-io-uring --enable-numa \
		--enable-sdl --enable-vnc --enable-pixman --enable-png \
		--enable-gio --enable-dbus-display --audio-drv-list=sdl \
		$(if $(filter ${DEB_HOST_ARCH},${spice-arch}),--enable-spice-protocol) \
		--enable-slirp --enable-virtfs --enable-attr --enable-cap-ng \
		--enable-vhost-kernel --enable-vhost-net --enable-vhost-vdpa \
		--enable-vhost-user --enable-vhost-crypto \
		${QEMU_SLIM_CONFIGURE_OPTIONS}
	touch $@

build-virtio-desktop: b/virtio-desktop/built
b/virtio-desktop/built: b/virtio-desktop/configured
	${NINJA} -C ${@D} qemu-system-aarch64
	touch $@

install-virtio-desktop: build-virtio-desktop
	install -D -m 755 b/virtio-desktop/qemu-system-aarch64 \
		debian/${slim}/usr/bin/${slim}

ifeq (${enable-system},y)
qemu-builds += virtio-desktop
endif

# Without symbols for debuggers, they need not be made either.
ifneq (,$(filter noautodbgsym, ${DEB_BUILD_OPTIONS}))
QEMU_CONFIGURE_OPTIONS += --disable-debug-info
QEMU_SLIM_CONFIGURE_OPTIONS += --disable-debug-info
endif

# Where the tests are not run, leave out what only they need: a third of all.
ifneq (,$(findstring nocheck, ${DEB_BUILD_OPTIONS} ${DEB_BUILD_PROFILES}))
b/qemu/built: b/qemu/without-tests
b/qemu/without-tests: b/qemu/configured
	sed -i -E '/^build all: /s, (tests|subprojects/berkeley-[a-z]*-3)/[^ ]*,,g' \
		${@D}/build.ninja
	touch $@
endif

# The build profile pkg.qemu.only-virtio-desktop leaves out all system emulators
# but ARM's and the slim one; pkg.qemu.omit-user and pkg.qemu.omit-system-xen,
# which this package has anyway, leave out the rest.
ifneq (,$(filter pkg.qemu.only-virtio-desktop, ${DEB_BUILD_PROFILES}))
# No ARM machine has VGA or QXL, whose modules are in Debian's lists of files.
pre-install-arch: drop-vga
drop-vga:
	sed -i -E '/hw-display-(virtio-vga|virtio-vga-gl|qxl)\.so/d' \
		debian/qemu-system-common.install \
		debian/qemu-system-modules-opengl.install \
		debian/qemu-system-modules-spice.install

left-out := qemu-system \
	$(patsubst %,qemu-system-%,$(filter-out arm,${system-packages}))
export DH_OPTIONS = $(addprefix -N,${left-out})
system-packages := arm
qemu-builds := $(filter-out microvm,${qemu-builds})
QEMU_CONFIGURE_OPTIONS += --target-list=aarch64-softmmu,arm-softmmu

endif

# pkg.qemu.only-slim: just the slim one
ifneq (,$(filter pkg.qemu.only-slim, ${DEB_BUILD_PROFILES}))
export DH_OPTIONS = $(addprefix -N,$(filter-out ${slim},${BUILD_PACKAGES}))
qemu-builds := virtio-desktop
endif

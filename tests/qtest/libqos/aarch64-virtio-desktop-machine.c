/*
 * libqos machine node for the virtio-desktop machine, and what differs between
 * the architectures that have it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "../virtio-desktop-util.h"
#include "hw/virtio/virtio-power-wire.h"
#include "qemu/module.h"
#include "libqos-malloc.h"
#include "qgraph.h"
#include "virtio-mmio.h"

#define ALLOC_PAGE_SIZE 4096
#define RAM_SIZE        0x20000000ULL   /* the part that tests allocate from */

/* As in docs/specs/virtio-desktop.rst */
static const DesktopArch arches[] = {
    {
        .name = "aarch64",
        .power_arch = VIRTIO_POWER_ARCH_AARCH64,
        .cpu = "max-arm-cpu",
        .other_cpu = "cortex-a53",
        .max_cpus = 123,
        .ram_base = 0x40000000,
        .slot_base = 0x0a000000,
        .window_base = 0x10000000,
        .rtc_base = 0x09010000,
        .fw_cfg_base = 0x09020000,
        .irqchip = "/machine/gic",
        .irqchip_base = 0x08000000,
        .first_line = 16,
        .num_lines = NUM_SLOTS,
        .irq_offset = 32,       /* SPIs come after SGIs and PPIs */
    },
};

bool desktop_is_arch(const char *name)
{
    return g_str_equal(qtest_get_arch(), name);
}

const DesktopArch *desktop_arch(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(arches); i++) {
        if (desktop_is_arch(arches[i].name)) {
            return &arches[i];
        }
    }
    g_error("virtio-desktop has no entry for %s", qtest_get_arch());
}

typedef struct QVirtioDesktopMachine {
    QOSGraphObject obj;
    QGuestAllocator alloc;
    QVirtioMMIODevice slot;
} QVirtioDesktopMachine;

static void virtio_desktop_destructor(QOSGraphObject *obj)
{
    QVirtioDesktopMachine *machine = (QVirtioDesktopMachine *)obj;

    alloc_destroy(&machine->alloc);
}

static void *virtio_desktop_get_driver(void *obj, const char *interface)
{
    QVirtioDesktopMachine *machine = obj;

    if (!g_strcmp0(interface, "memory")) {
        return &machine->alloc;
    }

    fprintf(stderr, "%s not present in virtio-desktop\n", interface);
    g_assert_not_reached();
}

static QOSGraphObject *virtio_desktop_get_device(void *obj, const char *device)
{
    QVirtioDesktopMachine *machine = obj;

    if (!g_strcmp0(device, "virtio-mmio")) {
        return &machine->slot.obj;
    }

    fprintf(stderr, "%s not present in virtio-desktop\n", device);
    g_assert_not_reached();
}

static void *qos_create_machine_virtio_desktop(QTestState *qts)
{
    QVirtioDesktopMachine *machine = g_new0(QVirtioDesktopMachine, 1);

    alloc_init(&machine->alloc, 0, RAM_BASE, RAM_BASE + RAM_SIZE,
               ALLOC_PAGE_SIZE);
    /*
     * Slots below that have fixed roles; the machine starts with its default
     * devices there. The device under test is the first one on the command
     * line, which is given the first free slot.
     */
    qvirtio_mmio_init_device(&machine->slot, qts,
                             SLOT_BASE + FIRST_FREE_SLOT * SLOT_SIZE,
                             ALLOC_PAGE_SIZE);

    machine->obj.get_device = virtio_desktop_get_device;
    machine->obj.get_driver = virtio_desktop_get_driver;
    machine->obj.destructor = virtio_desktop_destructor;
    return machine;
}

static void virtio_desktop_register_nodes(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(arches); i++) {
        g_autofree char *name = g_strdup_printf("%s/virtio-desktop",
                                                arches[i].name);

        qos_node_create_machine(name, qos_create_machine_virtio_desktop);
        qos_node_contains(name, "virtio-mmio", NULL);
    }
}

libqos_init(virtio_desktop_register_nodes);

/*
 * libqos machine node for the virtio-desktop machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "../virtio-desktop-util.h"
#include "qemu/module.h"
#include "libqos-malloc.h"
#include "qgraph.h"
#include "virtio-mmio.h"

#define ALLOC_PAGE_SIZE 4096
#define RAM_SIZE        0x20000000ULL   /* the part that tests allocate from */

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

    fprintf(stderr, "%s not present in aarch64/virtio-desktop\n", interface);
    g_assert_not_reached();
}

static QOSGraphObject *virtio_desktop_get_device(void *obj, const char *device)
{
    QVirtioDesktopMachine *machine = obj;

    if (!g_strcmp0(device, "virtio-mmio")) {
        return &machine->slot.obj;
    }

    fprintf(stderr, "%s not present in aarch64/virtio-desktop\n", device);
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
    qos_node_create_machine("aarch64/virtio-desktop",
                            qos_create_machine_virtio_desktop);
    qos_node_contains("aarch64/virtio-desktop", "virtio-mmio", NULL);
}

libqos_init(virtio_desktop_register_nodes);

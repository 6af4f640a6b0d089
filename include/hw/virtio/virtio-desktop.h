/*
 * virtio-desktop board layer: slots, shared-memory window, default devices
 *
 * What is the same for a virtio-desktop machine on every architecture.  An
 * architecture's machine embeds one VirtioDesktopState, tells it where slots
 * and window are and which interrupt line each slot drives, and never names a
 * virtio device itself.  See docs/specs/virtio-desktop.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_DESKTOP_H
#define HW_VIRTIO_DESKTOP_H

#include "exec/memory.h"
#include "hw/boards.h"
#include "hw/qdev-core.h"
#include "hw/virtio/virtio-mmio.h"
#include "qapi/qapi-types-common.h"
#include "qemu/units.h"
#include "qom/object.h"

#define TYPE_VIRTIO_DESKTOP "virtio-desktop-board"
OBJECT_DECLARE_SIMPLE_TYPE(VirtioDesktopState, VIRTIO_DESKTOP)

/* Guest-visible layout of the slot window, in bytes */
#define VIRTIO_DESKTOP_NUM_SLOTS    64
#define VIRTIO_DESKTOP_SLOT_SIZE    (64 * KiB)
#define VIRTIO_DESKTOP_SLOT_REGS    0x200

/* Slots with a role; the others are for -device and hot-plug */
typedef enum VirtioDesktopRole {
    VIRTIO_DESKTOP_POWER,
    VIRTIO_DESKTOP_FB,
    VIRTIO_DESKTOP_KEYBOARD,
    VIRTIO_DESKTOP_POINTER,
    VIRTIO_DESKTOP_TOUCH,
    VIRTIO_DESKTOP_NET,
    VIRTIO_DESKTOP_DISK,
    VIRTIO_DESKTOP_CONSOLE,
    VIRTIO_DESKTOP_NUM_ROLES,
} VirtioDesktopRole;

struct VirtioDesktopState {
    /*< private >*/
    DeviceState parent_obj;

    /*< public >*/
    /* Properties set by the architecture, guest physical addresses */
    uint64_t slot_base;
    uint64_t shm_base;
    uint64_t shm_size;

    /* Properties set by the user: one switch per role */
    OnOffAuto role[VIRTIO_DESKTOP_NUM_ROLES];
    char *pointer;

    /* Interrupt line of each slot, set before realize */
    qemu_irq irq[VIRTIO_DESKTOP_NUM_SLOTS];

    /* Runtime */
    MemoryRegion slot_mr;
    MemoryRegion shm_mr;
    VirtIOMMIOProxy *slot[VIRTIO_DESKTOP_NUM_SLOTS];
};

/**
 * VirtioDesktopFdtIrq: write the "interrupts" property of a slot's node
 * @fdt: flattened device tree
 * @node: path of the slot's node
 * @slot: slot number
 */
typedef void (*VirtioDesktopFdtIrq)(void *fdt, const char *node, int slot);

/**
 * virtio_desktop_machine_class_init: defaults of every virtio-desktop machine
 * @mc: class of the architecture's machine
 *
 * Adds the role switches (fb=, keyboard=, ...) to the machine's options and
 * sets how short options become virtio-mmio devices and where they go.
 */
void virtio_desktop_machine_class_init(MachineClass *mc);

/**
 * virtio_desktop_machine_instance_init: add the board to a machine
 * @machine: the architecture's machine
 * @s: board state embedded in @machine
 */
void virtio_desktop_machine_instance_init(MachineState *machine,
                                          VirtioDesktopState *s);

/**
 * virtio_desktop_create_devices: fill the role slots
 * @s: realized board
 * @errp: set if a device that was asked for cannot be created
 *
 * Creates the machine's default devices and those of -nic.  Disks of -drive
 * follow with -device, see virtio_desktop_machine_class_init().
 *
 * Returns: true on success
 */
bool virtio_desktop_create_devices(VirtioDesktopState *s, Error **errp);

/**
 * virtio_desktop_add_fdt_nodes: describe the populated slots
 * @s: realized board, all cold-plugged devices present
 * @fdt: flattened device tree; the root has two address and two size cells
 * @set_irq: writes the interrupt specifier of a slot
 */
void virtio_desktop_add_fdt_nodes(VirtioDesktopState *s, void *fdt,
                                  VirtioDesktopFdtIrq set_irq);

/**
 * virtio_desktop_add_fdt_framebuffer: describe the display's boot framebuffer
 * @s: realized board, all cold-plugged devices present
 * @fdt: flattened device tree with a /chosen node
 *
 * For a kernel that starts without firmware.  With firmware the display shows
 * what firmware set up, and the kernel learns of that from firmware.
 */
void virtio_desktop_add_fdt_framebuffer(VirtioDesktopState *s, void *fdt);

#endif /* HW_VIRTIO_DESKTOP_H */

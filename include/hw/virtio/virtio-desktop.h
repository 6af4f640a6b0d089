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
#include "hw/misc/virtio-power.h"
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

/*
 * What an architecture's machine consists of besides slots and CPUs.  The board
 * tells the guest of it.  Interrupts are numbered as the first controller does,
 * and active while their line is high.
 */
#define VIRTIO_DESKTOP_NO_IRQ       UINT32_MAX
#define VIRTIO_DESKTOP_MAX_REGIONS  4
#define VIRTIO_DESKTOP_TIMER_IRQS   4

typedef struct VirtioDesktopController {
    enum {
        VIRTIO_DESKTOP_ARM_GICV2,   /* distributor, CPU interface */
        VIRTIO_DESKTOP_ARM_GICV3,   /* distributor, redistributors */
    } type;
    uint32_t num_irqs;
    uint32_t num_regions;
    MemMapEntry region[VIRTIO_DESKTOP_MAX_REGIONS];
} VirtioDesktopController;

typedef struct VirtioDesktopTimer {
    enum {
        /* EL1 physical secure, EL1 physical, EL1 virtual, EL2 physical */
        VIRTIO_DESKTOP_ARM_TIMER,
    } type;
    bool always_on;                 /* also while CPUs idle */
    uint64_t frequency;             /* Hz; 0: the CPU's registers tell */
    uint32_t irq[VIRTIO_DESKTOP_TIMER_IRQS];
} VirtioDesktopTimer;

typedef enum VirtioDesktopRangeType {
    VIRTIO_DESKTOP_RAM,
    VIRTIO_DESKTOP_SHM_WINDOW,
    VIRTIO_DESKTOP_SLOTS,
    VIRTIO_DESKTOP_FLASH,           /* one bank */
    VIRTIO_DESKTOP_RTC,
    VIRTIO_DESKTOP_UART,
    VIRTIO_DESKTOP_FW_CFG,
    VIRTIO_DESKTOP_STEAL_TIME,
} VirtioDesktopRangeType;

typedef struct VirtioDesktopRange {
    VirtioDesktopRangeType type;
    MemMapEntry region;
    uint32_t irq;                   /* or VIRTIO_DESKTOP_NO_IRQ */
} VirtioDesktopRange;

#define VIRTIO_DESKTOP_MAX_CONTROLLERS  2
#define VIRTIO_DESKTOP_MAX_TIMERS       1
#define VIRTIO_DESKTOP_MAX_RANGES       16

/* What the board does with CPUs that depends on the architecture */
typedef struct VirtioDesktopCpuOps {
    /* Can the guest start it, parked or not? */
    bool (*is_off)(CPUState *cpu);
    /* Only for a CPU that is off, and stays so; not the first one */
    void (*set_parked)(CPUState *cpu, bool parked);
    /* Into the state after a reset of the machine, but off */
    void (*reset)(CPUState *cpu);
} VirtioDesktopCpuOps;

typedef struct VirtioDesktopDescription {
    uint32_t arch;                  /* EM_* of elf.h */
    uint32_t slot_irq;              /* of slot 0; the others follow */
    const VirtioDesktopCpuOps *cpu_ops;
    uint32_t num_controllers;
    uint32_t num_timers;
    uint32_t num_ranges;
    VirtioDesktopController controller[VIRTIO_DESKTOP_MAX_CONTROLLERS];
    VirtioDesktopTimer timer[VIRTIO_DESKTOP_MAX_TIMERS];
    VirtioDesktopRange range[VIRTIO_DESKTOP_MAX_RANGES];    /* by address */
} VirtioDesktopDescription;

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
    VirtIOPower *power;             /* NULL: not in this build of QEMU */

    /* Set by the architecture before virtio_desktop_init_power() */
    VirtioDesktopDescription desc;

    /* CPUs: VIRTIO_DESKTOP_CPU_* of each possible one */
    uint32_t num_cpus;
    uint8_t *cpu_flags;
    uint8_t *saved_cpu_flags;

    /* Who the machine is: given by the user, and kept by migration */
    uint8_t uuid_set;
    uint8_t uuid[16];
    uint8_t serial[VIRTIO_POWER_NAME_SIZE];

    /* Hot-plug of slots */
    uint64_t removal_asked;         /* the guest has to let go of, or refuse */
    uint32_t saved_device_id[VIRTIO_DESKTOP_NUM_SLOTS]; /* 0: empty */
};

/* Flags of a CPU; a possible one without any is parked */
#define VIRTIO_DESKTOP_CPU_PRESENT  (1u << 0)   /* the guest may have it */
#define VIRTIO_DESKTOP_CPU_PARKED   (1u << 1)   /* ...and has parked it */
#define VIRTIO_DESKTOP_CPU_ASKED    (1u << 2)   /* ...and is to give it back */

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
 * virtio_desktop_machine_set_props: what devices are like in the machine
 * @mc: class of a machine of one version, as only those have such properties
 */
void virtio_desktop_machine_set_props(MachineClass *mc);

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

/* virtio-desktop-hotplug.c */

/* virtio_desktop_hotplug_class_init: make the board the slots' handler */
void virtio_desktop_hotplug_class_init(ObjectClass *oc);

/**
 * virtio_desktop_complete_removals: empty the slots that are asked for
 * @s: realized board
 *
 * For a reset of the machine.  Does nothing during a migration.
 */
void virtio_desktop_complete_removals(VirtioDesktopState *s);

/* VirtIOPowerMachineClass::slot_reset, ::slot_eject */
enum virtio_power_status virtio_desktop_slot_reset(VirtioDesktopState *s,
                                                   uint32_t slot);
enum virtio_power_status virtio_desktop_slot_eject(VirtioDesktopState *s,
                                                   uint32_t slot, bool refuse);

/* virtio_desktop_slot_record: fill in a zeroed record of the table of slots */
void virtio_desktop_slot_record(VirtioDesktopState *s, uint32_t slot,
                                struct virtio_power_slot *record);

/* virtio-desktop-power.c */

/* virtio_desktop_power_class_init: let the board answer virtio-power */
void virtio_desktop_power_class_init(ObjectClass *oc);

/**
 * virtio_desktop_init_power: make ready what virtio-power tells and does
 * @s: realized board with its description; the machine has all possible CPUs
 *
 * Parks the CPUs that the guest does not have at the start.
 */
void virtio_desktop_init_power(VirtioDesktopState *s);

/* virtio-desktop-cpu.c */

/* virtio_desktop_init_cpus: part of virtio_desktop_init_power() */
void virtio_desktop_init_cpus(VirtioDesktopState *s);

/* virtio_desktop_cpu_record: fill in a zeroed record of the table of CPUs */
void virtio_desktop_cpu_record(VirtioDesktopState *s, uint32_t cpu,
                               struct virtio_power_cpu *record);

/* VirtIOPowerMachineClass::cpu_reset, ::cpu_park, ::cpu_unpark, ::cpu_refuse */
enum virtio_power_status virtio_desktop_cpu_reset(VirtioDesktopState *s,
                                                  uint32_t cpu);
enum virtio_power_status virtio_desktop_cpu_park(VirtioDesktopState *s,
                                                 uint32_t cpu);
enum virtio_power_status virtio_desktop_cpu_unpark(VirtioDesktopState *s,
                                                   uint32_t cpu);
enum virtio_power_status virtio_desktop_cpu_refuse(VirtioDesktopState *s,
                                                   uint32_t cpu);

/* virtio_desktop_set_cpu_present: for MachineClass::set_cpu_present */
void virtio_desktop_set_cpu_present(MachineState *machine, unsigned int cpu,
                                    bool present, Error **errp);

#endif /* HW_VIRTIO_DESKTOP_H */

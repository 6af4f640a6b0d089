/*
 * virtio-desktop machine, AArch64 architecture layer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_ARM_VIRT_DESKTOP_H
#define HW_ARM_VIRT_DESKTOP_H

#include "exec/hwaddr.h"
#include "hw/arm/boot.h"
#include "hw/block/flash.h"
#include "hw/boards.h"
#include "hw/virtio/virtio-desktop.h"
#include "qemu/notify.h"
#include "qemu/units.h"

#define TYPE_VIRT_DESKTOP_MACHINE MACHINE_TYPE_NAME("virtio-desktop")
OBJECT_DECLARE_SIMPLE_TYPE(VirtDesktopMachineState, VIRT_DESKTOP_MACHINE)

#define VD_NUM_FLASH 2
#define VD_FLASH_BANK_SIZE (64 * MiB)

/* INTIDs 32 to 127, which is how the GIC counts shared interrupts */
#define VD_NUM_SPIS         96
#define VD_UART_SPI         1
#define VD_RTC_SPI          2
#define VD_SLOT_SPI(slot)   (16 + (slot))

/* Index into vd_memmap */
enum {
    VD_FLASH,
    VD_GIC_DIST,
    VD_GIC_CPU,
    VD_GIC_REDIST,
    VD_UART,
    VD_RTC,
    VD_FW_CFG,
    VD_PVTIME,
    VD_SLOTS,
    VD_SHM,
    VD_RAM,
};

extern const MemMapEntry vd_memmap[];

/* gic-version= as the user wrote it, the best there is by default */
enum {
    GIC_MAX = 0,
    GIC_V2 = 2,
    GIC_V3 = 3,
    GIC_HOST,
};

struct VirtDesktopMachineState {
    MachineState parent_obj;

    /* Properties */
    int gic_request;
    bool mte;
    bool rtc;
    bool fw_cfg;
    bool dtb_randomness;
    PFlashCFI01 *flash[VD_NUM_FLASH];

    /* Runtime */
    VirtioDesktopState board;
    DeviceState *gic;
    int gic_version;
    int fdt_size;
    uint32_t clock_phandle;
    MemoryRegion pvtime;
    MemoryRegion tag_memory;    /* as large as the address space */
    MemoryRegion tags;          /* those of RAM */
    Notifier machine_done;
    struct arm_boot_info bootinfo;
};

/* vd_possible_cpu_arch_ids: MachineClass::possible_cpu_arch_ids */
const CPUArchIdList *vd_possible_cpu_arch_ids(MachineState *ms);

/* vd_cpu_index_to_props: MachineClass::cpu_index_to_instance_props */
CpuInstanceProperties vd_cpu_index_to_props(MachineState *ms,
                                            unsigned cpu_index);

/**
 * vd_create_cpus: create all CPUs, also those that are parked
 * @vds: machine with nothing in it
 * @errp: set if they cannot be what was asked for
 */
void vd_create_cpus(VirtDesktopMachineState *vds, Error **errp);

/**
 * vd_create_tags: make the tags of RAM, with mte=on under TCG
 * @vds: machine with CPUs
 * @errp: set if there is no memory for them
 *
 * Returns: whether all is well
 */
bool vd_create_tags(VirtDesktopMachineState *vds, Error **errp);

/**
 * vd_finish_kvm_cpus: tell KVM of a vCPU what waits for GIC and memory
 * @vds: machine with CPUs, memory and interrupt controller
 * @errp: set if there is no memory for records of steal time
 */
void vd_finish_kvm_cpus(VirtDesktopMachineState *vds, Error **errp);

/**
 * vd_fdt_init: start the device tree
 * @vds: machine with CPUs and interrupt controller
 *
 * Describes what the architecture brings: CPUs, interrupt controller, timer
 * and PMU.  RAM and PSCI are added when the kernel is loaded.
 */
void vd_fdt_init(VirtDesktopMachineState *vds);

/**
 * vd_fdt_add_device: add the node of a memory-mapped device
 * @vds: machine
 * @name: first part of the node's name
 * @region: index into vd_memmap, the node's "reg"
 *
 * Returns: the node's path, to be freed by the caller
 */
char *vd_fdt_add_device(VirtDesktopMachineState *vds, const char *name,
                        int region);

/**
 * vd_fdt_get_clock: the clock that the bindings of PL011 and PL031
 * ask for
 * @vds: machine
 *
 * Returns: the phandle of the clock's node
 */
uint32_t vd_fdt_get_clock(VirtDesktopMachineState *vds);

/**
 * vd_fdt_set_spi: set a node's "interrupts"
 * @fdt: flattened device tree
 * @node: path of the node
 * @spi: number of the shared interrupt, counted from 0
 */
void vd_fdt_set_spi(void *fdt, const char *node, int spi);

/**
 * vd_fdt_set_strings: set a property to a list of two strings
 * @fdt: flattened device tree
 * @node: path of the node
 * @prop: name of the property
 * @first: first string
 * @second: second string
 */
void vd_fdt_set_strings(void *fdt, const char *node, const char *prop,
                        const char *first, const char *second);

/**
 * vd_flash_init: add the machine's pflash0= and pflash1= options
 * @vds: machine, in its instance_init
 */
void vd_flash_init(VirtDesktopMachineState *vds);

/**
 * vd_flash_create: map the flash and load -bios, if there is any
 * @vds: machine with a device tree
 * @errp: set if the firmware cannot be used
 *
 * Returns: whether the machine has firmware
 */
bool vd_flash_create(VirtDesktopMachineState *vds, Error **errp);

/**
 * vd_describe: tell the board what the machine consists of
 * @vds: machine, complete but for the board
 */
void vd_describe(VirtDesktopMachineState *vds);

#endif /* HW_ARM_VIRT_DESKTOP_H */

/*
 * virtio-desktop machine, AArch64: what the board is told of the machine
 *
 * The device tree of virt-desktop-fdt.c says the same to guests that read that.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "elf.h"
#include "hw/arm/bsa.h"
#include "hw/arm/virt-desktop.h"
#include "hw/intc/arm_gic_common.h"
#include "hw/intc/arm_gicv3_common.h"
#include "hw/nvram/fw_cfg.h"
#include "system/system.h"
#include "target/arm/cpu-qom.h"
#include "target/arm/arm-powerctl.h"

#define SPI_TO_INTID(spi) (GIC_INTERNAL + (spi))

static void describe_gic(VirtDesktopMachineState *vds)
{
    VirtioDesktopDescription *desc = &vds->board.desc;
    VirtioDesktopController *gic = &desc->controller[desc->num_controllers++];
    bool v3 = vds->gic_version == GIC_V3;

    gic->type = v3 ? VIRTIO_DESKTOP_ARM_GICV3
                   : VIRTIO_DESKTOP_ARM_GICV2;
    gic->num_irqs = SPI_TO_INTID(VD_NUM_SPIS);
    gic->num_regions = 2;
    gic->region[0] = vd_memmap[VD_GIC_DIST];
    gic->region[1] = vd_memmap[v3 ? VD_GIC_REDIST : VD_GIC_CPU];
    if (v3) {
        gic->region[1].size = (uint64_t)MACHINE(vds)->smp.max_cpus *
                              GICV3_REDIST_SIZE;
    }
}

static void describe_timer(VirtDesktopMachineState *vds)
{
    VirtioDesktopDescription *desc = &vds->board.desc;
    VirtioDesktopTimer *timer = &desc->timer[desc->num_timers++];

    timer->type = VIRTIO_DESKTOP_ARM_TIMER;
    timer->always_on = true;
    timer->irq[0] = ARCH_TIMER_S_EL1_IRQ;
    timer->irq[1] = ARCH_TIMER_NS_EL1_IRQ;
    timer->irq[2] = ARCH_TIMER_VIRT_IRQ;
    timer->irq[3] = ARCH_TIMER_NS_EL2_IRQ;
}

/* To be called in order of addresses */
static VirtioDesktopRange *describe_range(VirtDesktopMachineState *vds,
                                          VirtioDesktopRangeType type,
                                          MemMapEntry region)
{
    VirtioDesktopDescription *desc = &vds->board.desc;
    VirtioDesktopRange *range = &desc->range[desc->num_ranges++];

    range->type = type;
    range->region = region;
    range->irq = VIRTIO_DESKTOP_NO_IRQ;
    return range;
}

static void describe_device(VirtDesktopMachineState *vds,
                            VirtioDesktopRangeType type,
                            MemMapEntry region, int spi)
{
    describe_range(vds, type, region)->irq = SPI_TO_INTID(spi);
}

static void describe_ranges(VirtDesktopMachineState *vds)
{
    MemMapEntry flash = { vd_memmap[VD_FLASH].base, VD_FLASH_BANK_SIZE };
    MemMapEntry ram = { vd_memmap[VD_RAM].base, MACHINE(vds)->ram_size };
    int n;

    for (n = 0; n < VD_NUM_FLASH && vds->flash[n]; n++) {
        describe_range(vds, VIRTIO_DESKTOP_FLASH, flash);
        flash.base += flash.size;
    }
    if (serial_hd(0)) {
        describe_device(vds, VIRTIO_DESKTOP_UART, vd_memmap[VD_UART],
                        VD_UART_SPI);
    }
    if (vds->rtc) {
        describe_device(vds, VIRTIO_DESKTOP_RTC, vd_memmap[VD_RTC],
                        VD_RTC_SPI);
    }
    if (fw_cfg_find()) {
        describe_range(vds, VIRTIO_DESKTOP_FW_CFG, vd_memmap[VD_FW_CFG]);
    }
    if (memory_region_size(&vds->pvtime)) {
        describe_range(vds, VIRTIO_DESKTOP_STEAL_TIME,
                       vd_memmap[VD_PVTIME]);
    }
    describe_range(vds, VIRTIO_DESKTOP_SLOTS, vd_memmap[VD_SLOTS]);
    describe_range(vds, VIRTIO_DESKTOP_SHM_WINDOW, vd_memmap[VD_SHM]);
    describe_range(vds, VIRTIO_DESKTOP_RAM, ram);
}

static const VirtioDesktopCpuOps cpu_ops = {
    .is_off = arm_cpu_is_off,
    .set_parked = arm_cpu_set_parked,
    .reset = arm_cpu_reset_to_off,
};

void vd_describe(VirtDesktopMachineState *vds)
{
    VirtioDesktopDescription *desc = &vds->board.desc;

    desc->arch = EM_AARCH64;
    desc->slot_irq = SPI_TO_INTID(VD_SLOT_SPI(0));
    desc->cpu_ops = &cpu_ops;
    describe_gic(vds);
    describe_timer(vds);
    describe_ranges(vds);
}

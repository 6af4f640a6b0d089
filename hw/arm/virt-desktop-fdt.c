/*
 * virtio-desktop machine, AArch64: the device tree
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <libfdt.h>
#include "qemu/bitops.h"
#include "qemu/guest-random.h"
#include "qemu/units.h"
#include "hw/arm/bsa.h"
#include "hw/arm/fdt.h"
#include "hw/arm/virt-desktop.h"
#include "hw/intc/arm_gicv3_common.h"
#include "system/device_tree.h"
#include "target/arm/cpu.h"
#include "target/arm/multiprocessing.h"

void vd_fdt_set_spi(void *fdt, const char *node, int spi)
{
    qemu_fdt_setprop_cells(fdt, node, "interrupts", GIC_FDT_IRQ_TYPE_SPI, spi,
                           GIC_FDT_IRQ_FLAGS_LEVEL_HI);
}

/* A GICv2's PPI specifier also says which CPUs have it */
static uint32_t ppi_flags(VirtDesktopMachineState *vds)
{
    uint32_t flags = GIC_FDT_IRQ_FLAGS_LEVEL_HI;

    if (vds->gic_version == GIC_V2) {
        flags = deposit32(flags, GIC_FDT_IRQ_PPI_CPU_START,
                          GIC_FDT_IRQ_PPI_CPU_WIDTH,
                          MAKE_64BIT_MASK(0, MACHINE(vds)->smp.max_cpus));
    }
    return flags;
}

void vd_fdt_set_strings(void *fdt, const char *node, const char *prop,
                            const char *first, const char *second)
{
    g_autoptr(GString) list = g_string_new(first);

    /* Each string ends in a NUL, the last one's is GString's own */
    g_string_append_c(list, '\0');
    g_string_append(list, second);
    qemu_fdt_setprop(fdt, node, prop, list->str, list->len + 1);
}

/*
 * The tree is copied into the guest at each reset, so make it no larger than
 * it can become: 64 slots and the rest need less than 64 KiB, a CPU less than
 * 1 KiB, and -append is added when the kernel is loaded.
 */
static void *create_tree(VirtDesktopMachineState *vds)
{
    MachineState *ms = MACHINE(vds);
    const char *append = ms->kernel_cmdline ?: "";
    void *fdt;
    int ret;

    vds->fdt_size = 64 * KiB + ms->smp.max_cpus * KiB +
                    ROUND_UP(strlen(append), KiB);
    fdt = g_malloc0(vds->fdt_size);
    ret = fdt_create_empty_tree(fdt, vds->fdt_size);
    assert(ret == 0);
    return fdt;
}

static void add_root(VirtDesktopMachineState *vds)
{
    void *fdt = create_tree(vds);

    MACHINE(vds)->fdt = fdt;
    /* The second name is what guests already know as "no quirks needed" */
    vd_fdt_set_strings(fdt, "/", "compatible", "qemu,virtio-desktop",
                    "linux,dummy-virt");
    qemu_fdt_setprop_string(fdt, "/", "model", "virtio-desktop");
    qemu_fdt_setprop_cell(fdt, "/", "#address-cells", 2);
    qemu_fdt_setprop_cell(fdt, "/", "#size-cells", 2);
    qemu_fdt_setprop(fdt, "/", "dma-coherent", NULL, 0);

    qemu_fdt_add_subnode(fdt, "/chosen");
    if (vds->dtb_randomness) {
        struct {
            uint64_t kaslr;
            uint8_t rng[32];
        } seed;

        if (qemu_guest_getrandom(&seed, sizeof(seed), NULL) == 0) {
            qemu_fdt_setprop_u64(fdt, "/chosen", "kaslr-seed", seed.kaslr);
            qemu_fdt_setprop(fdt, "/chosen", "rng-seed", seed.rng,
                             sizeof(seed.rng));
        }
    }
    qemu_fdt_add_subnode(fdt, "/aliases");
}

static void add_cpu(MachineState *ms, int n)
{
    g_autofree char *node = g_strdup_printf("/cpus/cpu@%d", n);
    const CpuInstanceProperties *props = &ms->possible_cpus->cpus[n].props;
    ARMCPU *cpu = ARM_CPU(qemu_get_cpu(n));
    g_autoptr(GString) map = g_string_new(NULL);

    qemu_fdt_add_subnode(ms->fdt, node);
    qemu_fdt_setprop_string(ms->fdt, node, "device_type", "cpu");
    qemu_fdt_setprop_string(ms->fdt, node, "compatible", cpu->dtb_compatible);
    qemu_fdt_setprop_u64(ms->fdt, node, "reg", arm_cpu_mp_affinity(cpu));
    qemu_fdt_setprop_string(ms->fdt, node, "enable-method", "psci");
    qemu_fdt_setprop_cell(ms->fdt, node, "phandle",
                          qemu_fdt_alloc_phandle(ms->fdt));

    g_string_printf(map, "/cpus/cpu-map/socket%d/cluster%d/core%d",
                    (int)props->socket_id, (int)props->cluster_id,
                    (int)props->core_id);
    if (ms->smp.threads > 1) {
        g_string_append_printf(map, "/thread%d", (int)props->thread_id);
    }
    qemu_fdt_add_path(ms->fdt, map->str);
    qemu_fdt_setprop_phandle(ms->fdt, map->str, "cpu", node);
}

static void add_cpus(VirtDesktopMachineState *vds)
{
    MachineState *ms = MACHINE(vds);
    int n;

    qemu_fdt_add_subnode(ms->fdt, "/cpus");
    qemu_fdt_setprop_cell(ms->fdt, "/cpus", "#address-cells", 2);
    qemu_fdt_setprop_cell(ms->fdt, "/cpus", "#size-cells", 0);
    qemu_fdt_add_subnode(ms->fdt, "/cpus/cpu-map");
    for (n = ms->smp.max_cpus - 1; n >= 0; n--) {
        add_cpu(ms, n);
    }
}

static void add_gic(VirtDesktopMachineState *vds)
{
    void *fdt = MACHINE(vds)->fdt;
    bool v3 = vds->gic_version == GIC_V3;
    const MemMapEntry *dist = &vd_memmap[VD_GIC_DIST];
    const MemMapEntry *cpuif = &vd_memmap[v3 ? VD_GIC_REDIST : VD_GIC_CPU];
    g_autofree char *node = g_strdup_printf("/intc@%" PRIx64, dist->base);
    uint32_t phandle = qemu_fdt_alloc_phandle(fdt);
    uint64_t size = cpuif->size;

    if (v3) {
        size = (uint64_t)MACHINE(vds)->smp.max_cpus * GICV3_REDIST_SIZE;
    }
    qemu_fdt_setprop_cell(fdt, "/", "interrupt-parent", phandle);
    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible",
                            v3 ? "arm,gic-v3" : "arm,cortex-a15-gic");
    qemu_fdt_setprop(fdt, node, "interrupt-controller", NULL, 0);
    qemu_fdt_setprop_cell(fdt, node, "#interrupt-cells", 3);
    qemu_fdt_setprop_sized_cells(fdt, node, "reg", 2, dist->base,
                                 2, dist->size, 2, cpuif->base, 2, size);
    qemu_fdt_setprop_cell(fdt, node, "phandle", phandle);
}

static void add_timer_and_pmu(VirtDesktopMachineState *vds)
{
    void *fdt = MACHINE(vds)->fdt;
    uint32_t flags = ppi_flags(vds);
    uint32_t ppi = GIC_FDT_IRQ_TYPE_PPI;

    qemu_fdt_add_subnode(fdt, "/timer");
    qemu_fdt_setprop_string(fdt, "/timer", "compatible", "arm,armv8-timer");
    qemu_fdt_setprop(fdt, "/timer", "always-on", NULL, 0);
    qemu_fdt_setprop_cells(fdt, "/timer", "interrupts",
                           ppi, INTID_TO_PPI(ARCH_TIMER_S_EL1_IRQ), flags,
                           ppi, INTID_TO_PPI(ARCH_TIMER_NS_EL1_IRQ), flags,
                           ppi, INTID_TO_PPI(ARCH_TIMER_VIRT_IRQ), flags,
                           ppi, INTID_TO_PPI(ARCH_TIMER_NS_EL2_IRQ), flags);

    if (arm_feature(&ARM_CPU(first_cpu)->env, ARM_FEATURE_PMU)) {
        qemu_fdt_add_subnode(fdt, "/pmu");
        qemu_fdt_setprop_string(fdt, "/pmu", "compatible", "arm,armv8-pmuv3");
        qemu_fdt_setprop_cells(fdt, "/pmu", "interrupts",
                               ppi, INTID_TO_PPI(VIRTUAL_PMU_IRQ), flags);
    }
}

/* PL011 and PL031 are AMBA devices, whose bindings want a clock */
uint32_t vd_fdt_get_clock(VirtDesktopMachineState *vds)
{
    void *fdt = MACHINE(vds)->fdt;

    if (!vds->clock_phandle) {
        vds->clock_phandle = qemu_fdt_alloc_phandle(fdt);
        qemu_fdt_add_subnode(fdt, "/apb-pclk");
        qemu_fdt_setprop_string(fdt, "/apb-pclk", "compatible", "fixed-clock");
        qemu_fdt_setprop_cell(fdt, "/apb-pclk", "#clock-cells", 0);
        qemu_fdt_setprop_cell(fdt, "/apb-pclk", "clock-frequency", 24000000);
        qemu_fdt_setprop_cell(fdt, "/apb-pclk", "phandle", vds->clock_phandle);
    }
    return vds->clock_phandle;
}

char *vd_fdt_add_device(VirtDesktopMachineState *vds, const char *name,
                            int region)
{
    void *fdt = MACHINE(vds)->fdt;
    char *node = g_strdup_printf("/%s@%" PRIx64, name, vd_memmap[region].base);

    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_sized_cells(fdt, node, "reg", 2, vd_memmap[region].base,
                                 2, vd_memmap[region].size);
    return node;
}

void vd_fdt_init(VirtDesktopMachineState *vds)
{
    add_root(vds);
    add_cpus(vds);
    add_gic(vds);
    add_timer_and_pmu(vds);
}

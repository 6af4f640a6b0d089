/*
 * virtio-desktop machine, AArch64 architecture layer
 *
 * CPUs, interrupt controller, timer, RAM and boot.  With KVM the first three
 * are the kernel's.  Everything else is the board's: slots of virtio devices,
 * see hw/virtio/virtio-desktop.c.  The memory map and interrupt numbers are
 * those of docs/specs/virtio-desktop.rst; a guest may rely on them.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/error-report.h"
#include "qemu/host-utils.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qobject/qlist.h"
#include "chardev/char.h"
#include "exec/address-spaces.h"
#include "hw/arm/boot.h"
#include "hw/arm/bsa.h"
#include "hw/arm/virt-desktop.h"
#include "hw/boards.h"
#include "hw/char/pl011.h"
#include "hw/intc/arm_gic.h"
#include "hw/intc/arm_gicv3_common.h"
#include "hw/irq.h"
#include "hw/loader.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "hw/sysbus.h"
#include "kvm_arm.h"
#include "system/device_tree.h"
#include "system/kvm.h"
#include "system/system.h"
#include "system/tcg.h"
#include "target/arm/cpu-features.h"
#include "target/arm/cpu-qom.h"
#include "target/arm/gtimer.h"
#include "target/arm/internals.h"
#include "target/arm/multiprocessing.h"

const MemMapEntry vd_memmap[] = {
    [VD_FLASH] =      { 0x00000000, VD_NUM_FLASH * VD_FLASH_BANK_SIZE },
    [VD_GIC_DIST] =   { 0x08000000, 64 * KiB },
    [VD_GIC_CPU] =    { 0x08010000, 64 * KiB },
    [VD_GIC_REDIST] = { 0x080a0000, 123 * 128 * KiB },
    [VD_UART] =       { 0x09000000, 4 * KiB },
    [VD_RTC] =        { 0x09010000, 4 * KiB },
    [VD_FW_CFG] =     { 0x09020000, 24 },
    [VD_PVTIME] =     { 0x09030000, 64 * KiB },
    [VD_SLOTS] =      { 0x0a000000, 4 * MiB },
    [VD_SHM] =        { 0x10000000, 768 * MiB },
    [VD_RAM] =        { 0x40000000, 0 /* -m */ },
};

/* A host whose only interrupt controller is a GICv2 has 8, for instance */
static void check_kvm_cpu_count(MachineState *ms)
{
#ifdef CONFIG_KVM
    int limit = kvm_check_extension(KVM_STATE(ms->accelerator),
                                    KVM_CAP_MAX_VCPUS);

    if (limit > 0 && ms->smp.max_cpus > limit) {
        error_report("%u CPUs are too many: this host's KVM has %d at most",
                     ms->smp.max_cpus, limit);
        exit(EXIT_FAILURE);
    }
#endif
}

/*
 * RAM
 */

/* Bits of physical address that the map needs with this much RAM */
static int needed_pa_bits(MachineState *ms)
{
    return 64 - clz64(vd_memmap[VD_RAM].base + ms->ram_size - 1);
}

/*
 * MachineClass::kvm_type: guest physical address bits, 0 for KVM's 40.  It is
 * the first to be asked, so it also has the say if KVM has too few CPUs.
 */
static int virt_desktop_kvm_type(MachineState *ms, const char *type)
{
    bool fixed_ipa;
    int max = kvm_arm_get_max_vm_ipa_size(ms, &fixed_ipa);
    int needed = MAX(needed_pa_bits(ms), 32);

    check_kvm_cpu_count(ms);

    if (needed > max) {
        error_report("-m needs %d bits of guest physical address,"
                     " but this host's KVM has %d", needed, max);
        return -1;
    }
    return fixed_ipa ? 0 : needed;
}

static void create_ram(VirtDesktopMachineState *vds, Error **errp)
{
    MachineState *ms = MACHINE(vds);
    int have = arm_pamax(ARM_CPU(first_cpu));

    if (needed_pa_bits(ms) > have) {
        error_setg(errp, "-m needs %d bits of guest physical address,"
                   " but the CPU has %d", needed_pa_bits(ms), have);
        return;
    }
    if (vd_create_tags(vds, errp)) {
        memory_region_add_subregion(get_system_memory(),
                                    vd_memmap[VD_RAM].base, ms->ram);
    }
}

/*
 * Interrupt controller and timer
 */

static void choose_gic(VirtDesktopMachineState *vds, Error **errp)
{
    bool v2 = true;
    bool v3 = module_object_class_by_name("arm-gicv3");
    int version = vds->gic_request;

    if (kvm_enabled()) {
        int probe = kvm_arm_vgic_probe();

        if (!kvm_irqchip_in_kernel()) {
            error_setg(errp, "virtio-desktop needs KVM's interrupt controller:"
                       " kernel-irqchip=off is not supported");
            return;
        }
        v2 = probe & KVM_ARM_VGIC_V2;
        v3 = probe & KVM_ARM_VGIC_V3;
    } else if (version == GIC_HOST) {
        error_setg(errp, "gic-version=host needs KVM");
        return;
    }

    if (version != GIC_V2 && version != GIC_V3) {
        version = v3 ? GIC_V3 : GIC_V2;
    }
    if (!(version == GIC_V3 ? v3 : v2)) {
        error_setg(errp, "gic-version=%d: %s has no GICv%d", version,
                   kvm_enabled() ? "this host's KVM" : "this QEMU", version);
        return;
    }
    vds->gic_version = version;
}

static void check_cpu_count(VirtDesktopMachineState *vds, Error **errp)
{
    unsigned int max_cpus = MACHINE(vds)->smp.max_cpus;
    unsigned int limit = GIC_NCPU;

    if (vds->gic_version == GIC_V3) {
        limit = vd_memmap[VD_GIC_REDIST].size / GICV3_REDIST_SIZE;
    }
    if (max_cpus > limit) {
        error_setg(errp, "%u CPUs are too many: virtio-desktop with GICv%d"
                   " has %u at most", max_cpus, vds->gic_version, limit);
    }
}

/* Per-CPU wires: timer and PMU outputs to PPIs, GIC outputs to the CPU */
static void connect_gic_cpu(VirtDesktopMachineState *vds, int n)
{
    static const struct {
        int output;
        int intid;
    } timers[] = {
        { GTIMER_PHYS, ARCH_TIMER_NS_EL1_IRQ },
        { GTIMER_VIRT, ARCH_TIMER_VIRT_IRQ },
        { GTIMER_HYP, ARCH_TIMER_NS_EL2_IRQ },
        { GTIMER_SEC, ARCH_TIMER_S_EL1_IRQ },
    };
    static const int inputs[] = {
        ARM_CPU_IRQ, ARM_CPU_FIQ, ARM_CPU_VIRQ, ARM_CPU_VFIQ,
        ARM_CPU_NMI, ARM_CPU_VINMI,
    };
    int ncpu = MACHINE(vds)->smp.max_cpus;
    int ninputs = vds->gic_version == GIC_V3 ? ARRAY_SIZE(inputs) : 4;
    int ppis = VD_NUM_SPIS + n * GIC_INTERNAL;
    DeviceState *cpu = DEVICE(qemu_get_cpu(n));
    SysBusDevice *gic = SYS_BUS_DEVICE(vds->gic);
    int i;

    for (i = 0; i < ARRAY_SIZE(timers); i++) {
        qdev_connect_gpio_out(cpu, timers[i].output,
                              qdev_get_gpio_in(vds->gic,
                                               ppis + timers[i].intid));
    }
    qdev_connect_gpio_out_named(cpu, "pmu-interrupt", 0,
                                qdev_get_gpio_in(vds->gic,
                                                 ppis + VIRTUAL_PMU_IRQ));
    for (i = 0; i < ninputs; i++) {
        sysbus_connect_irq(gic, n + i * ncpu, qdev_get_gpio_in(cpu, inputs[i]));
    }
}

static void create_gic(VirtDesktopMachineState *vds, Error **errp)
{
    bool v3 = vds->gic_version == GIC_V3;
    int ncpu = MACHINE(vds)->smp.max_cpus;
    SysBusDevice *sbd;
    int n;

    vds->gic = qdev_new(v3 ? gicv3_class_name() : gic_class_name());
    object_property_add_child(OBJECT(vds), "gic", OBJECT(vds->gic));
    qdev_prop_set_uint32(vds->gic, "revision", vds->gic_version);
    qdev_prop_set_uint32(vds->gic, "num-cpu", ncpu);
    qdev_prop_set_uint32(vds->gic, "num-irq", VD_NUM_SPIS + GIC_INTERNAL);
    if (v3) {
        QList *redists = qlist_new();

        qlist_append_int(redists, ncpu);
        qdev_prop_set_array(vds->gic, "redist-region-count", redists);
        if (tcg_enabled() &&
            cpu_isar_feature(aa64_nmi, ARM_CPU(first_cpu))) {
            qdev_prop_set_bit(vds->gic, "has-nmi", true);
        }
    }

    sbd = SYS_BUS_DEVICE(vds->gic);
    if (!sysbus_realize_and_unref(sbd, errp)) {
        return;
    }
    sysbus_mmio_map(sbd, 0, vd_memmap[VD_GIC_DIST].base);
    sysbus_mmio_map(sbd, 1, vd_memmap[v3 ? VD_GIC_REDIST : VD_GIC_CPU].base);
    for (n = 0; n < ncpu; n++) {
        connect_gic_cpu(vds, n);
    }
}

static qemu_irq get_spi(VirtDesktopMachineState *vds, int spi)
{
    return qdev_get_gpio_in(vds->gic, spi);
}

/*
 * Devices that are there on request
 */

static void create_uart(VirtDesktopMachineState *vds, Chardev *chr)
{
    void *fdt = MACHINE(vds)->fdt;
    DeviceState *dev = qdev_new(TYPE_PL011);
    SysBusDevice *sbd = SYS_BUS_DEVICE(dev);
    g_autofree char *node = vd_fdt_add_device(vds, "pl011", VD_UART);
    uint32_t clock = vd_fdt_get_clock(vds);

    qdev_prop_set_chr(dev, "chardev", chr);
    sysbus_realize_and_unref(sbd, &error_fatal);
    sysbus_mmio_map(sbd, 0, vd_memmap[VD_UART].base);
    sysbus_connect_irq(sbd, 0, get_spi(vds, VD_UART_SPI));

    vd_fdt_set_strings(fdt, node, "compatible", "arm,pl011", "arm,primecell");
    vd_fdt_set_spi(fdt, node, VD_UART_SPI);
    qemu_fdt_setprop_cells(fdt, node, "clocks", clock, clock);
    vd_fdt_set_strings(fdt, node, "clock-names", "uartclk", "apb_pclk");
    qemu_fdt_setprop_string(fdt, "/chosen", "stdout-path", node);
    qemu_fdt_setprop_string(fdt, "/aliases", "serial0", node);
}

static void create_rtc(VirtDesktopMachineState *vds)
{
    void *fdt = MACHINE(vds)->fdt;
    g_autofree char *node = vd_fdt_add_device(vds, "pl031", VD_RTC);

    sysbus_create_simple("pl031", vd_memmap[VD_RTC].base,
                         get_spi(vds, VD_RTC_SPI));

    vd_fdt_set_strings(fdt, node, "compatible", "arm,pl031", "arm,primecell");
    vd_fdt_set_spi(fdt, node, VD_RTC_SPI);
    qemu_fdt_setprop_cell(fdt, node, "clocks", vd_fdt_get_clock(vds));
    qemu_fdt_setprop_string(fdt, node, "clock-names", "apb_pclk");
}

static void create_fw_cfg(VirtDesktopMachineState *vds)
{
    void *fdt = MACHINE(vds)->fdt;
    hwaddr base = vd_memmap[VD_FW_CFG].base;
    g_autofree char *node = vd_fdt_add_device(vds, "fw-cfg", VD_FW_CFG);
    FWCfgState *fw_cfg = fw_cfg_init_mem_wide(base + 8, base, 8, base + 16,
                                              &address_space_memory);

    fw_cfg_add_i16(fw_cfg, FW_CFG_NB_CPUS, MACHINE(vds)->smp.cpus);
    rom_set_fw(fw_cfg);
    qemu_fdt_setprop_string(fdt, node, "compatible", "qemu,fw-cfg-mmio");
    qemu_fdt_setprop(fdt, node, "dma-coherent", NULL, 0);
}

/*
 * Machine
 */

static void set_slot_irq(void *fdt, const char *node, int slot)
{
    vd_fdt_set_spi(fdt, node, VD_SLOT_SPI(slot));
}

static void create_board(VirtDesktopMachineState *vds, Error **errp)
{
    DeviceState *board = DEVICE(&vds->board);
    int slot;

    qdev_prop_set_uint64(board, "slot-base", vd_memmap[VD_SLOTS].base);
    qdev_prop_set_uint64(board, "shm-base", vd_memmap[VD_SHM].base);
    qdev_prop_set_uint64(board, "shm-size", vd_memmap[VD_SHM].size);
    for (slot = 0; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        vds->board.irq[slot] = get_spi(vds, VD_SLOT_SPI(slot));
    }
    vd_describe(vds);
    if (qdev_realize(board, NULL, errp)) {
        virtio_desktop_init_power(&vds->board);
        virtio_desktop_create_devices(&vds->board, errp);
    }
}

static void *virt_desktop_get_dtb(const struct arm_boot_info *info, int *size)
{
    VirtDesktopMachineState *vds = container_of(info, VirtDesktopMachineState,
                                                bootinfo);

    *size = vds->fdt_size;
    return MACHINE(vds)->fdt;
}

/* The device tree waits until -device has filled its slots */
static void virt_desktop_machine_done(Notifier *notifier, void *data)
{
    VirtDesktopMachineState *vds = container_of(notifier,
                                                VirtDesktopMachineState,
                                                machine_done);
    struct arm_boot_info *info = &vds->bootinfo;
    ARMCPU *cpu = ARM_CPU(first_cpu);

    if (!info->dtb_filename) {
        virtio_desktop_add_fdt_nodes(&vds->board, MACHINE(vds)->fdt,
                                     set_slot_irq);
        if (!info->firmware_loaded) {
            virtio_desktop_add_fdt_framebuffer(&vds->board, MACHINE(vds)->fdt);
        }
    }
    if (arm_load_dtb(info->dtb_start, info, info->dtb_limit,
                     arm_boot_address_space(cpu, info), MACHINE(vds),
                     cpu) < 0) {
        exit(EXIT_FAILURE);
    }
}

static void load_kernel(VirtDesktopMachineState *vds, bool firmware)
{
    struct arm_boot_info *info = &vds->bootinfo;

    info->ram_size = MACHINE(vds)->ram_size;
    info->board_id = -1;
    info->loader_start = vd_memmap[VD_RAM].base;
    info->get_dtb = virt_desktop_get_dtb;
    info->skip_dtb_autoload = true;
    info->firmware_loaded = firmware;
    info->psci_conduit = QEMU_PSCI_CONDUIT_HVC;
    arm_load_kernel(ARM_CPU(first_cpu), MACHINE(vds), info);
}

static void virt_desktop_init(MachineState *machine)
{
    VirtDesktopMachineState *vds = VIRT_DESKTOP_MACHINE(machine);
    Chardev *serial = serial_hd(0);
    bool firmware;

    choose_gic(vds, &error_fatal);
    check_cpu_count(vds, &error_fatal);
    vd_create_cpus(vds, &error_fatal);
    create_ram(vds, &error_fatal);
    create_gic(vds, &error_fatal);
    if (kvm_enabled()) {
        vd_finish_kvm_cpus(vds, &error_fatal);
    }

    vd_fdt_init(vds);
    firmware = vd_flash_create(vds, &error_fatal);
    if (firmware || vds->fw_cfg) {
        create_fw_cfg(vds);
    }
    if (vds->rtc) {
        create_rtc(vds);
    }
    if (serial) {
        create_uart(vds, serial);
    }
    create_board(vds, &error_fatal);
    load_kernel(vds, firmware);

    vds->machine_done.notify = virt_desktop_machine_done;
    qemu_add_machine_init_done_notifier(&vds->machine_done);
}

static char *virt_desktop_get_gic_version(Object *obj, Error **errp)
{
    switch (VIRT_DESKTOP_MACHINE(obj)->gic_request) {
    case GIC_V2:
        return g_strdup("2");
    case GIC_V3:
        return g_strdup("3");
    case GIC_HOST:
        return g_strdup("host");
    default:
        return g_strdup("max");
    }
}

static void virt_desktop_set_gic_version(Object *obj, const char *value,
                                         Error **errp)
{
    VirtDesktopMachineState *vds = VIRT_DESKTOP_MACHINE(obj);

    if (!strcmp(value, "2")) {
        vds->gic_request = GIC_V2;
    } else if (!strcmp(value, "3")) {
        vds->gic_request = GIC_V3;
    } else if (!strcmp(value, "host")) {
        vds->gic_request = GIC_HOST;
    } else if (!strcmp(value, "max")) {
        vds->gic_request = GIC_MAX;
    } else {
        error_setg(errp, "gic-version=%s is not one of '2', '3', 'host' and"
                   " 'max'", value);
    }
}

static bool virt_desktop_get_mte(Object *obj, Error **errp)
{
    return VIRT_DESKTOP_MACHINE(obj)->mte;
}

static void virt_desktop_set_mte(Object *obj, bool value, Error **errp)
{
    VIRT_DESKTOP_MACHINE(obj)->mte = value;
}

static bool virt_desktop_get_rtc(Object *obj, Error **errp)
{
    return VIRT_DESKTOP_MACHINE(obj)->rtc;
}

static void virt_desktop_set_rtc(Object *obj, bool value, Error **errp)
{
    VIRT_DESKTOP_MACHINE(obj)->rtc = value;
}

static bool virt_desktop_get_fw_cfg(Object *obj, Error **errp)
{
    return VIRT_DESKTOP_MACHINE(obj)->fw_cfg;
}

static void virt_desktop_set_fw_cfg(Object *obj, bool value, Error **errp)
{
    VIRT_DESKTOP_MACHINE(obj)->fw_cfg = value;
}

static bool virt_desktop_get_dtb_randomness(Object *obj, Error **errp)
{
    return VIRT_DESKTOP_MACHINE(obj)->dtb_randomness;
}

static void virt_desktop_set_dtb_randomness(Object *obj, bool value,
                                            Error **errp)
{
    VIRT_DESKTOP_MACHINE(obj)->dtb_randomness = value;
}

static void virt_desktop_add_options(ObjectClass *oc)
{
    object_class_property_add_str(oc, "gic-version",
                                  virt_desktop_get_gic_version,
                                  virt_desktop_set_gic_version);
    object_class_property_set_description(oc, "gic-version",
        "Interrupt controller (2, 3, host, max)");

    object_class_property_add_bool(oc, "mte", virt_desktop_get_mte,
                                   virt_desktop_set_mte);
    object_class_property_set_description(oc, "mte",
        "Memory tagging extension (with KVM, the host's)");

    object_class_property_add_bool(oc, "rtc", virt_desktop_get_rtc,
                                   virt_desktop_set_rtc);
    object_class_property_set_description(oc, "rtc", "PL031 real-time clock");

    object_class_property_add_bool(oc, "fw-cfg", virt_desktop_get_fw_cfg,
                                   virt_desktop_set_fw_cfg);
    object_class_property_set_description(oc, "fw-cfg",
        "QEMU's firmware configuration device, always there with firmware");

    object_class_property_add_bool(oc, "dtb-randomness",
                                   virt_desktop_get_dtb_randomness,
                                   virt_desktop_set_dtb_randomness);
    object_class_property_set_description(oc, "dtb-randomness",
        "Random seeds for the guest in the device tree");
}

static void virt_desktop_class_init(ObjectClass *oc, void *data)
{
    static const char * const valid_cpu_types[] = {
        ARM_CPU_TYPE_NAME("max"),
#ifdef CONFIG_KVM
        ARM_CPU_TYPE_NAME("host"),
#endif
        ARM_CPU_TYPE_NAME("cortex-a53"),
        ARM_CPU_TYPE_NAME("cortex-a57"),
#ifdef CONFIG_TCG
        ARM_CPU_TYPE_NAME("cortex-a35"),
        ARM_CPU_TYPE_NAME("cortex-a55"),
        ARM_CPU_TYPE_NAME("cortex-a72"),
        ARM_CPU_TYPE_NAME("cortex-a76"),
        ARM_CPU_TYPE_NAME("cortex-a710"),
        ARM_CPU_TYPE_NAME("a64fx"),
        ARM_CPU_TYPE_NAME("neoverse-n1"),
        ARM_CPU_TYPE_NAME("neoverse-n2"),
        ARM_CPU_TYPE_NAME("neoverse-v1"),
#endif
        NULL
    };
    MachineClass *mc = MACHINE_CLASS(oc);

    mc->init = virt_desktop_init;
    mc->max_cpus = vd_memmap[VD_GIC_REDIST].size / GICV3_REDIST_SIZE;
    mc->minimum_page_bits = 12;
    mc->default_cpu_type = ARM_CPU_TYPE_NAME("max");
    mc->valid_cpu_types = valid_cpu_types;
    mc->possible_cpu_arch_ids = vd_possible_cpu_arch_ids;
    mc->cpu_index_to_instance_props = vd_cpu_index_to_props;
    mc->smp_props.clusters_supported = true;
    mc->has_hotpluggable_cpus = true;
    mc->set_cpu_present = virtio_desktop_set_cpu_present;
    mc->kvm_type = virt_desktop_kvm_type;
    mc->default_ram_id = "virtio-desktop.ram";
    mc->default_ram_size = 2 * GiB;
    virtio_desktop_machine_class_init(mc);
    virt_desktop_add_options(oc);
}

static void virt_desktop_instance_init(Object *obj)
{
    VirtDesktopMachineState *vds = VIRT_DESKTOP_MACHINE(obj);

    vds->rtc = true;
    vds->dtb_randomness = true;
    vd_flash_init(vds);
    virtio_desktop_machine_instance_init(MACHINE(obj), &vds->board);
}

static const TypeInfo virt_desktop_info = {
    .name = TYPE_VIRT_DESKTOP_MACHINE,
    .parent = TYPE_MACHINE,
    .abstract = true,
    .instance_size = sizeof(VirtDesktopMachineState),
    .instance_init = virt_desktop_instance_init,
    .class_init = virt_desktop_class_init,
};

/*
 * Versioned types: what a guest or a migration stream sees of one stays as
 * it was in the QEMU release of that number.
 */
static void virt_desktop_10_0_class_init(ObjectClass *oc, void *data)
{
    MachineClass *mc = MACHINE_CLASS(oc);

    mc->desc = "QEMU 10.0 virtual desktop (virtio devices only)";
    mc->alias = "virtio-desktop";
    virtio_desktop_machine_set_props(mc);
}

static const TypeInfo virt_desktop_10_0_info = {
    .name = MACHINE_TYPE_NAME("virtio-desktop-10.0"),
    .parent = TYPE_VIRT_DESKTOP_MACHINE,
    .class_init = virt_desktop_10_0_class_init,
};

static void virt_desktop_register_types(void)
{
    type_register_static(&virt_desktop_info);
    type_register_static(&virt_desktop_10_0_info);
}

type_init(virt_desktop_register_types)

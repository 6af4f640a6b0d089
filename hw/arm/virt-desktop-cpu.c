/*
 * virtio-desktop machine, AArch64: CPUs
 *
 * With KVM they are the host's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "exec/address-spaces.h"
#include "hw/arm/bsa.h"
#include "hw/arm/virt-desktop.h"
#include "hw/boards.h"
#include "hw/intc/arm_gicv3_common.h"
#include "kvm_arm.h"
#include "system/kvm.h"
#include "system/tcg.h"
#include "target/arm/cpu.h"
#include "target/arm/cpu-qom.h"
#include "target/arm/multiprocessing.h"

#define PVTIME_SIZE_PER_CPU 64

/* There is a tag of 4 bits for each 16 bytes */
#define TAG_SHARE           32

const CPUArchIdList *vd_possible_cpu_arch_ids(MachineState *ms)
{
    unsigned int max_cpus = ms->smp.max_cpus;
    int n;

    if (ms->possible_cpus) {
        return ms->possible_cpus;
    }

    ms->possible_cpus = g_malloc0(sizeof(CPUArchIdList) +
                                  sizeof(CPUArchId) * max_cpus);
    ms->possible_cpus->len = max_cpus;
    for (n = 0; n < max_cpus; n++) {
        CPUArchId *id = &ms->possible_cpus->cpus[n];

        id->type = ms->cpu_type;
        /* As KVM numbers them, for both GICs: a GICv2 has 8 CPUs at most */
        id->arch_id = arm_build_mp_affinity(n, GICV3_TARGETLIST_BITS);
        id->vcpus_count = 1;
        id->props.has_socket_id = true;
        id->props.socket_id = n / (ms->smp.clusters * ms->smp.cores *
                                   ms->smp.threads);
        id->props.has_cluster_id = true;
        id->props.cluster_id = n / (ms->smp.cores * ms->smp.threads) %
                               ms->smp.clusters;
        id->props.has_core_id = true;
        id->props.core_id = n / ms->smp.threads % ms->smp.cores;
        id->props.has_thread_id = true;
        id->props.thread_id = n % ms->smp.threads;
    }
    return ms->possible_cpus;
}

CpuInstanceProperties vd_cpu_index_to_props(MachineState *ms,
                                            unsigned cpu_index)
{
    const CPUArchIdList *list = vd_possible_cpu_arch_ids(ms);

    assert(cpu_index < list->len);
    return list->cpus[cpu_index].props;
}

/*
 * KVM shows the guest the host's own CPU.  On a few old hosts a model can be
 * asked for by name, and is the same.
 */
static bool check_kvm_type(const char *type, Error **errp)
{
    if (kvm_enabled() && strcmp(type, ARM_CPU_TYPE_NAME("host")) &&
        strcmp(type, ARM_CPU_TYPE_NAME("max"))) {
        g_autofree char *model = cpu_model_from_type(type);

        error_setg(errp, "KVM has no '%s' CPU, only the host's own: use"
                   " -cpu host", model);
        return false;
    }
    return true;
}

/* The property is there if the type has memory tagging */
static bool enable_mte(VirtDesktopMachineState *vds, Object *cpu, Error **errp)
{
    ERRP_GUARD();
    bool has_mte = object_property_find(cpu, "tag-memory");

    if (tcg_enabled() && has_mte) {
        return object_property_set_link(cpu, "tag-memory",
                                        OBJECT(&vds->tag_memory), errp);
    }
    if (kvm_enabled() && kvm_arm_mte_supported()) {
        kvm_arm_enable_mte(cpu, errp);
        return !*errp;
    }
    error_setg(errp, "mte=on: %s has no memory tagging extension",
               kvm_enabled() ? "this host's KVM" :
               tcg_enabled() ? "this type of CPU" : current_accel_name());
    return false;
}

static void create_cpu(VirtDesktopMachineState *vds, int n, Error **errp)
{
    MachineState *ms = MACHINE(vds);
    const CPUArchId *id = &ms->possible_cpus->cpus[n];
    Object *cpu = object_new(id->type);

    CPU(cpu)->cpu_index = n;
    object_property_set_int(cpu, "mp-affinity", id->arch_id, &error_abort);
    /* A register tells it, and a target may have another number present */
    object_property_set_int(cpu, "core-count", ms->smp.max_cpus, &error_abort);
    object_property_set_link(cpu, "memory", OBJECT(get_system_memory()),
                             &error_abort);
    /* A desktop guest gets neither a hypervisor's nor a secure level */
    if (object_property_find(cpu, "has_el3")) {
        object_property_set_bool(cpu, "has_el3", false, &error_abort);
    }
    if (object_property_find(cpu, "has_el2")) {
        object_property_set_bool(cpu, "has_el2", false, &error_abort);
    }
    if (object_property_find(cpu, "aarch64") &&
        !object_property_get_bool(cpu, "aarch64", &error_abort)) {
        error_setg(errp, "virtio-desktop needs 64-bit CPUs (aarch64=on)");
    } else if (!vds->mte || enable_mte(vds, cpu, errp)) {
        qdev_realize(DEVICE(cpu), NULL, errp);
    }
    object_unref(cpu);
}

void vd_create_cpus(VirtDesktopMachineState *vds, Error **errp)
{
    ERRP_GUARD();
    MachineState *ms = MACHINE(vds);
    int n;

    if (!check_kvm_type(ms->cpu_type, errp)) {
        return;
    }
    if (vds->mte && tcg_enabled()) {
        memory_region_init(&vds->tag_memory, OBJECT(vds), "tag-memory",
                           UINT64_MAX / TAG_SHARE);
    }
    /* The GIC wants all that it will ever have; the board parks some */
    vd_possible_cpu_arch_ids(ms);
    for (n = 0; n < ms->smp.max_cpus; n++) {
        create_cpu(vds, n, errp);
        if (*errp) {
            return;
        }
    }
}

void vd_finish_kvm_cpus(VirtDesktopMachineState *vds, Error **errp)
{
    bool steal_time = object_property_get_bool(OBJECT(first_cpu),
                                               "kvm-steal-time", NULL);
    CPUState *cs;

    if (steal_time) {
        if (!memory_region_init_ram(&vds->pvtime, NULL, "pvtime",
                                    vd_memmap[VD_PVTIME].size, errp)) {
            return;
        }
        memory_region_add_subregion(get_system_memory(),
                                    vd_memmap[VD_PVTIME].base, &vds->pvtime);
    }
    CPU_FOREACH(cs) {
        ARMCPU *cpu = ARM_CPU(cs);

        if (arm_feature(&cpu->env, ARM_FEATURE_PMU)) {
            kvm_arm_pmu_set_irq(cpu, VIRTUAL_PMU_IRQ);
            kvm_arm_pmu_init(cpu);
        }
        if (steal_time) {
            kvm_arm_pvtime_init(cpu, vd_memmap[VD_PVTIME].base +
                                cs->cpu_index * PVTIME_SIZE_PER_CPU);
        }
    }
}

bool vd_create_tags(VirtDesktopMachineState *vds, Error **errp)
{
    if (!vds->mte || !tcg_enabled()) {
        return true;
    }
    if (!memory_region_init_ram(&vds->tags, NULL, "virtio-desktop.tags",
                                MACHINE(vds)->ram_size / TAG_SHARE, errp)) {
        return false;
    }
    memory_region_add_subregion(&vds->tag_memory,
                                vd_memmap[VD_RAM].base / TAG_SHARE,
                                &vds->tags);
    return true;
}

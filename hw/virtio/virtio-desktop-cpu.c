/*
 * virtio-desktop board layer: CPUs come and go while the guest runs
 *
 * All possible CPUs are there from the start.  Those that the guest is not to
 * have are parked: they execute nothing and cannot be started.  The host gives
 * and asks back with the command cpu-set-present, the guest lets go of them by
 * virtio-power.  See docs/specs/virtio-power.rst, "CPUs: hot-plug".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-events-machine.h"
#include "qemu/error-report.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "hw/virtio/virtio-desktop.h"
#include "migration/vmstate.h"
#include "system/reset.h"
#include "system/runstate.h"
#include "trace.h"

/* Runs after a reset, and a guest cannot do without it */
#define BOOT_CPU 0

#define PRESENT VIRTIO_DESKTOP_CPU_PRESENT
#define PARKED  VIRTIO_DESKTOP_CPU_PARKED
#define ASKED   VIRTIO_DESKTOP_CPU_ASKED

static CPUArchId *arch_id(uint32_t cpu)
{
    return &MACHINE(qdev_get_machine())->possible_cpus->cpus[cpu];
}

static bool is_present(VirtioDesktopState *s, uint32_t cpu)
{
    return s->cpu_flags[cpu] & PRESENT;
}

static bool is_asked_for(VirtioDesktopState *s, uint32_t cpu)
{
    return s->cpu_flags[cpu] & ASKED;
}

static bool is_parked(uint8_t flags)
{
    return !(flags & PRESENT) || (flags & PARKED);
}

static bool is_off(VirtioDesktopState *s, uint32_t cpu)
{
    return s->desc.cpu_ops->is_off(qemu_get_cpu(cpu));
}

/* Enter a state: the machine and its user follow, the guest is told next */
static void set_flags(VirtioDesktopState *s, uint32_t cpu, uint8_t flags)
{
    CPUState *cs = qemu_get_cpu(cpu);
    uint8_t old = s->cpu_flags[cpu];

    trace_virtio_desktop_cpu(cpu, old, flags);
    s->cpu_flags[cpu] = flags;
    if (is_parked(old) != is_parked(flags)) {
        s->desc.cpu_ops->set_parked(cs, is_parked(flags));
    }
    if ((old ^ flags) & PRESENT) {
        arch_id(cpu)->cpu = flags & PRESENT ? cs : NULL;
        qapi_event_send_cpu_present_changed(cpu, flags & PRESENT);
    }
}

static void tell_guest(VirtioDesktopState *s)
{
    if (s->power) {
        virtio_power_changed(s->power);
    }
}

static void tell_guest_of(VirtioDesktopState *s, uint32_t cpu,
                          enum virtio_power_event_type type)
{
    tell_guest(s);
    if (s->power) {
        virtio_power_send_event(s->power, type, cpu);
    }
}

/* Events that are no longer true */
static void drop_events(VirtioDesktopState *s, uint32_t cpu)
{
    if (s->power && !is_asked_for(s, cpu)) {
        virtio_power_drop_event(s->power, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED,
                                cpu);
    }
    if (s->power && !is_present(s, cpu)) {
        virtio_power_drop_event(s->power, VIRTIO_POWER_EVENT_CPU_ADDED, cpu);
    }
}

void virtio_desktop_cpu_record(VirtioDesktopState *s, uint32_t cpu,
                               struct virtio_power_cpu *record)
{
    const CPUArchId *id = arch_id(cpu);
    const CpuInstanceProperties *props = &id->props;
    uint32_t state = VIRTIO_POWER_CPU_ON;
    uint32_t flags = cpu == BOOT_CPU ? VIRTIO_POWER_CPU_F_BOOT
                                     : VIRTIO_POWER_CPU_F_REMOVABLE;

    if (is_parked(s->cpu_flags[cpu])) {
        state = VIRTIO_POWER_CPU_PARKED;
    } else if (is_off(s, cpu)) {
        state = VIRTIO_POWER_CPU_OFF;
    }
    if (is_present(s, cpu)) {
        flags |= VIRTIO_POWER_CPU_F_PRESENT;
    }
    if (is_asked_for(s, cpu)) {
        flags |= VIRTIO_POWER_CPU_F_REMOVAL_ASKED;
    }
    record->index = cpu_to_le32(cpu);
    record->state = cpu_to_le32(state);
    record->flags = cpu_to_le32(flags);
    record->hw_id = cpu_to_le64(id->arch_id);
    record->socket = cpu_to_le32(props->has_socket_id ? props->socket_id
                                                      : VIRTIO_POWER_NONE);
    record->cluster = cpu_to_le32(props->has_cluster_id ? props->cluster_id
                                                        : VIRTIO_POWER_NONE);
    record->core = cpu_to_le32(props->has_core_id ? props->core_id
                                                  : VIRTIO_POWER_NONE);
    record->thread = cpu_to_le32(props->has_thread_id ? props->thread_id
                                                      : VIRTIO_POWER_NONE);
}

/*
 * Requests of the guest
 */

enum virtio_power_status virtio_desktop_cpu_reset(VirtioDesktopState *s,
                                                  uint32_t cpu)
{
    if (is_parked(s->cpu_flags[cpu])) {
        return VIRTIO_POWER_S_DENIED;
    }
    s->desc.cpu_ops->reset(qemu_get_cpu(cpu));
    return VIRTIO_POWER_S_OK;
}

enum virtio_power_status virtio_desktop_cpu_park(VirtioDesktopState *s,
                                                 uint32_t cpu)
{
    if (cpu == BOOT_CPU || !is_present(s, cpu)) {
        return VIRTIO_POWER_S_DENIED;
    }
    if (is_parked(s->cpu_flags[cpu])) {
        return VIRTIO_POWER_S_OK;
    }
    if (!is_off(s, cpu)) {
        return VIRTIO_POWER_S_BUSY;
    }
    set_flags(s, cpu, is_asked_for(s, cpu) ? 0 : PRESENT | PARKED);
    drop_events(s, cpu);
    tell_guest(s);
    return VIRTIO_POWER_S_OK;
}

enum virtio_power_status virtio_desktop_cpu_unpark(VirtioDesktopState *s,
                                                   uint32_t cpu)
{
    if (!is_present(s, cpu)) {
        return VIRTIO_POWER_S_DENIED;
    }
    if (is_parked(s->cpu_flags[cpu])) {
        set_flags(s, cpu, PRESENT);
        tell_guest(s);
    }
    return VIRTIO_POWER_S_OK;
}

enum virtio_power_status virtio_desktop_cpu_refuse(VirtioDesktopState *s,
                                                   uint32_t cpu)
{
    if (!is_asked_for(s, cpu)) {
        return VIRTIO_POWER_S_DENIED;
    }
    set_flags(s, cpu, PRESENT);
    drop_events(s, cpu);
    tell_guest(s);
    qapi_event_send_cpu_removal_refused(cpu);
    return VIRTIO_POWER_S_OK;
}

/*
 * Commands of the user
 */

static void add_cpu(VirtioDesktopState *s, uint32_t cpu, Error **errp)
{
    if (is_asked_for(s, cpu)) {
        error_setg(errp, "The guest has been asked for CPU %u and has not"
                   " answered yet", cpu);
    } else if (!is_present(s, cpu)) {
        set_flags(s, cpu, PRESENT);
        tell_guest_of(s, cpu, VIRTIO_POWER_EVENT_CPU_ADDED);
    }
}

static void remove_cpu(VirtioDesktopState *s, uint32_t cpu, Error **errp)
{
    if (cpu == BOOT_CPU) {
        error_setg(errp, "CPU %u starts the machine and cannot be removed",
                   cpu);
    } else if (!is_present(s, cpu)) {
        return;
    } else if (is_parked(s->cpu_flags[cpu])) {
        /* The guest has let go of it before */
        set_flags(s, cpu, 0);
        drop_events(s, cpu);
        tell_guest(s);
    } else if (s->power &&
               virtio_power_attends(s->power,
                                    VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED)) {
        set_flags(s, cpu, PRESENT | ASKED);
        tell_guest_of(s, cpu, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED);
    } else if (is_off(s, cpu)) {
        set_flags(s, cpu, 0);
        drop_events(s, cpu);
        tell_guest(s);
    } else {
        error_setg(errp, "CPU %u is in use, and the guest has no driver that"
                   " could let go of it", cpu);
    }
}

void virtio_desktop_set_cpu_present(MachineState *machine, unsigned int cpu,
                                    bool present, Error **errp)
{
    Object *board = object_resolve_path_component(OBJECT(machine), "board");
    VirtioDesktopState *s = VIRTIO_DESKTOP(board);

    if (runstate_check(RUN_STATE_INMIGRATE)) {
        error_setg(errp, "CPUs cannot be added or removed before the machine's"
                   " state has come in");
    } else if (present) {
        add_cpu(s, cpu, errp);
    } else {
        remove_cpu(s, cpu, errp);
    }
}

/*
 * Reset: an ask is fulfilled, as the next guest has not begun to use the CPU.
 * That guest may not know virtio-power, so it gets what the last one parked.
 */
static void reset_cpus(void *opaque)
{
    VirtioDesktopState *s = opaque;
    uint32_t cpu;

    /* What has come in of a migration stays */
    if (runstate_check(RUN_STATE_INMIGRATE)) {
        return;
    }
    for (cpu = 0; cpu < s->num_cpus; cpu++) {
        uint8_t flags = is_asked_for(s, cpu) ? 0 : s->cpu_flags[cpu] & PRESENT;

        if (flags != s->cpu_flags[cpu]) {
            set_flags(s, cpu, flags);
            drop_events(s, cpu);
            tell_guest(s);
        }
    }
}

/*
 * Migration: CPUs themselves are saved by QEMU, whether parked or not
 */

static bool are_flags_valid(uint32_t cpu, uint8_t flags)
{
    if (cpu == BOOT_CPU) {
        return flags == PRESENT;
    }
    return !flags || flags == PRESENT || flags == (PRESENT | PARKED) ||
           flags == (PRESENT | ASKED);
}

static int pre_save_cpus(void *opaque)
{
    VirtioDesktopState *s = opaque;

    memcpy(s->saved_cpu_flags, s->cpu_flags, s->num_cpus);
    return 0;
}

static int post_load_cpus(void *opaque, int version_id)
{
    VirtioDesktopState *s = opaque;
    uint32_t cpu;

    for (cpu = 0; cpu < s->num_cpus; cpu++) {
        if (!are_flags_valid(cpu, s->saved_cpu_flags[cpu])) {
            error_report("Saved state of CPU %u is not valid", cpu);
            return -EINVAL;
        }
    }
    for (cpu = 0; cpu < s->num_cpus; cpu++) {
        set_flags(s, cpu, s->saved_cpu_flags[cpu]);
    }
    return 0;
}

static const VMStateDescription vmstate_cpus = {
    .name = "virtio-desktop-cpus",
    .version_id = 1,
    .minimum_version_id = 1,
    /* Another number of CPUs would be noticed elsewhere, in other words */
    .priority = MIG_PRI_MAX,
    .pre_save = pre_save_cpus,
    .post_load = post_load_cpus,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(num_cpus, VirtioDesktopState,
                             "maxcpus of -smp has to be as at the source"),
        VMSTATE_VARRAY_UINT32(saved_cpu_flags, VirtioDesktopState, num_cpus, 0,
                              vmstate_info_uint8, uint8_t),
        VMSTATE_END_OF_LIST()
    }
};

void virtio_desktop_init_cpus(VirtioDesktopState *s)
{
    MachineState *ms = MACHINE(qdev_get_machine());
    uint32_t cpu;

    s->num_cpus = ms->smp.max_cpus;
    s->cpu_flags = g_new0(uint8_t, s->num_cpus);
    s->saved_cpu_flags = g_new0(uint8_t, s->num_cpus);
    for (cpu = 0; cpu < s->num_cpus; cpu++) {
        if (cpu < ms->smp.cpus) {
            s->cpu_flags[cpu] = PRESENT;
            arch_id(cpu)->cpu = qemu_get_cpu(cpu);
        } else {
            s->desc.cpu_ops->set_parked(qemu_get_cpu(cpu), true);
        }
    }
    qemu_register_reset_nosnapshotload(reset_cpus, s);
    vmstate_register(VMSTATE_IF(s), 0, &vmstate_cpus, s);
}

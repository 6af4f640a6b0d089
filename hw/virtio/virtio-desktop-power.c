/*
 * virtio-desktop board layer: the machine as virtio-power tells of it
 *
 * The board is the machine behind the power device.  It puts together what the
 * architecture has described and what slots and CPUs are like at the moment;
 * the wire format begins here.  See docs/specs/virtio-power.rst, "Tables".
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/config-file.h"
#include "qemu/cutils.h"
#include "qemu/option.h"
#include "qemu/unicode.h"
#include "qemu/uuid.h"
#include "hw/boards.h"
#include "hw/misc/virtio-power.h"
#include "hw/virtio/virtio-desktop.h"
#include "migration/vmstate.h"
#include "system/system.h"

/* The architecture's words on the wire */
static const uint32_t controller_types[] = {
    [VIRTIO_DESKTOP_ARM_GICV2] = VIRTIO_POWER_CONTROLLER_ARM_GICV2,
    [VIRTIO_DESKTOP_ARM_GICV3] = VIRTIO_POWER_CONTROLLER_ARM_GICV3,
};

static const uint32_t timer_types[] = {
    [VIRTIO_DESKTOP_ARM_TIMER] = VIRTIO_POWER_TIMER_ARM_GENERIC,
};

static const uint32_t range_types[] = {
    [VIRTIO_DESKTOP_RAM] = VIRTIO_POWER_RANGE_RAM,
    [VIRTIO_DESKTOP_SHM_WINDOW] = VIRTIO_POWER_RANGE_SHM_WINDOW,
    [VIRTIO_DESKTOP_SLOTS] = VIRTIO_POWER_RANGE_SLOTS,
    [VIRTIO_DESKTOP_FLASH] = VIRTIO_POWER_RANGE_FLASH,
    [VIRTIO_DESKTOP_RTC] = VIRTIO_POWER_RANGE_RTC,
    [VIRTIO_DESKTOP_UART] = VIRTIO_POWER_RANGE_UART,
    [VIRTIO_DESKTOP_FW_CFG] = VIRTIO_POWER_RANGE_FW_CFG,
    [VIRTIO_DESKTOP_STEAL_TIME] = VIRTIO_POWER_RANGE_STEAL_TIME,
};

QEMU_BUILD_BUG_ON(VIRTIO_DESKTOP_NO_IRQ != VIRTIO_POWER_NONE);
QEMU_BUILD_BUG_ON(VIRTIO_DESKTOP_MAX_REGIONS > VIRTIO_POWER_MAX_REGIONS);
QEMU_BUILD_BUG_ON(VIRTIO_DESKTOP_TIMER_IRQS != VIRTIO_POWER_MAX_TIMER_IRQS);

static uint32_t virtio_desktop_count(VirtIOPowerMachine *machine,
                                     enum virtio_power_request_type table)
{
    VirtioDesktopState *s = VIRTIO_DESKTOP(machine);

    switch (table) {
    case VIRTIO_POWER_REQ_GET_MACHINE:
        return 1;
    case VIRTIO_POWER_REQ_GET_CPUS:
        return s->num_cpus;
    case VIRTIO_POWER_REQ_GET_CONTROLLERS:
        return s->desc.num_controllers;
    case VIRTIO_POWER_REQ_GET_TIMERS:
        return s->desc.num_timers;
    case VIRTIO_POWER_REQ_GET_SLOTS:
        return VIRTIO_DESKTOP_NUM_SLOTS;
    case VIRTIO_POWER_REQ_GET_RANGES:
        return s->desc.num_ranges;
    default:
        g_assert_not_reached();
    }
}

static void machine_record(VirtioDesktopState *s,
                           struct virtio_power_machine *record)
{
    const char *name = MACHINE_GET_CLASS(qdev_get_machine())->name;
    const char *version = strrchr(name, '-') + 1;

    record->arch = cpu_to_le32(s->desc.arch);
    record->flags = cpu_to_le32(s->uuid_set ? VIRTIO_POWER_MACHINE_UUID : 0);
    memcpy(record->uuid, s->uuid, sizeof(record->uuid));
    pstrcpy((char *)record->name, sizeof(record->name), "virtio-desktop");
    pstrcpy((char *)record->version, sizeof(record->version), version);
    memcpy(record->serial, s->serial, sizeof(record->serial));
}

static void controller_record(const VirtioDesktopController *controller,
                              struct virtio_power_controller *record)
{
    int i;

    record->type = cpu_to_le32(controller_types[controller->type]);
    record->num_irqs = cpu_to_le32(controller->num_irqs);
    record->num_regions = cpu_to_le32(controller->num_regions);
    for (i = 0; i < controller->num_regions; i++) {
        record->region[i].base = cpu_to_le64(controller->region[i].base);
        record->region[i].size = cpu_to_le64(controller->region[i].size);
    }
}

static void timer_record(const VirtioDesktopTimer *timer,
                         struct virtio_power_timer *record)
{
    int i;

    record->type = cpu_to_le32(timer_types[timer->type]);
    record->flags = cpu_to_le32(timer->always_on ?
                                VIRTIO_POWER_TIMER_F_ALWAYS_ON : 0);
    record->frequency = cpu_to_le64(timer->frequency);
    for (i = 0; i < VIRTIO_DESKTOP_TIMER_IRQS; i++) {
        record->irq[i] = cpu_to_le32(timer->irq[i]);
    }
}

static void range_record(const VirtioDesktopRange *range,
                         struct virtio_power_range *record)
{
    record->type = cpu_to_le32(range_types[range->type]);
    record->base = cpu_to_le64(range->region.base);
    record->size = cpu_to_le64(range->region.size);
    record->irq = cpu_to_le32(range->irq);
    if (range->irq != VIRTIO_DESKTOP_NO_IRQ) {
        record->irq_flags = cpu_to_le32(VIRTIO_POWER_IRQ_LEVEL |
                                        VIRTIO_POWER_IRQ_HIGH);
    }
}

static void virtio_desktop_get_record(VirtIOPowerMachine *machine,
                                      enum virtio_power_request_type table,
                                      uint32_t index, void *record)
{
    VirtioDesktopState *s = VIRTIO_DESKTOP(machine);

    switch (table) {
    case VIRTIO_POWER_REQ_GET_MACHINE:
        machine_record(s, record);
        break;
    case VIRTIO_POWER_REQ_GET_CPUS:
        virtio_desktop_cpu_record(s, index, record);
        break;
    case VIRTIO_POWER_REQ_GET_CONTROLLERS:
        controller_record(&s->desc.controller[index], record);
        break;
    case VIRTIO_POWER_REQ_GET_TIMERS:
        timer_record(&s->desc.timer[index], record);
        break;
    case VIRTIO_POWER_REQ_GET_SLOTS:
        virtio_desktop_slot_record(s, index, record);
        break;
    case VIRTIO_POWER_REQ_GET_RANGES:
        range_record(&s->desc.range[index], record);
        break;
    default:
        g_assert_not_reached();
    }
}

/*
 * Who the machine is: -uuid and -smbios type=1,serial=.  A machine that is
 * migrated keeps what it was given at the source.
 */

static int find_serial(void *opaque, QemuOpts *opts, Error **errp)
{
    const char **serial = opaque;
    const char *type = qemu_opt_get(opts, "type");

    if (!g_strcmp0(type, "1")) {
        *serial = qemu_opt_get(opts, "serial") ?: *serial;
    }
    return 0;
}

/* How much of @str fits into @size with a zero, without cutting a character */
static size_t length_of_fitting(const char *str, size_t size)
{
    char *end = (char *)str, *next;

    while (mod_utf8_codepoint(end, 6, &next) >= 0 && next - str < size) {
        end = next;
    }
    return end - str;
}

static void set_identity(VirtioDesktopState *s)
{
    /* Not in builds without SMBIOS */
    QemuOptsList *smbios = qemu_find_opts_err("smbios", NULL);
    const char *serial = "";

    s->uuid_set = qemu_uuid_set;
    memcpy(s->uuid, qemu_uuid.data, sizeof(s->uuid));
    if (smbios) {
        qemu_opts_foreach(smbios, find_serial, &serial, NULL);
    }
    memcpy(s->serial, serial, length_of_fitting(serial, sizeof(s->serial)));
}

static int post_load_identity(void *opaque, int version_id)
{
    VirtioDesktopState *s = opaque;

    s->serial[sizeof(s->serial) - 1] = 0;
    return 0;
}

static const VMStateDescription vmstate_identity = {
    .name = "virtio-desktop-identity",
    .version_id = 1,
    .minimum_version_id = 1,
    .post_load = post_load_identity,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT8(uuid_set, VirtioDesktopState),
        VMSTATE_UINT8_ARRAY(uuid, VirtioDesktopState, 16),
        VMSTATE_UINT8_ARRAY(serial, VirtioDesktopState, VIRTIO_POWER_NAME_SIZE),
        VMSTATE_END_OF_LIST()
    }
};

void virtio_desktop_init_power(VirtioDesktopState *s)
{
    set_identity(s);
    vmstate_register(VMSTATE_IF(s), 0, &vmstate_identity, s);
    virtio_desktop_init_cpus(s);
}

/*
 * Requests
 */

static enum virtio_power_status slot_reset(VirtIOPowerMachine *machine,
                                           uint32_t slot)
{
    return virtio_desktop_slot_reset(VIRTIO_DESKTOP(machine), slot);
}

static enum virtio_power_status slot_eject(VirtIOPowerMachine *machine,
                                           uint32_t slot, bool refuse)
{
    return virtio_desktop_slot_eject(VIRTIO_DESKTOP(machine), slot, refuse);
}

static enum virtio_power_status cpu_do_reset(VirtIOPowerMachine *machine,
                                             uint32_t cpu)
{
    return virtio_desktop_cpu_reset(VIRTIO_DESKTOP(machine), cpu);
}

static enum virtio_power_status cpu_do_park(VirtIOPowerMachine *machine,
                                            uint32_t cpu)
{
    return virtio_desktop_cpu_park(VIRTIO_DESKTOP(machine), cpu);
}

static enum virtio_power_status cpu_do_unpark(VirtIOPowerMachine *machine,
                                              uint32_t cpu)
{
    return virtio_desktop_cpu_unpark(VIRTIO_DESKTOP(machine), cpu);
}

static enum virtio_power_status cpu_do_refuse(VirtIOPowerMachine *machine,
                                              uint32_t cpu)
{
    return virtio_desktop_cpu_refuse(VIRTIO_DESKTOP(machine), cpu);
}

void virtio_desktop_power_class_init(ObjectClass *oc)
{
    VirtIOPowerMachineClass *pmc = VIRTIO_POWER_MACHINE_CLASS(oc);

    pmc->count = virtio_desktop_count;
    pmc->get_record = virtio_desktop_get_record;
    pmc->slot_reset = slot_reset;
    pmc->slot_eject = slot_eject;
    pmc->cpu_reset = cpu_do_reset;
    pmc->cpu_park = cpu_do_park;
    pmc->cpu_unpark = cpu_do_unpark;
    pmc->cpu_refuse = cpu_do_refuse;
}

/*
 * virtio-power: the machine as a virtio device
 *
 * It tells a guest what the machine consists of, ends, resets and suspends it,
 * and lets slots and CPUs come and go.  What all of that means is up to the
 * machine's board, see include/hw/misc/virtio-power.h; what a guest can rely
 * on is in docs/specs/virtio-power.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qapi/error.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "virtio-power-internal.h"
#include "trace.h"

#define REQUEST_QUEUE_SIZE  64
#define EVENT_QUEUE_SIZE    64

uint32_t virtio_power_count(VirtIOPower *power,
                            enum virtio_power_request_type table)
{
    VirtIOPowerMachineClass *vpmc =
        VIRTIO_POWER_MACHINE_GET_CLASS(power->machine);

    return vpmc->count(power->machine, table);
}

static void virtio_power_get_config(VirtIODevice *vdev, uint8_t *data)
{
    VirtIOPower *power = VIRTIO_POWER(vdev);
    struct virtio_power_config config = {
        .generation = cpu_to_le32(power->generation),
        .events = cpu_to_le32(virtio_power_known_events()),
        .num_cpus = cpu_to_le32(power->num_cpus),
        .num_slots = cpu_to_le32(power->num_slots),
        .num_ranges = cpu_to_le32(
            virtio_power_count(power, VIRTIO_POWER_REQ_GET_RANGES)),
        .num_controllers = cpu_to_le32(
            virtio_power_count(power, VIRTIO_POWER_REQ_GET_CONTROLLERS)),
        .num_timers = cpu_to_le32(
            virtio_power_count(power, VIRTIO_POWER_REQ_GET_TIMERS)),
    };

    memcpy(data, &config, sizeof(config));
}

static uint64_t virtio_power_get_features(VirtIODevice *vdev,
                                          uint64_t features, Error **errp)
{
    if (VIRTIO_POWER(vdev)->allow_exit) {
        virtio_add_feature(&features, VIRTIO_POWER_F_EXIT);
    }
    virtio_add_feature(&features, VIRTIO_POWER_F_SUSPEND);
    virtio_add_feature(&features, VIRTIO_POWER_F_SLOT_HOTPLUG);
    virtio_add_feature(&features, VIRTIO_POWER_F_CPU_HOTPLUG);
    /* A suspend is answered late */
    virtio_clear_feature(&features, VIRTIO_F_IN_ORDER);
    return features;
}

void virtio_power_changed(VirtIOPower *power)
{
    power->generation++;
    trace_virtio_power_changed(power->generation);
    virtio_notify_config(VIRTIO_DEVICE(power));
}

/*
 * Requests reset and remove other devices, which must not happen while one of
 * those is at work: a guest can have the answer of any device land on the
 * register that notifies this one.
 */
static void virtio_power_handle_request(VirtIODevice *vdev, VirtQueue *vq)
{
    qemu_bh_schedule(VIRTIO_POWER(vdev)->request_bh);
}

static void virtio_power_request_bh(void *opaque)
{
    virtio_power_do_requests(opaque);
}

static void virtio_power_handle_event(VirtIODevice *vdev, VirtQueue *vq)
{
    virtio_power_send_events(VIRTIO_POWER(vdev));
}

/* Called when the machine goes on, too: see to what came in between */
static void virtio_power_set_status(VirtIODevice *vdev, uint8_t status)
{
    VirtIOPower *power = VIRTIO_POWER(vdev);

    if (vdev->vm_running && (status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        qemu_bh_schedule(power->request_bh);
        virtio_power_send_events(power);
    }
}

static void virtio_power_queue_reset(VirtIODevice *vdev, uint32_t index)
{
    if (index == VIRTIO_POWER_VQ_REQUEST) {
        virtio_power_drop_suspend(VIRTIO_POWER(vdev));
    }
}

/* The driver is gone; what the user has asked for stands */
static void virtio_power_reset(VirtIODevice *vdev)
{
    VirtIOPower *power = VIRTIO_POWER(vdev);

    qemu_bh_cancel(power->request_bh);
    power->ending = false;
    virtio_power_drop_suspend(power);
    virtio_power_events_reset(power);
}

static void virtio_power_reset_hold(Object *obj, ResetType type)
{
    VirtIOPower *power = VIRTIO_POWER(obj);

    virtio_power_reset(VIRTIO_DEVICE(obj));
    virtio_power_suspend_reset(power);
    memset(power->next_panic, 0, sizeof(power->next_panic));
}

/*
 * The user
 */

static void virtio_power_powerdown(Notifier *notifier, void *opaque)
{
    VirtIOPower *power = container_of(notifier, VirtIOPower,
                                      powerdown_notifier);

    if (!virtio_power_attends(power, VIRTIO_POWER_EVENT_POWER_BUTTON)) {
        warn_report("virtio-power: the guest does not attend to the power"
                    " button");
        return;
    }
    virtio_power_make_event(power, VIRTIO_POWER_EVENT_POWER_BUTTON);
    virtio_power_user_wakes(power);
}

/* Written by a user who wants the guest to reboot; nothing is kept */
static void virtio_power_ask_reboot(Object *obj, bool value, Error **errp)
{
    VirtIOPower *power = VIRTIO_POWER(obj);

    if (!value) {
        return;
    }
    if (!virtio_power_attends(power, VIRTIO_POWER_EVENT_REBOOT_ASKED)) {
        error_setg(errp, "The guest does not attend to requests for a reboot");
        return;
    }
    virtio_power_make_event(power, VIRTIO_POWER_EVENT_REBOOT_ASKED);
    virtio_power_user_wakes(power);
}

static void virtio_power_vm_state(void *opaque, bool running, RunState state)
{
    VirtIOPower *power = opaque;

    if (running) {
        power->ending = false;
        virtio_power_make_event(power, VIRTIO_POWER_EVENT_RESUMED);
    }
    virtio_power_suspend_run(power, running, state);
}

/*
 * Life
 */

static bool virtio_power_check_place(VirtIOPower *power, Error **errp)
{
    bool ambiguous;

    /* Who gives the link by hand gets past the first, but not the second */
    object_resolve_path_type("", TYPE_VIRTIO_POWER, &ambiguous);
    if (!power->machine || ambiguous) {
        error_setg(errp, TYPE_VIRTIO_POWER " is part of its machine, and in"
                   " slot 0");
        return false;
    }
    return true;
}

static void virtio_power_realize(DeviceState *dev, Error **errp)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOPower *power = VIRTIO_POWER(dev);

    if (!virtio_power_check_place(power, errp)) {
        return;
    }
    power->num_slots = virtio_power_count(power, VIRTIO_POWER_REQ_GET_SLOTS);
    power->num_cpus = virtio_power_count(power, VIRTIO_POWER_REQ_GET_CPUS);

    virtio_init(vdev, VIRTIO_POWER_DEVICE_ID,
                sizeof(struct virtio_power_config));
    power->request_vq = virtio_add_queue(vdev, REQUEST_QUEUE_SIZE,
                                         virtio_power_handle_request);
    power->event_vq = virtio_add_queue(vdev, EVENT_QUEUE_SIZE,
                                       virtio_power_handle_event);
    /* Not run by nested loops, such as that of a disk that is drained */
    power->request_bh = aio_bh_new(iohandler_get_aio_context(),
                                   virtio_power_request_bh, power);
    virtio_power_events_init(power);
    virtio_power_suspend_init(power);
    power->powerdown_notifier.notify = virtio_power_powerdown;
    qemu_register_powerdown_notifier(&power->powerdown_notifier);
    /* After virtio's own, so that queues are ready when the machine runs */
    power->vm_state = qdev_add_vm_change_state_handler(dev,
                                                       virtio_power_vm_state,
                                                       power);
}

static void virtio_power_unrealize(DeviceState *dev)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(dev);
    VirtIOPower *power = VIRTIO_POWER(dev);

    qemu_del_vm_change_state_handler(power->vm_state);
    notifier_remove(&power->powerdown_notifier);
    virtio_power_suspend_cleanup(power);
    virtio_power_events_cleanup(power);
    qemu_bh_delete(power->request_bh);
    virtio_del_queue(vdev, VIRTIO_POWER_VQ_REQUEST);
    virtio_del_queue(vdev, VIRTIO_POWER_VQ_EVENT);
    virtio_cleanup(vdev);
}

/*
 * Migration
 */

/* What the guest was told of the machine must be so on the other side */
static const VMStateDescription vmstate_virtio_power_device = {
    .name = "virtio-power-device",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32_EQUAL(num_slots, VirtIOPower, "slots differ"),
        VMSTATE_UINT32_EQUAL(num_cpus, VirtIOPower, "possible CPUs differ"),
        VMSTATE_UINT32(generation, VirtIOPower),
        VMSTATE_END_OF_LIST()
    },
    .subsections = (const VMStateDescription * const []) {
        &vmstate_virtio_power_events,
        &vmstate_virtio_power_suspend,
        NULL
    }
};

static const VMStateDescription vmstate_virtio_power = {
    .name = "virtio-power",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_VIRTIO_DEVICE,
        VMSTATE_END_OF_LIST()
    }
};

static const Property virtio_power_properties[] = {
    DEFINE_PROP_LINK("machine", VirtIOPower, machine,
                     TYPE_VIRTIO_POWER_MACHINE, VirtIOPowerMachine *),
    DEFINE_PROP_BOOL("allow-exit", VirtIOPower, allow_exit, false),
};

static void virtio_power_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    ResettableClass *rc = RESETTABLE_CLASS(oc);
    VirtioDeviceClass *vdc = VIRTIO_DEVICE_CLASS(oc);

    dc->desc = "Machine description, power and hot-plug";
    dc->vmsd = &vmstate_virtio_power;
    dc->hotpluggable = false;
    device_class_set_props(dc, virtio_power_properties);
    object_class_property_add_bool(oc, "ask-reboot", NULL,
                                   virtio_power_ask_reboot);
    object_class_property_set_description(oc, "ask-reboot",
                                          "Set it to ask the guest to reboot");
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    rc->phases.hold = virtio_power_reset_hold;
    vdc->realize = virtio_power_realize;
    vdc->unrealize = virtio_power_unrealize;
    vdc->get_config = virtio_power_get_config;
    vdc->get_features = virtio_power_get_features;
    vdc->set_status = virtio_power_set_status;
    vdc->queue_reset = virtio_power_queue_reset;
    vdc->reset = virtio_power_reset;
    vdc->vmsd = &vmstate_virtio_power_device;
}

static const TypeInfo virtio_power_types[] = {
    {
        .name = TYPE_VIRTIO_POWER_MACHINE,
        .parent = TYPE_INTERFACE,
        .class_size = sizeof(VirtIOPowerMachineClass),
    }, {
        .name = TYPE_VIRTIO_POWER,
        .parent = TYPE_VIRTIO_DEVICE,
        .instance_size = sizeof(VirtIOPower),
        .class_init = virtio_power_class_init,
    },
};

DEFINE_TYPES(virtio_power_types)

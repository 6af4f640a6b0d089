/*
 * virtio-power: events
 *
 * What there is to tell is one bit for each type, slot and CPU, whether or not
 * the driver has a buffer for it.  So a driver that does not take its events
 * costs nothing, and none is lost.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitmap.h"
#include "qemu/iov.h"
#include "hw/virtio/virtio-guard.h"
#include "virtio-power-internal.h"
#include "trace.h"

#define BIT_OF(type) VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_ ## type)

#define SLOT_EVENTS (BIT_OF(SLOT_ADDED) | BIT_OF(SLOT_REMOVAL_ASKED))
#define CPU_EVENTS  (BIT_OF(CPU_ADDED) | BIT_OF(CPU_REMOVAL_ASKED))
#define USER_EVENTS (BIT_OF(POWER_BUTTON) | BIT_OF(REBOOT_ASKED))

uint32_t virtio_power_known_events(void)
{
    return USER_EVENTS | BIT_OF(WAKE) | BIT_OF(RESUMED) | SLOT_EVENTS |
           CPU_EVENTS;
}

static uint32_t negotiated_events(VirtIOPower *power)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(power);
    uint32_t events = virtio_power_known_events();

    if (!virtio_vdev_has_feature(vdev, VIRTIO_POWER_F_SUSPEND)) {
        events &= ~BIT_OF(WAKE);
    }
    if (!virtio_vdev_has_feature(vdev, VIRTIO_POWER_F_SLOT_HOTPLUG)) {
        events &= ~SLOT_EVENTS;
    }
    if (!virtio_vdev_has_feature(vdev, VIRTIO_POWER_F_CPU_HOTPLUG)) {
        events &= ~CPU_EVENTS;
    }
    return events;
}

/* The bits of what @type is about; the type has to be one with an index */
static unsigned long *waiting_for(VirtIOPower *power,
                                  enum virtio_power_event_type type,
                                  uint32_t index)
{
    int i = type - VIRTIO_POWER_FIRST_INDEXED;

    assert(i >= 0 && i < VIRTIO_POWER_NUM_INDEXED);
    assert(index < power->indexes[i]);
    return power->waiting_for[i];
}

/* Forget what waits, except for @types */
static void keep_events(VirtIOPower *power, uint32_t types)
{
    int i;

    power->waiting &= types;
    for (i = 0; i < VIRTIO_POWER_NUM_INDEXED; i++) {
        if (!(types & VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_FIRST_INDEXED + i))) {
            bitmap_zero(power->waiting_for[i], power->indexes[i]);
        }
    }
}

void virtio_power_events_init(VirtIOPower *power)
{
    int i;

    QEMU_BUILD_BUG_ON(VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED + 1 !=
                      VIRTIO_POWER_FIRST_INDEXED + VIRTIO_POWER_NUM_INDEXED);
    for (i = 0; i < VIRTIO_POWER_NUM_INDEXED; i++) {
        int type = VIRTIO_POWER_FIRST_INDEXED + i;

        power->indexes[i] = SLOT_EVENTS & VIRTIO_POWER_EVENT_BIT(type) ?
                            power->num_slots : power->num_cpus;
        power->waiting_for[i] = bitmap_new(power->indexes[i]);
    }
}

void virtio_power_events_cleanup(VirtIOPower *power)
{
    int i;

    for (i = 0; i < VIRTIO_POWER_NUM_INDEXED; i++) {
        g_free(power->waiting_for[i]);
    }
}

void virtio_power_events_reset(VirtIOPower *power)
{
    power->wanted = 0;
    keep_events(power, 0);
}

enum virtio_power_status virtio_power_want_events(VirtIOPower *power,
                                                  uint32_t types)
{
    if (types & ~negotiated_events(power)) {
        return VIRTIO_POWER_S_UNSUPPORTED;
    }
    power->wanted = types;
    keep_events(power, types);
    return VIRTIO_POWER_S_OK;
}

bool virtio_power_attends(VirtIOPower *power,
                          enum virtio_power_event_type type)
{
    return power->wanted & VIRTIO_POWER_EVENT_BIT(type);
}

bool virtio_power_user_waits(VirtIOPower *power)
{
    return power->waiting & USER_EVENTS;
}

void virtio_power_make_event(VirtIOPower *power,
                             enum virtio_power_event_type type)
{
    if (virtio_power_attends(power, type)) {
        power->waiting |= VIRTIO_POWER_EVENT_BIT(type);
        virtio_power_send_events(power);
    }
}

void virtio_power_make_wake(VirtIOPower *power, enum virtio_power_wake reason)
{
    power->wake_reason = reason;
    virtio_power_make_event(power, VIRTIO_POWER_EVENT_WAKE);
}

void virtio_power_send_event(VirtIOPower *power,
                             enum virtio_power_event_type type, uint32_t index)
{
    unsigned long *bits = waiting_for(power, type, index);

    if (virtio_power_attends(power, type)) {
        set_bit(index, bits);
        virtio_power_send_events(power);
    }
}

void virtio_power_drop_event(VirtIOPower *power,
                             enum virtio_power_event_type type, uint32_t index)
{
    clear_bit(index, waiting_for(power, type, index));
}

/*
 * Sending
 */

bool virtio_power_is_driven(VirtIOPower *power)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(power);

    return vdev->vm_running && (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

/* In an order in which something is there before it is to go */
static bool find_event(VirtIOPower *power, uint32_t *type, uint32_t *index)
{
    int i;

    if (power->waiting) {
        *type = ctz32(power->waiting);
        *index = 0;
        return true;
    }
    for (i = 0; i < VIRTIO_POWER_NUM_INDEXED; i++) {
        unsigned long bit = find_first_bit(power->waiting_for[i],
                                           power->indexes[i]);

        if (bit < power->indexes[i]) {
            *type = VIRTIO_POWER_FIRST_INDEXED + i;
            *index = bit;
            return true;
        }
    }
    return false;
}

static void forget_event(VirtIOPower *power, uint32_t type, uint32_t index)
{
    if (VIRTIO_POWER_EVENT_BIT(type) & (SLOT_EVENTS | CPU_EVENTS)) {
        clear_bit(index, waiting_for(power, type, index));
    } else {
        power->waiting &= ~VIRTIO_POWER_EVENT_BIT(type);
    }
}

static bool send_event(VirtIOPower *power, uint32_t type, uint32_t index)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(power);
    struct virtio_power_event event = {
        .type = cpu_to_le32(type),
        .index = cpu_to_le32(index),
    };
    g_autofree VirtQueueElement *elem =
        virtqueue_pop(power->event_vq, sizeof(VirtQueueElement));

    if (!elem) {
        return false;
    }
    if (iov_size(elem->in_sg, elem->in_num) < sizeof(event)) {
        virtqueue_detach_element(power->event_vq, elem, 0);
        virtio_error(vdev, "virtio-power: event buffer is too short");
        return false;
    }
    if (type == VIRTIO_POWER_EVENT_WAKE) {
        event.reason = cpu_to_le32(power->wake_reason);
    }
    trace_virtio_power_event(type, index, le32_to_cpu(event.reason));
    /* The guest chooses where the buffer is, and what a write there does */
    forget_event(power, type, index);
    iov_from_buf(elem->in_sg, elem->in_num, 0, &event, sizeof(event));
    virtqueue_push(power->event_vq, elem, sizeof(event));
    return true;
}

void virtio_power_send_events(VirtIOPower *power)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(power);
    MemReentrancyGuard *guard = virtio_guard_enter(vdev);
    uint32_t type, index;
    bool notify = false;

    while (virtio_power_is_driven(power) && find_event(power, &type, &index) &&
           send_event(power, type, index)) {
        notify = true;
    }
    if (notify) {
        virtio_notify(vdev, power->event_vq);
    }
    virtio_guard_leave(guard);
}

/*
 * Migration
 */

static bool events_needed(void *opaque)
{
    return VIRTIO_POWER(opaque)->wanted;
}

static int events_post_load(void *opaque, int version_id)
{
    VirtIOPower *power = opaque;

    if (power->wanted & ~virtio_power_known_events() ||
        power->waiting & (SLOT_EVENTS | CPU_EVENTS)) {
        return -EINVAL;
    }
    keep_events(power, power->wanted);
    return 0;
}

#define VMSTATE_WAITING_FOR(n) \
    VMSTATE_BITMAP(waiting_for[n], VirtIOPower, 1, indexes[n])

const VMStateDescription vmstate_virtio_power_events = {
    .name = "virtio-power-device/events",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = events_needed,
    .post_load = events_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT32(wanted, VirtIOPower),
        VMSTATE_UINT32(waiting, VirtIOPower),
        VMSTATE_UINT32(wake_reason, VirtIOPower),
        VMSTATE_WAITING_FOR(0),
        VMSTATE_WAITING_FOR(1),
        VMSTATE_WAITING_FOR(2),
        VMSTATE_WAITING_FOR(3),
        VMSTATE_END_OF_LIST()
    }
};

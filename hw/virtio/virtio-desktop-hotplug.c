/*
 * virtio-desktop board layer: devices come and go while the guest runs
 *
 * Each slot's bus has the board as its hot-plug handler.  A device leaves its
 * slot when the guest lets go of it, which it says by virtio-power; at once if
 * no driver listens there; or at a reset of the machine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-events-qdev.h"
#include "qemu/error-report.h"
#include "hw/hotplug.h"
#include "hw/misc/virtio-power.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-desktop.h"
#include "hw/virtio/virtio-guard.h"
#include "migration/misc.h"
#include "migration/vmstate.h"
#include "system/runstate.h"
#include "trace.h"

static VirtIODevice *slot_device(VirtioDesktopState *s, uint32_t slot)
{
    return virtio_bus_get_device(&s->slot[slot]->bus);
}

static uint32_t slot_of(VirtioDesktopState *s, DeviceState *dev)
{
    DeviceState *transport = qdev_get_parent_bus(dev)->parent;
    uint32_t slot = 0;

    while (DEVICE(s->slot[slot]) != transport) {
        slot++;
    }
    return slot;
}

static bool is_removable(VirtioDesktopState *s, uint32_t slot)
{
    VirtIODevice *vdev = slot_device(s, slot);

    return vdev && DEVICE_GET_CLASS(vdev)->hotpluggable;
}

static bool is_asked_for(VirtioDesktopState *s, uint32_t slot)
{
    return s->removal_asked & BIT_ULL(slot);
}

/* What is saved, or still to be loaded, must not change */
static bool is_migrating(void)
{
    return migration_is_running() || migration_in_incoming_postcopy() ||
           runstate_check(RUN_STATE_INMIGRATE);
}

/*
 * What the guest is told
 */

static void tell_of_slot(VirtioDesktopState *s, uint32_t slot,
                         enum virtio_power_event_type type)
{
    if (s->power) {
        virtio_power_changed(s->power);
        virtio_power_send_event(s->power, type, slot);
    }
}

static void end_ask(VirtioDesktopState *s, uint32_t slot)
{
    s->removal_asked &= ~BIT_ULL(slot);
    if (s->power) {
        virtio_power_drop_event(s->power,
                                VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, slot);
    }
}

void virtio_desktop_slot_record(VirtioDesktopState *s, uint32_t slot,
                                struct virtio_power_slot *record)
{
    VirtIODevice *vdev = slot_device(s, slot);
    uint32_t state = VIRTIO_POWER_SLOT_EMPTY;

    if (vdev) {
        state = is_asked_for(s, slot) ? VIRTIO_POWER_SLOT_REMOVAL_ASKED
                                      : VIRTIO_POWER_SLOT_FILLED;
    }
    record->index = cpu_to_le32(slot);
    record->state = cpu_to_le32(state);
    record->base = cpu_to_le64(s->slot_base + slot * VIRTIO_DESKTOP_SLOT_SIZE);
    record->size = cpu_to_le64(VIRTIO_DESKTOP_SLOT_SIZE);
    record->irq = cpu_to_le32(s->desc.slot_irq + slot);
    record->irq_flags = cpu_to_le32(VIRTIO_POWER_IRQ_LEVEL |
                                    VIRTIO_POWER_IRQ_HIGH);
    record->device_id = cpu_to_le32(vdev ? vdev->device_id : 0);
    record->flags = cpu_to_le32(is_removable(s, slot) ?
                                VIRTIO_POWER_SLOT_F_REMOVABLE : 0);
}

/*
 * Plug
 */

/* qdev checks for a migration to elsewhere, not for the end of one to here */
static void virtio_desktop_pre_plug(HotplugHandler *handler, DeviceState *dev,
                                    Error **errp)
{
    if (dev->hotplugged && is_migrating()) {
        error_setg(errp, "Slots cannot be filled while migrating");
    }
}

static void virtio_desktop_plug(HotplugHandler *handler, DeviceState *dev,
                                Error **errp)
{
    VirtioDesktopState *s = VIRTIO_DESKTOP(handler);
    uint32_t slot = slot_of(s, dev);

    /* Nobody can have looked before */
    if (!dev->hotplugged) {
        return;
    }
    trace_virtio_desktop_plug(slot, object_get_typename(OBJECT(dev)));
    tell_of_slot(s, slot, VIRTIO_POWER_EVENT_SLOT_ADDED);
}

/*
 * Unplug
 */

static void remove_device(VirtioDesktopState *s, uint32_t slot)
{
    VirtIODevice *vdev = slot_device(s, slot);
    MemReentrancyGuard *guard = virtio_guard_enter(vdev);

    trace_virtio_desktop_unplug(slot, object_get_typename(OBJECT(vdev)));
    end_ask(s, slot);
    /* Requests in flight end while all parts of the device are still there */
    virtio_mmio_reset_device(s->slot[slot]);
    object_unparent(OBJECT(vdev));
    virtio_guard_leave(guard);
    if (s->power) {
        virtio_power_drop_event(s->power, VIRTIO_POWER_EVENT_SLOT_ADDED, slot);
        virtio_power_changed(s->power);
    }
}

static void ask_for_removal(VirtioDesktopState *s, uint32_t slot)
{
    trace_virtio_desktop_ask(slot);
    s->removal_asked |= BIT_ULL(slot);
    tell_of_slot(s, slot, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED);
}

/*
 * HotplugHandlerClass::unplug_request.  DeviceState::pending_deleted_event
 * stays clear until the device goes, so that the user can ask again.
 */
static void virtio_desktop_unplug_request(HotplugHandler *handler,
                                          DeviceState *dev, Error **errp)
{
    VirtioDesktopState *s = VIRTIO_DESKTOP(handler);
    uint32_t slot = slot_of(s, dev);

    if (is_migrating()) {
        error_setg(errp, "Slots cannot be emptied while migrating");
    } else if (s->power &&
               virtio_power_attends(s->power,
                                    VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED)) {
        ask_for_removal(s, slot);
    } else {
        remove_device(s, slot);
    }
}

static void refuse_removal(VirtioDesktopState *s, uint32_t slot)
{
    DeviceState *dev = DEVICE(slot_device(s, slot));

    end_ask(s, slot);
    if (s->power) {
        virtio_power_changed(s->power);
    }
    qapi_event_send_device_unplug_guest_error(dev->id, dev->canonical_path);
}

enum virtio_power_status virtio_desktop_slot_eject(VirtioDesktopState *s,
                                                   uint32_t slot, bool refuse)
{
    trace_virtio_desktop_eject(slot, refuse);
    if (!is_asked_for(s, slot)) {
        return VIRTIO_POWER_S_DENIED;
    }
    if (refuse) {
        refuse_removal(s, slot);
        return VIRTIO_POWER_S_OK;
    }
    if (is_migrating()) {
        return VIRTIO_POWER_S_BUSY;
    }
    remove_device(s, slot);
    return VIRTIO_POWER_S_OK;
}

enum virtio_power_status virtio_desktop_slot_reset(VirtioDesktopState *s,
                                                   uint32_t slot)
{
    if (slot == VIRTIO_DESKTOP_POWER || !slot_device(s, slot)) {
        return VIRTIO_POWER_S_DENIED;
    }
    virtio_mmio_reset_device(s->slot[slot]);
    return VIRTIO_POWER_S_OK;
}

/* A guest that starts has not begun to use what the user wants back */
void virtio_desktop_complete_removals(VirtioDesktopState *s)
{
    uint32_t slot;

    if (is_migrating()) {
        return;
    }
    for (slot = 0; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        if (is_asked_for(s, slot)) {
            remove_device(s, slot);
        }
    }
}

/*
 * Migration: only between machines with the same devices in the same slots
 */

static uint32_t slot_device_id(VirtioDesktopState *s, uint32_t slot)
{
    VirtIODevice *vdev = slot_device(s, slot);

    return vdev ? vdev->device_id : 0;
}

static int virtio_desktop_pre_save(void *opaque)
{
    VirtioDesktopState *s = opaque;
    uint32_t slot;

    for (slot = 0; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        s->saved_device_id[slot] = slot_device_id(s, slot);
    }
    return 0;
}

/* @id is of a virtio device; 0: none */
static char *describe_device(uint32_t id)
{
    return id ? g_strdup_printf("virtio device %u", id) : g_strdup("no device");
}

static int virtio_desktop_post_load(void *opaque, int version_id)
{
    VirtioDesktopState *s = opaque;
    uint32_t slot;

    for (slot = 0; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        uint32_t id = slot_device_id(s, slot);

        if (s->saved_device_id[slot] != id) {
            g_autofree char *here = describe_device(id);
            g_autofree char *saved = describe_device(s->saved_device_id[slot]);

            error_report("Slot %u has %s here, but %s in the machine that is"
                         " to be restored", slot, here, saved);
            return -EINVAL;
        }
        if (is_asked_for(s, slot) && !is_removable(s, slot)) {
            error_report("Slot %u cannot be emptied, but the machine that is to"
                         " be restored has been asked for it", slot);
            return -EINVAL;
        }
    }
    return 0;
}

static const VMStateDescription vmstate_virtio_desktop_slots = {
    .name = "virtio-desktop/slots",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = virtio_desktop_pre_save,
    .post_load = virtio_desktop_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(removal_asked, VirtioDesktopState),
        VMSTATE_UINT32_ARRAY(saved_device_id, VirtioDesktopState,
                             VIRTIO_DESKTOP_NUM_SLOTS),
        VMSTATE_END_OF_LIST()
    }
};

void virtio_desktop_hotplug_class_init(ObjectClass *oc)
{
    HotplugHandlerClass *hc = HOTPLUG_HANDLER_CLASS(oc);

    DEVICE_CLASS(oc)->vmsd = &vmstate_virtio_desktop_slots;
    hc->pre_plug = virtio_desktop_pre_plug;
    hc->plug = virtio_desktop_plug;
    hc->unplug_request = virtio_desktop_unplug_request;
}

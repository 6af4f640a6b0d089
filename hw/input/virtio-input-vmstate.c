/*
 * virtio-input: what waits and what is held, in migration and snapshots
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "migration/vmstate.h"
#include "virtio-input-internal.h"

/* No more can wait, as what is beyond the hard bound is folded */
#define SAVED_MAX   (VIRTIO_INPUT_HARD_MAX + 2 * VIRTIO_INPUT_REPORT_MAX)

static const VMStateDescription vmstate_held = {
    .name = "input-hid/held",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64_ARRAY(keys, VirtIOInputHeld,
                             DIV_ROUND_UP(KEY_CNT, 64)),
        VMSTATE_INT32_ARRAY(contacts, VirtIOInputHeld, VIRTIO_INPUT_SLOTS),
        VMSTATE_INT32(slot, VirtIOInputHeld),
        VMSTATE_END_OF_LIST()
    },
};

static const VMStateDescription vmstate_event = {
    .name = "input-hid/event",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT16(type, virtio_input_event),
        VMSTATE_UINT16(code, virtio_input_event),
        VMSTATE_UINT32(value, virtio_input_event),
        VMSTATE_END_OF_LIST()
    },
};

static bool queue_len_valid(void *opaque, int version_id)
{
    VirtIOInputQueue *q = opaque;

    return q->saved_len >= 0 && q->saved_len <= SAVED_MAX;
}

static int queue_pre_save(void *opaque)
{
    VirtIOInputQueue *q = opaque;

    q->saved_len = q->len;
    q->saved = q->len ? virtio_input_queue_at(q, 0) : NULL;
    return 0;
}

static int queue_post_save(void *opaque)
{
    VirtIOInputQueue *q = opaque;

    q->saved = NULL;
    return 0;
}

static bool held_valid(const VirtIOInputHeld *held)
{
    int slot;

    for (slot = 0; slot < VIRTIO_INPUT_SLOTS; slot++) {
        if (held->contacts[slot] < -1) {
            return false;
        }
    }
    return held->slot >= -1 && held->slot < VIRTIO_INPUT_SLOTS;
}

/* What is held after all that waits follows from what was told and waits */
static int queue_post_load(void *opaque, int version_id)
{
    VirtIOInputQueue *q = opaque;
    g_autofree virtio_input_event *saved = g_steal_pointer(&q->saved);
    int32_t n;

    if (!held_valid(&q->told)) {
        return -EINVAL;
    }
    q->last = q->told;
    for (n = 0; n < q->saved_len; n++) {
        if (!virtio_input_event_valid(&saved[n])) {
            return -EINVAL;
        }
        virtio_input_held_apply(&q->last, &saved[n]);
        virtio_input_queue_add(q, saved[n].type, saved[n].code,
                               saved[n].value);
    }
    if (n && virtio_input_is_sync(&saved[n - 1])) {
        q->complete = q->len;
    }
    virtio_input_queue_end_report(q);
    if (q->len > VIRTIO_INPUT_HARD_MAX) {
        virtio_input_fold(q);
    }
    return 0;
}

static const VMStateDescription vmstate_queue = {
    .name = "input-hid/queue",
    .version_id = 1,
    .minimum_version_id = 1,
    .pre_save = queue_pre_save,
    .post_save = queue_post_save,
    .post_load = queue_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT(told, VirtIOInputQueue, 1, vmstate_held,
                       VirtIOInputHeld),
        VMSTATE_BOOL(in_parts, VirtIOInputQueue),
        VMSTATE_INT32(saved_len, VirtIOInputQueue),
        VMSTATE_VALIDATE("number of events", queue_len_valid),
        VMSTATE_STRUCT_VARRAY_ALLOC(saved, VirtIOInputQueue, saved_len, 1,
                                    vmstate_event, virtio_input_event),
        VMSTATE_END_OF_LIST()
    },
};

static bool events_needed(void *opaque)
{
    VirtIOInput *vinput = opaque;
    VirtIOInputQueue *q = vinput->queue;

    return vinput->migrate_events &&
           (q->len || q->in_parts || virtio_input_held_any(&q->told));
}

const VMStateDescription vmstate_virtio_input_events = {
    .name = "input-hid/events",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = events_needed,
    .fields = (const VMStateField[]) {
        VMSTATE_STRUCT_POINTER(queue, VirtIOInput, vmstate_queue,
                               VirtIOInputQueue),
        VMSTATE_END_OF_LIST()
    },
};

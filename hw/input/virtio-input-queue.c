/*
 * virtio-input: events on their way to the guest
 *
 * Events wait here in reports until the guest has buffers for them.  A guest
 * that is slow gets all of them, in order.  One that is slower still gets less
 * motion, but where it ends is right.  What would tell the guest nothing new
 * does not wait at all, so a guest is not woken up for it.
 *
 * Every report names the touch slots that it is about, whatever slot the one
 * before it ended with.  So reports can be merged and left out.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-input-internal.h"
#include "trace.h"

VirtIOInputQueue *virtio_input_queue_new(void)
{
    VirtIOInputQueue *q = g_new0(VirtIOInputQueue, 1);

    q->filter = true;
    virtio_input_held_clear(&q->host);
    q->host.slot = 0;
    virtio_input_held_clear(&q->told);
    virtio_input_held_clear(&q->last);
    return q;
}

void virtio_input_queue_free(VirtIOInputQueue *q)
{
    g_free(q->events);
    g_free(q->saved);
    g_free(q);
}

/*
 * told stays: the releases for it are what virtio_input_fold() makes of the
 * difference when there is a driver again.
 */
void virtio_input_queue_reset(VirtIOInputQueue *q)
{
    g_clear_pointer(&q->events, g_free);
    g_clear_pointer(&q->saved, g_free);
    q->size = q->first = q->len = q->complete = 0;
    q->most_buffers = 0;
    q->in_parts = false;
    q->filter = true;
    virtio_input_held_clear(&q->last);
    memset(&q->axes, 0, sizeof(q->axes));
}

static void make_room(VirtIOInputQueue *q)
{
    if (q->first + q->len < q->size) {
        return;
    }
    if (q->first > q->size / 2) {
        memmove(q->events, q->events + q->first,
                q->len * sizeof(q->events[0]));
        q->first = 0;
    } else {
        q->size = MAX(64, q->size * 2);
        q->events = g_renew(virtio_input_event, q->events, q->size);
    }
}

void virtio_input_queue_add(VirtIOInputQueue *q, uint16_t type, uint16_t code,
                            int32_t value)
{
    make_room(q);
    *virtio_input_queue_at(q, q->len++) = (virtio_input_event) {
        .type = type,
        .code = code,
        .value = value,
    };
}

void virtio_input_queue_truncate(VirtIOInputQueue *q, uint32_t n)
{
    q->len = n;
    q->complete = MIN(q->complete, n);
}

/*
 * What is new
 */

static bool key_is_new(VirtIOInputQueue *q, const virtio_input_event *e)
{
    bool held = virtio_input_held_key(&q->last, e->code);

    if (q->filter && (e->value == 2 ? !held : held == !!e->value)) {
        return false;
    }
    virtio_input_held_apply(&q->last, e);
    return true;
}

static bool contact_is_new(VirtIOInputQueue *q, int slot, int32_t id)
{
    if (q->filter && q->last.contacts[slot] == id) {
        return false;
    }
    q->last.contacts[slot] = id;
    /* Where the one before it in this slot was means nothing */
    q->axes.known_mt[slot] = 0;
    return true;
}

static bool contact_axis_is_new(VirtIOInputQueue *q, int slot,
                                const virtio_input_event *e)
{
    int axis = e->code - ABS_MT_TOUCH_MAJOR;
    uint16_t bit = 1u << axis;

    if (q->filter && q->last.contacts[slot] < 0) {
        return false;
    }
    if (q->axes.known_mt[slot] & bit &&
        q->axes.mt[slot][axis] == (int32_t)e->value) {
        return false;
    }
    q->axes.known_mt[slot] |= bit;
    q->axes.mt[slot][axis] = e->value;
    return true;
}

static bool touch_is_new(VirtIOInputQueue *q, virtio_input_event *e)
{
    int slot = q->host.slot;
    bool is_new;

    if (slot < 0) {
        return false;
    }
    if (e->code == ABS_MT_TRACKING_ID) {
        e->value = MAX((int32_t)e->value, -1);
        is_new = contact_is_new(q, slot, e->value);
    } else {
        is_new = contact_axis_is_new(q, slot, e);
    }
    if (is_new && q->last.slot != slot) {
        q->last.slot = slot;
        virtio_input_queue_add(q, EV_ABS, ABS_MT_SLOT, slot);
    }
    return is_new;
}

static bool abs_is_new(VirtIOInputQueue *q, virtio_input_event *e)
{
    uint64_t bit = 1ull << e->code;

    if (e->code == ABS_MT_SLOT) {
        return !q->has_slots;
    }
    if (virtio_input_is_contact_axis(e->code)) {
        /* Without slots, what this is about depends on the events around it */
        return q->has_slots ? touch_is_new(q, e) : true;
    }
    if (q->axes.known & bit && q->axes.abs[e->code] == (int32_t)e->value) {
        return false;
    }
    q->axes.known |= bit;
    q->axes.abs[e->code] = e->value;
    return true;
}

static bool is_new(VirtIOInputQueue *q, virtio_input_event *e)
{
    switch (e->type) {
    case EV_KEY:
        return key_is_new(q, e);
    case EV_REL:
        return e->value != 0;
    case EV_ABS:
        return abs_is_new(q, e);
    default:
        return true;
    }
}

/*
 * Reports
 */

void virtio_input_queue_end_report(VirtIOInputQueue *q)
{
    if (q->len > q->complete) {
        virtio_input_queue_add(q, EV_SYN, SYN_REPORT, 0);
    }
    q->complete = q->len;
    q->last.slot = -1;
}

/* Touch screens have a button for their surface; the user has none for it */
static void press_touch(VirtIOInputQueue *q)
{
    virtio_input_event e = {
        .type = EV_KEY,
        .code = BTN_TOUCH,
        .value = virtio_input_held_contact(&q->last),
    };

    if (virtio_input_held_key(&q->last, e.code) != e.value) {
        virtio_input_held_apply(&q->last, &e);
        virtio_input_queue_add(q, e.type, e.code, e.value);
    }
}

static void end_report(VirtIOInput *vinput)
{
    VirtIOInputQueue *q = vinput->queue;
    uint32_t waiting = q->complete;

    if (vinput->derive_touch) {
        press_touch(q);
    }
    if (q->len == waiting) {
        return;
    }
    virtio_input_queue_end_report(q);
    if (waiting >= VIRTIO_INPUT_SOFT_MAX) {
        virtio_input_merge_motion(q);
    }
    if (q->len > VIRTIO_INPUT_HARD_MAX) {
        trace_virtio_input_fold(vinput, q->len);
        virtio_input_fold(q);
    }
    virtio_input_flush(vinput);
}

void virtio_input_send(VirtIOInput *vinput, virtio_input_event *event)
{
    VirtIOInputQueue *q = vinput->queue;
    virtio_input_event e = {
        .type = le16_to_cpu(event->type),
        .code = le16_to_cpu(event->code),
        .value = le32_to_cpu(event->value),
    };

    if (!virtio_input_event_valid(&e)) {
        return;
    }
    virtio_input_held_apply(&q->host, &e);
    if (!vinput->active) {
        return;
    }
    if (virtio_input_is_sync(&e)) {
        end_report(vinput);
    } else if (is_new(q, &e)) {
        virtio_input_queue_add(q, e.type, e.code, e.value);
        if (q->len - q->complete >= VIRTIO_INPUT_REPORT_MAX) {
            end_report(vinput);
        }
    }
}

/* Does the user hold it?  A touch screen has a button for its surface */
static bool is_held(VirtIOInputQueue *q, uint16_t code)
{
    return virtio_input_held_key(&q->host, code) ||
           (code == BTN_TOUCH && virtio_input_held_contact(&q->last));
}

static void release_keys(VirtIOInputQueue *q)
{
    int code;

    for (code = 0; code < KEY_CNT; code++) {
        if (virtio_input_held_key(&q->last, code) && !is_held(q, code)) {
            virtio_input_event e = { .type = EV_KEY, .code = code };

            virtio_input_held_apply(&q->last, &e);
            virtio_input_queue_add(q, e.type, e.code, e.value);
        }
    }
}

void virtio_input_queue_release(VirtIOInputQueue *q)
{
    int slot;

    for (slot = 0; slot < VIRTIO_INPUT_SLOTS; slot++) {
        if (q->last.contacts[slot] >= 0 && q->host.contacts[slot] < 0) {
            q->last.contacts[slot] = -1;
            virtio_input_queue_add(q, EV_ABS, ABS_MT_SLOT, slot);
            virtio_input_queue_add(q, EV_ABS, ABS_MT_TRACKING_ID, -1);
        }
    }
    release_keys(q);
    virtio_input_queue_end_report(q);
}

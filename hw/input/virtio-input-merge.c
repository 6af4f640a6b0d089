/*
 * virtio-input: what becomes of events when too many of them wait
 *
 * Motion can be merged: the sum of relative events and the latest value of
 * absolute ones lead to the same place.  That a key was pressed or a finger
 * was lifted cannot, so such events are kept, up to a bound that only guests
 * reach which do not take events at all.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-input-internal.h"

/* What several reports add up to, apart from what is held */
typedef struct Sum {
    int64_t rel[REL_CNT];
    uint32_t sw_known;
    uint32_t sw;
    VirtIOInputAxes axes;
} Sum;

QEMU_BUILD_BUG_ON(SW_CNT > 32 || ABS_CNT > 64 || VIRTIO_INPUT_MT_AXES > 16);

static void sum_touch(Sum *sum, int slot, const virtio_input_event *e)
{
    int axis = e->code - ABS_MT_TOUCH_MAJOR;

    if (slot < 0) {
        return;
    }
    if (e->code == ABS_MT_TRACKING_ID) {
        sum->axes.known_mt[slot] = 0;
    } else {
        sum->axes.known_mt[slot] |= 1u << axis;
        sum->axes.mt[slot][axis] = e->value;
    }
}

static void sum_event(Sum *sum, int slot, const virtio_input_event *e)
{
    switch (e->type) {
    case EV_REL:
        sum->rel[e->code] += (int32_t)e->value;
        break;
    case EV_SW:
        sum->sw_known |= 1u << e->code;
        sum->sw = deposit32(sum->sw, e->code, 1, !!e->value);
        break;
    case EV_ABS:
        if (virtio_input_is_contact_axis(e->code)) {
            sum_touch(sum, slot, e);
        } else if (e->code != ABS_MT_SLOT) {
            sum->axes.known |= 1ull << e->code;
            sum->axes.abs[e->code] = e->value;
        }
        break;
    default:
        /* What is held is known, and the rest only comments on it */
        break;
    }
}

static void sum_up(VirtIOInputQueue *q, Sum *sum, uint32_t from)
{
    VirtIOInputHeld held = { .slot = q->told.slot };
    uint32_t n;

    memset(sum, 0, sizeof(*sum));
    for (n = from; n < q->len; n++) {
        const virtio_input_event *e = virtio_input_queue_at(q, n);

        virtio_input_held_apply(&held, e);
        sum_event(sum, held.slot, e);
    }
}

static void add_rel(VirtIOInputQueue *q, const Sum *sum)
{
    int code;

    for (code = 0; code < REL_CNT; code++) {
        int64_t value = MAX(MIN(sum->rel[code], INT32_MAX), INT32_MIN);

        if (value) {
            virtio_input_queue_add(q, EV_REL, code, value);
        }
    }
}

static void add_abs(VirtIOInputQueue *q, const VirtIOInputAxes *axes)
{
    int code;

    for (code = 0; code < ABS_CNT; code++) {
        if (axes->known >> code & 1) {
            virtio_input_queue_add(q, EV_ABS, code, axes->abs[code]);
        }
    }
}

static void add_switches(VirtIOInputQueue *q, const Sum *sum)
{
    int code;

    for (code = 0; code < SW_CNT; code++) {
        if (sum->sw_known >> code & 1) {
            virtio_input_queue_add(q, EV_SW, code, sum->sw >> code & 1);
        }
    }
}

/* The slot has been named */
static void add_contact_axes(VirtIOInputQueue *q, const VirtIOInputAxes *axes,
                             int slot)
{
    int axis;

    for (axis = 0; axis < VIRTIO_INPUT_MT_AXES; axis++) {
        if (axes->known_mt[slot] >> axis & 1) {
            virtio_input_queue_add(q, EV_ABS, ABS_MT_TOUCH_MAJOR + axis,
                                   axes->mt[slot][axis]);
        }
    }
}

/*
 * A report of motion after another one
 */

static bool is_motion(VirtIOInputQueue *q, const virtio_input_event *e)
{
    switch (e->type) {
    case EV_SYN:
        return virtio_input_is_sync(e);
    case EV_KEY:
        return e->value == 2;
    case EV_REL:
    case EV_MSC:
        return true;
    case EV_ABS:
        return e->code < ABS_MT_SLOT ||
               (q->has_slots && e->code != ABS_MT_TRACKING_ID);
    default:
        return false;
    }
}

/*
 * Go back from the end of a report to its start.
 *
 * Returns: the index of its first event, or -1 if it is more than motion
 */
static int find_motion(VirtIOInputQueue *q, uint32_t end)
{
    uint32_t n = end - 1;

    while (n && !virtio_input_is_sync(virtio_input_queue_at(q, n - 1))) {
        n--;
        if (!is_motion(q, virtio_input_queue_at(q, n))) {
            return -1;
        }
    }
    return n;
}

void virtio_input_merge_motion(VirtIOInputQueue *q)
{
    int start = find_motion(q, q->complete);
    int slot;
    Sum sum;

    if (start <= 0) {
        return;
    }
    start = find_motion(q, start);
    if (start < 0 || (start == 0 && q->in_parts)) {
        return;
    }

    sum_up(q, &sum, start);
    virtio_input_queue_truncate(q, start);
    add_rel(q, &sum);
    add_abs(q, &sum.axes);
    for (slot = 0; slot < VIRTIO_INPUT_SLOTS; slot++) {
        if (sum.axes.known_mt[slot]) {
            virtio_input_queue_add(q, EV_ABS, ABS_MT_SLOT, slot);
            add_contact_axes(q, &sum.axes, slot);
        }
    }
    virtio_input_queue_end_report(q);
}

/*
 * The difference between what the guest was told and what is
 */

static void add_keys(VirtIOInputQueue *q, const VirtIOInputHeld *from,
                     const VirtIOInputHeld *to, bool down)
{
    int code;

    for (code = 0; code < KEY_CNT; code++) {
        bool is = virtio_input_held_key(to, code);

        if (is == down && virtio_input_held_key(from, code) != is) {
            virtio_input_queue_add(q, EV_KEY, code, down);
        }
    }
}

/* Contacts that end, and the motion of those that go on */
static void add_old_contacts(VirtIOInputQueue *q, const Sum *sum)
{
    int slot;

    for (slot = 0; slot < VIRTIO_INPUT_SLOTS; slot++) {
        bool ends = q->told.contacts[slot] != q->last.contacts[slot];

        if (q->told.contacts[slot] < 0 ||
            (!ends && !sum->axes.known_mt[slot])) {
            continue;
        }
        virtio_input_queue_add(q, EV_ABS, ABS_MT_SLOT, slot);
        if (ends) {
            virtio_input_queue_add(q, EV_ABS, ABS_MT_TRACKING_ID, -1);
        } else {
            add_contact_axes(q, &sum->axes, slot);
        }
    }
}

static void add_new_contacts(VirtIOInputQueue *q)
{
    int slot;

    for (slot = 0; slot < VIRTIO_INPUT_SLOTS; slot++) {
        int32_t id = q->last.contacts[slot];

        if (id >= 0 && id != q->told.contacts[slot]) {
            virtio_input_queue_add(q, EV_ABS, ABS_MT_SLOT, slot);
            virtio_input_queue_add(q, EV_ABS, ABS_MT_TRACKING_ID, id);
            add_contact_axes(q, &q->axes, slot);
        }
    }
}

/*
 * Two reports: a guest may look only at what a slot or key is at the end of
 * one, and would take a contact that has replaced another for the same one.
 */
void virtio_input_fold(VirtIOInputQueue *q)
{
    Sum sum;

    sum_up(q, &sum, 0);
    virtio_input_queue_truncate(q, 0);

    add_keys(q, &q->told, &q->last, false);
    add_rel(q, &sum);
    add_abs(q, &sum.axes);
    add_switches(q, &sum);
    add_old_contacts(q, &sum);
    if (q->in_parts && !q->len) {
        /* The guest still waits for the end of that report */
        virtio_input_queue_add(q, EV_SYN, SYN_REPORT, 0);
        q->complete = q->len;
    }
    virtio_input_queue_end_report(q);

    add_keys(q, &q->told, &q->last, true);
    add_new_contacts(q);
    virtio_input_queue_end_report(q);
}

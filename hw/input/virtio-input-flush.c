/*
 * virtio-input: from the queue of events into the buffers of the guest
 *
 * A report is sent as a whole or not at all, so the guest does not see half of
 * one for long.  One that does not fit into the ring is sent in parts, and one
 * that is longer than all the buffers that a guest has, which can be fewer.
 *
 * While nothing waits, it does not matter that the guest has new buffers: it
 * is asked not to tell, which would cost it an exit for every report.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/log.h"
#include "hw/virtio/virtio-guard.h"
#include "virtio-input-internal.h"
#include "trace.h"

/* Buffers of the guest for a report, or for a part of it */
typedef struct Batch {
    VirtQueueElement *buffers[VIRTQUEUE_MAX_SIZE];
    uint32_t len[VIRTQUEUE_MAX_SIZE];   /* bytes written to each */
    uint32_t num;
    uint32_t usable;            /* those that have room for an event */
    uint32_t descriptors;
} Batch;

static bool is_usable(const VirtQueueElement *elem)
{
    return iov_size(elem->in_sg, elem->in_num) >= sizeof(virtio_input_event);
}

/* As many as are wanted, or all that there are */
static void get_buffers(VirtIOInput *vinput, Batch *batch, uint32_t wanted)
{
    batch->num = batch->usable = batch->descriptors = 0;
    while (batch->usable < wanted && batch->num < VIRTQUEUE_MAX_SIZE) {
        VirtQueueElement *elem = virtqueue_pop(vinput->evt, sizeof(*elem));

        if (!elem) {
            break;
        }
        batch->buffers[batch->num++] = elem;
        batch->usable += is_usable(elem);
        batch->descriptors += elem->ndescs;
    }
}

static void unget_buffers(VirtIOInput *vinput, Batch *batch)
{
    while (batch->num) {
        VirtQueueElement *elem = batch->buffers[--batch->num];

        virtqueue_unpop(vinput->evt, elem, 0);
        g_free(elem);
    }
}

/* Returns: the bytes written */
static size_t send_event(VirtIOInput *vinput, VirtQueueElement *elem)
{
    VirtIOInputQueue *q = vinput->queue;
    virtio_input_event *e = virtio_input_queue_at(q, 0);
    virtio_input_event wire = {
        .type = cpu_to_le16(e->type),
        .code = cpu_to_le16(e->code),
        .value = cpu_to_le32(e->value),
    };

    virtio_input_held_apply(&q->told, e);
    q->in_parts = !virtio_input_is_sync(e);
    q->first++;
    q->len--;
    q->complete--;
    return iov_from_buf(elem->in_sg, elem->in_num, 0, &wire, sizeof(wire));
}

/*
 * A buffer on registers is written when it is put into the used ring: by then
 * the queue of events is as it is without the batch.
 */
static void send_batch(VirtIOInput *vinput, Batch *batch)
{
    uint32_t i;

    for (i = 0; i < batch->num; i++) {
        batch->len[i] = 0;
        if (is_usable(batch->buffers[i])) {
            batch->len[i] = send_event(vinput, batch->buffers[i]);
        } else {
            qemu_log_mask(LOG_GUEST_ERROR, "virtio-input: buffer of the event"
                          " queue is too small for an event\n");
            trace_virtio_input_short_buffer(vinput);
        }
    }
    for (i = 0; i < batch->num; i++) {
        virtqueue_fill(vinput->evt, batch->buffers[i], batch->len[i], i);
        g_free(batch->buffers[i]);
    }
    virtqueue_flush(vinput->evt, batch->num);
}

/* The length of the first report, or of more than fits into the ring */
static uint32_t first_report(VirtIOInputQueue *q, uint32_t ring)
{
    uint32_t n = 0;

    while (n <= ring && !virtio_input_is_sync(virtio_input_queue_at(q, n))) {
        n++;
    }
    return n + 1;
}

/*
 * Is the first report longer than all that the guest ever gave?  It may be
 * about to give more, unless very much has happened meanwhile.
 */
static bool is_stuck(VirtIOInputQueue *q, const Batch *batch, uint32_t len)
{
    q->most_buffers = MAX(q->most_buffers, batch->num);
    return len > q->most_buffers &&
           (len > VIRTIO_INPUT_QUEUE_SIZE ||
            q->complete > VIRTIO_INPUT_SOFT_MAX);
}

/*
 * Returns: whether it is sent to its end.  @sent is set if any of the guest's
 * buffers was used.
 */
static bool send_report(VirtIOInput *vinput, bool *sent)
{
    VirtIOInputQueue *q = vinput->queue;
    uint32_t ring = virtio_queue_get_num(VIRTIO_DEVICE(vinput), 0);
    uint32_t len = first_report(q, ring);
    bool in_parts = q->in_parts || len > ring;
    g_autofree Batch *batch = g_new(Batch, 1);

    get_buffers(vinput, batch, MIN(len, ring));
    in_parts |= is_stuck(q, batch, len);
    /* If the guest has filled the ring, it will not get any fuller */
    in_parts |= batch->descriptors >= ring;
    if (!batch->num || (batch->usable < len && !in_parts)) {
        unget_buffers(vinput, batch);
        return false;
    }
    send_batch(vinput, batch);
    *sent = true;
    return batch->usable == len;
}

/*
 * The most buffers that the guest ever had here at one time: it may not have
 * more.  A driver gives all of them at its start.
 */
static void count_buffers(VirtIOInput *vinput)
{
    VirtIOInputQueue *q = vinput->queue;
    g_autofree Batch *batch = NULL;

    if (!q->most_buffers && q->complete) {
        batch = g_new(Batch, 1);
        get_buffers(vinput, batch, VIRTQUEUE_MAX_SIZE);
        q->most_buffers = batch->num;
        unget_buffers(vinput, batch);
    }
}

/* Returns: whether all is sent */
static bool send_reports(VirtIOInput *vinput)
{
    VirtIOInputQueue *q = vinput->queue;
    bool sent = false;

    count_buffers(vinput);
    while (q->complete && send_report(vinput, &sent)) {
        /* go on */
    }
    if (sent) {
        virtio_notify(VIRTIO_DEVICE(vinput), vinput->evt);
    }
    if (!q->len) {
        q->first = 0;
    }
    return !q->complete;
}

static bool can_flush(VirtIOInput *vinput)
{
    return vinput->active && VIRTIO_DEVICE(vinput)->vm_running &&
           virtio_queue_ready(vinput->evt);
}

static void flush(VirtIOInput *vinput)
{
    while (!send_reports(vinput)) {
        if (virtio_queue_get_notification(vinput->evt)) {
            trace_virtio_input_wait(vinput, vinput->queue->complete);
            return;
        }
        /* Buffers that came before the guest knew: try again */
        virtio_queue_set_notification(vinput->evt, 1);
    }
    if (virtio_queue_get_notification(vinput->evt)) {
        virtio_queue_set_notification(vinput->evt, 0);
    }
}

void virtio_input_flush(VirtIOInput *vinput)
{
    MemReentrancyGuard *guard = virtio_guard_enter(VIRTIO_DEVICE(vinput));

    if (can_flush(vinput)) {
        flush(vinput);
    }
    virtio_guard_leave(guard);
}

/* What the guest's memory says about notifications is not known */
void virtio_input_resume(VirtIOInput *vinput)
{
    MemReentrancyGuard *guard = virtio_guard_enter(VIRTIO_DEVICE(vinput));

    if (can_flush(vinput)) {
        virtio_queue_set_notification(vinput->evt, 1);
        flush(vinput);
    }
    virtio_guard_leave(guard);
}

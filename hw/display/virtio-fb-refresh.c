/*
 * virtio-fb: the time of the display
 *
 * All outputs refresh together, at multiples of the period on the virtual
 * clock.  A refresh has its number whether or not anything happens at it, so
 * the timer runs only when something does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "hw/display/virtio-fb.h"
#include "trace.h"

/*
 * Guest memory is written under the guard of the transport, so that a response
 * cannot change this device's own registers.  Registers of another device can
 * make that one act on this one, though.
 */

bool virtio_fb_is_live(VirtIOFB *fb)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(fb);

    return DEVICE(fb)->realized && vdev->vm_running && !vdev->broken &&
           (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

MemReentrancyGuard *virtio_fb_enter(VirtIOFB *fb)
{
    object_ref(OBJECT(fb));
    return virtio_guard_enter(VIRTIO_DEVICE(fb));
}

void virtio_fb_leave(VirtIOFB *fb, MemReentrancyGuard *guard)
{
    virtio_guard_leave(guard);
    if (DEVICE(fb)->realized) {
        object_unref(OBJECT(fb));
    } else {
        /* Whoever has called the device may look at it once more */
        aio_bh_schedule_oneshot(qemu_get_aio_context(), object_unref,
                                OBJECT(fb));
    }
}

void virtio_fb_notify(VirtIOFB *fb, VirtQueue *vq)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(fb);

    if (DEVICE(fb)->realized && (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        virtio_notify(vdev, vq);
    }
}

/*
 * Time
 */

static uint64_t period(VirtIOFB *fb)
{
    return NANOSECONDS_PER_SECOND / fb->refresh;
}

uint64_t virtio_fb_get_sequence(VirtIOFB *fb)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) / period(fb);
}

void virtio_fb_get_refresh(VirtIOFB *fb, uint64_t sequence,
                           struct virtio_fb_refresh *refresh)
{
    uint64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    memset(refresh, 0, sizeof(*refresh));
    refresh->sequence = cpu_to_le64(sequence);
    refresh->age = cpu_to_le64(now - sequence * period(fb));
    refresh->period = cpu_to_le32(period(fb));
}

void virtio_fb_arm(VirtIOFB *fb)
{
    if (!timer_pending(fb->timer)) {
        timer_mod(fb->timer, (virtio_fb_get_sequence(fb) + 1) * period(fb));
    }
}

void virtio_fb_resume(VirtIOFB *fb)
{
    int i;

    for (i = 0; i < fb->max_outputs; i++) {
        if (fb->scanout[i].flip_pending || fb->scanout[i].vblank) {
            virtio_fb_arm(fb);
        }
    }
}

/* Returns: the scanouts that ask for an event of it */
static uint32_t refresh_scanouts(VirtIOFB *fb, uint64_t sequence)
{
    uint32_t vblank = 0;
    int i;

    for (i = 0; i < fb->max_outputs && virtio_fb_is_live(fb); i++) {
        VirtIOFBScanout *s = &fb->scanout[i];

        if (s->flip_pending && s->flip_after < sequence) {
            virtio_fb_scanout_latch(s);
        }
        if (!virtio_fb_is_live(fb)) {
            break;
        }
        if (qemu_console_is_visible(s->con)) {
            virtio_fb_scanout_flush(s);
        }
        if (s->vblank) {
            vblank |= 1u << i;
        }
    }
    return vblank;
}

/* A machine that has stopped goes on with virtio_fb_resume() */
void virtio_fb_tick(void *opaque)
{
    VirtIOFB *fb = opaque;
    uint64_t sequence = virtio_fb_get_sequence(fb);
    uint32_t resets = fb->resets;
    MemReentrancyGuard *guard;
    uint32_t vblank;

    if (!virtio_fb_is_live(fb)) {
        return;
    }
    guard = virtio_fb_enter(fb);
    vblank = refresh_scanouts(fb, sequence);
    trace_virtio_fb_tick(sequence, vblank);
    if (vblank && fb->resets == resets) {
        fb->vblank_event |= vblank;
        fb->vblank_sequence = sequence;
        virtio_fb_send_events(fb);
    }
    if (virtio_fb_is_live(fb)) {
        virtio_fb_resume(fb);
    }
    virtio_fb_leave(fb, guard);
}

/*
 * A flip must not join a refresh that was before it, if the timer is late.
 * There are no refreshes while the machine is suspended.
 */
void virtio_fb_catch_up(VirtIOFB *fb)
{
    if (!runstate_check(RUN_STATE_SUSPENDED) &&
        timer_expired(fb->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL))) {
        timer_del(fb->timer);
        virtio_fb_tick(fb);
    }
}

/*
 * Flips
 */

static VirtIOFBFlip *find_flip(VirtIOFBScanout *s)
{
    VirtIOFBFlip *flip;

    QTAILQ_FOREACH(flip, &s->fb->flips, next) {
        if (flip->scanout == s->index) {
            return flip;
        }
    }
    return NULL;
}

void virtio_fb_complete_flips(VirtIOFBScanout *s)
{
    VirtIOFB *fb = s->fb;
    struct virtio_fb_refresh_response resp;
    VirtIOFBFlip *flip = find_flip(s);
    bool notify = false;

    memset(&resp, 0, sizeof(resp));
    resp.hdr.status = cpu_to_le32(VIRTIO_FB_S_OK);
    virtio_fb_get_refresh(fb, virtio_fb_get_sequence(fb), &resp.refresh);
    while (flip && virtio_fb_is_live(fb)) {
        QTAILQ_REMOVE(&fb->flips, flip, next);
        iov_from_buf(flip->elem.in_sg, flip->elem.in_num, 0,
                     &resp, sizeof(resp));
        virtqueue_push(fb->control_vq, &flip->elem, sizeof(resp));
        g_free(flip);
        notify = true;
        flip = find_flip(s);
    }
    if (notify) {
        virtio_fb_notify(fb, fb->control_vq);
    }
    if (flip) {
        /* The machine has stopped; they end when it goes on */
        s->flip_pending = true;
        s->flip_offset = s->mode.offset;
    }
}

void virtio_fb_end_flips(VirtIOFB *fb)
{
    MemReentrancyGuard *guard;
    int i;

    if (!virtio_fb_is_live(fb)) {
        return;
    }
    guard = virtio_fb_enter(fb);
    for (i = 0; i < fb->max_outputs && virtio_fb_is_live(fb); i++) {
        VirtIOFBScanout *s = &fb->scanout[i];

        if (s->flip_pending) {
            virtio_fb_scanout_latch(s);
            if (virtio_fb_is_live(fb) && qemu_console_is_visible(s->con)) {
                virtio_fb_scanout_flush(s);
            }
        }
    }
    virtio_fb_leave(fb, guard);
}

void virtio_fb_drop_flips(VirtIOFB *fb)
{
    VirtIOFBFlip *flip, *next;

    QTAILQ_FOREACH_SAFE(flip, &fb->flips, next, next) {
        QTAILQ_REMOVE(&fb->flips, flip, next);
        virtqueue_detach_element(fb->control_vq, &flip->elem, 0);
        g_free(flip);
    }
}

/*
 * Events
 */

static bool send_event(VirtIOFB *fb, const struct virtio_fb_event *event)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(fb);
    g_autofree VirtQueueElement *elem =
        virtqueue_pop(fb->event_vq, sizeof(VirtQueueElement));

    if (!elem) {
        return false;
    }
    if (iov_size(elem->in_sg, elem->in_num) < sizeof(*event)) {
        virtqueue_detach_element(fb->event_vq, elem, 0);
        virtio_error(vdev, "virtio-fb: event buffer is too short");
        return false;
    }
    iov_from_buf(elem->in_sg, elem->in_num, 0, event, sizeof(*event));
    virtqueue_push(fb->event_vq, elem, sizeof(*event));
    virtio_fb_notify(fb, fb->event_vq);
    return true;
}

static void send_display(VirtIOFB *fb)
{
    uint32_t scanouts = fb->display_event;
    struct virtio_fb_event event;

    memset(&event, 0, sizeof(event));
    event.type = cpu_to_le32(VIRTIO_FB_EVENT_DISPLAY);
    event.scanouts = cpu_to_le32(scanouts);
    fb->display_event = 0;
    if (!send_event(fb, &event)) {
        fb->display_event = scanouts;
    }
}

static void send_vblank(VirtIOFB *fb)
{
    uint32_t scanouts = fb->vblank_event;
    struct virtio_fb_event event;

    memset(&event, 0, sizeof(event));
    event.type = cpu_to_le32(VIRTIO_FB_EVENT_VBLANK);
    event.scanouts = cpu_to_le32(scanouts);
    virtio_fb_get_refresh(fb, fb->vblank_sequence, &event.refresh);
    fb->vblank_event = 0;
    if (!send_event(fb, &event)) {
        fb->vblank_event = scanouts;
    }
}

/* Events that find no buffer wait, and those that come later join them */
void virtio_fb_send_events(VirtIOFB *fb)
{
    MemReentrancyGuard *guard;

    if (!virtio_fb_is_live(fb)) {
        return;
    }
    guard = virtio_fb_enter(fb);
    if (fb->display_event) {
        send_display(fb);
    }
    /* DISPLAY comes first */
    if (fb->vblank_event && !fb->display_event && virtio_fb_is_live(fb)) {
        send_vblank(fb);
    }
    virtio_fb_leave(fb, guard);
}

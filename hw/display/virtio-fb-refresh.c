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
#include "qemu/timer.h"
#include "hw/display/virtio-fb.h"
#include "trace.h"

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

    *refresh = (struct virtio_fb_refresh) {
        .sequence = cpu_to_le64(sequence),
        .age = cpu_to_le64(now - sequence * period(fb)),
        .period = cpu_to_le32(period(fb)),
    };
}

void virtio_fb_arm(VirtIOFB *fb)
{
    if (!timer_pending(fb->timer)) {
        timer_mod(fb->timer, (virtio_fb_get_sequence(fb) + 1) * period(fb));
    }
}

void virtio_fb_tick(void *opaque)
{
    VirtIOFB *fb = opaque;
    uint64_t sequence = virtio_fb_get_sequence(fb);
    uint32_t vblank = 0;
    int i;

    for (i = 0; i < fb->max_outputs; i++) {
        VirtIOFBScanout *s = &fb->scanout[i];

        if (s->flip_pending) {
            virtio_fb_scanout_latch(s);
        }
        if (qemu_console_is_visible(s->con)) {
            virtio_fb_scanout_flush(s);
        }
        if (s->vblank) {
            vblank |= 1u << i;
        }
    }
    trace_virtio_fb_tick(sequence, vblank);
    if (vblank) {
        fb->vblank_event |= vblank;
        fb->vblank_sequence = sequence;
        virtio_fb_send_events(fb);
        virtio_fb_arm(fb);
    }
}

/* A flip must not join a refresh that was before it, if the timer is late */
void virtio_fb_catch_up(VirtIOFB *fb)
{
    if (timer_expired(fb->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL))) {
        timer_del(fb->timer);
        virtio_fb_tick(fb);
    }
}

/*
 * Flips
 */

void virtio_fb_complete_flips(VirtIOFBScanout *s)
{
    VirtIOFB *fb = s->fb;
    struct virtio_fb_refresh_response resp = {
        .hdr.status = cpu_to_le32(VIRTIO_FB_S_OK),
    };
    VirtIOFBFlip *flip, *next;
    bool notify = false;

    virtio_fb_get_refresh(fb, virtio_fb_get_sequence(fb), &resp.refresh);
    QTAILQ_FOREACH_SAFE(flip, &fb->flips, next, next) {
        if (flip->scanout == s->index) {
            iov_from_buf(flip->elem.in_sg, flip->elem.in_num, 0,
                         &resp, sizeof(resp));
            virtqueue_push(fb->control_vq, &flip->elem, sizeof(resp));
            QTAILQ_REMOVE(&fb->flips, flip, next);
            g_free(flip);
            notify = true;
        }
    }
    if (notify) {
        virtio_notify(VIRTIO_DEVICE(fb), fb->control_vq);
    }
}

void virtio_fb_drop_flips(VirtIOFB *fb)
{
    VirtIOFBFlip *flip, *next;

    QTAILQ_FOREACH_SAFE(flip, &fb->flips, next, next) {
        virtqueue_detach_element(fb->control_vq, &flip->elem, 0);
        QTAILQ_REMOVE(&fb->flips, flip, next);
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
    virtio_notify(vdev, fb->event_vq);
    return true;
}

/* Events that find no buffer wait, and those that come later join them */
void virtio_fb_send_events(VirtIOFB *fb)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(fb);
    struct virtio_fb_event event = {};

    if (!vdev->vm_running || !(vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        return;
    }
    if (fb->display_event) {
        event.type = cpu_to_le32(VIRTIO_FB_EVENT_DISPLAY);
        event.scanouts = cpu_to_le32(fb->display_event);
        if (!send_event(fb, &event)) {
            return;
        }
        fb->display_event = 0;
    }
    if (fb->vblank_event) {
        event.type = cpu_to_le32(VIRTIO_FB_EVENT_VBLANK);
        event.scanouts = cpu_to_le32(fb->vblank_event);
        virtio_fb_get_refresh(fb, fb->vblank_sequence, &event.refresh);
        if (send_event(fb, &event)) {
            fb->vblank_event = 0;
        }
    }
}

/*
 * libqos driver for virtio-fb
 *
 * It keeps several requests in flight and takes their responses in any order,
 * as page flips need it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-fb.h"

static uint32_t slot_read(QVirtioFb *fb, unsigned int reg)
{
    return qtest_readl(fb->qts, fb->slot->addr + reg);
}

static void slot_write(QVirtioFb *fb, unsigned int reg, uint32_t value)
{
    qtest_writel(fb->qts, fb->slot->addr + reg, value);
}

/*
 * Life of the device
 */

void qvirtio_fb_attach(QVirtioFb *fb, QVirtioMMIODevice *slot,
                       QGuestAllocator *alloc)
{
    memset(fb, 0, sizeof(*fb));
    fb->qts = slot->qts;
    fb->slot = slot;
    fb->vdev = &slot->vdev;
    fb->alloc = alloc;
    g_assert_true(qvirtio_fb_get_shm(fb, VIRTIO_FB_SHM_VRAM, &fb->vram,
                                     &fb->vram_size));
}

void qvirtio_fb_cleanup(QVirtioFb *fb)
{
    qvirtio_requests_cleanup(&fb->control);
    qvirtio_queue_free(&fb->event, fb->alloc);
}

void qvirtio_fb_reset(QVirtioFb *fb)
{
    qvirtio_reset(fb->vdev);
    qvirtio_fb_cleanup(fb);
}

void qvirtio_fb_start(QVirtioFb *fb, uint64_t features)
{
    qvirtio_fb_reset(fb);
    qvirtio_set_acknowledge(fb->vdev);
    qvirtio_set_driver(fb->vdev);
    qvirtio_set_features(fb->vdev, features | 1ull << VIRTIO_F_VERSION_1);
    qvirtio_requests_start(&fb->control, fb->slot, fb->alloc,
                           VIRTIO_FB_VQ_CONTROL, QVIRTIO_FB_CONTROL_SIZE);
    fb->event = qvirtio_queue_new(fb->slot, fb->alloc, VIRTIO_FB_VQ_EVENT,
                                  QVIRTIO_FB_EVENT_SIZE);
    qvirtio_set_driver_ok(fb->vdev);
}

bool qvirtio_fb_get_shm(QVirtioFb *fb, uint32_t id, uint64_t *base,
                        uint64_t *size)
{
    slot_write(fb, VIRTIO_MMIO_SHM_SEL, id);
    *size = slot_read(fb, VIRTIO_MMIO_SHM_LEN_LOW) |
            (uint64_t)slot_read(fb, VIRTIO_MMIO_SHM_LEN_HIGH) << 32;
    *base = slot_read(fb, VIRTIO_MMIO_SHM_BASE_LOW) |
            (uint64_t)slot_read(fb, VIRTIO_MMIO_SHM_BASE_HIGH) << 32;
    return *size != UINT64_MAX;
}

bool qvirtio_fb_needs_reset(QVirtioFb *fb)
{
    return qvirtio_needs_reset(fb->vdev);
}

bool qvirtio_fb_take_interrupt(QVirtioFb *fb)
{
    return fb->vdev->bus->get_queue_isr_status(fb->vdev, fb->control.vq);
}

/*
 * Any request
 */

QVirtioFbRequest qvirtio_fb_send(QVirtioFb *fb, const uint32_t *words, int n,
                                 uint32_t in)
{
    return qvirtio_requests_send(&fb->control, words, n, in);
}

bool qvirtio_fb_is_used(QVirtioFb *fb, const QVirtioFbRequest *request)
{
    return qvirtio_requests_is_used(&fb->control, request);
}

uint32_t qvirtio_fb_finish(QVirtioFb *fb, QVirtioFbRequest *request,
                           void *response, size_t size)
{
    return qvirtio_requests_finish(&fb->control, request, response, size);
}

uint32_t qvirtio_fb_call(QVirtioFb *fb, const uint32_t *words, int n,
                         void *response, size_t size)
{
    QVirtioFbRequest request = qvirtio_fb_send(fb, words, n, size);
    uint32_t length = qvirtio_fb_finish(fb, &request, response, size);
    uint32_t status = ldl_le_p(response);

    g_assert_true(qvirtio_fb_take_interrupt(fb));
    g_assert_cmpuint(length, ==, status == VIRTIO_FB_S_OK
                     ? size : sizeof(struct virtio_fb_response));
    return status;
}

static uint32_t call_for_status(QVirtioFb *fb, const uint32_t *words, int n)
{
    struct virtio_fb_response response;

    return qvirtio_fb_call(fb, words, n, &response, sizeof(response));
}

/*
 * One function for each request
 */

uint32_t qvirtio_fb_get_display_info(QVirtioFb *fb, QVirtioFbDisplay *displays)
{
    uint32_t words[] = { VIRTIO_FB_REQ_GET_DISPLAY_INFO, 0, 0, 0 };
    struct virtio_fb_display_info info;
    uint32_t status = qvirtio_fb_call(fb, words, ARRAY_SIZE(words), &info,
                                      sizeof(info));
    int i;

    for (i = 0; i < VIRTIO_FB_MAX_SCANOUTS; i++) {
        displays[i].flags = le32_to_cpu(info.display[i].flags);
        displays[i].x = le32_to_cpu(info.display[i].x);
        displays[i].y = le32_to_cpu(info.display[i].y);
        displays[i].width = le32_to_cpu(info.display[i].width);
        displays[i].height = le32_to_cpu(info.display[i].height);
        displays[i].width_mm = le32_to_cpu(info.display[i].width_mm);
        displays[i].height_mm = le32_to_cpu(info.display[i].height_mm);
        displays[i].refresh = le32_to_cpu(info.display[i].refresh);
    }
    return status;
}

uint32_t qvirtio_fb_get_edid(QVirtioFb *fb, uint32_t scanout, uint8_t *edid,
                             uint32_t *size)
{
    uint32_t words[] = { VIRTIO_FB_REQ_GET_EDID, 0, scanout, 0 };
    struct virtio_fb_edid response;
    uint32_t status = qvirtio_fb_call(fb, words, ARRAY_SIZE(words), &response,
                                      sizeof(response));

    *size = le32_to_cpu(response.size);
    memcpy(edid, response.edid, sizeof(response.edid));
    return status;
}

uint32_t qvirtio_fb_set_scanout(QVirtioFb *fb, uint32_t scanout,
                                const QVirtioFbMode *mode)
{
    uint32_t words[] = {
        VIRTIO_FB_REQ_SET_SCANOUT, 0, scanout, 0,
        QVIRTIO_FB_LOW(mode->offset), QVIRTIO_FB_HIGH(mode->offset),
        mode->format, mode->width, mode->height, mode->stride,
    };

    return call_for_status(fb, words, ARRAY_SIZE(words));
}

uint32_t qvirtio_fb_disable_scanout(QVirtioFb *fb, uint32_t scanout)
{
    uint32_t words[] = { VIRTIO_FB_REQ_DISABLE_SCANOUT, 0, scanout, 0 };

    return call_for_status(fb, words, ARRAY_SIZE(words));
}

uint32_t qvirtio_fb_update(QVirtioFb *fb, uint32_t scanout,
                           const QVirtioFbRect *rects, uint32_t n)
{
    g_autoptr(GArray) words = g_array_new(false, false, sizeof(uint32_t));
    uint32_t head[] = { VIRTIO_FB_REQ_UPDATE, 0, scanout, 0, n, 0 };

    g_array_append_vals(words, head, ARRAY_SIZE(head));
    g_array_append_vals(words, rects, n * 4);
    return call_for_status(fb, (uint32_t *)words->data, words->len);
}

static void read_refresh(QVirtioFbRefresh *refresh,
                         const struct virtio_fb_refresh *wire)
{
    if (refresh) {
        refresh->sequence = le64_to_cpu(wire->sequence);
        refresh->age = le64_to_cpu(wire->age);
        refresh->period = le32_to_cpu(wire->period);
        refresh->padding = le32_to_cpu(wire->padding);
    }
}

uint32_t qvirtio_fb_set_vblank(QVirtioFb *fb, uint32_t scanout, uint32_t enable,
                               QVirtioFbRefresh *refresh)
{
    uint32_t words[] = {
        VIRTIO_FB_REQ_SET_VBLANK, 0, scanout, 0, enable, 0,
    };
    struct virtio_fb_refresh_response response;
    uint32_t status = qvirtio_fb_call(fb, words, ARRAY_SIZE(words), &response,
                                      sizeof(response));

    read_refresh(refresh, &response.refresh);
    return status;
}

uint32_t qvirtio_fb_set_cursor(QVirtioFb *fb, uint32_t scanout,
                               const QVirtioFbCursor *cursor)
{
    uint32_t words[] = {
        VIRTIO_FB_REQ_SET_CURSOR, 0, scanout, 0,
        QVIRTIO_FB_LOW(cursor->offset), QVIRTIO_FB_HIGH(cursor->offset),
        cursor->width, cursor->height, cursor->stride,
        cursor->hot_x, cursor->hot_y, cursor->x, cursor->y, 0,
    };

    return call_for_status(fb, words, ARRAY_SIZE(words));
}

uint32_t qvirtio_fb_move_cursor(QVirtioFb *fb, uint32_t scanout, int32_t x,
                                int32_t y)
{
    uint32_t words[] = { VIRTIO_FB_REQ_MOVE_CURSOR, 0, scanout, 0, x, y };

    return call_for_status(fb, words, ARRAY_SIZE(words));
}

uint32_t qvirtio_fb_discard(QVirtioFb *fb, uint64_t offset, uint64_t size)
{
    uint32_t words[] = {
        VIRTIO_FB_REQ_DISCARD, 0, 0, 0,
        QVIRTIO_FB_LOW(offset), QVIRTIO_FB_HIGH(offset),
        QVIRTIO_FB_LOW(size), QVIRTIO_FB_HIGH(size),
    };

    return call_for_status(fb, words, ARRAY_SIZE(words));
}

QVirtioFbRequest qvirtio_fb_flip(QVirtioFb *fb, uint32_t scanout,
                                 uint64_t offset, const QVirtioFbRect *rects,
                                 uint32_t n)
{
    g_autoptr(GArray) words = g_array_new(false, false, sizeof(uint32_t));
    uint32_t head[] = {
        VIRTIO_FB_REQ_FLIP, 0, scanout, 0,
        QVIRTIO_FB_LOW(offset), QVIRTIO_FB_HIGH(offset), n, 0,
    };

    g_array_append_vals(words, head, ARRAY_SIZE(head));
    g_array_append_vals(words, rects, n * 4);
    return qvirtio_fb_send(fb, (uint32_t *)words->data, words->len,
                           sizeof(struct virtio_fb_refresh_response));
}

uint32_t qvirtio_fb_finish_flip(QVirtioFb *fb, QVirtioFbRequest *request,
                                QVirtioFbRefresh *refresh)
{
    struct virtio_fb_refresh_response response;

    qvirtio_fb_finish(fb, request, &response, sizeof(response));
    read_refresh(refresh, &response.refresh);
    return le32_to_cpu(response.hdr.status);
}

/*
 * Events
 */

void qvirtio_fb_add_event_buffer(QVirtioFb *fb)
{
    qvirtio_events_add(fb->event, fb->alloc, sizeof(struct virtio_fb_event));
}

bool qvirtio_fb_get_event(QVirtioFb *fb, QVirtioFbEvent *event)
{
    struct virtio_fb_event wire;

    if (!qvirtio_events_get(fb->event, fb->alloc, &wire, sizeof(wire))) {
        return false;
    }
    event->type = le32_to_cpu(wire.type);
    event->scanouts = le32_to_cpu(wire.scanouts);
    read_refresh(&event->refresh, &wire.refresh);
    return true;
}

/*
 * libqos driver for virtio-fb
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_VIRTIO_FB_H
#define LIBQOS_VIRTIO_FB_H

#include "hw/virtio/virtio-fb-wire.h"
#include "libqos-malloc.h"
#include "virtio-mmio.h"
#include "virtio-requests.h"

#define QVIRTIO_FB_CONTROL_SIZE 256
#define QVIRTIO_FB_EVENT_SIZE   64
#define QVIRTIO_FB_FEATURES     ((1ull << VIRTIO_FB_F_EDID) | \
                                 (1ull << VIRTIO_FB_F_CURSOR) | \
                                 (1ull << VIRTIO_FB_F_DISCARD))

typedef struct QVirtioFb {
    QTestState *qts;
    QVirtioMMIODevice *slot;
    QVirtioDevice *vdev;
    QGuestAllocator *alloc;
    QVirtioRequests control;
    QVirtQueue *event;
    uint64_t vram;              /* where the guest sees video memory */
    uint64_t vram_size;
} QVirtioFb;

typedef QVirtioRequest QVirtioFbRequest;

typedef struct QVirtioFbMode {
    uint32_t format;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint64_t offset;
} QVirtioFbMode;

typedef struct QVirtioFbCursor {
    uint64_t offset;
    uint32_t width;
    uint32_t height;
    uint32_t stride;
    uint32_t hot_x;
    uint32_t hot_y;
    int32_t x;
    int32_t y;
} QVirtioFbCursor;

/* Structures of the wire format, in the byte order of the host */
typedef struct virtio_fb_rect QVirtioFbRect;
typedef struct virtio_fb_refresh QVirtioFbRefresh;
typedef struct virtio_fb_display QVirtioFbDisplay;
typedef struct virtio_fb_event QVirtioFbEvent;

/* A request is written as 32-bit words, which makes a 64-bit field two */
#define QVIRTIO_FB_LOW(value)   ((uint32_t)(value))
#define QVIRTIO_FB_HIGH(value)  ((uint32_t)((uint64_t)(value) >> 32))

/*
 * Life of the device
 */

void qvirtio_fb_attach(QVirtioFb *fb, QVirtioMMIODevice *slot,
                       QGuestAllocator *alloc);
/* Reset it, negotiate @features (and VIRTIO_F_VERSION_1) and set DRIVER_OK */
void qvirtio_fb_start(QVirtioFb *fb, uint64_t features);
/* Reset it; requests on their way are forgotten */
void qvirtio_fb_reset(QVirtioFb *fb);
void qvirtio_fb_cleanup(QVirtioFb *fb);

bool qvirtio_fb_get_shm(QVirtioFb *fb, uint32_t id, uint64_t *base,
                        uint64_t *size);
bool qvirtio_fb_needs_reset(QVirtioFb *fb);
/* Whether an interrupt is pending for a queue; acknowledges it */
bool qvirtio_fb_take_interrupt(QVirtioFb *fb);

/*
 * Any request
 */

QVirtioFbRequest qvirtio_fb_send(QVirtioFb *fb, const uint32_t *words, int n,
                                 uint32_t in);
bool qvirtio_fb_is_used(QVirtioFb *fb, const QVirtioFbRequest *request);
/* Wait, then copy out at most @size bytes. Returns: the length written */
uint32_t qvirtio_fb_finish(QVirtioFb *fb, QVirtioFbRequest *request,
                           void *response, size_t size);
/* Send a request, wait. Returns: status, a VIRTIO_FB_S_* */
uint32_t qvirtio_fb_call(QVirtioFb *fb, const uint32_t *words, int n,
                         void *response, size_t size);

/*
 * One function for each request. Returns: status
 */

uint32_t qvirtio_fb_get_display_info(QVirtioFb *fb, QVirtioFbDisplay *displays);
uint32_t qvirtio_fb_get_edid(QVirtioFb *fb, uint32_t scanout, uint8_t *edid,
                             uint32_t *size);
uint32_t qvirtio_fb_set_scanout(QVirtioFb *fb, uint32_t scanout,
                                const QVirtioFbMode *mode);
uint32_t qvirtio_fb_disable_scanout(QVirtioFb *fb, uint32_t scanout);
uint32_t qvirtio_fb_update(QVirtioFb *fb, uint32_t scanout,
                           const QVirtioFbRect *rects, uint32_t n);
uint32_t qvirtio_fb_set_vblank(QVirtioFb *fb, uint32_t scanout, uint32_t enable,
                               QVirtioFbRefresh *refresh);
uint32_t qvirtio_fb_set_cursor(QVirtioFb *fb, uint32_t scanout,
                               const QVirtioFbCursor *cursor);
uint32_t qvirtio_fb_move_cursor(QVirtioFb *fb, uint32_t scanout, int32_t x,
                                int32_t y);
uint32_t qvirtio_fb_discard(QVirtioFb *fb, uint64_t offset, uint64_t size);

/* A flip is answered at a refresh, so sending and finishing are two steps */
QVirtioFbRequest qvirtio_fb_flip(QVirtioFb *fb, uint32_t scanout,
                                 uint64_t offset, const QVirtioFbRect *rects,
                                 uint32_t n);
uint32_t qvirtio_fb_finish_flip(QVirtioFb *fb, QVirtioFbRequest *request,
                                QVirtioFbRefresh *refresh);

/*
 * Events
 */

void qvirtio_fb_add_event_buffer(QVirtioFb *fb);
/* Returns: whether there was one */
bool qvirtio_fb_get_event(QVirtioFb *fb, QVirtioFbEvent *event);

#endif

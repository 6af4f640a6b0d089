/*
 * What the libqos drivers of virtio-mmio devices share: queues of any length,
 * requests that are answered in any order, and events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_VIRTIO_REQUESTS_H
#define LIBQOS_VIRTIO_REQUESTS_H

#include "libqos-malloc.h"
#include "virtio-mmio.h"

#define QVIRTIO_REQUESTS_MAX    256     /* the longest queue */

/*
 * libqos makes queues as long as the transport can, and initializes them word
 * by word; this one has the length that the device is meant for, and one write.
 */
QVirtQueue *qvirtio_queue_new(QVirtioMMIODevice *slot, QGuestAllocator *alloc,
                              uint16_t index, uint16_t size);
/* Also sets it to NULL; it may be that already */
void qvirtio_queue_free(QVirtQueue **vq, QGuestAllocator *alloc);

bool qvirtio_needs_reset(QVirtioDevice *vdev);

/*
 * Requests
 */

typedef struct QVirtioRequests {
    QGuestAllocator *alloc;
    QVirtQueue *vq;
    int in_flight;              /* requests that are not used yet */
    /* By the head of a request: length written, or -1 if it is not used yet */
    int64_t used_length[QVIRTIO_REQUESTS_MAX];
} QVirtioRequests;

/* A request on its way, and the space for its response, which comes after it */
typedef struct QVirtioRequest {
    uint64_t addr;
    uint32_t out;
    uint32_t in;
    uint32_t head;
} QVirtioRequest;

void qvirtio_requests_start(QVirtioRequests *requests, QVirtioMMIODevice *slot,
                            QGuestAllocator *alloc, uint16_t index,
                            uint16_t size);
/* Requests on their way are forgotten */
void qvirtio_requests_cleanup(QVirtioRequests *requests);

/* One readable and perhaps one writable descriptor; @words become LE */
QVirtioRequest qvirtio_requests_send(QVirtioRequests *requests,
                                     const uint32_t *words, int n,
                                     uint32_t in);
/* The same for bytes, in descriptors of @out_part and @in_part bytes each */
QVirtioRequest qvirtio_requests_send_parts(QVirtioRequests *requests,
                                           const void *data, uint32_t out,
                                           uint32_t out_part, uint32_t in,
                                           uint32_t in_part);
/* Descriptors are taken one after the other; the first one is the head */
void qvirtio_requests_submit(QVirtioRequests *requests, uint32_t head);
bool qvirtio_requests_is_used(QVirtioRequests *requests,
                              const QVirtioRequest *request);
/* Wait, then copy out at most @size bytes. Returns: the length written */
uint32_t qvirtio_requests_finish(QVirtioRequests *requests,
                                 QVirtioRequest *request,
                                 void *response, size_t size);

/* The same, for all of the space; what was not written must be as it was */
uint32_t qvirtio_requests_finish_marked(QVirtioRequests *requests,
                                        QVirtioRequest *request,
                                        uint8_t *response);

/*
 * Events: buffers of @size bytes each, which have to be filled
 */

void qvirtio_events_add(QVirtQueue *vq, QGuestAllocator *alloc, uint32_t size);
/* Returns: whether there was one */
bool qvirtio_events_get(QVirtQueue *vq, QGuestAllocator *alloc, void *event,
                        uint32_t size);

#endif

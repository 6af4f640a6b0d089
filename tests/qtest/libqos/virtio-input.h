/*
 * libqos driver for virtio-input
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_VIRTIO_INPUT_H
#define LIBQOS_VIRTIO_INPUT_H

#include "libqos-malloc.h"
#include "virtio-mmio.h"
#include "virtio-requests.h"

#define QVIRTIO_INPUT_QUEUE_SIZE    64
/* A ring for events can be larger */
#define QVIRTIO_INPUT_RING_MAX 256
#define QVIRTIO_INPUT_EVENT_SIZE    8

/* In the byte order of the host */
typedef struct QVirtioInputEvent {
    uint16_t type;
    uint16_t code;
    int32_t value;
} QVirtioInputEvent;

typedef struct QVirtioInput {
    QTestState *qts;
    QVirtioMMIODevice *slot;
    QVirtioDevice *vdev;
    QGuestAllocator *alloc;
    QVirtQueue *event;
    QVirtioRequests status;
    uint64_t buffers;           /* one of eight bytes for each descriptor */
    /* Buffers that the driver has, in the order in which it got them back */
    uint16_t free[QVIRTIO_INPUT_RING_MAX];
    uint16_t num_free;
    uint16_t avail[QVIRTIO_INPUT_RING_MAX]; /* as in the guest's memory */
    uint16_t given;             /* index in avail, and how many were given */
    uint32_t size[QVIRTIO_INPUT_RING_MAX]; /* of each buffer */
    int kicks;                  /* how often the device wanted to know */
    int short_returned;         /* buffers that came back without an event */
} QVirtioInput;

/*
 * Life of the device
 */

void qvirtio_input_attach(QVirtioInput *input, QVirtioMMIODevice *slot,
                          QGuestAllocator *alloc);
/*
 * Reset it and start it with an event queue of that length; the driver keeps
 * all buffers.
 */
void qvirtio_input_start(QVirtioInput *input, uint16_t size);
void qvirtio_input_reset(QVirtioInput *input);
void qvirtio_input_cleanup(QVirtioInput *input);

/* Select, then read at most 128 bytes of @data. Returns: their number */
uint8_t qvirtio_input_config(QVirtioInput *input, uint8_t select,
                             uint8_t subsel, uint8_t *data);

/*
 * Events: @n buffers of @size bytes; the device is told if it wants to be
 */

void qvirtio_input_give_size(QVirtioInput *input, int n, uint32_t size);
void qvirtio_input_give(QVirtioInput *input, int n);
/* Whether an interrupt is pending for events or status */
bool qvirtio_input_take_interrupt(QVirtioInput *input);
/* Take events that have come. Returns: their number, at most @max */
int qvirtio_input_take(QVirtioInput *input, QVirtioInputEvent *events,
                       int max);

/* Send a status event, or some bytes of it, and wait */
void qvirtio_input_send_status(QVirtioInput *input, QVirtioInputEvent event,
                               uint32_t size);

#endif

/*
 * libqos driver for virtio-power
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_VIRTIO_POWER_H
#define LIBQOS_VIRTIO_POWER_H

#include "hw/virtio/virtio-power-wire.h"
#include "libqos-malloc.h"
#include "virtio-mmio.h"
#include "virtio-requests.h"

#define QVIRTIO_POWER_QUEUE_SIZE    64

/* All that a device has if nothing is said; EXIT has to be allowed */
#define QVIRTIO_POWER_FEATURES      ((1ull << VIRTIO_POWER_F_SUSPEND) | \
                                     (1ull << VIRTIO_POWER_F_SLOT_HOTPLUG) | \
                                     (1ull << VIRTIO_POWER_F_CPU_HOTPLUG))

/* Types 1 to 8 */
#define QVIRTIO_POWER_ALL_EVENTS    0x1feu

typedef struct QVirtioPower {
    QTestState *qts;
    QVirtioMMIODevice *slot;
    QVirtioDevice *vdev;
    QGuestAllocator *alloc;
    QVirtioRequests request;
    QVirtQueue *event;
} QVirtioPower;

typedef QVirtioRequest QVirtioPowerRequest;

/* Structures of the wire format, in the byte order of the host */
typedef struct virtio_power_table QVirtioPowerTable;
typedef struct virtio_power_event QVirtioPowerEvent;

/*
 * Life of the device
 */

void qvirtio_power_attach(QVirtioPower *power, QVirtioMMIODevice *slot,
                          QGuestAllocator *alloc);
/* Reset it, negotiate @features (and VIRTIO_F_VERSION_1) and set DRIVER_OK */
void qvirtio_power_start(QVirtioPower *power, uint64_t features);
/* Reset it; requests on their way are forgotten */
void qvirtio_power_reset(QVirtioPower *power);
void qvirtio_power_cleanup(QVirtioPower *power);

uint32_t qvirtio_power_config(QVirtioPower *power, unsigned int offset);
bool qvirtio_power_needs_reset(QVirtioPower *power);
/* Whether an interrupt is pending for a queue, or for configuration */
bool qvirtio_power_take_interrupt(QVirtioPower *power);
bool qvirtio_power_take_config_interrupt(QVirtioPower *power);

/*
 * Any request
 */

QVirtioPowerRequest qvirtio_power_send(QVirtioPower *power,
                                       const uint32_t *words, int n,
                                       uint32_t in);
bool qvirtio_power_is_used(QVirtioPower *power,
                           const QVirtioPowerRequest *request);
/* Wait, then copy out at most @size bytes. Returns: the length written */
uint32_t qvirtio_power_finish(QVirtioPower *power,
                              QVirtioPowerRequest *request,
                              void *response, size_t size);
/* Send a request, wait. Returns: status, a VIRTIO_POWER_S_* */
uint32_t qvirtio_power_call(QVirtioPower *power, const uint32_t *words, int n,
                            void *response, size_t size);

/*
 * Kinds of requests. Returns: status
 */

/* A header alone, answered with a status */
uint32_t qvirtio_power_simple(QVirtioPower *power, uint32_t type,
                              uint32_t index);
/* With a word after the header: SET_EVENTS, PANIC, EXIT, SLOT_EJECT */
uint32_t qvirtio_power_word(QVirtioPower *power, uint32_t type, uint32_t index,
                            uint32_t word);
/* Records are as on the wire; @size bytes have room for table and records */
uint32_t qvirtio_power_get_table(QVirtioPower *power, uint32_t type,
                                 uint32_t index, size_t size,
                                 QVirtioPowerTable *table, void *records);
uint32_t qvirtio_power_get_time(QVirtioPower *power, int64_t *seconds,
                                uint32_t *nanoseconds);

/* A suspend is answered when the machine is awake, so these are two steps */
QVirtioPowerRequest qvirtio_power_suspend(QVirtioPower *power,
                                          uint64_t wake_after);
uint32_t qvirtio_power_finish_suspend(QVirtioPower *power,
                                      QVirtioPowerRequest *request,
                                      uint32_t *reason);

/*
 * Events
 */

void qvirtio_power_add_event_buffer(QVirtioPower *power);
/* Returns: whether there was one */
bool qvirtio_power_get_event(QVirtioPower *power, QVirtioPowerEvent *event);

#endif

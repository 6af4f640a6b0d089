/*
 * libqos driver for virtio-power
 *
 * It keeps several requests in flight and takes their responses in any order,
 * as a suspend is answered late.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-power.h"

static uint32_t slot_read(QVirtioPower *power, unsigned int reg)
{
    return qtest_readl(power->qts, power->slot->addr + reg);
}

static void slot_write(QVirtioPower *power, unsigned int reg, uint32_t value)
{
    qtest_writel(power->qts, power->slot->addr + reg, value);
}

/*
 * Life of the device
 */

void qvirtio_power_attach(QVirtioPower *power, QVirtioMMIODevice *slot,
                          QGuestAllocator *alloc)
{
    memset(power, 0, sizeof(*power));
    power->qts = slot->qts;
    power->slot = slot;
    power->vdev = &slot->vdev;
    power->alloc = alloc;
}

void qvirtio_power_cleanup(QVirtioPower *power)
{
    qvirtio_requests_cleanup(&power->request);
    qvirtio_queue_free(&power->event, power->alloc);
}

void qvirtio_power_reset(QVirtioPower *power)
{
    qvirtio_reset(power->vdev);
    qvirtio_power_cleanup(power);
}

void qvirtio_power_start(QVirtioPower *power, uint64_t features)
{
    qvirtio_power_reset(power);
    qvirtio_set_acknowledge(power->vdev);
    qvirtio_set_driver(power->vdev);
    qvirtio_set_features(power->vdev, features | 1ull << VIRTIO_F_VERSION_1);
    qvirtio_requests_start(&power->request, power->slot, power->alloc,
                           VIRTIO_POWER_VQ_REQUEST, QVIRTIO_POWER_QUEUE_SIZE);
    power->event = qvirtio_queue_new(power->slot, power->alloc,
                                     VIRTIO_POWER_VQ_EVENT,
                                     QVIRTIO_POWER_QUEUE_SIZE);
    qvirtio_set_driver_ok(power->vdev);
}

uint32_t qvirtio_power_config(QVirtioPower *power, unsigned int offset)
{
    return slot_read(power, VIRTIO_MMIO_CONFIG + offset);
}

bool qvirtio_power_needs_reset(QVirtioPower *power)
{
    return qvirtio_needs_reset(power->vdev);
}

bool qvirtio_power_take_interrupt(QVirtioPower *power)
{
    return power->vdev->bus->get_queue_isr_status(power->vdev,
                                                   power->request.vq);
}

bool qvirtio_power_take_config_interrupt(QVirtioPower *power)
{
    bool pending = slot_read(power, VIRTIO_MMIO_INTERRUPT_STATUS) &
                   VIRTIO_MMIO_INT_CONFIG;

    if (pending) {
        slot_write(power, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_CONFIG);
    }
    return pending;
}

/*
 * Any request
 */

QVirtioPowerRequest qvirtio_power_send(QVirtioPower *power,
                                       const uint32_t *words, int n,
                                       uint32_t in)
{
    return qvirtio_requests_send(&power->request, words, n, in);
}

bool qvirtio_power_is_used(QVirtioPower *power,
                           const QVirtioPowerRequest *request)
{
    return qvirtio_requests_is_used(&power->request, request);
}

uint32_t qvirtio_power_finish(QVirtioPower *power,
                              QVirtioPowerRequest *request,
                              void *response, size_t size)
{
    return qvirtio_requests_finish(&power->request, request, response, size);
}

/* Returns: the length written */
static uint32_t call(QVirtioPower *power, const uint32_t *words, int n,
                     void *response, size_t size)
{
    QVirtioPowerRequest request = qvirtio_power_send(power, words, n, size);
    uint32_t length = qvirtio_power_finish(power, &request, response, size);

    g_assert_true(qvirtio_power_take_interrupt(power));
    if (ldl_le_p(response) != VIRTIO_POWER_S_OK) {
        g_assert_cmpuint(length, ==, sizeof(struct virtio_power_response));
    }
    return length;
}

uint32_t qvirtio_power_call(QVirtioPower *power, const uint32_t *words, int n,
                            void *response, size_t size)
{
    uint32_t length = call(power, words, n, response, size);
    uint32_t status = ldl_le_p(response);

    if (status == VIRTIO_POWER_S_OK) {
        g_assert_cmpuint(length, ==, size);
    }
    return status;
}

/*
 * Kinds of requests
 */

uint32_t qvirtio_power_simple(QVirtioPower *power, uint32_t type,
                              uint32_t index)
{
    uint32_t words[] = { type, 0, index, 0 };
    struct virtio_power_response response;

    return qvirtio_power_call(power, words, ARRAY_SIZE(words), &response,
                              sizeof(response));
}

uint32_t qvirtio_power_word(QVirtioPower *power, uint32_t type, uint32_t index,
                            uint32_t word)
{
    uint32_t words[] = { type, 0, index, 0, word, 0 };
    struct virtio_power_response response;

    return qvirtio_power_call(power, words, ARRAY_SIZE(words), &response,
                              sizeof(response));
}

uint32_t qvirtio_power_get_table(QVirtioPower *power, uint32_t type,
                                 uint32_t index, size_t size,
                                 QVirtioPowerTable *table, void *records)
{
    uint32_t words[] = { type, 0, index, 0 };
    g_autofree struct virtio_power_table *wire = g_malloc0(MAX(size, 24));
    uint32_t length = call(power, words, ARRAY_SIZE(words), wire, size);
    uint32_t status = le32_to_cpu(wire->hdr.status);

    if (status != VIRTIO_POWER_S_OK) {
        return status;
    }
    table->generation = le32_to_cpu(wire->generation);
    table->total = le32_to_cpu(wire->total);
    table->count = le32_to_cpu(wire->count);
    table->record_size = le32_to_cpu(wire->record_size);
    g_assert_cmpuint(length, ==,
                     sizeof(*wire) + table->count * table->record_size);
    g_assert_cmpuint(length, <=, size);
    if (records) {
        memcpy(records, wire + 1, length - sizeof(*wire));
    }
    return status;
}

uint32_t qvirtio_power_get_time(QVirtioPower *power, int64_t *seconds,
                                uint32_t *nanoseconds)
{
    uint32_t words[] = { VIRTIO_POWER_REQ_GET_TIME, 0, 0, 0 };
    struct virtio_power_time time;
    uint32_t status = qvirtio_power_call(power, words, ARRAY_SIZE(words),
                                         &time, sizeof(time));

    *seconds = le64_to_cpu(time.seconds);
    *nanoseconds = le32_to_cpu(time.nanoseconds);
    return status;
}

QVirtioPowerRequest qvirtio_power_suspend(QVirtioPower *power,
                                          uint64_t wake_after)
{
    uint32_t words[] = {
        VIRTIO_POWER_REQ_SUSPEND, 0, 0, 0, wake_after, wake_after >> 32,
    };

    return qvirtio_power_send(power, words, ARRAY_SIZE(words),
                              sizeof(struct virtio_power_suspend_response));
}

uint32_t qvirtio_power_finish_suspend(QVirtioPower *power,
                                      QVirtioPowerRequest *request,
                                      uint32_t *reason)
{
    struct virtio_power_suspend_response response;
    uint32_t length = qvirtio_power_finish(power, request, &response,
                                           sizeof(response));
    uint32_t status = le32_to_cpu(response.hdr.status);

    g_assert_cmpuint(length, ==, status == VIRTIO_POWER_S_OK
                     ? sizeof(response) : sizeof(struct virtio_power_response));
    *reason = le32_to_cpu(response.reason);
    return status;
}

/*
 * Events
 */

void qvirtio_power_add_event_buffer(QVirtioPower *power)
{
    qvirtio_events_add(power->event, power->alloc,
                       sizeof(struct virtio_power_event));
}

bool qvirtio_power_get_event(QVirtioPower *power, QVirtioPowerEvent *event)
{
    struct virtio_power_event wire;

    if (!qvirtio_events_get(power->event, power->alloc, &wire, sizeof(wire))) {
        return false;
    }
    event->type = le32_to_cpu(wire.type);
    event->index = le32_to_cpu(wire.index);
    event->reason = le32_to_cpu(wire.reason);
    event->padding = le32_to_cpu(wire.padding);
    return true;
}

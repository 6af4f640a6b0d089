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

#define DESC_SIZE       sizeof(struct vring_desc)
#define PAGE_SIZE       4096

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

static void free_queue(QVirtioPower *power, QVirtQueue **vq)
{
    if (*vq) {
        qvirtqueue_cleanup(power->vdev->bus, *vq, power->alloc);
        *vq = NULL;
    }
}

void qvirtio_power_cleanup(QVirtioPower *power)
{
    free_queue(power, &power->request);
    free_queue(power, &power->event);
    power->in_flight = 0;
}

void qvirtio_power_reset(QVirtioPower *power)
{
    qvirtio_reset(power->vdev);
    qvirtio_power_cleanup(power);
}

/* A queue of the length that the device is meant for, and in one write */
static QVirtQueue *make_queue(QVirtioPower *power, uint16_t index)
{
    QVirtQueue *vq = g_new0(QVirtQueue, 1);
    struct vring_desc desc[QVIRTIO_POWER_QUEUE_SIZE] = { };
    uint16_t size = QVIRTIO_POWER_QUEUE_SIZE;
    uint32_t bytes = qvring_size(size, PAGE_SIZE);
    int i;

    vq->vdev = power->vdev;
    vq->index = index;
    vq->size = size;
    vq->num_free = size;
    vq->align = PAGE_SIZE;
    vq->event = power->vdev->features & (1ull << VIRTIO_RING_F_EVENT_IDX);
    vq->desc = guest_alloc(power->alloc, bytes);
    vq->avail = vq->desc + size * DESC_SIZE;
    vq->used = QEMU_ALIGN_UP(vq->avail + sizeof(uint16_t) * (3 + size),
                             PAGE_SIZE);

    for (i = 0; i < size; i++) {
        desc[i].next = cpu_to_le16(i + 1);
    }
    qtest_memset(power->qts, vq->desc, 0, bytes);
    qtest_bufwrite(power->qts, vq->desc, desc, sizeof(desc));

    power->vdev->bus->queue_select(power->vdev, index);
    slot_write(power, VIRTIO_MMIO_QUEUE_NUM, size);
    power->vdev->bus->set_queue_address(power->vdev, vq);
    slot_write(power, VIRTIO_MMIO_QUEUE_READY, 1);
    return vq;
}

void qvirtio_power_start(QVirtioPower *power, uint64_t features)
{
    qvirtio_power_reset(power);
    qvirtio_set_acknowledge(power->vdev);
    qvirtio_set_driver(power->vdev);
    qvirtio_set_features(power->vdev, features | 1ull << VIRTIO_F_VERSION_1);
    power->request = make_queue(power, VIRTIO_POWER_VQ_REQUEST);
    power->event = make_queue(power, VIRTIO_POWER_VQ_EVENT);
    qvirtio_set_driver_ok(power->vdev);
}

uint32_t qvirtio_power_config(QVirtioPower *power, unsigned int offset)
{
    return slot_read(power, VIRTIO_MMIO_CONFIG + offset);
}

bool qvirtio_power_needs_reset(QVirtioPower *power)
{
    return power->vdev->bus->get_status(power->vdev) &
           VIRTIO_CONFIG_S_NEEDS_RESET;
}

bool qvirtio_power_take_interrupt(QVirtioPower *power)
{
    return power->vdev->bus->get_queue_isr_status(power->vdev, power->request);
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

static void collect_used(QVirtioPower *power)
{
    uint32_t head, length;

    while (qvirtqueue_get_buf(power->qts, power->request, &head, &length)) {
        g_assert_cmpuint(head, <, QVIRTIO_POWER_QUEUE_SIZE);
        g_assert_cmpint(power->used_length[head], ==, -1);
        power->used_length[head] = length;
        power->in_flight--;
    }
}

void qvirtio_power_submit(QVirtioPower *power, uint32_t head)
{
    g_assert_cmpuint(power->request->free_head, <=, QVIRTIO_POWER_QUEUE_SIZE);
    power->used_length[head] = -1;
    power->in_flight++;
    qvirtqueue_kick(power->qts, power->vdev, power->request, head);
}

QVirtioPowerRequest qvirtio_power_send(QVirtioPower *power,
                                       const uint32_t *words, int n,
                                       uint32_t in)
{
    g_autofree uint32_t *data = g_new(uint32_t, n);
    QVirtioPowerRequest request = { .out = n * 4, .in = in };
    int i;

    for (i = 0; i < n; i++) {
        data[i] = cpu_to_le32(words[i]);
    }
    request.addr = guest_alloc(power->alloc, request.out + in);
    qtest_bufwrite(power->qts, request.addr, data, request.out);
    if (in) {
        /* No response has such a status */
        qtest_memset(power->qts, request.addr + request.out, 0xff, in);
    }

    if (!power->in_flight) {
        qvirtqueue_reset_pool(power->request);
    }
    request.head = qvirtqueue_add(power->qts, power->request, request.addr,
                                  request.out, false, in);
    if (in) {
        qvirtqueue_add(power->qts, power->request, request.addr + request.out,
                       in, true, false);
    }
    qvirtio_power_submit(power, request.head);
    return request;
}

bool qvirtio_power_is_used(QVirtioPower *power,
                           const QVirtioPowerRequest *request)
{
    collect_used(power);
    return power->used_length[request->head] >= 0;
}

uint32_t qvirtio_power_finish(QVirtioPower *power,
                              QVirtioPowerRequest *request,
                              void *response, size_t size)
{
    gint64 give_up = g_get_monotonic_time() + QVIRTIO_POWER_HANG_US;
    uint32_t length;

    while (!qvirtio_power_is_used(power, request)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
    length = power->used_length[request->head];
    g_assert_cmpuint(length, <=, request->in);
    if (size) {
        qtest_bufread(power->qts, request->addr + request->out, response,
                      MIN(size, request->in));
    }
    guest_free(power->alloc, request->addr);
    return length;
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
    uint32_t size = sizeof(struct virtio_power_event);
    uint32_t head;

    /* Descriptors are used once: enough for a test, until the next start */
    g_assert_cmpuint(power->event->free_head, <, QVIRTIO_POWER_QUEUE_SIZE);
    head = qvirtqueue_add(power->qts, power->event,
                          guest_alloc(power->alloc, size), size, true, false);
    qvirtqueue_kick(power->qts, power->vdev, power->event, head);
}

bool qvirtio_power_get_event(QVirtioPower *power, QVirtioPowerEvent *event)
{
    struct virtio_power_event wire;
    uint32_t head, length;
    uint64_t addr;

    if (!qvirtqueue_get_buf(power->qts, power->event, &head, &length)) {
        return false;
    }
    g_assert_cmpuint(length, ==, sizeof(wire));
    addr = qtest_readq(power->qts, power->event->desc + head * DESC_SIZE);
    qtest_bufread(power->qts, addr, &wire, sizeof(wire));
    guest_free(power->alloc, addr);

    event->type = le32_to_cpu(wire.type);
    event->index = le32_to_cpu(wire.index);
    event->reason = le32_to_cpu(wire.reason);
    event->padding = le32_to_cpu(wire.padding);
    return true;
}

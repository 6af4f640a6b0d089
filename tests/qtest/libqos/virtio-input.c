/*
 * libqos driver for virtio-input
 *
 * It keeps the buffers that it is given back until it is told to pass them on,
 * as tests are about guests that do so late.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_input.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-input.h"

#define DESC_SIZE   sizeof(struct vring_desc)

QEMU_BUILD_BUG_ON(sizeof(struct virtio_input_event) !=
                  QVIRTIO_INPUT_EVENT_SIZE);

/*
 * Life of the device
 */

void qvirtio_input_attach(QVirtioInput *input, QVirtioMMIODevice *slot,
                          QGuestAllocator *alloc)
{
    memset(input, 0, sizeof(*input));
    input->qts = slot->qts;
    input->slot = slot;
    input->vdev = &slot->vdev;
    input->alloc = alloc;
}

void qvirtio_input_cleanup(QVirtioInput *input)
{
    if (input->event) {
        guest_free(input->alloc, input->buffers);
        qvirtio_requests_cleanup(&input->status);
    }
    qvirtio_queue_free(&input->event, input->alloc);
}

void qvirtio_input_reset(QVirtioInput *input)
{
    qvirtio_reset(input->vdev);
    qvirtio_input_cleanup(input);
}

static void make_buffers(QVirtioInput *input)
{
    uint16_t size = input->event->size;
    uint16_t i;

    input->buffers = guest_alloc(input->alloc,
                                 size * QVIRTIO_INPUT_EVENT_SIZE);
    for (i = 0; i < size; i++) {
        struct vring_desc desc = {
            .addr = cpu_to_le64(input->buffers + i * QVIRTIO_INPUT_EVENT_SIZE),
            .len = cpu_to_le32(QVIRTIO_INPUT_EVENT_SIZE),
            .flags = cpu_to_le16(VRING_DESC_F_WRITE),
        };

        qtest_bufwrite(input->qts, input->event->desc + i * DESC_SIZE, &desc,
                       sizeof(desc));
        input->free[i] = i;
        input->size[i] = QVIRTIO_INPUT_EVENT_SIZE;
    }
    input->num_free = size;
    input->given = 0;
    input->kicks = 0;
    input->short_returned = 0;
}

void qvirtio_input_start(QVirtioInput *input, uint16_t size)
{
    g_assert_cmpuint(size, <=, QVIRTIO_INPUT_RING_MAX);
    qvirtio_input_reset(input);
    qvirtio_set_acknowledge(input->vdev);
    qvirtio_set_driver(input->vdev);
    qvirtio_set_features(input->vdev, 1ull << VIRTIO_F_VERSION_1);
    input->event = qvirtio_queue_new(input->slot, input->alloc, 0, size);
    qvirtio_requests_start(&input->status, input->slot, input->alloc, 1,
                           QVIRTIO_INPUT_QUEUE_SIZE);
    make_buffers(input);
    qvirtio_set_driver_ok(input->vdev);
}

uint8_t qvirtio_input_config(QVirtioInput *input, uint8_t select,
                             uint8_t subsel, uint8_t *data)
{
    uint64_t config = input->slot->addr + VIRTIO_MMIO_CONFIG;
    uint64_t payload = config + offsetof(struct virtio_input_config, u);
    uint8_t size, i;

    qtest_writeb(input->qts, config, select);
    qtest_writeb(input->qts,
                 config + offsetof(struct virtio_input_config, subsel),
                 subsel);
    size = qtest_readb(input->qts, config +
                       offsetof(struct virtio_input_config, size));
    g_assert_cmpuint(size, <=, 128);
    for (i = 0; i < size; i++) {
        data[i] = qtest_readb(input->qts, payload + i);
    }
    return size;
}

/*
 * Events
 */

static void write_word(QVirtioInput *input, uint64_t addr, uint16_t value)
{
    value = cpu_to_le16(value);
    qtest_bufwrite(input->qts, addr, &value, sizeof(value));
}

static uint16_t read_word(QVirtioInput *input, uint64_t addr)
{
    uint16_t value;

    qtest_bufread(input->qts, addr, &value, sizeof(value));
    return le16_to_cpu(value);
}

static void set_size(QVirtioInput *input, uint16_t head, uint32_t size)
{
    uint64_t desc = input->event->desc + head * DESC_SIZE;
    uint32_t len = cpu_to_le32(size);

    if (input->size[head] != size) {
        input->size[head] = size;
        qtest_bufwrite(input->qts, desc + offsetof(struct vring_desc, len),
                       &len, sizeof(len));
    }
}

void qvirtio_input_give_size(QVirtioInput *input, int n, uint32_t size)
{
    QVirtQueue *vq = input->event;
    int i;

    g_assert_cmpint(n, <=, input->num_free);
    for (i = 0; i < n; i++) {
        set_size(input, input->free[i], size);
        input->avail[input->given++ % vq->size] = cpu_to_le16(input->free[i]);
    }
    qtest_bufwrite(input->qts, vq->avail + 4, input->avail,
                   vq->size * sizeof(input->avail[0]));
    input->num_free -= n;
    memmove(input->free, input->free + n,
            input->num_free * sizeof(input->free[0]));
    write_word(input, vq->avail + 2, input->given);
    if (!(read_word(input, vq->used) & VRING_USED_F_NO_NOTIFY)) {
        input->kicks++;
        input->vdev->bus->virtqueue_kick(input->vdev, vq);
    }
}

void qvirtio_input_give(QVirtioInput *input, int n)
{
    qvirtio_input_give_size(input, n, QVIRTIO_INPUT_EVENT_SIZE);
}

bool qvirtio_input_take_interrupt(QVirtioInput *input)
{
    return input->vdev->bus->get_queue_isr_status(input->vdev, input->event);
}

int qvirtio_input_take(QVirtioInput *input, QVirtioInputEvent *events, int max)
{
    QVirtQueue *vq = input->event;
    struct vring_used_elem ring[QVIRTIO_INPUT_RING_MAX];
    struct virtio_input_event data[QVIRTIO_INPUT_RING_MAX];
    uint16_t end = read_word(input, vq->used + 2);
    int n = 0;

    qtest_bufread(input->qts, vq->used + 4, ring, vq->size * sizeof(ring[0]));
    qtest_bufread(input->qts, input->buffers, data,
                  vq->size * sizeof(data[0]));
    for (; vq->last_used_idx != end && n < max; vq->last_used_idx++) {
        struct vring_used_elem *used = &ring[vq->last_used_idx % vq->size];
        uint32_t head = le32_to_cpu(used->id);

        g_assert_cmpuint(head, <, vq->size);
        input->free[input->num_free++] = head;
        if (!used->len) {
            input->short_returned++;
            continue;
        }
        g_assert_cmpuint(le32_to_cpu(used->len), ==, sizeof(data[0]));
        events[n].type = le16_to_cpu(data[head].type);
        events[n].code = le16_to_cpu(data[head].code);
        events[n++].value = le32_to_cpu(data[head].value);
    }
    return n;
}

void qvirtio_input_send_status(QVirtioInput *input, QVirtioInputEvent event,
                               uint32_t size)
{
    struct virtio_input_event wire = {
        .type = cpu_to_le16(event.type),
        .code = cpu_to_le16(event.code),
        .value = cpu_to_le32(event.value),
    };
    QVirtioRequest request = qvirtio_requests_send_parts(
        &input->status, &wire, size, size, 0, 1);

    g_assert_cmpuint(qvirtio_requests_finish(&input->status, &request, NULL,
                                             0), ==, 0);
}

/*
 * What the libqos drivers of virtio-mmio devices share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../virtio-desktop-util.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-requests.h"

#define DESC_SIZE       sizeof(struct vring_desc)
#define PAGE_SIZE       4096

/* What space for a response is full of: no status is */
#define MARK            0xff

static QTestState *qts_of(const QVirtQueue *vq)
{
    return container_of(vq->vdev, QVirtioMMIODevice, vdev)->qts;
}

/*
 * Queues
 */

/* Empty rings and a list of free descriptors */
static void init_rings(QTestState *qts, const QVirtQueue *vq)
{
    g_autofree struct vring_desc *desc = g_new0(struct vring_desc, vq->size);
    int i;

    for (i = 0; i < vq->size; i++) {
        desc[i].next = cpu_to_le16(i + 1);
    }
    qtest_memset(qts, vq->desc, 0, qvring_size(vq->size, vq->align));
    qtest_bufwrite(qts, vq->desc, desc, vq->size * DESC_SIZE);
}

QVirtQueue *qvirtio_queue_new(QVirtioMMIODevice *slot, QGuestAllocator *alloc,
                              uint16_t index, uint16_t size)
{
    QVirtioDevice *vdev = &slot->vdev;
    QVirtQueue *vq = g_new0(QVirtQueue, 1);

    vq->vdev = vdev;
    vq->index = index;
    vq->size = size;
    vq->num_free = size;
    vq->align = PAGE_SIZE;
    vq->event = vdev->features & (1ull << VIRTIO_RING_F_EVENT_IDX);
    vq->desc = guest_alloc(alloc, qvring_size(size, PAGE_SIZE));
    vq->avail = vq->desc + size * DESC_SIZE;
    vq->used = QEMU_ALIGN_UP(vq->avail + sizeof(uint16_t) * (3 + size),
                             PAGE_SIZE);
    init_rings(slot->qts, vq);

    vdev->bus->queue_select(vdev, index);
    qtest_writel(slot->qts, slot->addr + VIRTIO_MMIO_QUEUE_NUM, size);
    vdev->bus->set_queue_address(vdev, vq);
    qtest_writel(slot->qts, slot->addr + VIRTIO_MMIO_QUEUE_READY, 1);
    return vq;
}

void qvirtio_queue_free(QVirtQueue **vq, QGuestAllocator *alloc)
{
    if (*vq) {
        qvirtqueue_cleanup((*vq)->vdev->bus, *vq, alloc);
        *vq = NULL;
    }
}

bool qvirtio_needs_reset(QVirtioDevice *vdev)
{
    return vdev->bus->get_status(vdev) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/*
 * Requests
 */

void qvirtio_requests_start(QVirtioRequests *requests, QVirtioMMIODevice *slot,
                            QGuestAllocator *alloc, uint16_t index,
                            uint16_t size)
{
    g_assert_cmpuint(size, <=, QVIRTIO_REQUESTS_MAX);
    requests->alloc = alloc;
    requests->vq = qvirtio_queue_new(slot, alloc, index, size);
    requests->in_flight = 0;
}

void qvirtio_requests_cleanup(QVirtioRequests *requests)
{
    qvirtio_queue_free(&requests->vq, requests->alloc);
    requests->in_flight = 0;
}

static void collect_used(QVirtioRequests *requests)
{
    uint32_t head, length;

    while (qvirtqueue_get_buf(qts_of(requests->vq), requests->vq, &head,
                              &length)) {
        g_assert_cmpuint(head, <, requests->vq->size);
        g_assert_cmpint(requests->used_length[head], ==, -1);
        requests->used_length[head] = length;
        requests->in_flight--;
    }
}

void qvirtio_requests_submit(QVirtioRequests *requests, uint32_t head)
{
    QVirtQueue *vq = requests->vq;

    g_assert_cmpuint(vq->free_head, <=, vq->size);
    requests->used_length[head] = -1;
    requests->in_flight++;
    qvirtqueue_kick(qts_of(vq), vq->vdev, vq, head);
}

/* Add descriptors of @part bytes each for @size bytes at @addr */
static void add_parts(QVirtQueue *vq, uint64_t addr, uint32_t size,
                      uint32_t part, bool write, bool more)
{
    uint32_t done, length;

    for (done = 0; done < size; done += length) {
        length = MIN(part, size - done);
        qvirtqueue_add(qts_of(vq), vq, addr + done, length, write,
                       more || done + length < size);
    }
}

QVirtioRequest qvirtio_requests_send_parts(QVirtioRequests *requests,
                                           const void *data, uint32_t out,
                                           uint32_t out_part, uint32_t in,
                                           uint32_t in_part)
{
    QVirtQueue *vq = requests->vq;
    QVirtioRequest request = { .out = out, .in = in };

    request.addr = guest_alloc(requests->alloc, out + in + 1);
    if (out) {
        qtest_bufwrite(qts_of(vq), request.addr, data, out);
    }
    if (in) {
        qtest_memset(qts_of(vq), request.addr + out, MARK, in);
    }
    if (!requests->in_flight) {
        qvirtqueue_reset_pool(vq);
    }
    request.head = vq->free_head;
    add_parts(vq, request.addr, out, out_part, false, in);
    add_parts(vq, request.addr + out, in, in_part, true, false);
    qvirtio_requests_submit(requests, request.head);
    return request;
}

QVirtioRequest qvirtio_requests_send(QVirtioRequests *requests,
                                     const uint32_t *words, int n, uint32_t in)
{
    g_autofree uint32_t *data = g_new(uint32_t, n);
    int i;

    for (i = 0; i < n; i++) {
        data[i] = cpu_to_le32(words[i]);
    }
    return qvirtio_requests_send_parts(requests, data, n * 4, n * 4, in, in);
}

bool qvirtio_requests_is_used(QVirtioRequests *requests,
                              const QVirtioRequest *request)
{
    collect_used(requests);
    return requests->used_length[request->head] >= 0;
}

uint32_t qvirtio_requests_finish(QVirtioRequests *requests,
                                 QVirtioRequest *request,
                                 void *response, size_t size)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    uint32_t length;

    while (!qvirtio_requests_is_used(requests, request)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
    length = requests->used_length[request->head];
    g_assert_cmpuint(length, <=, request->in);
    if (size) {
        qtest_bufread(qts_of(requests->vq), request->addr + request->out,
                      response, MIN(size, request->in));
    }
    guest_free(requests->alloc, request->addr);
    return length;
}

uint32_t qvirtio_requests_finish_marked(QVirtioRequests *requests,
                                        QVirtioRequest *request,
                                        uint8_t *response)
{
    uint32_t i, length = qvirtio_requests_finish(requests, request, response,
                                                 request->in);

    for (i = length; i < request->in; i++) {
        g_assert_cmphex(response[i], ==, MARK);
    }
    return length;
}

/*
 * Events
 */

void qvirtio_events_add(QVirtQueue *vq, QGuestAllocator *alloc, uint32_t size)
{
    uint32_t head;

    /* Descriptors are used once: enough for a test, until the next start */
    g_assert_cmpuint(vq->free_head, <, vq->size);
    head = qvirtqueue_add(qts_of(vq), vq, guest_alloc(alloc, size), size, true,
                          false);
    qvirtqueue_kick(qts_of(vq), vq->vdev, vq, head);
}

bool qvirtio_events_get(QVirtQueue *vq, QGuestAllocator *alloc, void *event,
                        uint32_t size)
{
    QTestState *qts = qts_of(vq);
    uint32_t head, length;
    uint64_t addr;

    if (!qvirtqueue_get_buf(qts, vq, &head, &length)) {
        return false;
    }
    g_assert_cmpuint(length, ==, size);
    addr = qtest_readq(qts, vq->desc + head * DESC_SIZE);
    qtest_bufread(qts, addr, event, size);
    guest_free(alloc, addr);
    return true;
}

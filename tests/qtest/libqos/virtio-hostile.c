/*
 * A guest that means harm to a virtio-mmio device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "../libqtest.h"
#include "qemu/bswap.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-hostile.h"

/* Slots with roles, and the first free ones */
#define SLOTS_WITH_DEVICES  12

/*
 * Choices
 */

uint32_t hostile_below(QVirtioHostile *h, uint32_t n)
{
    return g_rand_int(h->rand) % n;
}

bool hostile_one_in(QVirtioHostile *h, uint32_t n)
{
    return !hostile_below(h, n);
}

uint32_t hostile_word(QVirtioHostile *h)
{
    static const uint32_t edges[] = {
        0, 4, 16, 64, 256, 4096, 16384, 65536, 1u << 24, 1u << 28, 1u << 31,
    };
    uint32_t edge = edges[hostile_below(h, ARRAY_SIZE(edges))];

    switch (hostile_below(h, 4)) {
    case 0:
        return g_rand_int(h->rand);
    case 1:
        return hostile_below(h, 300);
    default:
        return edge + hostile_below(h, 3) - 1;
    }
}

/* Of its own slot, or of any other one; most often a reset or a notification */
uint64_t hostile_register(QVirtioHostile *h)
{
    static const uint16_t registers[] = {
        VIRTIO_MMIO_STATUS, VIRTIO_MMIO_STATUS, VIRTIO_MMIO_STATUS,
        VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_QUEUE_NOTIFY,
        VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_QUEUE_SEL,
        VIRTIO_MMIO_INTERRUPT_ACK,
    };
    uint32_t reg = hostile_one_in(h, 12)
        ? VIRTIO_MMIO_CONFIG + hostile_below(h, 64) * 4
        : registers[hostile_below(h, ARRAY_SIZE(registers))];

    if (hostile_one_in(h, 3)) {
        return SLOT_BASE + hostile_below(h, SLOTS_WITH_DEVICES) * SLOT_SIZE +
               reg;
    }
    return h->victim->slot->addr + reg;
}

/* What is not RAM: registers, video memory, flash, or nothing at all */
static uint64_t device_address(QVirtioHostile *h)
{
    switch (hostile_below(h, 16)) {
    case 0:
        return desktop_arch()->irqchip_base + hostile_below(h, 1024) * 4;
    case 1:
        return WINDOW_BASE + hostile_below(h, MiB) * 4;
    case 2:
        return hostile_below(h, MiB) * 4;
    default:
        return hostile_register(h);
    }
}

uint64_t hostile_address(QVirtioHostile *h)
{
    int choice = hostile_below(h, h->bad_address ? 6 : 5);

    switch (h->bad_address ? choice : choice + 1) {
    case 0:
        return h->bad_address(h);
    case 1:
        return h->victim->slot->addr + hostile_below(h, 512);
    case 2:
        return (uint64_t)hostile_word(h) << hostile_below(h, 33);
    case 3:
        return h->victim->vq[0]->desc + hostile_below(h, 16 * KiB);
    default:
        return QVIRTIO_HOSTILE_BASE + hostile_below(h, QVIRTIO_HOSTILE_SIZE);
    }
}

/*
 * Descriptors
 */

void hostile_begin(QVirtioHostile *h, QVirtQueue *vq)
{
    g_assert_cmpuint(vq->size, <=, QVIRTIO_HOSTILE_DESC);
    h->vq = vq;
    h->data_used = h->num_desc = h->num_heads = 0;
    /* The first one may be the end of all others, so mostly there are few */
    h->device_odds = hostile_one_in(h, 4) ? hostile_one_in(h, 4) ? 2 : 40 : 0;
}

bool hostile_has_room(QVirtioHostile *h, int descriptors, uint32_t size)
{
    return h->num_heads < QVIRTIO_HOSTILE_BATCH &&
           h->num_desc < h->vq->size - descriptors &&
           h->data_used < QVIRTIO_HOSTILE_SIZE - size;
}

void hostile_add_head(QVirtioHostile *h)
{
    g_assert_cmpint(h->num_heads, <, QVIRTIO_HOSTILE_BATCH);
    h->heads[h->num_heads++] = h->num_desc;
}

static void add_descriptor(QVirtioHostile *h, uint64_t addr, uint32_t len,
                           uint16_t flags)
{
    struct vring_desc *desc = &h->desc[h->num_desc++];

    g_assert_cmpint(h->num_desc, <=, QVIRTIO_HOSTILE_DESC);
    desc->addr = cpu_to_le64(addr);
    desc->len = cpu_to_le32(len);
    desc->flags = cpu_to_le16(flags);
    desc->next = cpu_to_le16(h->num_desc);
}

uint32_t hostile_add_device(QVirtioHostile *h, uint64_t reg, uint32_t before,
                            uint32_t size, uint16_t flags, bool more)
{
    uint64_t addr = QVIRTIO_HOSTILE_BASE + h->data_used;
    uint32_t length = hostile_one_in(h, 8) ? 1 + hostile_below(h, size - before)
                                           : MIN(4, size - before);

    if (before) {
        add_descriptor(h, addr, before, flags | VRING_DESC_F_NEXT);
    }
    before += length;
    more |= before < size;
    add_descriptor(h, reg, length, flags | (more ? VRING_DESC_F_NEXT : 0));
    return before;
}

/* Returns: the bytes that are done.  The first words are those that matter. */
static uint32_t add_any_device(QVirtioHostile *h, uint32_t size,
                               uint16_t flags, bool more)
{
    uint32_t before = hostile_below(h, 3) * 4;

    if (before == 8) {
        before = hostile_below(h, size / 4) * 4;
    }
    return hostile_add_device(h, device_address(h), MIN(before, size - 4),
                              size, flags, more);
}

void hostile_add_parts(QVirtioHostile *h, const void *data, uint32_t size,
                       uint16_t flags, bool more)
{
    uint64_t addr = QVIRTIO_HOSTILE_BASE + h->data_used;
    uint32_t part, done = 0;

    g_assert_cmpuint(size, <, QVIRTIO_HOSTILE_SIZE - h->data_used);
    if (data) {
        memcpy(h->data + h->data_used, data, size);
    }
    if (h->device_odds && size >= 4 && h->num_desc < h->vq->size - 8 &&
        hostile_one_in(h, h->device_odds) &&
        (flags & VRING_DESC_F_WRITE || hostile_one_in(h, 8))) {
        done = add_any_device(h, size, flags, more);
    }
    while (done < size) {
        part = hostile_one_in(h, 3) ? 1 + hostile_below(h, size - done)
                                    : size - done;
        if (h->num_desc > h->vq->size - 4) {
            part = size - done;
        }
        add_descriptor(h, addr + done, part,
                       flags | (more || done + part < size
                                ? VRING_DESC_F_NEXT : 0));
        done += part;
    }
    h->data_used += size;
}

void hostile_add_request(QVirtioHostile *h, uint32_t *words, int n,
                         uint32_t out, uint32_t in)
{
    int i;

    for (i = 0; i < n; i++) {
        words[i] = cpu_to_le32(words[i]);
    }
    hostile_add_head(h);
    hostile_add_parts(h, words, out, 0, in);
    hostile_add_parts(h, NULL, in, VRING_DESC_F_WRITE, false);
}

void hostile_add_noise(QVirtioHostile *h)
{
    int i;

    h->victim->wild = true;
    for (i = 0; i < 32; i++) {
        uint16_t flags = hostile_below(h, 8);
        uint32_t len = hostile_word(h) & 0xffff;

        add_descriptor(h, hostile_address(h), len, flags);
        h->desc[i].next = cpu_to_le16(hostile_below(h, 33));
    }
    for (i = 0; i < 8; i++) {
        h->heads[h->num_heads++] = hostile_below(h, 33);
    }
}

static void spoil_descriptor(QVirtioHostile *h)
{
    struct vring_desc *desc = &h->desc[hostile_below(h, h->num_desc)];

    h->victim->wild = true;
    switch (hostile_below(h, 4)) {
    case 0:
        desc->addr = cpu_to_le64(hostile_address(h));
        break;
    case 1:
        desc->len = cpu_to_le32(hostile_word(h));
        break;
    case 2:
        desc->flags = cpu_to_le16(hostile_below(h, 8));
        break;
    default:
        /* Some of them are outside */
        desc->next = cpu_to_le16(hostile_below(h, h->victim->vq[0]->size + 44));
        break;
    }
}

void hostile_put(QVirtioHostile *h)
{
    QTestState *qts = h->victim->slot->qts;
    QVirtQueue *vq = h->vq;
    uint16_t idx = qtest_readw(qts, vq->avail + 2);
    int i;

    if (hostile_one_in(h, 10)) {
        spoil_descriptor(h);
    }
    qtest_bufwrite(qts, QVIRTIO_HOSTILE_BASE, h->data, h->data_used + 1);
    qtest_bufwrite(qts, vq->desc, h->desc,
                   MIN(h->num_desc, vq->size) * sizeof(h->desc[0]));
    for (i = 0; i < h->num_heads; i++) {
        qtest_writew(qts, vq->avail + 4 + idx++ % vq->size * 2, h->heads[i]);
    }
    if (hostile_one_in(h, 100)) {
        h->victim->wild = true;
        idx = hostile_word(h);
    }
    qtest_writew(qts, vq->avail + 2, idx);
    h->num_sent += h->num_heads;
}

void hostile_send(QVirtioHostile *h)
{
    QVirtioDevice *vdev = &h->victim->slot->vdev;

    hostile_put(h);
    vdev->bus->virtqueue_kick(vdev, h->vq);
}

/*
 * Rings
 */

void hostile_move_ring(QVirtioHostile *h, QVirtQueue *vq)
{
    static const uint16_t rings[] = {
        VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_LOW,
        VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_DESC_LOW,
    };
    QTestState *qts = h->victim->slot->qts;
    uint64_t slot = h->victim->slot->addr;
    uint16_t ring = rings[hostile_below(h, ARRAY_SIZE(rings))];
    /* So that one of its elements is at that register */
    uint64_t addr = device_address(h) - 4 - hostile_below(h, 4) * 8;

    h->victim->wild = true;
    qtest_writel(qts, slot + VIRTIO_MMIO_QUEUE_SEL, vq->index);
    qtest_writel(qts, slot + VIRTIO_MMIO_QUEUE_READY, 0);
    /* A long one would end after the registers, and is refused as a whole */
    vq->size = MIN(vq->size, 16);
    qtest_writel(qts, slot + VIRTIO_MMIO_QUEUE_NUM, vq->size);
    qtest_writel(qts, slot + ring, addr);
    qtest_writel(qts, slot + ring + 4, addr >> 32);
    qtest_writel(qts, slot + VIRTIO_MMIO_QUEUE_READY, 1);
}

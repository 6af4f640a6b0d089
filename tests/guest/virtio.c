/*
 * virtio-mmio, version 2, and split virtqueues
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "guest.h"
#include "tap.h"
#include "virtio.h"

#define ACKNOWLEDGE     1
#define DRIVER          2
#define DRIVER_OK       4
#define FEATURES_OK     8

#define DESC_NEXT       1
#define DESC_WRITE      2

#define F_VERSION_1     BIT(32)

/* Devices that are driven, by slot */
static struct virtio *driven[NUM_SLOTS];

int virtio_find(uint32_t id, int role)
{
    unsigned slot;

    if (role >= 0 && slot_read(role, VIRTIO_DEVICE_ID) == id) {
        return role;
    }
    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (slot_read(slot, VIRTIO_DEVICE_ID) == id) {
            return slot;
        }
    }
    return -1;
}

static int negotiate(struct virtio *dev, uint64_t wanted)
{
    uintptr_t base = dev->base;
    uint64_t offered;

    write32(base + VIRTIO_DEVICE_FEATURES_SEL, 1);
    offered = (uint64_t)read32(base + VIRTIO_DEVICE_FEATURES) << 32;
    write32(base + VIRTIO_DEVICE_FEATURES_SEL, 0);
    offered |= read32(base + VIRTIO_DEVICE_FEATURES);
    EXPECT(offered & F_VERSION_1);

    dev->features = offered & (wanted | F_VERSION_1);
    write32(base + VIRTIO_DRIVER_FEATURES_SEL, 0);
    write32(base + VIRTIO_DRIVER_FEATURES, dev->features);
    write32(base + VIRTIO_DRIVER_FEATURES_SEL, 1);
    write32(base + VIRTIO_DRIVER_FEATURES, dev->features >> 32);
    write32(base + VIRTIO_STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK);
    EXPECT(read32(base + VIRTIO_STATUS) & FEATURES_OK);
    return PASS;
}

static void write_address(uintptr_t address, const void *to)
{
    write32(address, (uintptr_t)to);
    write32(address + 4, (uintptr_t)to >> 32);
}

static int open_queue(struct virtio *dev, unsigned index)
{
    struct virtq *q = &dev->queue[index];
    uintptr_t base = dev->base;

    memset(q, 0, sizeof(*q));
    write32(base + VIRTIO_QUEUE_SEL, index);
    EXPECT_EQ(read32(base + VIRTIO_QUEUE_READY), 0);
    EXPECT(read32(base + VIRTIO_QUEUE_NUM_MAX) >= QUEUE_SIZE);
    write32(base + VIRTIO_QUEUE_NUM, QUEUE_SIZE);
    write_address(base + VIRTIO_QUEUE_DESC, q->desc);
    write_address(base + VIRTIO_QUEUE_DRIVER, &q->available);
    write_address(base + VIRTIO_QUEUE_DEVICE, &q->used);
    write32(base + VIRTIO_QUEUE_READY, 1);
    EXPECT_EQ(read32(base + VIRTIO_QUEUE_READY), 1);
    return PASS;
}

static int reset(struct virtio *dev)
{
    uint64_t deadline = in_ms(PATIENCE_MS);

    write32(dev->base + VIRTIO_STATUS, 0);
    while (read32(dev->base + VIRTIO_STATUS)) {
        EXPECT(!passed(deadline));
    }
    return PASS;
}

static int start(struct virtio *dev, uint64_t features, unsigned queues)
{
    unsigned i;

    TRY(reset(dev));
    write32(dev->base + VIRTIO_STATUS, ACKNOWLEDGE);
    write32(dev->base + VIRTIO_STATUS, ACKNOWLEDGE | DRIVER);
    TRY(negotiate(dev, features));
    for (i = 0; i < queues; i++) {
        TRY(open_queue(dev, i));
    }
    write32(dev->base + VIRTIO_STATUS,
            ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    EXPECT_EQ(read32(dev->base + VIRTIO_STATUS),
              ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    driven[dev->slot] = dev;
    return PASS;
}

int virtio_open(struct virtio *dev, unsigned slot, uint64_t features,
                unsigned queues)
{
    int result;

    dev->slot = slot;
    dev->base = SLOTS + slot * SLOT_SIZE;
    result = start(dev, features, queues);
    if (result != PASS) {
        dev->base = 0;
    }
    return result;
}

uint32_t virtio_config(struct virtio *dev, unsigned offset)
{
    return read32(dev->base + VIRTIO_CONFIG + offset);
}

void virtio_acknowledge(unsigned slot)
{
    uintptr_t base = SLOTS + slot * SLOT_SIZE;

    write32(base + VIRTIO_INTERRUPT_ACK,
            read32(base + VIRTIO_INTERRUPT_STATUS));
    /* The line is down when the GIC is told that this is complete */
    read32(base + VIRTIO_INTERRUPT_STATUS);
}

void virtq_add(struct virtio *dev, unsigned queue, unsigned head,
               const struct piece *pieces, unsigned count)
{
    struct virtq *q = &dev->queue[queue];
    unsigned i;

    for (i = 0; i < count; i++) {
        struct virtq_desc *desc = &q->desc[head + i];

        desc->address = (uintptr_t)pieces[i].data;
        desc->length = pieces[i].size;
        desc->flags = (i + 1 < count ? DESC_NEXT : 0) |
                      (pieces[i].writable ? DESC_WRITE : 0);
        desc->next = head + i + 1;
    }
    q->available.ring[q->available.index % QUEUE_SIZE] = head;
    asm volatile("dmb ish" : : : "memory");
    q->available.index++;
}

void virtq_notify(struct virtio *dev, unsigned queue)
{
    write32(dev->base + VIRTIO_QUEUE_NOTIFY, queue);
}

int virtq_take(struct virtio *dev, unsigned queue, uint32_t *length)
{
    struct virtq *q = &dev->queue[queue];
    unsigned at = q->seen % QUEUE_SIZE;

    if (q->used.index == q->seen) {
        return -1;
    }
    asm volatile("dmb ish" : : : "memory");
    q->seen++;
    dev->answers++;
    *length = q->used.ring[at].length;
    return q->used.ring[at].head;
}

int virtq_wait(struct virtio *dev, unsigned queue, uint32_t *length,
               unsigned ms)
{
    uint64_t deadline = in_ms(ms);
    int head;

    while ((head = virtq_take(dev, queue, length)) < 0 && !passed(deadline)) {
        relax();
    }
    return head;
}

int virtio_request(struct virtio *dev, unsigned queue,
                   const void *out, uint32_t out_size,
                   void *in, uint32_t in_size)
{
    struct piece pieces[] = {
        { (void *)out, out_size, false },
        { in, in_size, true },
    };
    uint32_t length;

    if (!dev->base) {
        return -1;
    }
    virtq_add(dev, queue, 0, pieces, in_size ? 2 : 1);
    virtq_notify(dev, queue);
    if (virtq_wait(dev, queue, &length, PATIENCE_MS) != 0) {
        dev->base = 0;          /* patience is for once only */
        return -1;
    }
    return length;
}

int check_slot_registers(void)
{
    unsigned slot, offset;

    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (slot_read(slot, VIRTIO_MAGIC) != VIRTIO_MAGIC_VALUE ||
            slot_read(slot, VIRTIO_VERSION) != 2) {
            return fail("slot %u reads 0x%x, version %u", slot,
                        slot_read(slot, VIRTIO_MAGIC),
                        slot_read(slot, VIRTIO_VERSION));
        }
        for (offset = 0x200; offset < SLOT_SIZE; offset += 0xffc) {
            EXPECT_EQ(slot_read(slot, offset), 0);
        }
    }
    return PASS;
}

/* Before anything is driven */
int check_slot_state(void)
{
    unsigned slot;

    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (slot_read(slot, VIRTIO_DEVICE_ID)) {
            EXPECT_EQ(slot_read(slot, VIRTIO_STATUS), 0);
            EXPECT_EQ(slot_read(slot, VIRTIO_INTERRUPT_STATUS), 0);
            EXPECT_EQ(slot_read(slot, VIRTIO_QUEUE_READY), 0);
        }
    }
    return PASS;
}

/* A region that there is not: its length and base are all ones */
int check_slot_shm(void)
{
    unsigned slot;

    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (slot_read(slot, VIRTIO_DEVICE_ID)) {
            write32(SLOTS + slot * SLOT_SIZE + VIRTIO_SHM_SEL, 255);
            EXPECT_EQ(slot_read(slot, VIRTIO_SHM_LEN), 0xffffffff);
            EXPECT_EQ(slot_read(slot, VIRTIO_SHM_LEN + 4), 0xffffffff);
            EXPECT_EQ(slot_read(slot, VIRTIO_SHM_BASE), 0xffffffff);
            EXPECT_EQ(slot_read(slot, VIRTIO_SHM_BASE + 4), 0xffffffff);
            write32(SLOTS + slot * SLOT_SIZE + VIRTIO_SHM_SEL, 0);
        }
    }
    return PASS;
}

/* At the end: whatever was answered has interrupted us, and is quiet now */
int check_slot_interrupts(void)
{
    unsigned slot, count = 0;

    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (!driven[slot] || !driven[slot]->answers) {
            continue;
        }
        if (!irq_wait(0, INTID_SLOT(slot), 1)) {
            return fail("slot %u has used buffers, but not interrupted", slot);
        }
        EXPECT(!(slot_read(slot, VIRTIO_STATUS) & VIRTIO_STATUS_NEEDS_RESET));
        count++;
    }
    note("%u slots have interrupted", count);
    return PASS;
}

/*
 * virtio-mmio, version 2, and split virtqueues
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_H
#define VIRTIO_H

#include "guest.h"

/* Registers of a slot */
#define VIRTIO_MAGIC            0x000
#define VIRTIO_VERSION          0x004
#define VIRTIO_DEVICE_ID        0x008
#define VIRTIO_DEVICE_FEATURES  0x010
#define VIRTIO_DEVICE_FEATURES_SEL  0x014
#define VIRTIO_DRIVER_FEATURES  0x020
#define VIRTIO_DRIVER_FEATURES_SEL  0x024
#define VIRTIO_QUEUE_SEL        0x030
#define VIRTIO_QUEUE_NUM_MAX    0x034
#define VIRTIO_QUEUE_NUM        0x038
#define VIRTIO_QUEUE_READY      0x044
#define VIRTIO_QUEUE_NOTIFY     0x050
#define VIRTIO_INTERRUPT_STATUS 0x060
#define VIRTIO_INTERRUPT_ACK    0x064
#define VIRTIO_STATUS           0x070
#define VIRTIO_QUEUE_DESC       0x080
#define VIRTIO_QUEUE_DRIVER     0x090
#define VIRTIO_QUEUE_DEVICE     0x0a0
#define VIRTIO_SHM_SEL          0x0ac
#define VIRTIO_SHM_LEN          0x0b0
#define VIRTIO_SHM_BASE         0x0b8
#define VIRTIO_CONFIG           0x100

#define VIRTIO_MAGIC_VALUE      0x74726976

#define VIRTIO_ID_NET           1
#define VIRTIO_ID_BLOCK         2
#define VIRTIO_ID_CONSOLE       3
#define VIRTIO_ID_INPUT         18

#define VIRTIO_STATUS_NEEDS_RESET   0x40

#define QUEUE_SIZE              16
#define MAX_QUEUES              3

struct virtq_desc {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct virtq {
    struct virtq_desc desc[QUEUE_SIZE];
    struct {
        uint16_t flags;
        volatile uint16_t index;    /* volatile: for the device */
        uint16_t ring[QUEUE_SIZE];
    } available;
    struct {
        uint16_t flags;
        volatile uint16_t index;    /* volatile: by the device */
        struct {
            uint32_t head;
            uint32_t length;
        } ring[QUEUE_SIZE];
    } used __attribute__((aligned(4)));
    uint16_t seen;              /* index in used up to which we have looked */
} __attribute__((aligned(16)));

struct virtio {
    uintptr_t base;             /* 0 unless it is driven, and answers */
    unsigned slot;
    uint64_t features;          /* negotiated */
    unsigned answers;           /* buffers that came back */
    struct virtq queue[MAX_QUEUES];
};

/* A piece of a buffer; readable pieces come first */
struct piece {
    void *data;
    uint32_t size;
    bool writable;
};

static inline uint32_t slot_read(unsigned slot, unsigned offset)
{
    return read32(SLOTS + slot * SLOT_SIZE + offset);
}

/* The device of that ID in the slot of its role, else in the lowest one; -1 */
int virtio_find(uint32_t id, int role);

/* Returns PASS, or FAIL with a reason */
int virtio_open(struct virtio *dev, unsigned slot, uint64_t features,
                unsigned queues);
uint32_t virtio_config(struct virtio *dev, unsigned offset);

/* Silence an interrupt */
void virtio_acknowledge(unsigned slot);

/* Queue a buffer that takes descriptors @head and following ones */
void virtq_add(struct virtio *dev, unsigned queue, unsigned head,
               const struct piece *pieces, unsigned count);
void virtq_notify(struct virtio *dev, unsigned queue);
/* The next used buffer: its head, or -1 if there is none */
int virtq_take(struct virtio *dev, unsigned queue, uint32_t *length);
int virtq_wait(struct virtio *dev, unsigned queue, uint32_t *length,
               unsigned ms);
/* One request and its answer: the used length, -1 if there is no answer */
int virtio_request(struct virtio *dev, unsigned queue,
                   const void *out, uint32_t out_size,
                   void *in, uint32_t in_size);

#endif /* VIRTIO_H */

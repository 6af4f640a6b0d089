/*
 * A guest that means harm to a virtio-mmio device: descriptor chains that are
 * nearly right, or noise, from a seed
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef LIBQOS_VIRTIO_HOSTILE_H
#define LIBQOS_VIRTIO_HOSTILE_H

#include "qemu/units.h"
#include "../virtio-desktop-util.h"
#include "virtio-mmio.h"

#define QVIRTIO_HOSTILE_BATCH   40      /* chains that are sent together */
#define QVIRTIO_HOSTILE_DESC    256     /* descriptors of the longest queue */

/* Guest memory for what is sent, apart from the allocator's */
#define QVIRTIO_HOSTILE_BASE    (RAM_BASE + 64 * MiB)
#define QVIRTIO_HOSTILE_SIZE    (128 * KiB)

/* A device that such a guest has a driver for */
typedef struct QVirtioVictim {
    QVirtioMMIODevice *slot;
    QVirtQueue *vq[2];
    /* Since the driver started: is there a chain that cannot be told apart? */
    bool wild;
    uint16_t used_idx;          /* of the first queue */
} QVirtioVictim;

typedef struct QVirtioHostile QVirtioHostile;
struct QVirtioHostile {
    GRand *rand;
    QVirtioVictim *victim;
    /* If not NULL: an address where guests of this device have no business */
    uint64_t (*bad_address)(QVirtioHostile *h);
    /* What the next batch writes to guest memory, for this queue */
    QVirtQueue *vq;
    uint8_t data[QVIRTIO_HOSTILE_SIZE];
    uint32_t data_used;
    struct vring_desc desc[QVIRTIO_HOSTILE_DESC];
    uint16_t heads[QVIRTIO_HOSTILE_BATCH];
    int num_desc;
    int num_heads;
    uint64_t num_sent;          /* chains, in all batches */
    uint32_t device_odds;       /* one part in so many is not RAM; 0: none */
};

/*
 * Choices
 */

uint32_t hostile_below(QVirtioHostile *h, uint32_t n);
bool hostile_one_in(QVirtioHostile *h, uint32_t n);
/* A value of the kind that breaks things */
uint32_t hostile_word(QVirtioHostile *h);
uint64_t hostile_address(QVirtioHostile *h);
/* A register that does something when it is written */
uint64_t hostile_register(QVirtioHostile *h);

/*
 * A batch: begin, add chains while there is room, send
 */

void hostile_begin(QVirtioHostile *h, QVirtQueue *vq);
/* Is there room for a chain of some descriptors and @size bytes? */
bool hostile_has_room(QVirtioHostile *h, int descriptors, uint32_t size);
/* What is added next is a chain of its own */
void hostile_add_head(QVirtioHostile *h);
/* Descriptors for @size bytes, cut at random; without @data they are not set */
void hostile_add_parts(QVirtioHostile *h, const void *data, uint32_t size,
                       uint16_t flags, bool more);
/*
 * Some bytes of RAM and then some, most often four, of @size at a register.
 * Returns: how many there are now; the caller adds the others if there are any.
 */
uint32_t hostile_add_device(QVirtioHostile *h, uint64_t reg, uint32_t before,
                            uint32_t size, uint16_t flags, bool more);
/* A chain of a readable part, made of LE @words, and a writable one */
void hostile_add_request(QVirtioHostile *h, uint32_t *words, int n,
                         uint32_t out, uint32_t in);
/* Descriptors of nothing but noise */
void hostile_add_noise(QVirtioHostile *h);
/* Put it into the ring, now and then with one descriptor or the index spoilt */
void hostile_put(QVirtioHostile *h);
/* The same, and notify the device */
void hostile_send(QVirtioHostile *h);

/* Let the device have one of the queue's rings at registers */
void hostile_move_ring(QVirtioHostile *h, QVirtQueue *vq);

#endif

/*
 * What the fuzzers of virtio-mmio devices share: sessions of random steps
 *
 * Each session is a fresh QEMU and is made from its seed alone. In the
 * environment, VIRTIO_<NAME>_FUZZ_SEED is that of the first session (the others
 * count up), VIRTIO_<NAME>_FUZZ_SESSIONS is their number, 0 for no end. To see
 * a failure again, run one session with the seed that was printed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef FUZZ_VIRTIO_UTIL_H
#define FUZZ_VIRTIO_UTIL_H

#include "libqos/virtio-hostile.h"

#define FUZZ_MAX_VICTIMS    4

typedef struct FuzzDevice {
    const char *name;           /* in lower case */
    uint64_t features;
    int num_features;           /* bits from 0 up that mean something */
    /* What a session may add to the memory that QEMU has for itself, in KiB */
    long max_growth;

    /* Start QEMU. Returns: the number of devices, whose slots are set */
    int (*start)(QVirtioHostile *h, QVirtioVictim *victims);
    /* Start a driver for h->victim, with queues */
    void (*start_driver)(QVirtioHostile *h, uint64_t features);
    /* The machine may have ended or sleep. Perhaps NULL */
    void (*revive)(QVirtioHostile *h);
    /* Whatever happened before, it does what a good driver wants */
    void (*check_recovery)(QVirtioHostile *h);
    void (*quit)(void);

    /* Weights are of 100 */
    struct {
        void (*run)(QVirtioHostile *h);
        int weight;
    } steps[13];
} FuzzDevice;

int fuzz_main(int argc, char **argv, const FuzzDevice *device);

/*
 * Steps that make sense for any device
 */

void fuzz_step_noise(QVirtioHostile *h);
void fuzz_step_registers(QVirtioHostile *h);
void fuzz_step_driver(QVirtioHostile *h);
/* A driver whose queue is partly at registers */
void fuzz_step_rings(QVirtioHostile *h);
/* Buffers of about @size bytes for events, on the second queue */
void fuzz_add_event_buffers(QVirtioHostile *h, uint32_t size);

/* What the device says it has written must be lengths that there are */
void fuzz_check_used(QVirtioHostile *h, bool (*is_length)(uint32_t length));

#endif

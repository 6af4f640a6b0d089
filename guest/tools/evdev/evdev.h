/*
 * Input devices by the kernel's own interface, without libevdev: what the
 * commands of evdev-client share.
 *
 * Functions that return int give 0, or -1 after they have printed an "error:"
 * line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef EVDEV_H
#define EVDEV_H

#include <linux/input.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_DEVICES 32
#define MAX_SLOTS 64
#define HASH_START 2166136261u
#define NUM_LONGS(bits) (((bits) + 8 * sizeof(long) - 1) / (8 * sizeof(long)))

/* What is pressed, where axes are, who touches: by events, or by the kernel */
struct state {
    unsigned long keys[NUM_LONGS(KEY_CNT)];
    int32_t axes[ABS_CNT];
    int32_t slots[MAX_SLOTS][ABS_CNT - ABS_MT_SLOT];
    int32_t slot;               /* that the next events are about */
};

/* What has been read since the device was opened, or since "reset" */
struct totals {
    uint64_t events;
    uint64_t reports;
    uint64_t dropped;           /* times that the kernel's buffer was full */
    uint64_t repeats;
    uint64_t keys;              /* transitions... */
    uint32_t key_hash;          /* ...and which, in their order */
    uint64_t touches;           /* the same of contacts */
    uint32_t touch_hash;
    int64_t sums[REL_CNT];
    uint64_t first_ns;          /* when the kernel had the first report... */
    uint64_t last_ns;           /* ...and the last one */
    uint64_t late_ns;           /* the longest time from there to the reader */
};

struct device {
    int number;                 /* of /dev/input/eventN */
    int fd;
    int query_fd;               /* asking for state on fd would lose events */
    char name[256];
    unsigned long keys[NUM_LONGS(KEY_CNT)];     /* what it has */
    unsigned long axes[NUM_LONGS(ABS_CNT)];
    int num_slots;
    bool lost;                  /* state is unknown up to the next report */
    struct state state;
    struct totals totals;
};

int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void);
bool test_bit(const unsigned long *bits, unsigned bit);
void assign_bit(unsigned long *bits, unsigned bit, bool value);
/* FNV-1a of 32 bits, but of whole words: all that counts is their order */
uint32_t hash_add(uint32_t hash, uint32_t value);

/* Call @visit with each device whose name or node contains @name */
int devices_visit(const char *name, int (*visit)(int number, void *opaque),
                  void *opaque);
int device_list(int number, void *opaque);
int device_open(struct device *device, int number);
void device_close(struct device *device);
void device_query(const struct device *device, struct state *state);

void totals_reset(struct device *device);
/* Read what there is; returns the number of events */
int device_drain(struct device *device, bool print);
/* Drain it, print totals, state, and whether the kernel has the same state */
int device_print_state(struct device *device);

/* The keyboard of the foreground's virtual terminal, key by key */
int terminal_start(void);
int terminal_print(void);
void terminal_stop(void);

#endif

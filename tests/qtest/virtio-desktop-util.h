/*
 * What the tests of the virtio-desktop machine share: where things are in it,
 * its slots, and a driver of one small device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_DESKTOP_UTIL_H
#define VIRTIO_DESKTOP_UTIL_H

#include "libqtest.h"

#define NUM_SLOTS       64
#define FIRST_FREE_SLOT 8
#define SLOT_BASE       0x0a000000ULL
#define SLOT_SIZE       0x10000
#define SLOT_REGS       0x200
#define SLOT_SPI(slot)  (16 + (slot))
#define RAM_BASE        0x40000000ULL

/* No answer within this time is a hang; it says nothing about speed */
#define HANG_US         (60 * G_USEC_PER_SEC)

/* @options continue "-M virtio-desktop": they start with a comma or a space */
QTestState *desktop_start(const char *options);

/*
 * Run QEMU to its end. One that accepts @options is told to quit, so that it
 * ends with status 0.
 *
 * Returns: the exit status; @errors is what it wrote to standard error
 */
int desktop_run_qemu(const char *options, char **errors);

/* The device tree that a guest is given */
char *desktop_get_dtb(const char *options, size_t *size);

/*
 * What QEMU takes of the host, in KiB: a line of its status as Linux shows it,
 * like "VmRSS". 0 if there is none.
 */
long desktop_get_memory(QTestState *qts, const char *line);

/*
 * Slots
 */

uint64_t desktop_reg(int slot, unsigned int reg);
uint32_t desktop_read(QTestState *qts, int slot, unsigned int reg);
void desktop_write(QTestState *qts, int slot, unsigned int reg,
                   uint32_t value);

/*
 * What is in the slots, as a list of "slot:device-id", without slot 0: there
 * always is virtio-power.
 */
char *desktop_list_slots(QTestState *qts);
void desktop_assert_slots(QTestState *qts, const char *expected);

/* From then on, desktop_assert_irqs() sees the slots' lines */
void desktop_intercept_irqs(QTestState *qts);
/* Of all slots' lines, only that of @raised is up (-1: none is) */
void desktop_assert_irqs(QTestState *qts, int raised);

/*
 * A driver for virtio-rng, as small as it gets: one queue of two buffers
 */

void desktop_rng_start(QTestState *qts, int slot);
/* Let the device fill a buffer; returns when its interrupt is pending */
void desktop_rng_request(QTestState *qts, int slot);
/* The Status register of a device with a driver, of this or any other type */
extern const uint32_t desktop_driver_ok;

#endif

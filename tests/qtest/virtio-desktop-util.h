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
#define SLOT_SIZE       0x10000
#define SLOT_REGS       0x200

/*
 * What differs between architectures. libqos has an entry for each of them, in
 * aarch64-virtio-desktop-machine.c.
 */
typedef struct DesktopArch {
    const char *name;           /* as qtest_get_arch() says it */
    uint32_t power_arch;        /* as virtio-power says it */
    const char *cpu;            /* the default CPU's type */
    const char *other_cpu;      /* a model that is not the default */
    int max_cpus;

    uint64_t ram_base;
    uint64_t slot_base;
    uint64_t window_base;       /* of shared memory; video memory comes first */
    uint64_t rtc_base;          /* a PL031 */
    uint64_t fw_cfg_base;       /* 0: its registers are not in memory */

    const char *irqchip;        /* has the lines of the slots: a QOM path */
    uint64_t irqchip_base;
    int first_line;             /* that of slot 0 */
    int num_lines;              /* slots share them if there are fewer */
    int irq_offset;             /* from a line to what guests call it */
} DesktopArch;

/* The one of the QEMU that is tested */
const DesktopArch *desktop_arch(void);
bool desktop_is_arch(const char *name);

#define RAM_BASE        (desktop_arch()->ram_base)
#define SLOT_BASE       (desktop_arch()->slot_base)
#define WINDOW_BASE     (desktop_arch()->window_base)

/*
 * All waits for QEMU end after this time: they are hopeless then, however busy
 * the host is. It says nothing about speed.
 */
#define HANG_US         (600 * G_USEC_PER_SEC)

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

/* QEMU ends by itself, with this status; @qts is no more after that */
void desktop_wait_exit(QTestState *qts, int status);

/*
 * What QEMU takes of the host, in KiB: a line of its status as Linux shows it,
 * like "VmRSS". 0 if there is none.
 */
long desktop_get_memory(QTestState *qts, const char *line);

/*
 * Slots
 */

uint64_t desktop_reg(int slot, unsigned int reg);
/* The number of the slot's line at the interrupt controller, and for guests */
int desktop_line(int slot);
int desktop_irq(int slot);
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
/* Of the slots' lines, only that of @raised is up (-1: none is) */
void desktop_assert_irqs(QTestState *qts, int raised);

/*
 * A driver for virtio-rng, as small as it gets: one queue of two buffers
 */

void desktop_rng_start(QTestState *qts, int slot);
/* Give the device a buffer anywhere in the guest's address space */
void desktop_rng_send(QTestState *qts, int slot, uint64_t addr, uint32_t len);
/* Let the device fill a buffer; returns when its interrupt is pending */
void desktop_rng_request(QTestState *qts, int slot);
/* The Status register of a device with a driver, of this or any other type */
extern const uint32_t desktop_driver_ok;

#endif

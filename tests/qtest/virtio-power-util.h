/*
 * What the tests of virtio-power share: a machine, its state, and its events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_POWER_UTIL_H
#define VIRTIO_POWER_UTIL_H

#include "libqos/virtio-power.h"
#include "libqtest.h"

/* VIRTIO_POWER_EVENT_<type> in the mask of a SET_EVENTS */
#define BIT_OF(type) VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_ ## type)

#define power_assert_ok(call) g_assert_cmpuint((call), ==, VIRTIO_POWER_S_OK)

/*
 * Start QEMU with a machine of 2 CPUs of 4 possible ones and no device but the
 * one in slot 0. @options are added. No driver runs.
 */
QVirtioPower *power_start(const char *options);
/* The same with a driver that wants @events */
QVirtioPower *power_start_driver(const char *options, uint32_t events);
void power_quit(QVirtioPower *power);
/* QEMU ends by itself, with this status; @power is no more after that */
void power_wait_exit(QVirtioPower *power, int status);

/* A second QEMU that waits for migration; the driver's state comes with it */
QVirtioPower *power_start_target(QVirtioPower *from, const char *uri);
/* Move the machine to a second QEMU with the same options */
QVirtioPower *power_migrate(QVirtioPower *from);

/* Is the machine in this state, as query-status calls it? */
bool power_is(QVirtioPower *power, const char *state);
void power_qmp(QVirtioPower *power, const char *command);
/* Wait for an event of QMP. Returns: its data, perhaps NULL */
QDict *power_wait(QVirtioPower *power, const char *event);
/* Wait for an event that tells why the machine ends or is reset */
void power_wait_cause(QVirtioPower *power, const char *event, bool guest,
                      const char *reason);

/* Suspend; returns when the machine is */
QVirtioPowerRequest power_sleep(QVirtioPower *power, uint64_t wake_after);
/* The machine is awake, and the answer to @request says why */
void power_assert_awake(QVirtioPower *power, QVirtioPowerRequest *request,
                        uint32_t reason);
/*
 * Suspend for *@wake_after ns, of which at least half are left when the machine
 * is stopped in its sleep. This is time of the host: if that is too busy, this
 * function tries again with twice the time, and tells in *@wake_after.
 */
QVirtioPowerRequest power_sleep_and_stop(QVirtioPower *power,
                                         uint64_t *wake_after);

/*
 * What the user does. A removal is only asked for if the driver wants to know.
 */

void power_add_device(QVirtioPower *power, int slot);
void power_remove_device(QVirtioPower *power, int slot);
void power_set_cpu(QVirtioPower *power, int cpu, bool present);

/*
 * Events of the device
 */

void power_set_events(QVirtioPower *power, uint32_t events);
/* Give the device @n buffers */
void power_add_buffers(QVirtioPower *power, int n);
/* The next event has to be this one */
void power_expect(QVirtioPower *power, uint32_t type, uint32_t index);
/* Give a buffer, which stays empty */
void power_expect_none(QVirtioPower *power);

/* A request made no sense: the device notices some time after it was sent */
void power_wait_needs_reset(QVirtioPower *power);

/*
 * Buffers anywhere in the guest's address space
 */

typedef struct PowerPart {
    uint64_t addr;
    uint32_t size;
    bool writable;
} PowerPart;

/* Returns: the head of the chain, which is not in the queue yet */
uint32_t power_make_chain(QVirtioPower *power, QVirtQueue *vq,
                          const PowerPart *parts, int n);
/* The Status register, and whether the driver still is what it says */
uint64_t power_status_reg(QVirtioPower *power);
void power_assert_driver(QVirtioPower *power);

/* The user presses the power button; the device has noticed */
void power_press_button(QVirtioPower *power);

#endif

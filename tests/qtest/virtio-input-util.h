/*
 * What the tests of virtio-input share: a machine, what its user does, and what
 * its guest sees of that
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_INPUT_UTIL_H
#define VIRTIO_INPUT_UTIL_H

#include "libqos/virtio-input.h"
#include "libqtest.h"
#include "qobject/qlist.h"
#include "standard-headers/linux/input.h"
#include "standard-headers/linux/virtio_input.h"

enum { INPUT_KEYBOARD, INPUT_POINTER, INPUT_TOUCH, INPUT_DEVICES };

typedef struct InputMachine {
    QTestState *qts;
    char *options;
    QGuestAllocator alloc;
    QVirtioMMIODevice slots[INPUT_DEVICES];
    QVirtioInput dev[INPUT_DEVICES];
} InputMachine;

/* A machine with the three devices; none has a driver */
InputMachine *input_start(const char *options);
/* The same with drivers, which keep their buffers */
InputMachine *input_start_drivers(const char *options);
void input_quit(InputMachine *machine);
/* Move it to a second QEMU with the same options */
InputMachine *input_migrate(InputMachine *from);
void input_qmp(InputMachine *machine, const char *command);

/*
 * What the user does: events are put together to a report and sent at once
 */

void input_key(QList *report, const char *qcode, bool down);
void input_button(QList *report, const char *button, bool down);
void input_rel(QList *report, const char *axis, int64_t value);
void input_abs(QList *report, const char *axis, int64_t value);
void input_scroll(QList *report, const char *axis, int64_t value);
/* @type is that of the event, for example "begin" */
void input_touch(QList *report, const char *type, int64_t slot, int64_t id);
void input_touch_at(QList *report, int64_t slot, const char *axis,
                    int64_t value);
/* Frees @report */
void input_send(InputMachine *machine, QList *report);
/* It is refused with this error */
void input_refuse(InputMachine *machine, QList *report, const char *error);

/* One report of one event */
void input_send_key(InputMachine *machine, const char *qcode, bool down);
void input_send_abs(InputMachine *machine, const char *axis, int64_t value);

/*
 * What the guest sees
 */

#define SYN { EV_SYN, SYN_REPORT, 0 }

/* These events have come, and no other ones */
void input_expect_events(QVirtioInput *input, const QVirtioInputEvent *events,
                         int n);
#define input_expect(input, ...) \
    input_expect_events(input, (QVirtioInputEvent []) { __VA_ARGS__ }, \
                        sizeof((QVirtioInputEvent []) { __VA_ARGS__ }) / \
                        sizeof(QVirtioInputEvent))
void input_expect_none(QVirtioInput *input);

/* What a guest takes the state of its devices to be */
typedef struct InputGuest {
    uint8_t keys[KEY_CNT];
    int64_t rel[REL_CNT];
    int32_t abs[ABS_CNT];
    int slot;
    int32_t contacts[16];
    int32_t mt[16][ABS_CNT];
    int64_t events;
    int64_t reports;
    /* Transitions of keys and contacts that are to come, or NULL */
    GArray *expected;
    int transitions;
} InputGuest;

void input_guest_init(InputGuest *guest);
/* A key that is pressed twice or released twice is a failure */
void input_guest_apply(InputGuest *guest, const QVirtioInputEvent *event);
/* Take all events; give all buffers that are free, if there are any */
int input_guest_drain(InputGuest *guest, QVirtioInput *input);
/* The same until no more come */
void input_guest_finish(InputGuest *guest, QVirtioInput *input);

#endif

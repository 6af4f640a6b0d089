/*
 * Touch screens: the contacts of all windows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "ui/input.h"
#include "ui/touch.h"

/* Tells contacts apart that follow each other in a slot */
#define TRACKING_ID_MASK 0xffff

typedef struct TouchSlot {
    QemuConsole *con; /* NULL: the slot is free */
    uint64_t device, contact;
    int tracking_id;
} TouchSlot;

static TouchSlot slots[INPUT_EVENT_SLOTS_MAX];
static unsigned int next_tracking_id;

static int touch_find(QemuConsole *con, uint64_t device, uint64_t contact)
{
    int i;

    for (i = 0; i < INPUT_EVENT_SLOTS_MAX; i++) {
        if (slots[i].con == con && slots[i].device == device &&
            slots[i].contact == contact) {
            return i;
        }
    }
    return -1;
}

static int touch_find_free(void)
{
    int i;

    for (i = 0; i < INPUT_EVENT_SLOTS_MAX; i++) {
        if (!slots[i].con) {
            return i;
        }
    }
    return -1;
}

/* Windows may share the touch screen of the guest, or have their own */
static bool touch_is_last(int slot)
{
    int i;

    for (i = 0; i < INPUT_EVENT_SLOTS_MAX; i++) {
        if (i != slot && slots[i].con &&
            qemu_input_same_touch(slots[i].con, slots[slot].con)) {
            return false;
        }
    }
    return true;
}

static void touch_send_axis(int slot, InputAxis axis, double value)
{
    int scaled = MIN(MAX(value, 0), 1) * INPUT_EVENT_ABS_MAX + 0.5;

    qemu_input_queue_mtt_abs(slots[slot].con, axis, scaled,
                             INPUT_EVENT_ABS_MIN, INPUT_EVENT_ABS_MAX,
                             slot, slots[slot].tracking_id);
}

static void touch_send_place(int slot, double x, double y)
{
    touch_send_axis(slot, INPUT_AXIS_X, x);
    touch_send_axis(slot, INPUT_AXIS_Y, y);
}

static void touch_begin(int slot)
{
    QemuConsole *con = slots[slot].con;

    slots[slot].tracking_id = next_tracking_id++ & TRACKING_ID_MASK;
    qemu_input_queue_mtt(con, INPUT_MULTI_TOUCH_TYPE_BEGIN, slot,
                         slots[slot].tracking_id);
    qemu_input_queue_btn(con, INPUT_BUTTON_TOUCH, true);
}

static void touch_end(int slot, InputMultiTouchType type)
{
    QemuConsole *con = slots[slot].con;

    qemu_input_queue_mtt(con, type, slot, -1);
    if (touch_is_last(slot)) {
        qemu_input_queue_btn(con, INPUT_BUTTON_TOUCH, false);
    }
    slots[slot].con = NULL;
}

/* Returns: a slot, or -1 if there are too many contacts */
static int touch_take_slot(QemuConsole *con, uint64_t device, uint64_t contact)
{
    int slot = touch_find(con, device, contact);

    if (slot >= 0) {
        /* Its end was missed */
        touch_end(slot, INPUT_MULTI_TOUCH_TYPE_CANCEL);
        qemu_input_event_sync();
    }
    slot = touch_find_free();
    if (slot >= 0) {
        slots[slot].con = con;
        slots[slot].device = device;
        slots[slot].contact = contact;
    }
    return slot;
}

bool touch_event(QemuConsole *con, uint64_t device, uint64_t contact,
                 InputMultiTouchType type, double x, double y, Error **errp)
{
    bool begins = type == INPUT_MULTI_TOUCH_TYPE_BEGIN;
    int slot;

    if (begins && !qemu_input_has_touch(con)) {
        return true;
    }
    slot = begins ? touch_take_slot(con, device, contact)
                  : touch_find(con, device, contact);
    if (slot < 0) {
        if (begins) {
            error_setg(errp, "All %d touch slots are in use",
                       INPUT_EVENT_SLOTS_MAX);
        }
        return !begins;
    }
    if (begins) {
        touch_begin(slot);
        touch_send_place(slot, x, y);
    } else if (type == INPUT_MULTI_TOUCH_TYPE_UPDATE) {
        qemu_input_queue_mtt(con, type, slot, slots[slot].tracking_id);
        touch_send_place(slot, x, y);
    } else {
        touch_end(slot, type);
    }
    qemu_input_event_sync();
    return true;
}

bool touch_is_active(QemuConsole *con)
{
    int i;

    for (i = 0; i < INPUT_EVENT_SLOTS_MAX; i++) {
        if (slots[i].con == con) {
            return true;
        }
    }
    return false;
}

void touch_cancel(QemuConsole *con)
{
    bool ended = false;
    int i;

    for (i = 0; i < INPUT_EVENT_SLOTS_MAX; i++) {
        if (slots[i].con == con) {
            touch_end(i, INPUT_MULTI_TOUCH_TYPE_CANCEL);
            ended = true;
        }
    }
    if (ended) {
        qemu_input_event_sync();
    }
}

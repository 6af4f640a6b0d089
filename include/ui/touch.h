/*
 * Touch screens: the contacts of all windows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_TOUCH_H
#define UI_TOUCH_H

#include "ui/console.h"

/**
 * touch_event: Tell the guest's touch screen what a finger does
 * @con: the console that is touched
 * @device: identifies the host's touch screen, if @contact alone does not
 * @contact: identifies the finger, from its INPUT_MULTI_TOUCH_TYPE_BEGIN to
 *     the end or cancellation
 * @type: what happened (not INPUT_MULTI_TOUCH_TYPE_DATA)
 * @x: where, from 0 (left edge of the picture) to 1 (right edge)
 * @y: where, from 0 (upper edge) to 1 (lower edge)
 * @errp: set if there are too many contacts
 *
 * Slots are given out here, so contacts of several windows never share one.
 * A contact is ignored if its begin was not seen, or had no slot, or if the
 * guest had no touch screen then.
 *
 * Returns: false if there is no slot for a new contact, else true
 */
bool touch_event(QemuConsole *con, uint64_t device, uint64_t contact,
                 InputMultiTouchType type, double x, double y, Error **errp);

/* Has the console any contacts? */
bool touch_is_active(QemuConsole *con);

/**
 * touch_cancel: Cancel all contacts of a console
 * @con: the console, which does not hear of its contacts any more
 */
void touch_cancel(QemuConsole *con);

#endif

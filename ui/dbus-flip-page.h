/*
 * D-Bus display: tell the peer of page flips and updates through shared memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef UI_DBUS_FLIP_PAGE_H
#define UI_DBUS_FLIP_PAGE_H

#include <gio/gunixfdlist.h>

#define DBUS_FLIP_RECTS 32

/*
 * What is in the shared memory; org.qemu.Display1.Listener.Unix.Flip says how
 * it is used.  All in the byte order of the host, that is, of both sides.
 */
typedef struct DBusFlipPage {
    uint32_t sequence;          /* odd while QEMU writes */
    uint32_t valid;             /* 0: nothing is told */
    uint32_t offset;            /* of the image in the map, in bytes */
    uint32_t taken;             /* the peer writes it: up to here it has all */
    uint32_t num_rects;
    uint32_t padding[3];
    struct {
        int32_t x;              /* in pixels */
        int32_t y;
        int32_t width;
        int32_t height;
    } rects[DBUS_FLIP_RECTS];   /* what has changed */
} DBusFlipPage;

typedef struct DBusFlip DBusFlip;

/**
 * dbus_flip_new: memory and event for one peer
 * @errp: says why there is none
 *
 * Returns: with nothing told, or NULL
 */
DBusFlip *dbus_flip_new(Error **errp);

/**
 * dbus_flip_fds: what the peer needs of it, to be called once
 * @flip: from dbus_flip_new()
 * @errp: says what went wrong
 *
 * Returns: two file descriptors, the memory's and the event's, or NULL
 */
GUnixFDList *dbus_flip_fds(DBusFlip *flip, GError **errp);

/**
 * dbus_flip_tell: an image in the current map is shown, in part a new one
 * @flip: from dbus_flip_new()
 * @offset: where it begins in the map, in bytes
 * @x, @y, @width, @height: where it differs from what was told before, in
 *                          pixels; @width and @height can be 0
 */
void dbus_flip_tell(DBusFlip *flip, uint32_t offset, int x, int y, int width,
                    int height);

/**
 * dbus_flip_withdraw: what was told is no longer true
 * @flip: from dbus_flip_new()
 *
 * To be called before the peer gets another image by a message.
 */
void dbus_flip_withdraw(DBusFlip *flip);

void dbus_flip_free(DBusFlip *flip);

#endif /* UI_DBUS_FLIP_PAGE_H */

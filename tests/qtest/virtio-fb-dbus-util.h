/*
 * A client of QEMU's D-Bus display
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef VIRTIO_FB_DBUS_UTIL_H
#define VIRTIO_FB_DBUS_UTIL_H

#include <gio/gio.h>
#include "virtio-fb-util.h"

typedef enum Sharing {
    COPIED,
    MAPPED,
    MAPPED_AND_REFUSED,
    MAPPED_AND_FLIPPED,
} Sharing;

typedef struct DBusClient {
    QVirtioFb *fb;
    Sharing sharing;
    GThread *thread;
    GMainContext *context;
    int vm_socket;
    int listener_socket;
    bool quit;

    GDBusConnection *connection;
    GDBusConnection *listener;
    GObject *interface[3];
    struct Page *page;
    int event_fd;
    GSource *event;

    /* Held by the test: no message is taken, and so no more is read */
    GMutex reading;

    /* For all that follows; @changed after each message */
    GMutex lock;
    GCond changed;

    /* The shared memory that is shown, if one is */
    const uint8_t *map;
    uint32_t offset;
    uint32_t stride;

    FbPicture *seen;
    unsigned int maps;
    unsigned int updates;
    unsigned int flips;
    unsigned int messages;      /* that have come, if only to wait */
    bool looks_away;            /* from the page */
    bool is_deaf;               /* to the event */
} DBusClient;

/* Start QEMU with the device, and a client that sees its boot display */
DBusClient *dbus_client_start(Sharing sharing);
void dbus_client_stop(DBusClient *c);

/* Wait for a message, with the lock */
void dbus_client_wait(DBusClient *c, gint64 give_up);
/* The next refresh of the device has to be enough */
void dbus_client_wait_until_seen(void *client, const FbPicture *picture);

/* Do not look at the page when told to */
void dbus_client_look_away(DBusClient *c, bool away);
/* Do not read what comes with an event */
void dbus_client_be_deaf(DBusClient *c, bool deaf);

#endif

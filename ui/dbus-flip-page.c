/*
 * D-Bus display: tell the peer of page flips and updates through shared memory
 *
 * A message costs more than all else that a page flip does.  Here is one writer
 * and one reader, and only the latest image is of interest, so a page with a
 * sequence counter and an event are enough.  The peer may be hostile: QEMU
 * does not wait for it, and takes what it writes to the page for a hint.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib-unix.h>
#include "qapi/error.h"
#include "qemu/atomic.h"
#include "qemu/memfd.h"
#include "qemu/sockets.h"
#include "dbus-flip-page.h"

/* The peer must not be able to make it smaller: QEMU would get a SIGBUS */
#define SEALS (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

typedef struct Box {
    int x1, y1, x2, y2;
} Box;

struct DBusFlip {
    /*
     * Two ends of a socket.  With an eventfd or a pipe the peer could have
     * QEMU wait in a write, as both sides have the same file description or
     * buffer then.
     */
    int event;
    int peer_event;             /* -1 once the peer has it */
    int fd;
    DBusFlipPage *page;         /* the peer can write, too */

    /* What is in the page, but for what the peer has made of it */
    uint32_t sequence;
    bool valid;
    Box damage[DBUS_FLIP_RECTS];
    unsigned int num_rects;
};

static DBusFlipPage *map_page(int fd)
{
    void *page = mmap(NULL, sizeof(DBusFlipPage), PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);

    return page == MAP_FAILED ? NULL : page;
}

/* The peer only reads there, and few unread events are enough */
static bool make_event(DBusFlip *flip, Error **errp)
{
    int size = 1;               /* the system knows a minimum */
    int pair[2];

    if (qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
        error_setg_errno(errp, errno, "cannot make the event for flips");
        return false;
    }
    flip->event = pair[0];
    flip->peer_event = pair[1];
    shutdown(flip->event, SHUT_RD);
    setsockopt(flip->event, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (!g_unix_set_fd_nonblocking(flip->event, true, NULL)) {
        error_setg_errno(errp, errno, "cannot make the event for flips");
        close(flip->event);
        close(flip->peer_event);
        return false;
    }
    return true;
}

DBusFlip *dbus_flip_new(Error **errp)
{
    g_autofree DBusFlip *flip = g_new0(DBusFlip, 1);

    flip->fd = qemu_memfd_create("dbus-flip", sizeof(DBusFlipPage), false, 0,
                                 SEALS, errp);
    if (flip->fd < 0) {
        return NULL;
    }
    flip->page = map_page(flip->fd);
    if (!flip->page) {
        error_setg_errno(errp, errno, "cannot map the page for flips");
        close(flip->fd);
        return NULL;
    }
    if (!make_event(flip, errp)) {
        munmap(flip->page, sizeof(DBusFlipPage));
        close(flip->fd);
        return NULL;
    }
    return g_steal_pointer(&flip);
}

static void close_peer_event(DBusFlip *flip)
{
    if (flip->peer_event >= 0) {
        close(flip->peer_event);
        flip->peer_event = -1;
    }
}

GUnixFDList *dbus_flip_fds(DBusFlip *flip, GError **errp)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();

    if (g_unix_fd_list_append(fds, flip->fd, errp) < 0 ||
        g_unix_fd_list_append(fds, flip->peer_event, errp) < 0) {
        return NULL;
    }
    close_peer_event(flip);
    return g_steal_pointer(&fds);
}

/* If there is no room, events that the peer has not read tell it the same */
static void send_event(DBusFlip *flip)
{
    ssize_t ret;

    do {
        ret = send(flip->event, "", 1, 0);
    } while (ret < 0 && errno == EINTR);
}

static void write_rects(DBusFlip *flip)
{
    DBusFlipPage *page = flip->page;
    unsigned int i;

    for (i = 0; i < flip->num_rects; i++) {
        const Box *box = &flip->damage[i];

        qatomic_set(&page->rects[i].x, box->x1);
        qatomic_set(&page->rects[i].y, box->y1);
        qatomic_set(&page->rects[i].width, box->x2 - box->x1);
        qatomic_set(&page->rects[i].height, box->y2 - box->y1);
    }
    qatomic_set(&page->num_rects, flip->num_rects);
}

static void write_page(DBusFlip *flip, uint32_t offset)
{
    DBusFlipPage *page = flip->page;

    qatomic_set(&page->sequence, flip->sequence + 1);
    /* The peer sees that before anything of what follows */
    smp_wmb();
    qatomic_set(&page->valid, flip->valid);
    qatomic_set(&page->offset, offset);
    write_rects(flip);
    flip->sequence += 2;
    qatomic_store_release(&page->sequence, flip->sequence);
}

static bool contains(const Box *outer, const Box *inner)
{
    return outer->x1 <= inner->x1 && outer->y1 <= inner->y1 &&
           outer->x2 >= inner->x2 && outer->y2 >= inner->y2;
}

static void enlarge(Box *box, const Box *other)
{
    box->x1 = MIN(box->x1, other->x1);
    box->y1 = MIN(box->y1, other->y1);
    box->x2 = MAX(box->x2, other->x2);
    box->y2 = MAX(box->y2, other->y2);
}

static void add_damage(DBusFlip *flip, const Box *box)
{
    unsigned int i;

    for (i = 0; i < flip->num_rects; i++) {
        if (contains(&flip->damage[i], box)) {
            return;
        }
    }
    if (flip->num_rects < DBUS_FLIP_RECTS) {
        flip->damage[flip->num_rects++] = *box;
        return;
    }
    /* A peer that is so far behind gets one that has them all */
    for (i = 1; i < flip->num_rects; i++) {
        enlarge(&flip->damage[0], &flip->damage[i]);
    }
    enlarge(&flip->damage[0], box);
    flip->num_rects = 1;
}

void dbus_flip_tell(DBusFlip *flip, uint32_t offset, int x, int y, int width,
                    int height)
{
    Box damage = { x, y, x + width, y + height };

    if (!flip->valid ||
        qatomic_read(&flip->page->taken) == flip->sequence) {
        flip->num_rects = 0;
    }
    if (width > 0 && height > 0) {
        add_damage(flip, &damage);
    }
    flip->valid = true;
    write_page(flip, offset);
    send_event(flip);
}

void dbus_flip_withdraw(DBusFlip *flip)
{
    if (flip->valid) {
        flip->valid = false;
        write_page(flip, 0);
    }
}

void dbus_flip_free(DBusFlip *flip)
{
    close(flip->event);
    close_peer_event(flip);
    munmap(flip->page, sizeof(DBusFlipPage));
    close(flip->fd);
    g_free(flip);
}

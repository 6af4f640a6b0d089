/*
 * A client of QEMU's D-Bus display
 *
 * The client has a picture of its own, as a window has a texture, and takes to
 * it just what it is told to: by mapping what QEMU shares, with or without a
 * page that tells of page flips inside of that, or from messages. It runs in a
 * thread, as QEMU waits for it now and then while the test waits for QEMU.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <gio/gunixfdlist.h>
#include <glib-unix.h>
#include <sys/mman.h>
#include "qemu/atomic.h"
#include "qemu/sockets.h"
#include "ui/dbus-display1.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-dbus-util.h"

#define LISTENER_PATH   "/org/qemu/Display1/Listener"
#define CONSOLE_PATH    "/org/qemu/Display1/Console_0"
#define MAP_INTERFACE   "org.qemu.Display1.Listener.Unix.Map"
#define FLIP_INTERFACE  "org.qemu.Display1.Listener.Unix.Flip"

/* As org.qemu.Display1.Listener.Unix.Flip says */
typedef struct Page {
    uint32_t sequence;
    uint32_t valid;
    uint32_t offset;
    uint32_t taken;
    uint32_t num_rects;
    uint32_t padding[3];
    struct {
        int32_t x, y, width, height;
    } rects[32];
} Page;

/*
 * Pixels: little-endian XRGB8888
 */

static void take_pixels(DBusClient *c, const uint8_t *from, uint32_t stride,
                        int x, int y, int width, int height)
{
    int i, j;

    g_assert_cmpint(x, >=, 0);
    g_assert_cmpint(y, >=, 0);
    g_assert_cmpint(x + width, <=, c->seen->width);
    g_assert_cmpint(y + height, <=, c->seen->height);
    for (i = 0; i < height; i++) {
        for (j = 0; j < width; j++) {
            const uint8_t *pixel = from + i * stride + j * 4;
            uint8_t *rgb = fb_pixel(c->seen, x + j, y + i);

            rgb[0] = pixel[2];
            rgb[1] = pixel[1];
            rgb[2] = pixel[0];
        }
    }
}

static void take_map(DBusClient *c, int x, int y, int width, int height)
{
    g_assert_nonnull(c->map);
    take_pixels(c, c->map + c->offset + y * c->stride + x * 4, c->stride,
                x, y, width, height);
}

static void set_size(DBusClient *c, guint width, guint height)
{
    if (!c->seen || c->seen->width != width || c->seen->height != height) {
        g_clear_pointer(&c->seen, fb_picture_free);
        c->seen = fb_picture_new(width, height);
    }
}

/*
 * Calls of QEMU
 */

static gboolean on_scanout(QemuDBusDisplay1Listener *object,
                           GDBusMethodInvocation *invocation, guint width,
                           guint height, guint stride, guint format,
                           GVariant *data, DBusClient *c)
{
    gsize size;
    const uint8_t *pixels = g_variant_get_fixed_array(data, &size, 1);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    g_assert_cmpuint(size, >=, stride * height);
    c->map = NULL;
    set_size(c, width, height);
    take_pixels(c, pixels, stride, 0, 0, width, height);
    g_cond_signal(&c->changed);
    qemu_dbus_display1_listener_complete_scanout(object, invocation);
    return true;
}

static gboolean on_update(QemuDBusDisplay1Listener *object,
                          GDBusMethodInvocation *invocation, gint x, gint y,
                          gint width, gint height, guint stride, guint format,
                          GVariant *data, DBusClient *c)
{
    gsize size;
    const uint8_t *pixels = g_variant_get_fixed_array(data, &size, 1);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    g_assert_null(c->map);
    g_assert_cmpuint(size, >=, stride * height);
    take_pixels(c, pixels, stride, x, y, width, height);
    g_cond_signal(&c->changed);
    qemu_dbus_display1_listener_complete_update(object, invocation);
    return true;
}

/* It is to be read, and QEMU would end if it could be made smaller */
static void try_to_change(int fd)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    int writable = open(path, O_RDWR);

    g_assert_cmpint(ftruncate(fd, 0), ==, -1);
    g_assert_true(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
                  MAP_FAILED);
    if (writable >= 0) {
        g_assert_cmpint(ftruncate(writable, 0), ==, -1);
        close(writable);
    }
}

/* Most often it is the same memory, so once is enough */
static void map_once(DBusClient *c, GUnixFDList *fds, GVariant *handle)
{
    static int mapped_of;
    static uint8_t *mapped;
    static size_t size;
    int fd = g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL);
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    try_to_change(fd);
    if (mapped && mapped_of != st.st_ino) {
        g_assert_cmpint(munmap(mapped, size), ==, 0);
        mapped = NULL;
    }
    if (!mapped) {
        size = st.st_size;
        mapped = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        g_assert_true(mapped != MAP_FAILED);
        mapped_of = st.st_ino;
    }
    close(fd);
    c->map = mapped;
}

static gboolean on_scanout_map(QemuDBusDisplay1ListenerUnixMap *object,
                               GDBusMethodInvocation *invocation,
                               GUnixFDList *fds, GVariant *handle,
                               guint offset, guint width, guint height,
                               guint stride, guint format, DBusClient *c)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    map_once(c, fds, handle);
    c->maps++;
    c->offset = offset;
    c->stride = stride;
    set_size(c, width, height);
    g_cond_signal(&c->changed);
    qemu_dbus_display1_listener_unix_map_complete_scanout_map(object,
                                                              invocation,
                                                              NULL);
    return true;
}

static gboolean on_update_map(QemuDBusDisplay1ListenerUnixMap *object,
                              GDBusMethodInvocation *invocation, gint x,
                              gint y, gint width, gint height, DBusClient *c)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    c->updates++;
    take_map(c, x, y, width, height);
    g_cond_signal(&c->changed);
    qemu_dbus_display1_listener_unix_map_complete_update_map(object,
                                                             invocation);
    return true;
}

static Page read_page(const Page *shared)
{
    Page page;

    do {
        page.sequence = qatomic_load_acquire(&shared->sequence);
        memcpy(&page.valid, &shared->valid,
               sizeof(page) - offsetof(Page, valid));
        /* All of it, before it is looked whether QEMU wrote meanwhile */
        smp_rmb();
    } while (page.sequence % 2 ||
             page.sequence != qatomic_read(&shared->sequence));
    return page;
}

static void take_page(DBusClient *c)
{
    Page page = read_page(c->page);
    uint32_t i;

    if (page.valid && !c->looks_away) {
        c->flips += c->offset != page.offset;
        c->offset = page.offset;
        g_assert_cmpuint(page.num_rects, <=, ARRAY_SIZE(page.rects));
        for (i = 0; i < page.num_rects; i++) {
            take_map(c, page.rects[i].x, page.rects[i].y,
                     page.rects[i].width, page.rects[i].height);
        }
        qatomic_set(&c->page->taken, page.sequence);
        g_cond_signal(&c->changed);
    }
}

static gboolean on_event(gint fd, GIOCondition condition, gpointer data)
{
    DBusClient *c = data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);
    uint8_t events[4096];
    ssize_t size = 0;

    if (!c->is_deaf) {
        size = read(fd, events, sizeof(events));
        g_assert_cmpint(size, >=, 0);
    }
    /* There is an end when QEMU has ended */
    if (!size) {
        g_clear_pointer(&c->event, g_source_unref);
        return G_SOURCE_REMOVE;
    }
    take_page(c);
    return G_SOURCE_CONTINUE;
}

static void listen_to_event(DBusClient *c)
{
    c->event = g_unix_fd_source_new(c->event_fd, G_IO_IN);
    g_source_set_callback(c->event, G_SOURCE_FUNC(on_event), c, NULL);
    g_source_attach(c->event, c->context);
}

void dbus_client_be_deaf(DBusClient *c, bool deaf)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    c->is_deaf = deaf;
    if (!deaf && !c->event) {
        listen_to_event(c);
    }
}

static void map_page(DBusClient *c, int fd)
{
    void *page = mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED,
                      fd, 0);

    g_assert_true(page != MAP_FAILED);
    /* QEMU writes there, so nobody may take it away */
    g_assert_cmpint(ftruncate(fd, 0), ==, -1);
    close(fd);
    c->page = page;
}

static gboolean on_share_page(QemuDBusDisplay1ListenerUnixFlip *object,
                              GDBusMethodInvocation *invocation,
                              GUnixFDList *fds, GVariant *page,
                              GVariant *event, DBusClient *c)
{
    if (c->sharing == MAPPED_AND_REFUSED) {
        g_dbus_method_invocation_return_error(invocation, G_DBUS_ERROR,
                                              G_DBUS_ERROR_NO_MEMORY, "no");
        return true;
    }
    map_page(c, g_unix_fd_list_get(fds, g_variant_get_handle(page), NULL));
    c->event_fd = g_unix_fd_list_get(fds, g_variant_get_handle(event), NULL);
    listen_to_event(c);
    qemu_dbus_display1_listener_unix_flip_complete_share_page(object,
                                                              invocation,
                                                              NULL);
    return true;
}

/*
 * Connection
 */

static void on_connection(GObject *source, GAsyncResult *result, gpointer data)
{
    GDBusConnection **connection = data;
    g_autoptr(GError) err = NULL;

    *connection = g_dbus_connection_new_finish(result, &err);
    g_assert_no_error(err);
}

static void connect_to_vm(DBusClient *c, int fd, GDBusConnection **connection)
{
    g_autoptr(GSocket) sock = g_socket_new_from_fd(fd, NULL);
    g_autoptr(GSocketConnection) stream =
        g_socket_connection_factory_create_connection(sock);

    g_dbus_connection_new(G_IO_STREAM(stream), NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                          G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, NULL, on_connection, connection);
}

static void wait_for_connection(DBusClient *c, GDBusConnection **connection)
{
    while (!*connection) {
        g_main_context_iteration(c->context, true);
    }
}

static void add_interface(DBusClient *c, int index, gpointer skeleton)
{
    g_autoptr(GError) err = NULL;

    c->interface[index] = skeleton;
    g_dbus_interface_skeleton_export(skeleton, c->listener, LISTENER_PATH,
                                     &err);
    g_assert_no_error(err);
}

static void add_interfaces(DBusClient *c)
{
    Sharing sharing = c->sharing;
    const gchar *names[] = {
        sharing >= MAPPED ? MAP_INTERFACE : NULL,
        sharing >= MAPPED_AND_REFUSED ? FLIP_INTERFACE : NULL,
        NULL
    };
    QemuDBusDisplay1Listener *main_iface =
        qemu_dbus_display1_listener_skeleton_new();

    qemu_dbus_display1_listener_set_interfaces(main_iface, names);
    g_object_connect(main_iface,
                     "signal::handle-scanout", on_scanout, c,
                     "signal::handle-update", on_update, c, NULL);
    add_interface(c, 0, main_iface);
    if (sharing >= MAPPED) {
        QemuDBusDisplay1ListenerUnixMap *map =
            qemu_dbus_display1_listener_unix_map_skeleton_new();

        g_object_connect(map,
                         "signal::handle-scanout-map", on_scanout_map, c,
                         "signal::handle-update-map", on_update_map, c, NULL);
        add_interface(c, 1, map);
    }
    if (sharing >= MAPPED_AND_REFUSED) {
        QemuDBusDisplay1ListenerUnixFlip *flip =
            qemu_dbus_display1_listener_unix_flip_skeleton_new();

        g_object_connect(flip, "signal::handle-share-page", on_share_page, c,
                         NULL);
        add_interface(c, 2, flip);
    }
}

static void on_registered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GError) err = NULL;

    reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &err);
    g_assert_no_error(err);
}

/* In the thread that reads */
static GDBusMessage *on_message(GDBusConnection *connection,
                                GDBusMessage *message, gboolean incoming,
                                gpointer data)
{
    DBusClient *c = data;

    if (incoming) {
        g_mutex_lock(&c->lock);
        c->messages++;
        g_cond_signal(&c->changed);
        g_mutex_unlock(&c->lock);
        g_mutex_lock(&c->reading);
        g_mutex_unlock(&c->reading);
    }
    return message;
}

/* QEMU and the client talk at the same time while a connection is made */
static void listen_to_console(DBusClient *c)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    int pair[2];

    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    g_unix_fd_list_append(fds, pair[1], NULL);
    close(pair[1]);
    connect_to_vm(c, pair[0], &c->listener);
    g_dbus_connection_call_with_unix_fd_list(
        c->connection, NULL, CONSOLE_PATH, "org.qemu.Display1.Console",
        "RegisterListener", g_variant_new("(h)", 0), NULL,
        G_DBUS_CALL_FLAGS_NONE, G_MAXINT, fds, NULL, on_registered, NULL);
    wait_for_connection(c, &c->listener);
    c->listener_socket = pair[0];
    g_dbus_connection_add_filter(c->listener, on_message, c, NULL);
    add_interfaces(c);
    g_dbus_connection_start_message_processing(c->listener);
}

static void *run_client(void *opaque)
{
    DBusClient *c = opaque;
    int i;

    g_main_context_push_thread_default(c->context);
    connect_to_vm(c, c->vm_socket, &c->connection);
    wait_for_connection(c, &c->connection);
    g_dbus_connection_start_message_processing(c->connection);
    listen_to_console(c);
    while (!qatomic_read(&c->quit)) {
        g_main_context_iteration(c->context, true);
    }

    for (i = 0; i < ARRAY_SIZE(c->interface); i++) {
        if (c->interface[i]) {
            g_dbus_interface_skeleton_unexport(
                G_DBUS_INTERFACE_SKELETON(c->interface[i]));
            g_object_unref(c->interface[i]);
        }
    }
    if (c->event) {
        g_source_destroy(c->event);
        g_source_unref(c->event);
    }
    if (c->page) {
        close(c->event_fd);
        munmap(c->page, sizeof(Page));
    }
    g_object_unref(c->listener);
    g_object_unref(c->connection);
    g_main_context_pop_thread_default(c->context);
    return NULL;
}

void dbus_client_wait(DBusClient *c, gint64 give_up)
{
    if (!g_cond_wait_until(&c->changed, &c->lock, give_up)) {
        g_error("QEMU does not say what was expected");
    }
}

DBusClient *dbus_client_start(Sharing sharing)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    DBusClient *c = g_new0(DBusClient, 1);
    g_autoptr(GMutexLocker) locker = NULL;
    int pair[2];

    g_mutex_init(&c->reading);
    g_mutex_init(&c->lock);
    g_cond_init(&c->changed);
    c->sharing = sharing;
    c->context = g_main_context_new();
    c->fb = fb_start(",vram=16M,xres=640,yres=480 -display dbus,p2p=yes");
    g_assert_cmpint(qemu_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    qtest_qmp_add_client(c->fb->qts, "@dbus-display", pair[1]);
    close(pair[1]);
    c->vm_socket = pair[0];
    c->thread = g_thread_new("client", run_client, c);

    locker = g_mutex_locker_new(&c->lock);
    while (!c->seen) {
        dbus_client_wait(c, give_up);
    }
    return c;
}

void dbus_client_stop(DBusClient *c)
{
    fb_quit(c->fb);
    qatomic_set(&c->quit, true);
    g_main_context_wakeup(c->context);
    g_thread_join(c->thread);
    g_main_context_unref(c->context);
    g_cond_clear(&c->changed);
    g_mutex_clear(&c->lock);
    g_mutex_clear(&c->reading);
    fb_picture_free(c->seen);
    g_free(c);
}

void dbus_client_wait_until_seen(void *client, const FbPicture *picture)
{
    DBusClient *c = client;
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    g_autoptr(GMutexLocker) locker = NULL;

    fb_step(c->fb, FB_NS_PER_SEC / 60 + 1);
    locker = g_mutex_locker_new(&c->lock);
    while (!fb_same(c->seen, picture)) {
        dbus_client_wait(c, give_up);
    }
}

void dbus_client_look_away(DBusClient *c, bool away)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    c->looks_away = away;
}

/*
 * QTest testcase for virtio-fb: what a D-Bus client sees
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
#include "qemu/units.h"
#include "ui/dbus-display1.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define LISTENER_PATH   "/org/qemu/Display1/Listener"
#define CONSOLE_PATH    "/org/qemu/Display1/Console_0"
#define MAP_INTERFACE   "org.qemu.Display1.Listener.Unix.Map"
#define FLIP_INTERFACE  "org.qemu.Display1.Listener.Unix.Flip"

#define VRAM            (16 * MiB)
#define WIDTH           320
#define HEIGHT          200
#define LOW             10      /* an image that is drawn in no time */

typedef enum Sharing {
    COPIED,
    MAPPED,
    MAPPED_AND_REFUSED,
    MAPPED_AND_FLIPPED,
} Sharing;

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

typedef struct Client {
    QVirtioFb *fb;
    Sharing sharing;
    GThread *thread;
    GMainContext *context;
    int vm_socket;
    bool quit;

    GDBusConnection *connection;
    GDBusConnection *listener;
    GObject *interface[3];
    Page *page;
    int event_fd;
    GSource *event;

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
    bool looks_away;            /* from the page */
} Client;

/*
 * Pixels: little-endian XRGB8888
 */

static void take_pixels(Client *c, const uint8_t *from, uint32_t stride,
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

static void take_map(Client *c, int x, int y, int width, int height)
{
    g_assert_nonnull(c->map);
    take_pixels(c, c->map + c->offset + y * c->stride + x * 4, c->stride,
                x, y, width, height);
}

static void set_size(Client *c, guint width, guint height)
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
                           GVariant *data, Client *c)
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
                          GVariant *data, Client *c)
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

/* It is always the same memory, so once is enough */
static void map_once(Client *c, GUnixFDList *fds, GVariant *handle)
{
    static int mapped_of;
    static uint8_t *mapped;
    int fd = g_unix_fd_list_get(fds, g_variant_get_handle(handle), NULL);
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, VRAM);
    if (mapped && mapped_of != st.st_ino) {
        g_assert_cmpint(munmap(mapped, VRAM), ==, 0);
        mapped = NULL;
    }
    if (!mapped) {
        mapped = mmap(NULL, VRAM, PROT_READ, MAP_SHARED, fd, 0);
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
                               guint stride, guint format, Client *c)
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
                              gint y, gint width, gint height, Client *c)
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

static void take_page(Client *c)
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
    Client *c = data;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);
    uint64_t count;

    g_assert_cmpint(read(fd, &count, sizeof(count)), ==, sizeof(count));
    take_page(c);
    return G_SOURCE_CONTINUE;
}

static void map_page(Client *c, int fd)
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
                              GVariant *event, Client *c)
{
    if (c->sharing == MAPPED_AND_REFUSED) {
        g_dbus_method_invocation_return_error(invocation, G_DBUS_ERROR,
                                              G_DBUS_ERROR_NO_MEMORY, "no");
        return true;
    }
    map_page(c, g_unix_fd_list_get(fds, g_variant_get_handle(page), NULL));
    c->event_fd = g_unix_fd_list_get(fds, g_variant_get_handle(event), NULL);
    c->event = g_unix_fd_source_new(c->event_fd, G_IO_IN);
    g_source_set_callback(c->event, G_SOURCE_FUNC(on_event), c, NULL);
    g_source_attach(c->event, c->context);
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

static void connect_to_vm(Client *c, int fd, GDBusConnection **connection)
{
    g_autoptr(GSocket) sock = g_socket_new_from_fd(fd, NULL);
    g_autoptr(GSocketConnection) stream =
        g_socket_connection_factory_create_connection(sock);

    g_dbus_connection_new(G_IO_STREAM(stream), NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                          G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, NULL, on_connection, connection);
}

static void wait_for_connection(Client *c, GDBusConnection **connection)
{
    while (!*connection) {
        g_main_context_iteration(c->context, true);
    }
}

static void add_interface(Client *c, int index, gpointer skeleton)
{
    g_autoptr(GError) err = NULL;

    c->interface[index] = skeleton;
    g_dbus_interface_skeleton_export(skeleton, c->listener, LISTENER_PATH,
                                     &err);
    g_assert_no_error(err);
}

static void add_interfaces(Client *c)
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

/* QEMU and the client talk at the same time while a connection is made */
static void listen_to_console(Client *c)
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
    add_interfaces(c);
    g_dbus_connection_start_message_processing(c->listener);
}

static void *run_client(void *opaque)
{
    Client *c = opaque;
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
        close(c->event_fd);
        munmap(c->page, sizeof(Page));
    }
    g_object_unref(c->listener);
    g_object_unref(c->connection);
    g_main_context_pop_thread_default(c->context);
    return NULL;
}

static void wait_for_message(Client *c, gint64 give_up)
{
    if (!g_cond_wait_until(&c->changed, &c->lock, give_up)) {
        g_error("QEMU does not say what was expected");
    }
}

static Client *start(Sharing sharing)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    Client *c = g_new0(Client, 1);
    g_autoptr(GMutexLocker) locker = NULL;
    int pair[2];

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
        wait_for_message(c, give_up);
    }
    return c;
}

static void stop(Client *c)
{
    fb_quit(c->fb);
    qatomic_set(&c->quit, true);
    g_main_context_wakeup(c->context);
    g_thread_join(c->thread);
    g_main_context_unref(c->context);
    g_cond_clear(&c->changed);
    g_mutex_clear(&c->lock);
    fb_picture_free(c->seen);
    g_free(c);
}

/* The next refresh of the device has to be enough */
static void wait_until_seen(void *client, const FbPicture *picture)
{
    Client *c = client;
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    g_autoptr(GMutexLocker) locker = NULL;

    fb_step(c->fb, FB_NS_PER_SEC / 60 + 1);
    locker = g_mutex_locker_new(&c->lock);
    while (!fb_same(c->seen, picture)) {
        wait_for_message(c, give_up);
    }
}

/*
 * Tests
 */

/*
 * Where nothing is said to have changed, the client must keep what it has: the
 * second image differs everywhere, but only two parts are told of
 */
static void test_sees_driver(gconstpointer data)
{
    Client *c = start(GPOINTER_TO_INT(data));
    QVirtioFbMode boot = fb_boot_mode(640, 480);
    g_autoptr(FbPicture) picture = fb_draw(c->fb, &boot, 1);

    wait_until_seen(c, picture);
    fb_play_scene(c->fb, VIRTIO_FB_FORMAT_XRGB8888, 7, wait_until_seen, c);
    stop(c);
}

/* An image of another size, or with longer lines, is no page flip */
static void test_new_mode(gconstpointer data)
{
    Client *c = start(GPOINTER_TO_INT(data));
    QVirtioFb *fb = c->fb;
    QVirtioFbMode modes[] = {
        fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, HEIGHT, 0),
        fb_mode(VIRTIO_FB_FORMAT_XRGB8888, HEIGHT, WIDTH, 1 * MiB),
        fb_mode(VIRTIO_FB_FORMAT_XRGB8888, HEIGHT, WIDTH, 2 * MiB),
    };
    int i;

    modes[2].stride += 64;
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    for (i = 0; i < ARRAY_SIZE(modes); i++) {
        g_autoptr(FbPicture) picture = fb_draw(fb, &modes[i], i);
        g_autoptr(FbPicture) other = NULL;

        fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &modes[i]));
        wait_until_seen(c, picture);
        modes[i].offset += 4 * MiB;
        other = fb_draw(fb, &modes[i], i + 10);
        qvirtio_fb_flip(fb, 0, modes[i].offset, NULL, 0);
        wait_until_seen(c, other);
    }
    stop(c);
}

/* No message for a flip, and the memory is not mapped again */
static void test_flips(void)
{
    Client *c = start(MAPPED_AND_FLIPPED);
    QVirtioFb *fb = c->fb;
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, HEIGHT, 0);
    g_autoptr(FbPicture) first = fb_draw(fb, &mode, 0);
    unsigned int maps;
    int i;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    wait_until_seen(c, first);
    maps = c->maps;
    g_assert_cmpuint(maps, >, 0);
    g_assert_cmpuint(c->flips, ==, 0);
    for (i = 1; i < 10; i++) {
        g_autoptr(FbPicture) picture = NULL;

        mode.offset = i * MiB;
        picture = fb_draw(fb, &mode, i);
        qvirtio_fb_flip(fb, 0, mode.offset, NULL, 0);
        wait_until_seen(c, picture);
        g_assert_cmpuint(c->flips, ==, i);
    }
    g_assert_cmpuint(c->maps, ==, maps);
    g_assert_cmpuint(c->updates, ==, 0);
    stop(c);
}

static void look_away(Client *c, bool away)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&c->lock);

    c->looks_away = away;
}

/* A client that was busy for some flips learns of all that has changed */
static void test_slow(gconstpointer data)
{
    int flips = GPOINTER_TO_INT(data);
    QVirtioFbRect column = { 0, 0, 2, LOW };
    Client *c = start(MAPPED_AND_FLIPPED);
    QVirtioFb *fb = c->fb;
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, LOW, 0);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 0);
    int i, j;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    wait_until_seen(c, picture);
    look_away(c, true);
    for (i = 1; i <= flips; i++) {
        /* Other columns than those that have changed are not to be taken */
        mode.offset = (i % 2 + 1) * MiB;
        fb_picture_free(fb_draw(fb, &mode, i));
        for (j = 1; j <= i; j++) {
            column.x = 2 * j;
            fb_draw_rect(fb, &mode, &column, j, picture);
        }
        qvirtio_fb_flip(fb, 0, mode.offset, &column, 1);
        fb_step(fb, FB_NS_PER_SEC / 60 + 1);
    }
    look_away(c, false);
    fb_assert_ok(qvirtio_fb_update(fb, 0, &column, 1));
    wait_until_seen(c, picture);
    stop(c);
}

static void add_tests(const char *name, Sharing sharing)
{
    g_autofree char *shown = g_strdup_printf("virtio-fb/dbus/%s/shown", name);
    g_autofree char *mode = g_strdup_printf("virtio-fb/dbus/%s/mode", name);

    qtest_add_data_func(shown, GINT_TO_POINTER(sharing), test_sees_driver);
    qtest_add_data_func(mode, GINT_TO_POINTER(sharing), test_new_mode);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    add_tests("copied", COPIED);
    add_tests("mapped", MAPPED);
    add_tests("refused", MAPPED_AND_REFUSED);
    add_tests("flipped", MAPPED_AND_FLIPPED);
    qtest_add_func("virtio-fb/dbus/flips", test_flips);
    qtest_add_data_func("virtio-fb/dbus/slow", GINT_TO_POINTER(3), test_slow);
    qtest_add_data_func("virtio-fb/dbus/slower", GINT_TO_POINTER(40),
                        test_slow);

    return g_test_run();
}

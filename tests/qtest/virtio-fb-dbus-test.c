/*
 * QTest testcase for virtio-fb: what a D-Bus client sees, and what a hostile
 * one can do
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/ioctl.h>
#include "qobject/qdict.h"
#include "qemu/units.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-dbus-util.h"

#define WIDTH           320
#define HEIGHT          200
#define LOW             10      /* an image that is drawn in no time */

/*
 * Where nothing is said to have changed, the client must keep what it has: the
 * second image differs everywhere, but only two parts are told of
 */
static void test_sees_driver(gconstpointer data)
{
    DBusClient *c = dbus_client_start(GPOINTER_TO_INT(data));
    QVirtioFbMode boot = fb_boot_mode(640, 480);
    g_autoptr(FbPicture) picture = fb_draw(c->fb, &boot, 1);

    dbus_client_wait_until_seen(c, picture);
    fb_play_scene(c->fb, VIRTIO_FB_FORMAT_XRGB8888, 7,
                  dbus_client_wait_until_seen, c);
    dbus_client_stop(c);
}

/* An image of another size, or with longer lines, is no page flip */
static void test_new_mode(gconstpointer data)
{
    DBusClient *c = dbus_client_start(GPOINTER_TO_INT(data));
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
        dbus_client_wait_until_seen(c, picture);
        modes[i].offset += 4 * MiB;
        other = fb_draw(fb, &modes[i], i + 10);
        qvirtio_fb_flip(fb, 0, modes[i].offset, NULL, 0);
        dbus_client_wait_until_seen(c, other);
    }
    dbus_client_stop(c);
}

/* No message for a flip, and the memory is not mapped again */
static void test_flips(void)
{
    DBusClient *c = dbus_client_start(MAPPED_AND_FLIPPED);
    QVirtioFb *fb = c->fb;
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, HEIGHT, 0);
    g_autoptr(FbPicture) first = fb_draw(fb, &mode, 0);
    unsigned int maps;
    int i;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    dbus_client_wait_until_seen(c, first);
    maps = c->maps;
    g_assert_cmpuint(maps, >, 0);
    g_assert_cmpuint(c->flips, ==, 0);
    for (i = 1; i < 10; i++) {
        g_autoptr(FbPicture) picture = NULL;

        mode.offset = i * MiB;
        picture = fb_draw(fb, &mode, i);
        qvirtio_fb_flip(fb, 0, mode.offset, NULL, 0);
        dbus_client_wait_until_seen(c, picture);
        g_assert_cmpuint(c->flips, ==, i);
    }
    g_assert_cmpuint(c->maps, ==, maps);
    g_assert_cmpuint(c->updates, ==, 0);
    dbus_client_stop(c);
}

/* A client that was busy for some flips learns of all that has changed */
static void test_slow(gconstpointer data)
{
    int flips = GPOINTER_TO_INT(data);
    QVirtioFbRect column = { 0, 0, 2, LOW };
    DBusClient *c = dbus_client_start(MAPPED_AND_FLIPPED);
    QVirtioFb *fb = c->fb;
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, LOW, 0);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 0);
    int i, j;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    dbus_client_wait_until_seen(c, picture);
    dbus_client_look_away(c, true);
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
    dbus_client_look_away(c, false);
    fb_assert_ok(qvirtio_fb_update(fb, 0, &column, 1));
    dbus_client_wait_until_seen(c, picture);
    dbus_client_stop(c);
}

/* A surface of QEMU's own is as safe as video memory */
static void test_converted(void)
{
    DBusClient *c = dbus_client_start(MAPPED);

    fb_play_scene(c->fb, VIRTIO_FB_FORMAT_XBGR8888, 3,
                  dbus_client_wait_until_seen, c);
    g_assert_cmpuint(c->maps, >, 0);
    dbus_client_stop(c);
}

/* Whatever the client does to the event, QEMU goes on */
static void test_blocked_event(void)
{
    DBusClient *c = dbus_client_start(MAPPED_AND_FLIPPED);
    QVirtioFb *fb = c->fb;
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, LOW, 0);
    g_autoptr(FbPicture) first = fb_draw(fb, &mode, 0);
    g_autoptr(FbPicture) last = NULL;
    uint64_t full = UINT64_MAX - 1;     /* for an eventfd */
    int flags = fcntl(c->event_fd, F_GETFL);
    int i;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    dbus_client_wait_until_seen(c, first);

    dbus_client_be_deaf(c, true);
    g_assert_cmpint(fcntl(c->event_fd, F_SETFL, flags & ~O_NONBLOCK), ==, 0);
    signal(SIGPIPE, SIG_IGN);
    if (write(c->event_fd, &full, sizeof(full)) < 0) {
        g_assert_cmpint(errno, ==, EPIPE);
    }
    for (i = 1; i <= 60; i++) {
        qvirtio_fb_flip(fb, 0, i % 2 * MiB, NULL, 0);
        fb_step(fb, FB_NS_PER_SEC / 60 + 1);
    }

    dbus_client_be_deaf(c, false);
    mode.offset = 2 * MiB;
    last = fb_draw(fb, &mode, 2);
    qvirtio_fb_flip(fb, 0, mode.offset, NULL, 0);
    dbus_client_wait_until_seen(c, last);
    dbus_client_stop(c);
}

/* An image is on its way, and QEMU waits for the client to read it */
static void block_image(DBusClient *c)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    QVirtioFbRect all = { 0, 0, 640, 480 };
    unsigned int before = c->messages;
    int waiting = 0;

    g_mutex_lock(&c->reading);
    fb_assert_ok(qvirtio_fb_update(c->fb, 0, &all, 1));
    g_mutex_lock(&c->lock);
    while (c->messages == before) {
        dbus_client_wait(c, give_up);
    }
    g_mutex_unlock(&c->lock);
    fb_assert_ok(qvirtio_fb_update(c->fb, 0, &all, 1));
    while (waiting < 64 * KiB) {
        g_assert_cmpint(ioctl(c->listener_socket, FIONREAD, &waiting), ==, 0);
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
        g_usleep(1000);
    }
}

/* It is the next that is gone */
static void wait_deleted(QTestState *qts, const char *id)
{
    QDict *event = qtest_qmp_eventwait_ref(qts, "DEVICE_DELETED");
    QDict *data = qdict_get_qdict(event, "data");

    while (!qdict_haskey(data, "device")) {
        qobject_unref(event);
        event = qtest_qmp_eventwait_ref(qts, "DEVICE_DELETED");
        data = qdict_get_qdict(event, "data");
    }
    g_assert_cmpstr(qdict_get_str(data, "device"), ==, id);
    qobject_unref(event);
}

/*
 * The message is the last to know the memory of a device that is gone, and
 * GDBus is done with it in a thread of its own
 */
static void test_unplug(void)
{
    DBusClient *c = dbus_client_start(COPIED);
    QVirtioFb *fb = c->fb;
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 640, 480, 0);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);

    qtest_qmp_device_add(fb->qts, "virtio-fb-device", "other", "{}");
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    dbus_client_wait_until_seen(c, picture);
    block_image(c);
    qtest_qmp_device_del_send(fb->qts, "fb");
    /* RCU has references, too.  They are gone when this one is. */
    qtest_qmp_device_del_send(fb->qts, "other");
    wait_deleted(fb->qts, "other");
    desktop_assert_slots(fb->qts, "");
    g_assert_null(qtest_qmp_event_ref(fb->qts, "DEVICE_DELETED"));

    g_mutex_unlock(&c->reading);
    wait_deleted(fb->qts, "fb");
    dbus_client_stop(c);
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
    qtest_add_func("virtio-fb/dbus/converted", test_converted);
    qtest_add_func("virtio-fb/dbus/blocked-event", test_blocked_event);
    qtest_add_func("virtio-fb/dbus/unplug", test_unplug);

    return g_test_run();
}

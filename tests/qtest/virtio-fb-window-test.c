/*
 * QTest testcase for virtio-fb: what a user's window sees, and resizing it
 *
 * The window is that of a VNC client. Unlike a screendump, it gets only what
 * the device says has changed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/un.h>
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define OPTIONS             ",vram=16M,xres=640,yres=480,max_outputs=2"

/* Of the remote framebuffer protocol: RFC 6143 and its registry */
#define SECURITY_NONE               1
#define MSG_SET_PIXEL_FORMAT        0
#define MSG_SET_ENCODINGS           2
#define MSG_UPDATE_REQUEST          3
#define MSG_SET_DESKTOP_SIZE        251
#define ENCODING_RAW                0
#define ENCODING_EXT_DESKTOP_SIZE   -308

typedef struct Window {
    QVirtioFb *fb;
    char *dir;
    char *path;
    int socket;
    FbPicture *seen;
} Window;

static void send_all(Window *w, const void *data, size_t size)
{
    g_assert_cmpint(write(w->socket, data, size), ==, size);
}

static void receive(Window *w, void *data, size_t size)
{
    g_assert_cmpint(recv(w->socket, data, size, MSG_WAITALL), ==, size);
}

/* Version, no authentication, a shared session; then what we can do */
static void open_window(Window *w)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct timeval hang = { .tv_sec = HANG_US / G_USEC_PER_SEC };
    /* Little-endian XRGB8888 */
    const uint8_t format[20] = {
        MSG_SET_PIXEL_FORMAT, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255,
        16, 8, 0,
    };
    uint8_t encodings[12] = { MSG_SET_ENCODINGS, 0, 0, 2 };
    uint8_t data[256];

    g_assert_cmpuint(g_strlcpy(address.sun_path, w->path,
                               sizeof(address.sun_path)), <,
                     sizeof(address.sun_path));
    w->socket = socket(AF_UNIX, SOCK_STREAM, 0);
    setsockopt(w->socket, SOL_SOCKET, SO_RCVTIMEO, &hang, sizeof(hang));
    g_assert_cmpint(connect(w->socket, (struct sockaddr *)&address,
                            sizeof(address)), ==, 0);

    receive(w, data, 12);
    send_all(w, "RFB 003.008\n", 12);
    receive(w, data, 1);
    receive(w, data + 1, data[0]);
    g_assert_nonnull(memchr(data + 1, SECURITY_NONE, data[0]));
    send_all(w, "\1", 1);
    receive(w, data, 4);
    g_assert_cmpuint(ldl_be_p(data), ==, 0);
    send_all(w, "\1", 1);
    receive(w, data, 24);
    w->seen = fb_picture_new(lduw_be_p(data), lduw_be_p(data + 2));
    g_assert_cmpuint(ldl_be_p(data + 20), <=, sizeof(data));
    receive(w, data, ldl_be_p(data + 20));

    send_all(w, format, sizeof(format));
    stl_be_p(encodings + 4, ENCODING_RAW);
    stl_be_p(encodings + 8, ENCODING_EXT_DESKTOP_SIZE);
    send_all(w, encodings, sizeof(encodings));
}

static void receive_pixels(Window *w, int x, int y, int width, int height)
{
    g_autofree uint8_t *line = g_malloc(width * 4);
    int i, bottom = y + height;

    g_assert_cmpint(x + width, <=, w->seen->width);
    g_assert_cmpint(bottom, <=, w->seen->height);
    for (; y < bottom; y++) {
        receive(w, line, width * 4);
        for (i = 0; i < width; i++) {
            uint8_t *rgb = fb_pixel(w->seen, x + i, y);

            rgb[0] = line[i * 4 + 2];
            rgb[1] = line[i * 4 + 1];
            rgb[2] = line[i * 4];
        }
    }
}

static void receive_size(Window *w, int width, int height)
{
    uint8_t screens[4], screen[16];

    receive(w, screens, sizeof(screens));
    g_assert_cmpuint(screens[0], ==, 1);
    receive(w, screen, sizeof(screen));
    if (w->seen->width != width || w->seen->height != height) {
        fb_picture_free(w->seen);
        w->seen = fb_picture_new(width, height);
    }
}

/* Returns: whether a wish of ours for another size has been answered */
static bool receive_update(Window *w)
{
    uint8_t head[4], rect[12];
    bool answered = false;
    int i;

    receive(w, head, sizeof(head));
    g_assert_cmpuint(head[0], ==, 0);
    for (i = 0; i < lduw_be_p(head + 2); i++) {
        int x, width, height;

        receive(w, rect, sizeof(rect));
        x = lduw_be_p(rect);
        width = lduw_be_p(rect + 4);
        height = lduw_be_p(rect + 6);
        if ((int32_t)ldl_be_p(rect + 8) == ENCODING_EXT_DESKTOP_SIZE) {
            receive_size(w, width, height);
            answered |= x == 1; /* the reason is where the place usually is */
        } else {
            g_assert_cmpuint(ldl_be_p(rect + 8), ==, ENCODING_RAW);
            receive_pixels(w, x, lduw_be_p(rect + 2), width, height);
        }
    }
    return answered;
}

static void request_update(Window *w, bool only_changes)
{
    uint8_t data[10] = { MSG_UPDATE_REQUEST, only_changes };

    stw_be_p(data + 6, w->seen->width);
    stw_be_p(data + 8, w->seen->height);
    send_all(w, data, sizeof(data));
}

/* The next refresh of the device has to be enough */
static void wait_until_seen(void *window, const FbPicture *picture)
{
    Window *w = window;

    fb_step(w->fb, FB_NS_PER_SEC / 60 + 1);
    while (!fb_same(w->seen, picture)) {
        request_update(w, true);
        receive_update(w);
    }
}

static void resize(Window *w, uint16_t width, uint16_t height)
{
    uint8_t data[24] = { MSG_SET_DESKTOP_SIZE };

    stw_be_p(data + 2, width);
    stw_be_p(data + 4, height);
    data[6] = 1; /* one screen, as large as the desktop */
    stw_be_p(data + 16, width);
    stw_be_p(data + 18, height);
    send_all(w, data, sizeof(data));
    /* Once QEMU has answered, the device hears of it before anything else */
    while (!receive_update(w)) {
        ;
    }
}

static Window *start(const char *vnc_options)
{
    Window *w = g_new0(Window, 1);
    g_autofree char *options = NULL;

    w->dir = g_dir_make_tmp("virtio-fb-XXXXXX", NULL);
    w->path = g_strdup_printf("%s/vnc", w->dir);
    options = g_strdup_printf(OPTIONS " -vnc unix:%s%s", w->path, vnc_options);
    w->fb = fb_start(options);
    open_window(w);
    return w;
}

static void stop(Window *w)
{
    close(w->socket);
    fb_picture_free(w->seen);
    fb_quit(w->fb);
    unlink(w->path);
    rmdir(w->dir);
    g_free(w->path);
    g_free(w->dir);
    g_free(w);
}

static QVirtioFbDisplay get_display(QVirtioFb *fb, int scanout)
{
    QVirtioFbDisplay displays[VIRTIO_FB_MAX_SCANOUTS];

    fb_assert_ok(qvirtio_fb_get_display_info(fb, displays));
    g_assert_cmphex(displays[scanout].flags, ==, VIRTIO_FB_DISPLAY_CONNECTED);
    g_assert_cmpuint(displays[scanout].refresh, ==, 60000);
    return displays[scanout];
}

static void wait_for_size(QVirtioFb *fb, int scanout, uint32_t width,
                          uint32_t height)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;
    QVirtioFbDisplay display;

    do {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
        display = get_display(fb, scanout);
    } while (display.width != width || display.height != height);
}

static void assert_event(QVirtioFb *fb, uint32_t scanouts)
{
    static const QVirtioFbRefresh none;
    QVirtioFbEvent event;

    g_assert_true(qvirtio_fb_get_event(fb, &event));
    g_assert_cmpuint(event.type, ==, VIRTIO_FB_EVENT_DISPLAY);
    g_assert_cmphex(event.scanouts, ==, scanouts);
    g_assert_cmpmem(&event.refresh, sizeof(none), &none, sizeof(none));
}

static bool edid_has_size(QVirtioFb *fb, int scanout, uint32_t width,
                          uint32_t height)
{
    uint8_t edid[VIRTIO_FB_EDID_SIZE];
    uint32_t size;

    fb_assert_ok(qvirtio_fb_get_edid(fb, scanout, edid, &size));
    return (edid[56] | (edid[58] & 0xf0) << 4) == width &&
           (edid[59] | (edid[61] & 0xf0) << 4) == height;
}

/* The same without asking for what the event is about */
static void wait_for_edid(QVirtioFb *fb, int scanout, uint32_t width,
                          uint32_t height)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    while (!edid_has_size(fb, scanout, width, height)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
}

/*
 * Changes
 */

/* Software that draws and tells nobody */
static void test_sees_boot(void)
{
    const QVirtioFbRect rect = { 100, 200, 30, 40 };
    Window *w = start("");
    QVirtioFb *fb = w->fb;
    QVirtioFbMode mode = fb_boot_mode(640, 480);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);

    request_update(w, false);
    wait_until_seen(w, picture);
    fb_draw_rect(fb, &mode, &rect, 2, picture);
    wait_until_seen(w, picture);
    qtest_system_reset(fb->qts);
    memset(picture->rgb, 0, 640 * 480 * 3);
    wait_until_seen(w, picture);
    fb_draw_rect(fb, &mode, &rect, 3, picture);
    wait_until_seen(w, picture);
    stop(w);
}

/*
 * A driver that tells: updates and flips, as they are and converted. The second
 * image is as the first one was, but for what it tells.
 */
static void test_sees_driver(const void *data)
{
    Window *w = start("");

    fb_play_scene(w->fb, GPOINTER_TO_UINT(data), 1, wait_until_seen, w);
    stop(w);
}

/*
 * Size
 */

/* The new size is there, then the event; what is shown stays until a mode */
static void test_event(void)
{
    Window *w = start("");
    QVirtioFb *fb = w->fb;
    QVirtioFbMode mode = fb_boot_mode(640, 480);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);
    QVirtioFbEvent event;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    qvirtio_fb_add_event_buffer(fb);
    qvirtio_fb_add_event_buffer(fb);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    resize(w, 801, 605);
    wait_for_size(fb, 0, 801, 605);
    assert_event(fb, 1 << 0);
    g_assert_true(edid_has_size(fb, 0, 801, 605));
    g_assert_true(edid_has_size(fb, 1, 640, 480));
    g_assert_cmpuint(get_display(fb, 1).width, ==, 640);
    fb_assert_shows(fb, 0, picture);

    mode = fb_boot_mode(801, 605);
    fb_picture_free(picture);
    picture = fb_draw(fb, &mode, 2);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, picture);
    g_assert_false(qvirtio_fb_get_event(fb, &event));
    stop(w);
}

static void test_second_output(void)
{
    Window *w = start(",display=fb,head=1");
    QVirtioFb *fb = w->fb;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    qvirtio_fb_add_event_buffer(fb);
    resize(w, 320, 200);
    wait_for_size(fb, 1, 320, 200);
    assert_event(fb, 1 << 1);
    g_assert_true(edid_has_size(fb, 1, 320, 200));
    g_assert_cmpuint(get_display(fb, 0).width, ==, 640);
    stop(w);
}

/* Without buffers one event of each type waits, and this one comes first */
static void test_no_buffers(void)
{
    Window *w = start("");
    QVirtioFb *fb = w->fb;
    QVirtioFbEvent event;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 1, NULL));
    fb_step(fb, FB_NS_PER_SEC);
    resize(w, 800, 600);
    wait_for_edid(fb, 0, 800, 600);
    resize(w, 1024, 768);
    wait_for_edid(fb, 0, 1024, 768);

    qvirtio_fb_add_event_buffer(fb);
    assert_event(fb, 1 << 0);
    qvirtio_fb_add_event_buffer(fb);
    g_assert_true(qvirtio_fb_get_event(fb, &event));
    g_assert_cmpuint(event.type, ==, VIRTIO_FB_EVENT_VBLANK);
    qvirtio_fb_add_event_buffer(fb);
    g_assert_false(qvirtio_fb_get_event(fb, &event));
    stop(w);
}

/* What came before the driver needs no event; a new driver finds it as well */
static void test_before_driver(void)
{
    Window *w = start("");
    QVirtioFb *fb = w->fb;
    int i;

    resize(w, 800, 600);
    for (i = 0; i < 2; i++) {
        qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
        wait_for_size(fb, 0, 800, 600);
        qtest_system_reset(fb->qts);
    }
    stop(w);
}

/* A window larger than video memory, or than a screen can be */
static void test_too_large(void)
{
    static const uint16_t sizes[][2] = {
        { 16384, 16384 }, { 2049, 2048 }, { 65535, 65535 }, { 65535, 1 },
        { 1, 65535 }, { 16385, 1 }, { 1, 1 }, { 2048, 2048 },
    };
    Window *w = start("");
    QVirtioFb *fb = w->fb;
    int i;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        QVirtioFbDisplay display;
        QVirtioFbMode mode;

        resize(w, sizes[i][0], sizes[i][1]);
        fb_barrier(fb);
        display = get_display(fb, 0);
        mode = fb_boot_mode(display.width, display.height);
        fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &mode));
    }
    wait_for_size(fb, 0, 2048, 2048);
    stop(w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-fb/window/boot", test_sees_boot);
    qtest_add_data_func("virtio-fb/window/shown",
                        GUINT_TO_POINTER(VIRTIO_FB_FORMAT_XRGB8888),
                        test_sees_driver);
    qtest_add_data_func("virtio-fb/window/converted",
                        GUINT_TO_POINTER(VIRTIO_FB_FORMAT_XBGR8888),
                        test_sees_driver);
    qtest_add_func("virtio-fb/resize/event", test_event);
    qtest_add_func("virtio-fb/resize/second-output", test_second_output);
    qtest_add_func("virtio-fb/resize/no-buffers", test_no_buffers);
    qtest_add_func("virtio-fb/resize/before-driver", test_before_driver);
    qtest_add_func("virtio-fb/resize/too-large", test_too_large);

    return g_test_run();
}

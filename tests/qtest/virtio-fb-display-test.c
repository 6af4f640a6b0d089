/*
 * QTest testcase for virtio-fb: what is on the screens
 *
 * Pixels are compared exactly, through the monitor's screendump.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define XRES        160
#define YRES        100
#define OPTIONS     ",vram=32M,xres=160,yres=100"

/*
 * Formats and geometry
 */

typedef struct ModeCase {
    const char *name;
    QVirtioFbMode mode;
} ModeCase;

#define EVEN(format)    { VIRTIO_FB_FORMAT_##format, 64, 48, 256, 0 }
#define ODD(format)     { VIRTIO_FB_FORMAT_##format, 33, 17, 152, 0x1234 }
#define ONE(format)     { VIRTIO_FB_FORMAT_##format, 1, 1, 4, 4 }

static const ModeCase mode_cases[] = {
    { "xrgb8888", EVEN(XRGB8888) },
    { "xrgb8888/odd", ODD(XRGB8888) },
    { "xrgb8888/one", ONE(XRGB8888) },
    { "argb8888", EVEN(ARGB8888) },
    { "argb8888/odd", ODD(ARGB8888) },
    { "argb8888/one", ONE(ARGB8888) },
    { "rgb565", EVEN(RGB565) },
    { "rgb565/odd", ODD(RGB565) },
    { "rgb565/one", ONE(RGB565) },
    { "xbgr8888", EVEN(XBGR8888) },
    { "xbgr8888/odd", ODD(XBGR8888) },
    { "xbgr8888/one", ONE(XBGR8888) },
    { "abgr8888", EVEN(ABGR8888) },
    { "abgr8888/odd", ODD(ABGR8888) },
    { "abgr8888/one", ONE(ABGR8888) },
    { "xrgb2101010", EVEN(XRGB2101010) },
    { "xrgb2101010/odd", ODD(XRGB2101010) },
    { "xrgb2101010/one", ONE(XRGB2101010) },

    /* Two pixels of RGB565 are one of the multiples that a stride has */
    { "rgb565/tight", { VIRTIO_FB_FORMAT_RGB565, 31, 9, 64, 0x100004 } },
    { "wide", { VIRTIO_FB_FORMAT_XRGB8888, 16384, 2, 65536, 0 } },
    { "high", { VIRTIO_FB_FORMAT_XRGB8888, 2, 16384, 8, 0 } },
    { "wide/converted", { VIRTIO_FB_FORMAT_XBGR8888, 16384, 2, 65536, 0 } },
    { "high/converted", { VIRTIO_FB_FORMAT_XBGR8888, 2, 16384, 8, 0 } },
    { "long-stride", { VIRTIO_FB_FORMAT_XRGB8888, 3, 8, 1 * MiB, 0 } },
    { "last-bytes", { VIRTIO_FB_FORMAT_XRGB8888, 50, 40, 256,
                      32 * MiB - 256 * 40 } },
    { "last-bytes/converted", { VIRTIO_FB_FORMAT_XBGR8888, 50, 40, 256,
                                32 * MiB - 256 * 40 } },
};

static void test_mode(const void *data)
{
    const QVirtioFbMode *mode = &((const ModeCase *)data)->mode;
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = fb_draw(fb, mode, 1);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, mode));
    fb_assert_shows(fb, 0, picture);

    fb_picture_free(picture);
    picture = fb_draw(fb, mode, 2);
    fb_assert_ok(qvirtio_fb_update(fb, 0, NULL, 0));
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* From one mode to the next, all that is shown is new */
static void test_mode_changes(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    int i;

    for (i = 0; i < ARRAY_SIZE(mode_cases); i++) {
        g_autoptr(FbPicture) picture = fb_draw(fb, &mode_cases[i].mode, i);

        fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode_cases[i].mode));
        fb_assert_shows(fb, 0, picture);
    }
    fb_quit(fb);
}

/*
 * Damage
 */

/* What is updated shows; what is not is neither read nor drawn */
static void test_update(const void *data)
{
    const QVirtioFbMode *mode = &((const ModeCase *)data)->mode;
    const QVirtioFbRect rects[] = {
        { 0, 0, 1, 1 }, { 63, 47, 1, 1 }, { 5, 7, 11, 13 }, { 10, 10, 20, 2 },
        { 0, 30, 64, 1 }, { 40, 0, 1, 48 },
    };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = fb_draw(fb, mode, 1);
    int i;

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, mode));
    for (i = 0; i < ARRAY_SIZE(rects); i++) {
        fb_draw_rect(fb, mode, &rects[i], 100 + i, picture);
        fb_assert_ok(qvirtio_fb_update(fb, 0, &rects[i], 1));
        fb_assert_shows(fb, 0, picture);
    }
    for (i = 0; i < ARRAY_SIZE(rects); i++) {
        fb_draw_rect(fb, mode, &rects[i], 200 + i, picture);
    }
    fb_assert_ok(qvirtio_fb_update(fb, 0, rects, ARRAY_SIZE(rects)));
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* A conversion is limited to where a driver says it has drawn */
static void test_no_update(void)
{
    const QVirtioFbRect drawn = { 10, 10, 40, 30 }, told = { 20, 20, 10, 5 };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XBGR8888, 64, 48, 0);
    g_autoptr(FbPicture) old = fb_draw(fb, &mode, 1);
    g_autoptr(FbPicture) new = fb_draw(fb, &mode, 1);
    g_autoptr(FbPicture) seen = NULL;
    int y;

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, old);
    fb_draw_rect(fb, &mode, &drawn, 2, new);
    fb_assert_ok(qvirtio_fb_update(fb, 0, &told, 1));
    seen = fb_screendump(fb, 0);
    for (y = 0; y < 48; y++) {
        g_assert_cmpmem(fb_pixel(seen, 0, y), 20 * 3,
                        fb_pixel(old, 0, y), 20 * 3);
        g_assert_cmpmem(fb_pixel(seen, 20, y), 10 * 3,
                        fb_pixel(y >= 20 && y < 25 ? new : old, 20, y), 10 * 3);
        g_assert_cmpmem(fb_pixel(seen, 30, y), 34 * 3,
                        fb_pixel(old, 30, y), 34 * 3);
    }
    fb_quit(fb);
}

/* More damage than anything keeps as a list */
static void test_much_damage(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB2101010, 64, 48, 0);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);
    QVirtioFbRect rects[16];
    int i, round;

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    for (round = 0; round < 40; round++) {
        for (i = 0; i < ARRAY_SIZE(rects); i++) {
            rects[i] = (QVirtioFbRect) {
                i * 4 + round % 3, (i * 7 + round * 5) % 47, 1, 2,
            };
            fb_draw_rect(fb, &mode, &rects[i], round * 100 + i, picture);
        }
        fb_assert_ok(qvirtio_fb_update(fb, 0, rects, ARRAY_SIZE(rects)));
    }
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/*
 * Boot display
 */

static void test_boot(const void *data)
{
    QVirtioFb *fb = fb_start(data);
    QVirtioFbMode mode = fb_boot_mode(XRES, YRES);
    g_autoptr(FbPicture) picture = NULL;

    if (!strstr(data, "xres")) {
        mode = fb_boot_mode(1280, 800);
    }
    picture = fb_picture_new(mode.width, mode.height);
    fb_assert_shows(fb, 0, picture);
    fb_picture_free(picture);
    picture = fb_draw(fb, &mode, 1);
    fb_assert_shows(fb, 0, picture);
    qtest_writel(fb->qts, fb->vram + 4, 0xff123456);
    memcpy(fb_pixel(picture, 1, 0), "\x12\x34\x56", 3);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* There is no gap between the boot display and the driver's first mode */
static void test_take_over(void)
{
    QVirtioFb *fb = fb_start(OPTIONS);
    QVirtioFbMode boot = fb_boot_mode(XRES, YRES);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_RGB565, 50, 40, 4 * MiB);
    g_autoptr(FbPicture) boot_picture = fb_draw(fb, &boot, 1);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 2);

    qvirtio_fb_reset(fb);
    fb_assert_shows(fb, 0, boot_picture);
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_shows(fb, 0, boot_picture);
    fb_barrier(fb);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 0, NULL));
    fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, 1, 1));
    g_assert_cmpuint(qvirtio_fb_update(fb, 0, NULL, 0), ==,
                     VIRTIO_FB_S_SCANOUT);
    fb_assert_shows(fb, 0, boot_picture);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, picture);

    /* And back, to what is in video memory now */
    fb_picture_free(boot_picture);
    boot_picture = fb_draw(fb, &boot, 3);
    fb_assert_shows(fb, 0, picture);
    qvirtio_fb_reset(fb);
    fb_assert_shows(fb, 0, boot_picture);
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

static void assert_blank(QVirtioFb *fb, int head, const FbPicture *not_this)
{
    g_autoptr(FbPicture) seen = fb_screendump(fb, head);

    g_assert_false(fb_same(seen, not_this));
}

/* A driver that shows nothing is obeyed, also if it never showed anything */
static void test_disable(const void *data)
{
    bool shown = data;
    QVirtioFb *fb = fb_start(OPTIONS);
    QVirtioFbMode boot = fb_boot_mode(XRES, YRES);
    g_autoptr(FbPicture) picture = fb_draw(fb, &boot, 1);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    if (shown) {
        fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &boot));
        fb_assert_shows(fb, 0, picture);
    }
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    assert_blank(fb, 0, picture);
    fb_step(fb, FB_NS_PER_SEC);
    assert_blank(fb, 0, picture);
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &boot));
    fb_assert_shows(fb, 0, picture);
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    qvirtio_fb_reset(fb);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* A reset of the machine brings the boot display back, and it is black */
static void test_system_reset(void)
{
    QVirtioFb *fb = fb_start(OPTIONS);
    QVirtioFbMode boot = fb_boot_mode(XRES, YRES);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XBGR8888, 64, 48, 8 * MiB);
    g_autoptr(FbPicture) picture = fb_draw(fb, &boot, 1);
    g_autoptr(FbPicture) black = fb_picture_new(XRES, YRES);

    fb_assert_shows(fb, 0, picture);
    qtest_system_reset(fb->qts);
    fb_assert_shows(fb, 0, black);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_picture_free(picture);
    picture = fb_draw(fb, &mode, 2);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, picture);
    qtest_memset(fb->qts, fb->vram + 32 * MiB - 4096, 0xa5, 4096);
    qtest_system_reset(fb->qts);
    fb_assert_shows(fb, 0, black);
    g_assert_cmphex(qtest_readq(fb->qts, fb->vram + 8 * MiB), ==, 0);
    g_assert_cmphex(qtest_readq(fb->qts, fb->vram + 32 * MiB - 8), ==, 0);

    /* The boot display still notices what is drawn */
    fb_picture_free(picture);
    picture = fb_draw(fb, &boot, 3);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* A reset of the device alone leaves video memory as it is */
static void test_reset_keeps_memory(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);

    qtest_memset(fb->qts, fb->vram, 0x5a, 32 * MiB);
    qvirtio_fb_reset(fb);
    g_assert_cmphex(qtest_readq(fb->qts, fb->vram), ==, 0x5a5a5a5a5a5a5a5a);
    g_assert_cmphex(qtest_readq(fb->qts, fb->vram + 32 * MiB - 8), ==,
                    0x5a5a5a5a5a5a5a5a);
    fb_quit(fb);
}

/*
 * Firmware's framebuffer, in RAM
 */

#define FIRMWARE_FB (RAM_BASE + 64 * MiB)

/* It comes before the boot display, and after a driver's */
static void test_firmware(void)
{
    QVirtioFb *fb = fb_start(OPTIONS " -M fw-cfg=on");
    QVirtioFbMode boot = fb_boot_mode(XRES, YRES);
    QVirtioFbMode ram = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 64, 48,
                                FIRMWARE_FB - fb->vram);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 80, 60, 8 * MiB);
    g_autoptr(FbPicture) boot_picture = fb_draw(fb, &boot, 1);
    g_autoptr(FbPicture) ram_picture = fb_draw(fb, &ram, 2);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 3);
    g_autoptr(FbPicture) black = fb_picture_new(XRES, YRES);

    fb_assert_shows(fb, 0, boot_picture);
    fb_set_firmware(fb, &ram);
    fb_assert_shows(fb, 0, ram_picture);
    fb_picture_free(ram_picture);
    ram_picture = fb_draw(fb, &ram, 4);
    fb_assert_shows(fb, 0, ram_picture);

    /* The driver's start alone changes nothing */
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_shows(fb, 0, ram_picture);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, picture);
    fb_set_firmware(fb, &ram);
    fb_assert_shows(fb, 0, picture);
    qvirtio_fb_reset(fb);
    fb_assert_shows(fb, 0, ram_picture);

    qtest_system_reset(fb->qts);
    fb_assert_shows(fb, 0, black);
    fb_quit(fb);
}

/*
 * Several outputs
 */

static void test_outputs(const void *data)
{
    int i, outputs = atoi(strstr(data, "max_outputs=") + 12);
    QVirtioFb *fb = fb_start_driver(data);
    FbPicture *pictures[VIRTIO_FB_MAX_SCANOUTS];
    QVirtioFbMode mode;

    for (i = 0; i < outputs; i++) {
        mode = fb_mode(i % 2 ? VIRTIO_FB_FORMAT_XRGB8888
                             : VIRTIO_FB_FORMAT_ABGR8888,
                       40 + i, 30 - i, i * MiB);
        pictures[i] = fb_draw(fb, &mode, i);
        fb_assert_ok(qvirtio_fb_set_scanout(fb, i, &mode));
    }
    for (i = 0; i < outputs; i++) {
        fb_assert_shows(fb, i, pictures[i]);
    }
    g_assert_cmpuint(qvirtio_fb_set_scanout(fb, outputs, &mode), ==,
                     VIRTIO_FB_S_SCANOUT);

    /* Each one by itself; those that the driver leaves are blank */
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, outputs - 1));
    assert_blank(fb, outputs - 1, pictures[outputs - 1]);
    for (i = 0; i < outputs - 1; i++) {
        fb_assert_shows(fb, i, pictures[i]);
    }
    qvirtio_fb_reset(fb);
    for (i = 0; i < outputs; i++) {
        assert_blank(fb, i, pictures[i]);
        fb_picture_free(pictures[i]);
    }
    fb_quit(fb);
}

/* Two outputs may show the same memory, in parts and in different formats */
static void test_overlap(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS ",max_outputs=2");
    QVirtioFbMode whole = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 64, 48, 0);
    QVirtioFbMode part = whole;
    g_autoptr(FbPicture) picture = fb_draw(fb, &whole, 1);
    g_autoptr(FbPicture) expected = NULL;
    int y;

    part.width = 32;
    part.height = 24;
    part.offset = 24 * part.stride + 32 * 4;
    expected = fb_picture_new(32, 24);
    for (y = 0; y < 24; y++) {
        memcpy(fb_pixel(expected, 0, y), fb_pixel(picture, 32, 24 + y), 32 * 3);
    }
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &whole));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &part));
    fb_assert_shows(fb, 0, picture);
    fb_assert_shows(fb, 1, expected);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &whole));
    fb_assert_shows(fb, 1, picture);
    fb_quit(fb);
}

/* Lines as no image can have them: the boot display stays */
static void test_firmware_stride(void)
{
    static const uint32_t strides[] = { 255, 257, 258, 4, 0x80000000, -256 };
    QVirtioFb *fb = fb_start(OPTIONS " -M fw-cfg=on");
    QVirtioFbMode boot = fb_boot_mode(XRES, YRES);
    QVirtioFbMode ram = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 64, 48,
                                FIRMWARE_FB - fb->vram);
    g_autoptr(FbPicture) picture = fb_draw(fb, &boot, 1);
    int i;

    for (i = 0; i < ARRAY_SIZE(strides); i++) {
        ram.stride = strides[i];
        fb_set_firmware(fb, &ram);
        fb_assert_shows(fb, 0, picture);
    }
    fb_quit(fb);
}

/*
 * Formats that are converted take memory of the host: as much as there is of
 * video memory, and no more
 */
static void test_converted_bound(void)
{
    QVirtioFb *fb = fb_start_driver(",vram=16M,max_outputs=3");
    QVirtioFbMode half = fb_mode(VIRTIO_FB_FORMAT_XBGR8888, 2048, 1024, 0);
    QVirtioFbMode more = fb_mode(VIRTIO_FB_FORMAT_ABGR8888, 2048, 1025, 0);
    QVirtioFbMode tiny = fb_mode(VIRTIO_FB_FORMAT_XRGB2101010, 16, 16, 0);
    QVirtioFbMode plain = fb_mode(VIRTIO_FB_FORMAT_XRGB8888, 2048, 2048, 0);
    g_autoptr(FbPicture) picture = fb_draw(fb, &half, 1);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &half));
    g_assert_cmpuint(qvirtio_fb_set_scanout(fb, 1, &more), ==,
                     VIRTIO_FB_S_FAILED);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &half));
    g_assert_cmpuint(qvirtio_fb_set_scanout(fb, 2, &tiny), ==,
                     VIRTIO_FB_S_FAILED);
    g_assert_cmpuint(qvirtio_fb_set_scanout(fb, 1, &more), ==,
                     VIRTIO_FB_S_FAILED);
    fb_assert_shows(fb, 0, picture);
    fb_assert_shows(fb, 1, picture);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 2, &plain));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &half));
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 1));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 2, &tiny));
    fb_quit(fb);
}

static int count_lines(const char *path, const char *word)
{
    g_autofree char *text = NULL;
    const char *at;
    int n = 0;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    for (at = text; (at = strstr(at, word)); at++) {
        n++;
    }
    return n;
}

/* What nobody looks at is not converted, however often a guest sets it */
static void test_converted_unseen(void)
{
    g_autofree char *path = NULL;
    int i, fd = g_file_open_tmp("virtio-fb-XXXXXX", &path, NULL);
    g_autofree char *options = g_strdup_printf(
        ",vram=64M -trace virtio_fb_convert -trace virtio_fb_set_scanout"
        " -D %s", path);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XBGR8888, 4096, 4096, 0);
    QVirtioFb *fb = fb_start_driver(options);
    g_autoptr(FbPicture) picture = NULL;

    close(fd);
    for (i = 0; i < 20; i++) {
        fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    }
    if (count_lines(path, "virtio_fb_set_scanout") == 20) {
        g_assert_cmpint(count_lines(path, "virtio_fb_convert"), ==, 0);
        picture = fb_screendump(fb, 0);
        g_assert_cmpint(count_lines(path, "virtio_fb_convert"), >, 0);
        g_assert_cmpint(count_lines(path, "virtio_fb_convert"), <, 20);
    } else {
        g_test_skip("this QEMU writes its trace elsewhere");
    }
    fb_quit(fb);
    unlink(path);
}

int main(int argc, char **argv)
{
    int i, status;

    g_test_init(&argc, &argv, NULL);

    for (i = 0; i < ARRAY_SIZE(mode_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-fb/mode/%s",
                                                mode_cases[i].name);

        qtest_add_data_func(path, &mode_cases[i], test_mode);
        if (mode_cases[i].mode.width == 64) {
            g_autofree char *update = g_strdup_printf("virtio-fb/update/%s",
                                                      mode_cases[i].name);

            qtest_add_data_func(update, &mode_cases[i], test_update);
        }
    }
    qtest_add_func("virtio-fb/mode/changes", test_mode_changes);
    qtest_add_func("virtio-fb/update/only", test_no_update);
    qtest_add_func("virtio-fb/update/much", test_much_damage);

    qtest_add_func("virtio-fb/converted/bound", test_converted_bound);
    qtest_add_func("virtio-fb/converted/unseen", test_converted_unseen);

    qtest_add_data_func("virtio-fb/boot/default", "", test_boot);
    qtest_add_data_func("virtio-fb/boot/small", OPTIONS, test_boot);
    qtest_add_func("virtio-fb/boot/take-over", test_take_over);
    qtest_add_data_func("virtio-fb/boot/disable", NULL, test_disable);
    qtest_add_data_func("virtio-fb/disable", "shown", test_disable);
    qtest_add_func("virtio-fb/reset/system", test_system_reset);
    qtest_add_func("virtio-fb/reset/memory", test_reset_keeps_memory);

    if (desktop_arch()->fw_cfg_base) {
        qtest_add_func("virtio-fb/firmware", test_firmware);
        qtest_add_func("virtio-fb/firmware/stride", test_firmware_stride);
    }

    qtest_add_data_func("virtio-fb/outputs/1", ",max_outputs=1",
                        test_outputs);
    qtest_add_data_func("virtio-fb/outputs/2", ",max_outputs=2",
                        test_outputs);
    qtest_add_data_func("virtio-fb/outputs/16", ",max_outputs=16",
                        test_outputs);
    qtest_add_func("virtio-fb/outputs/overlap", test_overlap);

    status = g_test_run();
    fb_quit_shared();
    return status;
}

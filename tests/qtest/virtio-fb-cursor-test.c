/*
 * QTest testcase for virtio-fb: the cursor
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "virtio-fb-util.h"

#define OPTIONS     ",vram=16M,xres=64,yres=48,max_outputs=2"
#define WIDTH       64
#define HEIGHT      48

/* A cursor that is not symmetric, with lines that are longer than it is */
#define CURSOR      (8 * MiB)
#define CURSOR_W    7
#define CURSOR_H    5
#define HOT_X       2
#define HOT_Y       3
#define STRIDE      40

static QVirtioFbMode screen(void)
{
    return fb_mode(VIRTIO_FB_FORMAT_XRGB8888, WIDTH, HEIGHT, 0);
}

static QVirtioFbCursor cursor_at(int x, int y)
{
    return (QVirtioFbCursor) {
        .offset = CURSOR, .width = CURSOR_W, .height = CURSOR_H,
        .stride = STRIDE, .hot_x = HOT_X, .hot_y = HOT_Y, .x = x, .y = y,
    };
}

/* Opaque, or not there at all, in an irregular pattern */
static uint32_t cursor_pixel(int x, int y)
{
    uint32_t noise = (x + 1) * 0x9e3779b1 ^ (y + 1) * 0x85ebca6b;

    return noise % 3 ? 0xff000000 | (noise & 0xffffff) : 0;
}

static void draw_cursor(QVirtioFb *fb)
{
    uint8_t image[STRIDE * CURSOR_H];
    int x, y;

    memset(image, 0xff, sizeof(image));
    for (y = 0; y < CURSOR_H; y++) {
        for (x = 0; x < CURSOR_W; x++) {
            stl_le_p(image + y * STRIDE + x * 4, cursor_pixel(x, y));
        }
    }
    qtest_bufwrite(fb->qts, fb->vram + CURSOR, image, sizeof(image));
}

static void blend(uint8_t *rgb, uint32_t pixel)
{
    uint32_t i, alpha = pixel >> 24;

    for (i = 0; i < 3; i++) {
        rgb[i] = (pixel >> (16 - i * 8) & 0xff) + rgb[i] * (255 - alpha) / 255;
    }
}

/* A copy of @picture with the cursor, its hotspot at the place given */
static FbPicture *with_cursor(const FbPicture *picture, int hot_x, int hot_y)
{
    FbPicture *result = fb_picture_new(picture->width, picture->height);
    int x, y;

    memcpy(result->rgb, picture->rgb, picture->width * picture->height * 3);
    for (y = 0; y < CURSOR_H; y++) {
        for (x = 0; x < CURSOR_W; x++) {
            int px = hot_x - HOT_X + x, py = hot_y - HOT_Y + y;

            if (px >= 0 && px < picture->width &&
                py >= 0 && py < picture->height) {
                blend(fb_pixel(result, px, py), cursor_pixel(x, y));
            }
        }
    }
    return result;
}

static void assert_cursor(QVirtioFb *fb, int head, const FbPicture *picture,
                          int x, int y)
{
    g_autoptr(FbPicture) expected = with_cursor(picture, x, y);

    fb_assert_shows(fb, head, expected);
}

static FbPicture *start_screen(QVirtioFb *fb)
{
    QVirtioFbMode mode = screen();
    FbPicture *picture = fb_draw(fb, &mode, 1);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    draw_cursor(fb);
    return picture;
}

static void set_cursor(QVirtioFb *fb, uint32_t scanout, int x, int y)
{
    QVirtioFbCursor cursor = cursor_at(x, y);

    fb_assert_ok(qvirtio_fb_set_cursor(fb, scanout, &cursor));
}

/* Also where only a part of it is on the screen, or nothing */
static void test_places(void)
{
    static const struct {
        int32_t x;
        int32_t y;
    } places[] = {
        { 30, 20 }, { 0, 0 }, { HOT_X, HOT_Y }, { 1, 1 }, { -1, -1 },
        { -4, 20 }, { -5, 20 }, { 30, -1 }, { 30, -2 }, { 63, 47 },
        { 66, 20 }, { 65, 50 }, { 30, 51 }, { INT32_MIN, INT32_MIN },
        { INT32_MAX, INT32_MAX }, { INT32_MIN, 0 }, { 10, INT32_MAX },
        { -65536, 20 }, { 65536 + 10, 20 }, { 30, 20 },
    };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = start_screen(fb);
    int i;

    fb_assert_shows(fb, 0, picture);
    for (i = 0; i < ARRAY_SIZE(places); i++) {
        set_cursor(fb, 0, places[i].x, places[i].y);
        assert_cursor(fb, 0, picture, places[i].x, places[i].y);
    }
    for (i = 0; i < ARRAY_SIZE(places); i++) {
        fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, places[i].x, places[i].y));
        assert_cursor(fb, 0, picture, places[i].x, places[i].y);
    }
    fb_quit(fb);
}

/* A screendump draws it, but not into the guest's memory */
static void test_memory(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = start_screen(fb);
    g_autofree uint8_t *before = g_malloc(WIDTH * HEIGHT * 4);
    g_autofree uint8_t *after = g_malloc(WIDTH * HEIGHT * 4);

    qtest_bufread(fb->qts, fb->vram, before, WIDTH * HEIGHT * 4);
    set_cursor(fb, 0, 30, 20);
    assert_cursor(fb, 0, picture, 30, 20);
    qtest_bufread(fb->qts, fb->vram, after, WIDTH * HEIGHT * 4);
    g_assert_cmpmem(before, WIDTH * HEIGHT * 4, after, WIDTH * HEIGHT * 4);

    /* The device has its own copy of the image */
    qtest_memset(fb->qts, fb->vram + CURSOR, 0xff, STRIDE * CURSOR_H);
    assert_cursor(fb, 0, picture, 30, 20);
    fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, 10, 10));
    assert_cursor(fb, 0, picture, 10, 10);
    fb_quit(fb);
}

/* Over black and over white the blending has no rounding */
static void test_alpha(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = screen();
    QVirtioFbCursor cursor = {
        .offset = CURSOR, .width = 2, .height = 1, .stride = 8, .x = 5, .y = 5,
    };
    g_autoptr(FbPicture) picture = fb_picture_new(WIDTH, HEIGHT);

    qtest_writel(fb->qts, fb->vram + CURSOR, 0x80402010);
    qtest_writel(fb->qts, fb->vram + CURSOR + 4, 0x80402010);
    qtest_writel(fb->qts, fb->vram + (5 * WIDTH + 6) * 4, 0x00ffffff);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &cursor));
    memcpy(fb_pixel(picture, 5, 5), "\x40\x20\x10", 3);
    memcpy(fb_pixel(picture, 6, 5), "\xbf\x9f\x8f", 3);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* Shown, hidden, moved while hidden, shown again where it is told */
static void test_hide(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = start_screen(fb);
    QVirtioFbCursor none = { .x = 3, .y = 4 };

    fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, 20, 20));
    fb_assert_shows(fb, 0, picture);
    set_cursor(fb, 0, 30, 20);
    assert_cursor(fb, 0, picture, 30, 20);
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &none));
    fb_assert_shows(fb, 0, picture);
    fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, 20, 20));
    fb_assert_shows(fb, 0, picture);
    set_cursor(fb, 0, 31, 21);
    assert_cursor(fb, 0, picture, 31, 21);
    fb_quit(fb);
}

/* Of a scanout that shows nothing: kept, and there when it does */
static void test_disabled(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = screen();
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);

    draw_cursor(fb);
    set_cursor(fb, 0, 30, 20);
    fb_assert_shows(fb, 0, picture); /* the boot display has none */
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    assert_cursor(fb, 0, picture, 30, 20);

    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, 11, 12));
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    assert_cursor(fb, 0, picture, 11, 12);
    fb_quit(fb);
}

static void test_scanouts(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = start_screen(fb);
    QVirtioFbMode mode = screen();

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 1, &mode));
    set_cursor(fb, 1, 30, 20);
    fb_assert_shows(fb, 0, picture);
    assert_cursor(fb, 1, picture, 30, 20);
    set_cursor(fb, 0, 10, 12);
    assert_cursor(fb, 0, picture, 10, 12);
    assert_cursor(fb, 1, picture, 30, 20);
    fb_quit(fb);
}

/* Over flips and other modes it stays; a reset takes it away */
static void test_lasts(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = start_screen(fb);
    QVirtioFbMode mode = screen();
    QVirtioFbRequest request;

    set_cursor(fb, 0, 30, 20);
    mode.offset = 1 * MiB;
    fb_picture_free(picture);
    picture = fb_draw(fb, &mode, 2);
    request = qvirtio_fb_flip(fb, 0, mode.offset, NULL, 0);
    fb_step(fb, FB_NS_PER_SEC);
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &request, NULL));
    assert_cursor(fb, 0, picture, 30, 20);

    mode = fb_mode(VIRTIO_FB_FORMAT_XBGR8888, 32, 31, 1 * MiB);
    fb_picture_free(picture);
    picture = fb_draw(fb, &mode, 3);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    assert_cursor(fb, 0, picture, 30, 20);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_shows(fb, 0, picture);
    fb_assert_ok(qvirtio_fb_move_cursor(fb, 0, 20, 20));
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* One that covers all of the screen */
static void test_large(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    g_autoptr(FbPicture) picture = start_screen(fb);
    g_autofree uint8_t *image = g_malloc(64 * 64 * 4);
    QVirtioFbCursor cursor = {
        .offset = CURSOR, .width = 64, .height = 64, .stride = 256,
        .hot_x = 63, .hot_y = 63, .x = 63, .y = 63,
    };
    int i;

    for (i = 0; i < 64 * 64; i++) {
        uint32_t pixel = i * 0x010307 & 0xffffff;

        stl_le_p(image + i * 4, 0xff000000 | pixel);
        if (i < WIDTH * HEIGHT) {
            stw_be_p(picture->rgb + i * 3, pixel >> 8);
            picture->rgb[i * 3 + 2] = pixel;
        }
    }
    qtest_bufwrite(fb->qts, fb->vram + CURSOR, image, 64 * 64 * 4);
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &cursor));
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-fb/cursor/places", test_places);
    qtest_add_func("virtio-fb/cursor/memory", test_memory);
    qtest_add_func("virtio-fb/cursor/alpha", test_alpha);
    qtest_add_func("virtio-fb/cursor/hide", test_hide);
    qtest_add_func("virtio-fb/cursor/disabled", test_disabled);
    qtest_add_func("virtio-fb/cursor/scanouts", test_scanouts);
    qtest_add_func("virtio-fb/cursor/lasts", test_lasts);
    qtest_add_func("virtio-fb/cursor/large", test_large);

    status = g_test_run();
    fb_quit_shared();
    return status;
}

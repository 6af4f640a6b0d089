/*
 * QTest testcase for virtio-fb: what a driver finds, and what requests answer
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/cutils.h"
#include "qemu/host-utils.h"
#include "qemu/units.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define WINDOW_SIZE     (768 * MiB)

/* Small video memory has its end where tests reach it */
#define VRAM            (16 * MiB)
#define OPTIONS         ",vram=16M,xres=320,yres=200,max_outputs=2"

#define CONFIG(field) \
    config_read(fb, offsetof(struct virtio_fb_config, field))

static uint32_t config_read(QVirtioFb *fb, unsigned int offset)
{
    return qtest_readl(fb->qts, fb->slot->addr + VIRTIO_MMIO_CONFIG + offset);
}

/*
 * Features
 */

static void test_features(const void *data)
{
    bool no_edid = strstr(data, "edid=off");
    QVirtioFb *fb = fb_start(data);
    uint64_t features = qvirtio_get_features(fb->vdev);

    g_assert_cmphex(features & 0xffffff, ==,
                    QVIRTIO_FB_FEATURES & ~(no_edid << VIRTIO_FB_F_EDID));
    g_assert_true(features & 1ull << VIRTIO_F_VERSION_1);
    g_assert_false(features & 1ull << VIRTIO_F_IN_ORDER);
    fb_quit(fb);
}

/* Each of these requests needs a feature, and the others work without any */
static void test_no_features(void)
{
    QVirtioFb *fb = fb_start(OPTIONS);
    QVirtioFbCursor cursor = {
        .width = 16, .height = 16, .stride = 64,
    };
    QVirtioFbMode mode = fb_boot_mode(320, 200);
    uint8_t edid[VIRTIO_FB_EDID_SIZE];
    uint32_t size;

    qvirtio_fb_start(fb, 0);
    g_assert_cmpuint(qvirtio_fb_get_edid(fb, 0, edid, &size), ==,
                     VIRTIO_FB_S_UNSUPPORTED);
    g_assert_cmpuint(qvirtio_fb_set_cursor(fb, 0, &cursor), ==,
                     VIRTIO_FB_S_UNSUPPORTED);
    g_assert_cmpuint(qvirtio_fb_move_cursor(fb, 0, 1, 1), ==,
                     VIRTIO_FB_S_UNSUPPORTED);
    g_assert_cmpuint(qvirtio_fb_discard(fb, 0, 1 * MiB), ==,
                     VIRTIO_FB_S_UNSUPPORTED);

    fb_barrier(fb);
    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_assert_ok(qvirtio_fb_update(fb, 0, NULL, 0));
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 0, NULL));
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    fb_quit(fb);
}

static void test_edid_off(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS ",edid=off");
    uint8_t edid[VIRTIO_FB_EDID_SIZE];
    uint32_t size;

    g_assert_cmpuint(qvirtio_fb_get_edid(fb, 0, edid, &size), ==,
                     VIRTIO_FB_S_UNSUPPORTED);
    fb_quit(fb);
}

/*
 * Configuration space
 */

static void assert_formats(QVirtioFb *fb)
{
    static const uint32_t native[] = {
        VIRTIO_FB_FORMAT_XRGB8888, VIRTIO_FB_FORMAT_ARGB8888,
        VIRTIO_FB_FORMAT_RGB565,
    };
    static const uint32_t converted[] = {
        VIRTIO_FB_FORMAT_XBGR8888, VIRTIO_FB_FORMAT_ABGR8888,
        VIRTIO_FB_FORMAT_XRGB2101010,
    };
    uint32_t n = CONFIG(num_formats);
    int i, j, place, places = 0;

    g_assert_cmpuint(n, ==, ARRAY_SIZE(native) + ARRAY_SIZE(converted));
    for (i = 0; i < VIRTIO_FB_MAX_FORMATS; i++) {
        uint32_t format = CONFIG(formats[i]);

        for (j = 0, place = -1; j < ARRAY_SIZE(native); j++) {
            /* Those that need no conversion come first */
            place = format == native[j] ? j : place;
            place = format == converted[j] ? ARRAY_SIZE(native) + j : place;
        }
        g_assert_true(i < n ? place >= 0 : format == 0);
        g_assert_true(i >= ARRAY_SIZE(native) || place < ARRAY_SIZE(native));
        places |= i < n ? 1 << place : 0;
    }
    g_assert_cmphex(places, ==, (1 << n) - 1);
}

static void assert_config(QVirtioFb *fb, uint32_t scanouts, uint32_t width,
                          uint32_t height)
{
    g_assert_cmpuint(CONFIG(num_scanouts), ==, scanouts);
    g_assert_cmpuint(CONFIG(max_width), ==, 16384);
    g_assert_cmpuint(CONFIG(max_height), ==, 16384);
    g_assert_cmpuint(CONFIG(max_rects), >=, 16);
    g_assert_cmpuint(CONFIG(cursor_width), >=, 64);
    g_assert_cmpuint(CONFIG(cursor_height), >=, 64);
    g_assert_true(is_power_of_2(CONFIG(discard_align)));
    g_assert_cmpuint(CONFIG(boot_width), ==, width);
    g_assert_cmpuint(CONFIG(boot_height), ==, height);
    g_assert_cmpuint(CONFIG(boot_stride), ==, width * 4);
    g_assert_cmphex(CONFIG(boot_format), ==, VIRTIO_FB_FORMAT_XRGB8888);
    assert_formats(fb);
}

typedef struct ConfigCase {
    const char *name;
    const char *properties;
    uint32_t scanouts;
    uint32_t width;
    uint32_t height;
} ConfigCase;

static const ConfigCase config_cases[] = {
    { "defaults", "", 1, 1280, 800 },
    { "small", ",xres=1,yres=1", 1, 1, 1 },
    { "odd", ",xres=801,yres=333,max_outputs=3", 3, 801, 333 },
    { "most", ",xres=16384,yres=512,max_outputs=16", 16, 16384, 512 },
};

static void test_config(const void *data)
{
    const ConfigCase *c = data;
    QVirtioFb *fb = fb_start_driver(c->properties);

    assert_config(fb, c->scanouts, c->width, c->height);
    fb_quit(fb);
}

/* Bytes and half words read the same, and nothing that is written stays */
static void test_config_access(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint64_t config = fb->slot->addr + VIRTIO_MMIO_CONFIG;
    uint8_t bytes[sizeof(struct virtio_fb_config)];
    int i;

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = qtest_readb(fb->qts, config + i);
    }
    for (i = 0; i < sizeof(bytes); i += 4) {
        g_assert_cmphex(ldl_le_p(bytes + i), ==, config_read(fb, i));
        g_assert_cmphex(lduw_le_p(bytes + i), ==,
                        qtest_readw(fb->qts, config + i));
        qtest_writel(fb->qts, config + i, ~config_read(fb, i));
        g_assert_cmphex(ldl_le_p(bytes + i), ==, config_read(fb, i));
    }
    g_assert_false(qvirtio_fb_needs_reset(fb));
    fb_quit(fb);
}

/*
 * Shared memory
 */

static void test_shm_regions(void)
{
    static const uint32_t absent[] = { 1, 2, 255, 256, UINT32_MAX };
    QVirtioFb *fb = fb_start("");
    uint64_t base, size;
    int i;

    g_assert_true(qvirtio_fb_get_shm(fb, VIRTIO_FB_SHM_VRAM, &base, &size));
    g_assert_cmphex(base, ==, WINDOW_BASE);
    g_assert_cmphex(size, ==, 256 * MiB);
    for (i = 0; i < ARRAY_SIZE(absent); i++) {
        qvirtio_fb_get_shm(fb, absent[i], &base, &size);
        g_assert_cmphex(size, ==, UINT64_MAX);
        g_assert_cmphex(base, ==, UINT64_MAX);
    }
    fb_quit(fb);
}

static void reset_by_driver(QVirtioFb *fb)
{
    qvirtio_fb_reset(fb);
}

static void reset_machine(QVirtioFb *fb)
{
    qtest_system_reset(fb->qts);
    qvirtio_fb_cleanup(fb);
}

/* A driver that does not select a region has region 0 */
static void test_shm_reset(const void *data)
{
    void (*reset)(QVirtioFb *fb) = data;
    QVirtioFb *fb = fb_start_driver("");
    uint64_t base, size;

    qvirtio_fb_get_shm(fb, 1, &base, &size);
    reset(fb);
    g_assert_cmphex(qtest_readl(fb->qts, fb->slot->addr +
                                VIRTIO_MMIO_SHM_LEN_LOW), ==, 256 * MiB);
    g_assert_cmphex(qtest_readl(fb->qts, fb->slot->addr +
                                VIRTIO_MMIO_SHM_BASE_LOW), ==, WINDOW_BASE);
    fb_quit(fb);
}

/* All of video memory is there, and nothing behind it */
static void test_vram_size(const void *data)
{
    QVirtioFb *fb = fb_start(data);
    uint64_t base, size, expected;

    g_assert_cmpint(qemu_strtosz(strstr(data, "vram=") + 5, NULL, &expected),
                    ==, 0);
    g_assert_true(qvirtio_fb_get_shm(fb, VIRTIO_FB_SHM_VRAM, &base, &size));
    g_assert_cmphex(base, ==, WINDOW_BASE);
    g_assert_cmphex(size, ==, expected);

    g_assert_cmphex(qtest_readq(fb->qts, base), ==, 0);
    g_assert_cmphex(qtest_readq(fb->qts, base + size - 8), ==, 0);
    qtest_writeq(fb->qts, base, 0x0123456789abcdef);
    qtest_writeq(fb->qts, base + size - 8, 0xfedcba9876543210);
    g_assert_cmphex(qtest_readq(fb->qts, base), ==, 0x0123456789abcdef);
    g_assert_cmphex(qtest_readq(fb->qts, base + size - 8), ==,
                    0xfedcba9876543210);
    if (size < WINDOW_SIZE) {
        qtest_writeq(fb->qts, base + size, 0x5555555555555555);
        g_assert_cmphex(qtest_readq(fb->qts, base + size), ==, 0);
    }
    fb_quit(fb);
}

/*
 * Display information and EDID
 */

static void assert_display(const QVirtioFbDisplay *display, uint32_t width,
                           uint32_t height, uint32_t refresh)
{
    g_assert_cmphex(display->flags, ==, VIRTIO_FB_DISPLAY_CONNECTED);
    g_assert_cmpuint(display->width, ==, width);
    g_assert_cmpuint(display->height, ==, height);
    g_assert_cmpuint(display->refresh, ==, refresh * 1000);
}

/* @clock is in units of 10 kHz */
static void assert_timing(uint32_t clock, uint32_t htotal, uint32_t vtotal,
                          uint32_t refresh)
{
    double seen = clock * 10000.0 / (htotal * vtotal);

    g_assert_cmpfloat(seen, >, refresh * 0.99);
    g_assert_cmpfloat(seen, <, refresh * 1.01);
}

/* The first detailed timing of the base block is the preferred mode */
static void assert_edid(const uint8_t *edid, uint32_t size, uint32_t width,
                        uint32_t height, uint32_t refresh)
{
    static const uint8_t magic[] = { 0, 255, 255, 255, 255, 255, 255, 0 };
    const uint8_t *timing = edid + 54;
    uint32_t hactive = timing[2] | (timing[4] & 0xf0) << 4;
    uint32_t hblank = timing[3] | (timing[4] & 0x0f) << 8;
    uint32_t vactive = timing[5] | (timing[7] & 0xf0) << 4;
    uint32_t vblank = timing[6] | (timing[7] & 0x0f) << 8;
    uint8_t sum = 0;
    int i;

    g_assert_cmpmem(edid, sizeof(magic), magic, sizeof(magic));
    g_assert_cmpuint(size % 128, ==, 0);
    g_assert_cmpuint(size, ==, 128 * (1 + edid[126]));
    for (i = 0; i < size; i++) {
        sum += edid[i];
        g_assert_true(i % 128 != 127 || sum == 0);
    }
    for (; i < VIRTIO_FB_EDID_SIZE; i++) {
        g_assert_cmphex(edid[i], ==, 0);
    }

    g_assert_cmpuint(hactive, ==, width);
    g_assert_cmpuint(vactive, ==, height);
    assert_timing(lduw_le_p(timing), hactive + hblank, vactive + vblank,
                  refresh);
}

typedef struct DisplayCase {
    const char *name;
    const char *properties;
    uint32_t scanouts;
    uint32_t width;
    uint32_t height;
    uint32_t refresh;
} DisplayCase;

static const DisplayCase display_cases[] = {
    { "defaults", "", 1, 1280, 800, 60 },
    { "odd", ",xres=1366,yres=768,refresh=50", 1, 1366, 768, 50 },
    { "fast", ",xres=1920,yres=1080,refresh=144", 1, 1920, 1080, 144 },
    { "outputs-2", ",max_outputs=2,xres=1024,yres=768", 2, 1024, 768, 60 },
    { "outputs-16", ",max_outputs=16,xres=640,yres=480", 16, 640, 480, 60 },
};

static void test_displays(const void *data)
{
    static const QVirtioFbDisplay none;
    const DisplayCase *c = data;
    QVirtioFb *fb = fb_start_driver(c->properties);
    QVirtioFbDisplay displays[VIRTIO_FB_MAX_SCANOUTS];
    uint8_t edid[VIRTIO_FB_EDID_SIZE];
    uint32_t i, size;

    fb_assert_ok(qvirtio_fb_get_display_info(fb, displays));
    for (i = 0; i < c->scanouts; i++) {
        assert_display(&displays[i], c->width, c->height, c->refresh);
        fb_assert_ok(qvirtio_fb_get_edid(fb, i, edid, &size));
        assert_edid(edid, size, c->width, c->height, c->refresh);
    }
    for (; i < VIRTIO_FB_MAX_SCANOUTS; i++) {
        g_assert_cmpmem(&displays[i], sizeof(none), &none, sizeof(none));
        g_assert_cmpuint(qvirtio_fb_get_edid(fb, i, edid, &size), ==,
                         VIRTIO_FB_S_SCANOUT);
    }
    fb_quit(fb);
}

/*
 * Statuses: a valid request, of which one field is changed
 */

#define MAX_WORDS       32
#define STRIDE          256
#define WIDTH           64
#define HEIGHT          48
#define IMAGE           (STRIDE * HEIGHT)
#define OFFSET          (1 * MiB)

/* Returns: the number of words */
static int valid_request(uint32_t type, uint32_t *words)
{
    const uint32_t requests[][MAX_WORDS] = {
        [VIRTIO_FB_REQ_GET_DISPLAY_INFO] = { 4 },
        [VIRTIO_FB_REQ_GET_EDID] = { 4 },
        [VIRTIO_FB_REQ_SET_SCANOUT] = {
            10, OFFSET, 0, VIRTIO_FB_FORMAT_XRGB8888,
            WIDTH, HEIGHT, STRIDE,
        },
        [VIRTIO_FB_REQ_DISABLE_SCANOUT] = { 4 },
        [VIRTIO_FB_REQ_UPDATE] = { 10, 1, 0, 8, 4, 16, 12 },
        [VIRTIO_FB_REQ_FLIP] = {
            12, OFFSET, 0, 1, 0, 8, 4, 16, 12,
        },
        [VIRTIO_FB_REQ_SET_VBLANK] = { 6, 0, 0 },
        [VIRTIO_FB_REQ_SET_CURSOR] = {
            14, OFFSET, 0, 32, 24, 128, 3, 5, 7, 9, 0,
        },
        [VIRTIO_FB_REQ_MOVE_CURSOR] = { 6, 7, 9 },
        [VIRTIO_FB_REQ_DISCARD] = {
            8, 4 * MiB, 0, 1 * MiB, 0,
        },
    };
    int n = type && type < ARRAY_SIZE(requests) ? requests[type][0] : 4;

    memset(words, 0, MAX_WORDS * sizeof(*words));
    words[0] = type;
    if (n > 4) {
        memcpy(words + 4, requests[type] + 1, (n - 4) * sizeof(*words));
    }
    return n;
}

static uint32_t response_size(uint32_t type)
{
    switch (type) {
    case VIRTIO_FB_REQ_GET_DISPLAY_INFO:
        return sizeof(struct virtio_fb_display_info);
    case VIRTIO_FB_REQ_GET_EDID:
        return sizeof(struct virtio_fb_edid);
    case VIRTIO_FB_REQ_FLIP:
    case VIRTIO_FB_REQ_SET_VBLANK:
        return sizeof(struct virtio_fb_refresh_response);
    default:
        return sizeof(struct virtio_fb_response);
    }
}

typedef struct StatusCase {
    const char *what;
    uint32_t type;
    uint32_t offset;    /* in the request */
    uint32_t size;      /* 4 or 8 */
    uint64_t value;
    uint32_t status;
} StatusCase;

#define CASE(_what, _type, _struct, _field, _value, _status)        \
    { _what, VIRTIO_FB_REQ_##_type, offsetof(struct _struct, _field), \
      sizeof_field(struct _struct, _field), _value, VIRTIO_FB_S_##_status }

#define MODE(what, field, value, status) \
    CASE(what, SET_SCANOUT, virtio_fb_set_scanout, field, value, status)
#define FLIP(what, field, value, status) \
    CASE(what, FLIP, virtio_fb_flip, field, value, status)
#define UPDATE(what, field, value, status) \
    CASE(what, UPDATE, virtio_fb_update, field, value, status)
#define CURSOR(what, field, value, status) \
    CASE(what, SET_CURSOR, virtio_fb_set_cursor, field, value, status)
#define DISCARD(what, field, value, status) \
    CASE(what, DISCARD, virtio_fb_discard, field, value, status)
/* A field of the one rectangle of an update, and of a flip if it is invalid */
#define RECT(what, field, value, status) \
    { what, VIRTIO_FB_REQ_UPDATE, \
      sizeof(struct virtio_fb_update) + \
      offsetof(struct virtio_fb_rect, field), \
      4, value, VIRTIO_FB_S_##status }

static const StatusCase status_cases[] = {
    /* Mode */
    MODE("valid", stride, STRIDE, OK),
    MODE("no format", format, 0, UNSUPPORTED),
    MODE("unknown format", format, 0x34324742, UNSUPPORTED),
    MODE("big-endian format", format,
         VIRTIO_FB_FORMAT_XRGB8888 | 1u << 31, UNSUPPORTED),
    MODE("width 0", width, 0, INVALID),
    MODE("width too large", width, 16385, INVALID),
    MODE("width as large as it gets", width, UINT32_MAX, INVALID),
    MODE("width of 2^30, whose bytes are 0 in 32 bits", width, 1u << 30,
         INVALID),
    MODE("height 0", height, 0, INVALID),
    MODE("height too large", height, 16385, INVALID),
    MODE("height as large as it gets", height, UINT32_MAX, INVALID),
    MODE("stride 0", stride, 0, INVALID),
    MODE("stride too small", stride, STRIDE - 4, INVALID),
    MODE("stride of odd bytes", stride, STRIDE + 1, INVALID),
    MODE("stride of half words", stride, STRIDE + 2, INVALID),
    MODE("stride larger than video memory", stride, VRAM, MEMORY),
    MODE("stride as large as it gets", stride, UINT32_MAX - 3, MEMORY),
    MODE("offset of odd bytes", offset, 1, INVALID),
    MODE("offset of half words", offset, 2, INVALID),
    MODE("just inside", offset, VRAM - IMAGE, OK),
    MODE("4 bytes outside", offset, VRAM - IMAGE + 4, MEMORY),
    MODE("a line outside", offset, VRAM - IMAGE + STRIDE, MEMORY),
    MODE("at the end", offset, VRAM, MEMORY),
    MODE("beyond 4 GiB", offset, 1ull << 32, MEMORY),
    MODE("negative for a signed reader", offset, 1ull << 63, MEMORY),
    MODE("wraps to 0", offset, -(uint64_t)IMAGE, MEMORY),
    MODE("wraps into video memory", offset, -(uint64_t)4, MEMORY),

    /* Flip: to somewhere else with the same mode */
    FLIP("of odd bytes", offset, 1, INVALID),
    FLIP("of half words", offset, 2, INVALID),
    FLIP("4 bytes outside", offset, VRAM - IMAGE + 4, MEMORY),
    FLIP("at the end", offset, VRAM, MEMORY),
    FLIP("beyond 4 GiB", offset, 1ull << 32, MEMORY),
    FLIP("negative for a signed reader", offset, 1ull << 63, MEMORY),
    FLIP("wraps to 0", offset, -(uint64_t)IMAGE, MEMORY),
    FLIP("more rectangles than there are", num_rects, 2, INVALID),
    FLIP("too many rectangles", num_rects, UINT32_MAX, INVALID),
    FLIP("rectangles of 0 bytes in 32 bits", num_rects, 1u << 28, INVALID),

    /* Update */
    UPDATE("valid", num_rects, 1, OK),
    UPDATE("fewer rectangles than there are", num_rects, 0, OK),
    UPDATE("more rectangles than there are", num_rects, 2, INVALID),
    UPDATE("too many rectangles", num_rects, UINT32_MAX, INVALID),
    UPDATE("rectangles of 0 bytes in 32 bits", num_rects, 1u << 28, INVALID),
    UPDATE("negative for a signed reader", num_rects, 1u << 31, INVALID),

    /* The rectangle is 16 x 12 at (8, 4) */
    RECT("as far right as it goes", x, WIDTH - 16, OK),
    RECT("as far down as it goes", y, HEIGHT - 12, OK),
    RECT("too far right", x, WIDTH - 15, INVALID),
    RECT("at the right edge", x, WIDTH, INVALID),
    RECT("right edge wraps", x, -16u, INVALID),
    RECT("too far down", y, HEIGHT - 11, INVALID),
    RECT("at the lower edge", y, HEIGHT, INVALID),
    RECT("lower edge wraps", y, -12u, INVALID),
    RECT("empty, no width", width, 0, INVALID),
    RECT("empty, no height", height, 0, INVALID),
    RECT("too wide", width, WIDTH - 7, INVALID),
    RECT("too high", height, HEIGHT - 3, INVALID),
    RECT("width wraps", width, -8u, INVALID),
    RECT("height as large as it gets", height, UINT32_MAX, INVALID),

    /* Vblank */
    CASE("valid", SET_VBLANK, virtio_fb_set_vblank, enable, 0, OK),
    CASE("neither on nor off", SET_VBLANK, virtio_fb_set_vblank, enable, 2,
         INVALID),
    CASE("neither on nor off", SET_VBLANK, virtio_fb_set_vblank, enable,
         UINT32_MAX, INVALID),

    /* Cursor: 32 x 24 */
    CURSOR("valid", x, 7, OK),
    CURSOR("width alone 0", width, 0, INVALID),
    CURSOR("height alone 0", height, 0, INVALID),
    CURSOR("width as large as it gets", width, UINT32_MAX, INVALID),
    CURSOR("height as large as it gets", height, UINT32_MAX, INVALID),
    CURSOR("stride too small", stride, 124, INVALID),
    CURSOR("stride of half words", stride, 130, INVALID),
    CURSOR("stride as large as it gets", stride, UINT32_MAX - 3, MEMORY),
    CURSOR("hotspot outside", hot_x, 32, INVALID),
    CURSOR("hotspot outside", hot_y, 24, INVALID),
    CURSOR("hotspot outside", hot_x, UINT32_MAX, INVALID),
    CURSOR("offset of odd bytes", offset, 3, INVALID),
    CURSOR("just inside", offset, VRAM - 24 * 128, OK),
    CURSOR("outside", offset, VRAM - 24 * 128 + 4, MEMORY),
    CURSOR("at the end", offset, VRAM, MEMORY),
    CURSOR("beyond 4 GiB", offset, 1ull << 32, MEMORY),
    CURSOR("wraps to 0", offset, -(uint64_t)(24 * 128), MEMORY),
    CURSOR("far left", x, 1u << 31, OK),
    CURSOR("far down", y, INT32_MAX, OK),
    CASE("far left", MOVE_CURSOR, virtio_fb_move_cursor, x, 1u << 31, OK),
    CASE("far right", MOVE_CURSOR, virtio_fb_move_cursor, x, INT32_MAX, OK),
    CASE("far up", MOVE_CURSOR, virtio_fb_move_cursor, y, 1u << 31, OK),

    /* Discard: 1 MiB at 4 MiB */
    DISCARD("valid", size, 1 * MiB, OK),
    DISCARD("nothing", size, 0, INVALID),
    DISCARD("a byte less", size, 1 * MiB - 1, INVALID),
    DISCARD("half a unit", size, 0x800, INVALID),
    DISCARD("offset of a byte", offset, 1, INVALID),
    DISCARD("offset of half a unit", offset, 0x800, INVALID),
    DISCARD("to the end", offset, VRAM - 1 * MiB, OK),
    DISCARD("beyond the end", size, VRAM - 3 * MiB, MEMORY),
    DISCARD("at the end", offset, VRAM, MEMORY),
    DISCARD("beyond 4 GiB", offset, 1ull << 32, MEMORY),
    DISCARD("wraps to 0", offset, -(uint64_t)(1 * MiB), MEMORY),
    DISCARD("end wraps", size, -(uint64_t)(4 * MiB), MEMORY),
    DISCARD("all of 64 bits", size, 1ull << 63, MEMORY),
};

static void assert_status(QVirtioFb *fb, const char *what,
                          const uint32_t *words, int n, uint32_t status)
{
    g_autofree void *response = g_malloc(response_size(words[0]));
    uint32_t seen = qvirtio_fb_call(fb, words, n, response,
                                    response_size(words[0]));

    if (seen != status) {
        g_test_message("request %u: %s: status %u, expected %u", words[0],
                       what, seen, status);
        g_test_fail();
    }
}

static void assert_case(QVirtioFb *fb, const StatusCase *c)
{
    uint32_t words[MAX_WORDS];
    int n = valid_request(c->type, words);

    words[c->offset / 4] = c->value;
    if (c->size == 8) {
        words[c->offset / 4 + 1] = c->value >> 32;
    }
    assert_status(fb, c->what, words, n, c->status);
}

static bool is_bad_rect(const StatusCase *c)
{
    return c->type == VIRTIO_FB_REQ_UPDATE && c->status != VIRTIO_FB_S_OK &&
           c->offset >= sizeof(struct virtio_fb_update);
}

static void assert_flip_case(QVirtioFb *fb, const StatusCase *update)
{
    StatusCase flip = *update;

    flip.type = VIRTIO_FB_REQ_FLIP;
    flip.offset += sizeof(struct virtio_fb_flip) -
                   sizeof(struct virtio_fb_update);
    assert_case(fb, &flip);
}

static void set_mode(QVirtioFb *fb)
{
    uint32_t words[MAX_WORDS];
    int n = valid_request(VIRTIO_FB_REQ_SET_SCANOUT, words);

    assert_status(fb, "the valid one", words, n, VIRTIO_FB_S_OK);
}

/* What is refused has no effect, on the screen or on what comes next */
static void test_statuses(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = {
        VIRTIO_FB_FORMAT_XRGB8888, WIDTH, HEIGHT, STRIDE, OFFSET,
    };
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);
    int i;

    for (i = 0; i < ARRAY_SIZE(status_cases); i++) {
        const StatusCase *c = &status_cases[i];

        if (c->status == VIRTIO_FB_S_OK || !i) {
            set_mode(fb);
        }
        assert_case(fb, c);
        if (is_bad_rect(c)) {
            assert_flip_case(fb, c);
        }
        if (c->status == VIRTIO_FB_S_OK) {
            set_mode(fb);
        } else if (c->type == VIRTIO_FB_REQ_SET_SCANOUT) {
            fb_assert_shows(fb, 0, picture);
        }
    }
    /* Removes the cursor that a valid request has set */
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &(QVirtioFbCursor) { }));
    fb_step(fb, FB_NS_PER_SEC);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

static const uint32_t no_types[] = { 0, 11, 12, 0x100, 1u << 31, UINT32_MAX };
static const uint32_t no_scanouts[] = { 2, 15, 16, 31, 32, 1u << 31,
                                        UINT32_MAX };

static void test_headers(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint32_t words[MAX_WORDS];
    int i, bit, n, type;

    for (i = 0; i < ARRAY_SIZE(no_types); i++) {
        n = valid_request(no_types[i], words);
        assert_status(fb, "unknown type", words, n, VIRTIO_FB_S_UNSUPPORTED);
    }
    for (type = VIRTIO_FB_REQ_GET_DISPLAY_INFO; type <= VIRTIO_FB_REQ_DISCARD;
         type++) {
        for (bit = 1; bit < 32; bit++) {
            n = valid_request(type, words);
            words[1] = 1u << bit;
            assert_status(fb, "unknown flag", words, n,
                          VIRTIO_FB_S_UNSUPPORTED);
        }
        if (type == VIRTIO_FB_REQ_GET_DISPLAY_INFO ||
            type == VIRTIO_FB_REQ_DISCARD) {
            continue;
        }
        set_mode(fb);
        for (i = 0; i < ARRAY_SIZE(no_scanouts); i++) {
            n = valid_request(type, words);
            words[2] = no_scanouts[i];
            assert_status(fb, "unknown scanout", words, n,
                          VIRTIO_FB_S_SCANOUT);
        }
    }
    fb_quit(fb);
}

/* Requests without a scanout ignore the field, and all ignore padding */
static void test_ignored_fields(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    static const struct {
        uint32_t type;
        uint32_t word;
    } fields[] = {
        { VIRTIO_FB_REQ_GET_DISPLAY_INFO, 2 },
        { VIRTIO_FB_REQ_GET_DISPLAY_INFO, 3 },
        { VIRTIO_FB_REQ_GET_EDID, 3 },
        { VIRTIO_FB_REQ_SET_SCANOUT, 3 },
        { VIRTIO_FB_REQ_UPDATE, 3 },
        { VIRTIO_FB_REQ_UPDATE, 5 },
        { VIRTIO_FB_REQ_SET_VBLANK, 3 },
        { VIRTIO_FB_REQ_SET_VBLANK, 5 },
        { VIRTIO_FB_REQ_SET_CURSOR, 3 },
        { VIRTIO_FB_REQ_SET_CURSOR, 13 },
        { VIRTIO_FB_REQ_MOVE_CURSOR, 3 },
        { VIRTIO_FB_REQ_DISCARD, 2 },
        { VIRTIO_FB_REQ_DISCARD, 3 },
        { VIRTIO_FB_REQ_DISABLE_SCANOUT, 3 },
    };
    uint32_t words[MAX_WORDS];
    int i, n;

    for (i = 0; i < ARRAY_SIZE(fields); i++) {
        n = valid_request(fields[i].type, words);
        words[fields[i].word] = UINT32_MAX;
        assert_status(fb, "padding", words, n, VIRTIO_FB_S_OK);
    }
    fb_quit(fb);
}

/* Without a cursor image, most fields mean nothing */
static void test_no_cursor_fields(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbCursor cursor = {
        .offset = UINT64_MAX, .stride = 3, .hot_x = 99, .hot_y = UINT32_MAX,
    };

    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &cursor));
    fb_quit(fb);
}

/* What works on a scanout that shows nothing, and what does not */
static void test_disabled_scanout(void)
{
    static const uint32_t statuses[] = {
        [VIRTIO_FB_REQ_GET_EDID] = VIRTIO_FB_S_OK,
        [VIRTIO_FB_REQ_DISABLE_SCANOUT] = VIRTIO_FB_S_OK,
        [VIRTIO_FB_REQ_UPDATE] = VIRTIO_FB_S_SCANOUT,
        [VIRTIO_FB_REQ_FLIP] = VIRTIO_FB_S_SCANOUT,
        [VIRTIO_FB_REQ_SET_VBLANK] = VIRTIO_FB_S_OK,
        [VIRTIO_FB_REQ_SET_CURSOR] = VIRTIO_FB_S_OK,
        [VIRTIO_FB_REQ_MOVE_CURSOR] = VIRTIO_FB_S_OK,
    };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint32_t words[MAX_WORDS];
    int n, scanout, type;

    set_mode(fb);
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    for (scanout = 0; scanout < 2; scanout++) {
        for (type = 0; type < ARRAY_SIZE(statuses); type++) {
            n = valid_request(type, words);
            words[2] = scanout;
            if (type == VIRTIO_FB_REQ_GET_EDID ||
                type >= VIRTIO_FB_REQ_DISABLE_SCANOUT) {
                assert_status(fb, "disabled", words, n, statuses[type]);
            }
        }
    }
    fb_quit(fb);
}

static void test_max_rects(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint32_t i, max = CONFIG(max_rects);
    g_autofree QVirtioFbRect *rects = g_new0(QVirtioFbRect, max + 1);
    QVirtioFbRequest flip;

    for (i = 0; i <= max; i++) {
        rects[i] = (QVirtioFbRect) { i % WIDTH, i % HEIGHT, 1, 1 };
    }
    set_mode(fb);
    fb_assert_ok(qvirtio_fb_update(fb, 0, rects, max));
    g_assert_cmpuint(qvirtio_fb_update(fb, 0, rects, max + 1), ==,
                     VIRTIO_FB_S_INVALID);

    flip = qvirtio_fb_flip(fb, 0, OFFSET, rects, max + 1);
    g_assert_cmpuint(qvirtio_fb_finish_flip(fb, &flip, NULL), ==,
                     VIRTIO_FB_S_INVALID);
    flip = qvirtio_fb_flip(fb, 0, OFFSET, rects, max);
    fb_step(fb, FB_NS_PER_SEC);
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &flip, NULL));

    /* The last one counts, too */
    rects[max - 1].x = WIDTH;
    g_assert_cmpuint(qvirtio_fb_update(fb, 0, rects, max), ==,
                     VIRTIO_FB_S_INVALID);
    fb_quit(fb);
}

/* With all else right: a mode may be that large and not larger */
static void test_mode_size(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    static const struct {
        uint32_t width;
        uint32_t height;
        uint32_t status;
    } sizes[] = {
        { 16384, 1, VIRTIO_FB_S_OK }, { 16385, 1, VIRTIO_FB_S_INVALID },
        { 1, 16384, VIRTIO_FB_S_OK }, { 1, 16385, VIRTIO_FB_S_INVALID },
        { 2048, 2048, VIRTIO_FB_S_OK }, { 2048, 2049, VIRTIO_FB_S_MEMORY },
        { 16384, 16384, VIRTIO_FB_S_MEMORY },
    };
    int i;

    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        QVirtioFbMode mode = fb_boot_mode(sizes[i].width, sizes[i].height);

        g_assert_cmpuint(qvirtio_fb_set_scanout(fb, 0, &mode), ==,
                         sizes[i].status);
    }
    fb_quit(fb);
}

static void test_cursor_size(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbCursor cursor = {
        .offset = OFFSET, .width = CONFIG(cursor_width),
        .height = CONFIG(cursor_height),
    };

    cursor.stride = (cursor.width + 1) * 4;
    fb_assert_ok(qvirtio_fb_set_cursor(fb, 0, &cursor));
    cursor.width++;
    g_assert_cmpuint(qvirtio_fb_set_cursor(fb, 0, &cursor), ==,
                     VIRTIO_FB_S_INVALID);
    cursor.width--;
    cursor.height++;
    g_assert_cmpuint(qvirtio_fb_set_cursor(fb, 0, &cursor), ==,
                     VIRTIO_FB_S_INVALID);
    fb_quit(fb);
}

/*
 * Discard
 */

static uint64_t resident_shared(QVirtioFb *fb)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status",
                                            (int)qtest_pid(fb->qts));
    g_autofree char *text = NULL;
    const char *line;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return 0;
    }
    line = strstr(text, "RssShmem:");
    return line ? atoll(line + strlen("RssShmem:")) * KiB : 0;
}

static void test_discard(void)
{
    QVirtioFb *fb = fb_start_driver(",vram=64M");
    uint64_t size = 32 * MiB, unit = CONFIG(discard_align);
    uint64_t first = fb->vram + 8 * MiB, last = first + size - 8, before;

    qtest_memset(fb->qts, fb->vram, 0xa5, 64 * MiB);
    before = resident_shared(fb);
    g_assert_cmpuint(qvirtio_fb_discard(fb, 8 * MiB + unit / 2, unit), ==,
                     VIRTIO_FB_S_INVALID);
    g_assert_cmpuint(qvirtio_fb_discard(fb, 8 * MiB, 60 * MiB), ==,
                     VIRTIO_FB_S_MEMORY);
    g_assert_cmphex(qtest_readq(fb->qts, first), ==, 0xa5a5a5a5a5a5a5a5);

    fb_assert_ok(qvirtio_fb_discard(fb, 8 * MiB, size));
    g_assert_cmphex(qtest_readq(fb->qts, first), ==, 0);
    g_assert_cmphex(qtest_readq(fb->qts, first + size / 2), ==, 0);
    g_assert_cmphex(qtest_readq(fb->qts, last), ==, 0);
    g_assert_cmphex(qtest_readq(fb->qts, first - 8), ==, 0xa5a5a5a5a5a5a5a5);
    g_assert_cmphex(qtest_readq(fb->qts, last + 8), ==, 0xa5a5a5a5a5a5a5a5);
    if (before) {
        g_assert_cmpuint(resident_shared(fb), <=, before - size + 1 * MiB);
    }

    qtest_writeq(fb->qts, first, 0x0123456789abcdef);
    g_assert_cmphex(qtest_readq(fb->qts, first), ==, 0x0123456789abcdef);
    fb_assert_ok(qvirtio_fb_discard(fb, 0, unit));
    fb_assert_ok(qvirtio_fb_discard(fb, 64 * MiB - unit, unit));
    fb_assert_ok(qvirtio_fb_discard(fb, 0, 64 * MiB));
    g_assert_cmphex(qtest_readq(fb->qts, first), ==, 0);
    fb_quit(fb);
}

int main(int argc, char **argv)
{
    int i, status;

    g_test_init(&argc, &argv, NULL);

    qtest_add_data_func("virtio-fb/features/all", "", test_features);
    qtest_add_data_func("virtio-fb/features/edid-off", ",edid=off",
                        test_features);
    qtest_add_func("virtio-fb/features/none", test_no_features);
    qtest_add_func("virtio-fb/edid/off", test_edid_off);
    for (i = 0; i < ARRAY_SIZE(config_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-fb/config/%s",
                                                config_cases[i].name);

        qtest_add_data_func(path, &config_cases[i], test_config);
    }
    qtest_add_func("virtio-fb/config/access", test_config_access);

    qtest_add_func("virtio-fb/shm/regions", test_shm_regions);
    qtest_add_data_func("virtio-fb/shm/reset", reset_by_driver,
                        test_shm_reset);
    qtest_add_data_func("virtio-fb/shm/system-reset", reset_machine,
                        test_shm_reset);
    qtest_add_data_func("virtio-fb/shm/64M", ",vram=64M", test_vram_size);
    qtest_add_data_func("virtio-fb/shm/512M", ",vram=512M", test_vram_size);
    qtest_add_data_func("virtio-fb/shm/768M", ",vram=768M", test_vram_size);

    for (i = 0; i < ARRAY_SIZE(display_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-fb/displays/%s",
                                                display_cases[i].name);

        qtest_add_data_func(path, &display_cases[i], test_displays);
    }

    qtest_add_func("virtio-fb/status/fields", test_statuses);
    qtest_add_func("virtio-fb/status/headers", test_headers);
    qtest_add_func("virtio-fb/status/ignored", test_ignored_fields);
    qtest_add_func("virtio-fb/status/no-cursor", test_no_cursor_fields);
    qtest_add_func("virtio-fb/status/disabled", test_disabled_scanout);
    qtest_add_func("virtio-fb/status/max-rects", test_max_rects);
    qtest_add_func("virtio-fb/status/mode-size", test_mode_size);
    qtest_add_func("virtio-fb/status/cursor-size", test_cursor_size);
    qtest_add_func("virtio-fb/discard", test_discard);

    status = g_test_run();
    fb_quit_shared();
    return status;
}

/*
 * virtio-fb: an image, a page flip, the refresh
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "hw/virtio/virtio-fb-wire.h"
#include "tap.h"
#include "virtio.h"

#define ROLE        1
#define ALIGN       BIT(16)

static struct virtio fb;
static struct virtio_fb_config config;
static uint64_t vram, vram_size;
static struct virtio_fb_display mode;
static uint64_t image[2], image_size;   /* offsets in video memory */
static struct virtio_fb_event events[4];

static void add_event_buffer(unsigned i)
{
    struct piece piece = { &events[i], sizeof(events[i]), true };

    virtq_add(&fb, VIRTIO_FB_VQ_EVENT, i, &piece, 1);
}

/* Returns PASS if the answer is as long as it has to be */
static int request(const void *out, uint32_t out_size, void *in,
                   uint32_t in_size)
{
    struct virtio_fb_response *res = in;

    EXPECT_EQ(virtio_request(&fb, VIRTIO_FB_VQ_CONTROL, out, out_size,
                             in, in_size), in_size);
    EXPECT_EQ(res->status, VIRTIO_FB_S_OK);
    return PASS;
}

/* The status of a request that only has one */
static int status_of(const void *out, uint32_t out_size)
{
    struct virtio_fb_response res;

    if (virtio_request(&fb, VIRTIO_FB_VQ_CONTROL, out, out_size,
                       &res, sizeof(res)) != sizeof(res)) {
        return -1;
    }
    return res.status;
}

static int find_memory(unsigned slot)
{
    uintptr_t base = SLOTS + slot * SLOT_SIZE;

    write32(base + VIRTIO_SHM_SEL, VIRTIO_FB_SHM_VRAM);
    vram_size = read64(base + VIRTIO_SHM_LEN);
    vram = read64(base + VIRTIO_SHM_BASE);
    note("video memory: 0x%lx bytes at 0x%lx", vram_size, vram);
    EXPECT(vram_size && vram >= WINDOW && vram < WINDOW + WINDOW_SIZE);
    EXPECT(vram_size <= WINDOW + WINDOW_SIZE - vram);
    EXPECT(slot != ROLE || vram == WINDOW);
    return PASS;
}

static void read_config(void)
{
    unsigned i;

    for (i = 0; i < sizeof(config) / 4; i++) {
        ((uint32_t *)&config)[i] = virtio_config(&fb, 4 * i);
    }
}

/* Before the driver does anything; nobody else has drawn */
int check_fb_boot(void)
{
    int slot = virtio_find(VIRTIO_FB_DEVICE_ID, ROLE);
    uint64_t at, size;

    if (slot < 0) {
        return skip("there is no display");
    }
    fb.base = SLOTS + slot * SLOT_SIZE;
    fb.slot = slot;
    TRY(find_memory(slot));
    read_config();
    size = (uint64_t)config.boot_stride * config.boot_height;
    EXPECT(size <= vram_size);
    mmu_map_ram(vram, vram_size);
    for (at = 0; at < size; at += 8) {
        EXPECT_EQ(*(uint64_t *)(vram + at), 0);
    }
    if (!size) {
        return skip("there is no boot display");
    }
    note("boot display: %u x %u", config.boot_width, config.boot_height);
    EXPECT(config.boot_stride >= config.boot_width * 2);
    return PASS;
}

static bool has_format(uint32_t format)
{
    unsigned i;

    for (i = 0; i < config.num_formats && i < VIRTIO_FB_MAX_FORMATS; i++) {
        if (config.formats[i] == format) {
            return true;
        }
    }
    return false;
}

int check_fb_open(void)
{
    uint64_t features = BIT(VIRTIO_FB_F_EDID) | BIT(VIRTIO_FB_F_CURSOR) |
                        BIT(VIRTIO_FB_F_DISCARD);
    unsigned i;

    if (!fb.base) {
        return skip("there is no display");
    }
    TRY(virtio_open(&fb, fb.slot, features, VIRTIO_FB_NUM_VQS));
    for (i = 0; i < ARRAY_SIZE(events); i++) {
        add_event_buffer(i);
    }
    virtq_notify(&fb, VIRTIO_FB_VQ_EVENT);
    EXPECT(config.num_scanouts >= 1 &&
           config.num_scanouts <= VIRTIO_FB_MAX_SCANOUTS);
    EXPECT(config.max_rects >= 1);
    EXPECT(has_format(VIRTIO_FB_FORMAT_XRGB8888));
    if (config.boot_format) {
        EXPECT(has_format(config.boot_format));
    }
    return PASS;
}

int check_fb_info(void)
{
    struct virtio_fb_request req = { .type = VIRTIO_FB_REQ_GET_DISPLAY_INFO };
    struct virtio_fb_display_info info;

    if (!fb.base) {
        return skip("there is no display");
    }
    TRY(request(&req, sizeof(req), &info, sizeof(info)));
    if (!(info.display[0].flags & VIRTIO_FB_DISPLAY_CONNECTED)) {
        return skip("the screen is not connected");
    }
    mode = info.display[0];
    note("screen: %u x %u, %u mHz", mode.width, mode.height, mode.refresh);
    EXPECT(mode.width >= 1 && mode.width <= config.max_width);
    EXPECT(mode.height >= 1 && mode.height <= config.max_height);
    EXPECT(mode.refresh >= 1000);
    return PASS;
}

int check_fb_edid(void)
{
    static const uint8_t start[] = {
        0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
    };
    struct virtio_fb_request req = { .type = VIRTIO_FB_REQ_GET_EDID };
    struct virtio_fb_edid edid;
    unsigned i, block;

    if (!fb.base || !(fb.features & BIT(VIRTIO_FB_F_EDID))) {
        return skip("there is none");
    }
    TRY(request(&req, sizeof(req), &edid, sizeof(edid)));
    EXPECT_EQ(edid.size % 128, 0);
    EXPECT(edid.size <= sizeof(edid.edid));
    if (!edid.size) {
        return skip("it is empty");
    }
    EXPECT_EQ(memcmp(edid.edid, start, sizeof(start)), 0);
    for (block = 0; block < edid.size; block += 128) {
        uint8_t sum = 0;

        for (i = 0; i < 128; i++) {
            sum += edid.edid[block + i];
        }
        EXPECT_EQ(sum, 0);
    }
    return PASS;
}

/* The picture that the host expects, by number; see README */
static void draw(uint64_t offset, unsigned number)
{
    uint32_t *pixel = (uint32_t *)(vram + offset);
    unsigned x, y;

    for (y = 0; y < mode.height; y++) {
        for (x = 0; x < mode.width; x++) {
            unsigned red = (x + 7 * number) & 0xff;
            unsigned green = (y + 13 * number) & 0xff;
            unsigned blue = ((x / 16 ^ y / 16) + 29 * number) & 0xff;

            *pixel++ = red << 16 | green << 8 | blue;
        }
    }
}

static int place_images(void)
{
    uint64_t boot = (uint64_t)config.boot_stride * config.boot_height;

    image_size = (uint64_t)mode.width * mode.height * 4;
    image[0] = (boot + ALIGN - 1) & ~(ALIGN - 1);
    image[1] = (image[0] + image_size + ALIGN - 1) & ~(ALIGN - 1);
    EXPECT(image[1] + image_size <= vram_size);
    return PASS;
}

int check_fb_scanout(void)
{
    struct virtio_fb_set_scanout req = {
        .hdr.type = VIRTIO_FB_REQ_SET_SCANOUT,
        .format = VIRTIO_FB_FORMAT_XRGB8888,
        .width = mode.width, .height = mode.height, .stride = mode.width * 4,
    };
    struct {
        struct virtio_fb_update update;
        struct virtio_fb_rect rect;
    } update = {
        .update = { .hdr.type = VIRTIO_FB_REQ_UPDATE, .num_rects = 1 },
        .rect = { 0, 0, mode.width, mode.height },
    };

    if (!mode.width) {
        return skip("there is no screen");
    }
    TRY(place_images());
    draw(image[0], 1);
    req.offset = image[0];
    EXPECT_EQ(status_of(&req, sizeof(req)), VIRTIO_FB_S_OK);
    EXPECT_EQ(status_of(&update, sizeof(update)), VIRTIO_FB_S_OK);
    return PASS;
}

/* Start or stop events; the answer tells of the latest refresh */
static int set_vblank(unsigned enable, struct virtio_fb_refresh *refresh)
{
    struct virtio_fb_set_vblank req = {
        .hdr.type = VIRTIO_FB_REQ_SET_VBLANK, .enable = enable,
    };
    struct virtio_fb_refresh_response res;

    TRY(request(&req, sizeof(req), &res, sizeof(res)));
    *refresh = res.refresh;
    return PASS;
}

int check_fb_flip(void)
{
    struct virtio_fb_flip req = { .hdr.type = VIRTIO_FB_REQ_FLIP };
    struct virtio_fb_refresh_response res;
    struct virtio_fb_refresh before;
    uint32_t period;

    if (!image_size) {
        return skip("there is no image");
    }
    draw(image[1], 2);
    req.offset = image[1];
    TRY(set_vblank(0, &before));
    TRY(request(&req, sizeof(req), &res, sizeof(res)));
    note("flip at refresh %lu, asked for after %lu", res.refresh.sequence,
         before.sequence);
    EXPECT(res.refresh.sequence > before.sequence);
    period = 1000000000000ul / mode.refresh;        /* up or down */
    EXPECT(res.refresh.period - period <= 1);
    return PASS;
}

/* Three events, of later and later refreshes, then no more */
int check_fb_vblank(void)
{
    struct virtio_fb_refresh latest;
    uint32_t length;
    unsigned n;
    int i;

    if (!mode.width) {
        return skip("there is no screen");
    }
    TRY(set_vblank(1, &latest));
    for (n = 0; n < 3; n++) {
        i = virtq_wait(&fb, VIRTIO_FB_VQ_EVENT, &length, PATIENCE_MS);
        EXPECT(i >= 0);
        EXPECT_EQ(length, sizeof(events[i]));
        if (events[i].type == VIRTIO_FB_EVENT_VBLANK) {
            EXPECT(events[i].scanouts & 1);
            EXPECT(events[i].refresh.sequence > latest.sequence);
            latest = events[i].refresh;
        }
        add_event_buffer(i);
        virtq_notify(&fb, VIRTIO_FB_VQ_EVENT);
    }
    return set_vblank(0, &latest);
}

int check_fb_discard(void)
{
    struct virtio_fb_discard req = { .hdr.type = VIRTIO_FB_REQ_DISCARD };
    uint64_t align = config.discard_align;
    volatile uint64_t *at;      /* volatile: the device changes it */

    if (!fb.base || !(fb.features & BIT(VIRTIO_FB_F_DISCARD))) {
        return skip("it cannot be discarded");
    }
    EXPECT(align && !(align & (align - 1)));
    req.offset = (image[1] + image_size + align - 1) & ~(align - 1);
    req.size = align;
    if (req.offset + align > vram_size) {
        return skip("video memory is too small");
    }
    at = (uint64_t *)(vram + req.offset);
    *at = 0x0123456789abcdef;
    EXPECT_EQ(status_of(&req, sizeof(req)), VIRTIO_FB_S_OK);
    EXPECT_EQ(*at, 0);
    *at = 1;
    EXPECT_EQ(*at, 1);
    return PASS;
}

int check_fb_errors(void)
{
    struct virtio_fb_set_scanout scanout = {
        .hdr.type = VIRTIO_FB_REQ_SET_SCANOUT, .offset = vram_size & ~3ul,
        .format = VIRTIO_FB_FORMAT_XRGB8888,
        .width = 1, .height = 1, .stride = 4,
    };
    struct virtio_fb_request unknown = { .type = 9999 };
    struct virtio_fb_request disable = {
        .type = VIRTIO_FB_REQ_DISABLE_SCANOUT, .scanout = config.num_scanouts,
    };

    if (!fb.base) {
        return skip("there is no display");
    }
    EXPECT_EQ(status_of(&scanout, sizeof(scanout)), VIRTIO_FB_S_MEMORY);
    EXPECT_EQ(status_of(&unknown, sizeof(unknown)), VIRTIO_FB_S_UNSUPPORTED);
    EXPECT_EQ(status_of(&disable, sizeof(disable)), VIRTIO_FB_S_SCANOUT);
    return PASS;
}

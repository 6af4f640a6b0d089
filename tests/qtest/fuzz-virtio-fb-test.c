/*
 * QTest fuzzer for virtio-fb
 *
 * A guest that knows the interface and means harm: requests that are nearly
 * right, in buffers of any shape, between writes to any register, resets,
 * refreshes and screendumps. QEMU must go on, answer with a status that exists,
 * stay within bounds of memory, and work for a good driver afterwards. It finds
 * most with a QEMU that has --enable-asan and --enable-ubsan.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "fuzz-virtio-util.h"
#include "virtio-fb-util.h"

#define MAX_RECTS           300
#define MAX_WORDS           (8 + MAX_RECTS * 4)
#define RESPONSE_SIZE       1040    /* the longest */

static QVirtioFb *fb;
static int outputs;

static uint64_t vram_offset(QVirtioHostile *h)
{
    uint64_t size = fb->vram_size;

    switch (hostile_below(h, 8)) {
    case 0:
        return size - hostile_below(h, 256 * KiB);
    case 1:
        return -(uint64_t)hostile_below(h, 256 * KiB);
    case 2:
        return (uint64_t)hostile_word(h) << hostile_below(h, 33);
    default:
        return hostile_below(h, size) & ~3u;
    }
}

static uint64_t vram_address(QVirtioHostile *h)
{
    return fb->vram + vram_offset(h);
}

/*
 * Requests: right in most ways
 */

static uint32_t add_rects(QVirtioHostile *h, uint32_t *words)
{
    uint32_t i, n = hostile_below(h, hostile_one_in(h, 20) ? MAX_RECTS : 4);

    for (i = 0; i < n; i++) {
        words[i * 4] = hostile_below(h, 32);
        words[i * 4 + 1] = hostile_below(h, 32);
        words[i * 4 + 2] = 1 + hostile_below(h, 32);
        words[i * 4 + 3] = 1 + hostile_below(h, 32);
    }
    return n;
}

static void put64(uint32_t *words, uint64_t value)
{
    words[0] = value;
    words[1] = value >> 32;
}

static int make_mode(QVirtioHostile *h, uint32_t *words)
{
    static const uint32_t formats[] = {
        VIRTIO_FB_FORMAT_XRGB8888, VIRTIO_FB_FORMAT_ARGB8888,
        VIRTIO_FB_FORMAT_RGB565, VIRTIO_FB_FORMAT_XBGR8888,
        VIRTIO_FB_FORMAT_ABGR8888, VIRTIO_FB_FORMAT_XRGB2101010,
    };

    put64(words + 4, vram_offset(h));
    words[6] = formats[hostile_below(h, ARRAY_SIZE(formats))];
    words[7] = 1 + hostile_below(h, 64);
    words[8] = 1 + hostile_below(h, 64);
    words[9] = words[7] * 4 + hostile_below(h, 8) * 4;
    return 10;
}

static int make_cursor(QVirtioHostile *h, uint32_t *words)
{
    put64(words + 4, vram_offset(h));
    words[6] = hostile_below(h, 65);
    words[7] = words[6] ? 1 + hostile_below(h, 64) : 0;
    words[8] = words[6] * 4 + hostile_below(h, 4) * 4;
    words[9] = words[6] ? hostile_below(h, words[6]) : 0;
    words[10] = words[7] ? hostile_below(h, words[7]) : 0;
    words[11] = hostile_below(h, 128) - 32;
    words[12] = hostile_below(h, 128) - 32;
    return 14;
}

/* Returns: the number of words */
static int make_body(QVirtioHostile *h, uint32_t type, uint32_t *words)
{
    uint32_t n;

    switch (type) {
    case VIRTIO_FB_REQ_SET_SCANOUT:
        return make_mode(h, words);
    case VIRTIO_FB_REQ_UPDATE:
        n = add_rects(h, words + 6);
        words[4] = n;
        return 6 + n * 4;
    case VIRTIO_FB_REQ_FLIP:
        put64(words + 4, vram_offset(h));
        n = add_rects(h, words + 8);
        words[6] = n;
        return 8 + n * 4;
    case VIRTIO_FB_REQ_SET_VBLANK:
        words[4] = hostile_below(h, 2);
        return 6;
    case VIRTIO_FB_REQ_SET_CURSOR:
        return make_cursor(h, words);
    case VIRTIO_FB_REQ_MOVE_CURSOR:
        words[4] = hostile_below(h, 128) - 32;
        words[5] = hostile_below(h, 128) - 32;
        return 6;
    case VIRTIO_FB_REQ_DISCARD:
        put64(words + 4, vram_offset(h) & ~0xffffull);
        put64(words + 6, hostile_below(h, 20) * 64 * KiB);
        return 8;
    default:
        return 4;
    }
}

static int make_request(QVirtioHostile *h, uint32_t *words)
{
    /* Those that need an image to be set often find one */
    uint32_t type = hostile_one_in(h, 4) ? VIRTIO_FB_REQ_SET_SCANOUT
                                 : 1 + hostile_below(h, VIRTIO_FB_REQ_DISCARD);
    int i, n;

    memset(words, 0, MAX_WORDS * sizeof(*words));
    n = make_body(h, type, words);
    words[0] = type;
    words[1] = hostile_one_in(h, 4) ? VIRTIO_FB_FLAG_NO_RESPONSE : 0;
    words[2] = hostile_below(h, outputs);
    if (hostile_one_in(h, 3)) {
        for (i = hostile_below(h, 3); i >= 0; i--) {
            words[hostile_below(h, n)] = hostile_word(h);
        }
    }
    return n;
}

static void add_request(QVirtioHostile *h)
{
    uint32_t words[MAX_WORDS], out, in = RESPONSE_SIZE;
    int n = make_request(h, words);

    out = n * 4;
    if (hostile_one_in(h, 20)) {
        out = hostile_below(h, out + 1);
    }
    if (hostile_one_in(h, 10)) {
        in = hostile_below(h, 40);
    }
    hostile_add_request(h, words, n, out, in);
}

/*
 * Steps
 */

/* What a device may say it has written: nothing, or one of its responses */
static bool is_length(uint32_t length)
{
    return length == 0 || length == 8 || length == 32 || length == 520 ||
           length == RESPONSE_SIZE;
}

static void step_requests(QVirtioHostile *h)
{
    int i, n = 1 + hostile_below(h, QVIRTIO_HOSTILE_BATCH);

    hostile_begin(h, fb->control.vq);
    for (i = 0; i < n && hostile_has_room(h, 12, 8 * KiB); i++) {
        add_request(h);
    }
    hostile_send(h);
    fuzz_check_used(h, is_length);
}

static void step_events(QVirtioHostile *h)
{
    fuzz_add_event_buffers(h, sizeof(struct virtio_fb_event));
}

static void step_clock(QVirtioHostile *h)
{
    uint32_t most = hostile_one_in(h, 10) ? UINT32_MAX : 20000000;

    fb_step(fb, 1 + hostile_below(h, most));
}

/* Responses and queues of the guest may lie there, too */
static void step_memory(QVirtioHostile *h)
{
    uint32_t offset = hostile_below(h, fb->vram_size - 64 * KiB);

    qtest_memset(fb->qts, fb->vram + offset, g_rand_int(h->rand),
                 1 + hostile_below(h, 64 * KiB));
}

/* The device answers a flip later: by itself, or for another request */
static void step_flips(QVirtioHostile *h)
{
    uint32_t words[MAX_WORDS] = { };
    uint32_t in = sizeof(struct virtio_fb_refresh_response), done;
    int i, n = 1 + hostile_below(h, 3);

    hostile_begin(h, fb->control.vq);
    h->device_odds = 0;
    words[0] = VIRTIO_FB_REQ_SET_SCANOUT;
    words[6] = VIRTIO_FB_FORMAT_XRGB8888;
    words[7] = words[8] = 16;
    words[9] = 64;
    hostile_add_request(h, words, 10, 40, 8);
    for (i = 0; i < n; i++) {
        memset(words, 0, sizeof(words));
        words[0] = VIRTIO_FB_REQ_FLIP;
        hostile_add_head(h);
        hostile_add_parts(h, words, 32, 0, true);
        done = hostile_add_device(h, hostile_register(h), 0, in,
                                  VRING_DESC_F_WRITE, false);
        if (done < in) {
            hostile_add_parts(h, NULL, in - done, VRING_DESC_F_WRITE, false);
        }
    }
    hostile_send(h);
    if (hostile_one_in(h, 2)) {
        step_clock(h);
    } else {
        step_requests(h);
    }
}

static void step_dump(QVirtioHostile *h)
{
    fb_picture_free(fb_screendump(fb, hostile_below(h, outputs)));
}

static void step_machine(QVirtioHostile *h)
{
    if (hostile_one_in(h, 2)) {
        qtest_system_reset(fb->qts);
        return;
    }
    qtest_qmp_assert_success(fb->qts, "{'execute': 'stop'}");
    step_requests(h);
    step_clock(h);
    qtest_qmp_assert_success(fb->qts, "{'execute': 'cont'}");
}

/*
 * Sessions
 */

static int start(QVirtioHostile *h, QVirtioVictim *victims)
{
    g_autofree char *options = NULL;

    outputs = hostile_one_in(h, 4) ? VIRTIO_FB_MAX_SCANOUTS
                                   : 1 + hostile_below(h, 3);
    options = g_strdup_printf(",vram=%uM,xres=%u,yres=%u,max_outputs=%d,"
                              "refresh=%d,edid=%s", 16 + hostile_below(h, 16),
                              1 + hostile_below(h, 128),
                              1 + hostile_below(h, 128),
                              outputs, hostile_one_in(h, 4) ? 1000 : 60,
                              hostile_one_in(h, 4) ? "off" : "on");
    fb = fb_start(options);
    h->bad_address = vram_address;
    victims->slot = fb->slot;
    return 1;
}

static void start_driver(QVirtioHostile *h, uint64_t features)
{
    qvirtio_fb_start(fb, features);
    h->victim->vq[0] = fb->control.vq;
    h->victim->vq[1] = fb->event;
}

/* Whatever happened before, the device does what a good driver wants */
static void check_recovery(QVirtioHostile *h)
{
    int i;

    qvirtio_fb_start(fb, 0);
    for (i = 0; i < outputs; i++) {
        QVirtioFbMode mode = fb_mode(i % 2 ? VIRTIO_FB_FORMAT_XBGR8888
                                           : VIRTIO_FB_FORMAT_XRGB8888,
                                     64 - i, 48 + i, i * MiB);
        g_autoptr(FbPicture) picture = fb_draw(fb, &mode, i);
        QVirtioFbRequest flip;

        fb_assert_ok(qvirtio_fb_set_scanout(fb, i, &mode));
        flip = qvirtio_fb_flip(fb, i, mode.offset, NULL, 0);
        g_assert_cmpint(fb_next_timer(fb), !=, -1);
        fb_assert_ok(qvirtio_fb_finish_flip(fb, &flip, NULL));
        fb_assert_shows(fb, i, picture);
    }
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
}

static void quit(void)
{
    fb_quit(fb);
}

int main(int argc, char **argv)
{
    static const FuzzDevice device = {
        .name = "fb",
        .features = QVIRTIO_FB_FEATURES,
        .num_features = 3,
        .max_growth = 512 * KiB,
        .start = start,
        .start_driver = start_driver,
        .check_recovery = check_recovery,
        .quit = quit,
        .steps = {
            { step_requests, 55 }, { step_events, 8 }, { fuzz_step_noise, 4 },
            { fuzz_step_registers, 6 }, { step_clock, 10 }, { step_memory, 4 },
            { step_dump, 4 }, { fuzz_step_driver, 3 }, { fuzz_step_rings, 2 },
            { step_flips, 3 }, { step_machine, 1 },
        },
    };

    return fuzz_main(argc, argv, &device);
}

/*
 * QTest testcase for virtio-fb: the buffers that requests and responses are in
 *
 * A driver may cut them as it likes. A guest that means harm may send anything:
 * the answer is a status or a device that needs a reset, and all goes on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "standard-headers/linux/virtio_config.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define OPTIONS         ",vram=16M,xres=64,yres=48,max_outputs=2"

/* In words: the longest request here, a valid one of each type */
#define MAX_WORDS       16

typedef struct Kind {
    uint32_t type;
    uint32_t out;       /* bytes of the request, with one rectangle */
    uint32_t in;        /* bytes of the response */
} Kind;

static const Kind kinds[] = {
    { VIRTIO_FB_REQ_GET_DISPLAY_INFO, 16, 520 },
    { VIRTIO_FB_REQ_GET_EDID, 16, 1040 },
    { VIRTIO_FB_REQ_SET_SCANOUT, 40, 8 },
    { VIRTIO_FB_REQ_UPDATE, 40, 8 },
    { VIRTIO_FB_REQ_FLIP, 48, 32 },
    { VIRTIO_FB_REQ_SET_VBLANK, 24, 32 },
    { VIRTIO_FB_REQ_SET_CURSOR, 56, 8 },
    { VIRTIO_FB_REQ_MOVE_CURSOR, 24, 8 },
    { VIRTIO_FB_REQ_DISCARD, 32, 8 },
    { VIRTIO_FB_REQ_DISABLE_SCANOUT, 16, 8 },
};

static void valid_request(uint32_t type, uint8_t *bytes)
{
    const uint32_t requests[][MAX_WORDS - 4] = {
        [VIRTIO_FB_REQ_SET_SCANOUT] = {
            0, 0, VIRTIO_FB_FORMAT_XRGB8888, 64, 48, 256,
        },
        [VIRTIO_FB_REQ_UPDATE] = { 1, 0, 8, 4, 16, 12 },
        [VIRTIO_FB_REQ_FLIP] = { 0, 0, 1, 0, 8, 4, 16, 12 },
        [VIRTIO_FB_REQ_SET_CURSOR] = { 0, 0, 16, 16, 64, 3, 5, 7, 9 },
        [VIRTIO_FB_REQ_MOVE_CURSOR] = { 7, 9 },
        [VIRTIO_FB_REQ_DISCARD] = {
            4 * MiB, 0, 1 * MiB, 0,
        },
    };
    int i;

    memset(bytes, 0, MAX_WORDS * 4);
    stl_le_p(bytes, type);
    for (i = 0; type < ARRAY_SIZE(requests) && i < MAX_WORDS - 4; i++) {
        stl_le_p(bytes + 16 + i * 4, requests[type][i]);
    }
}

/*
 * A chain: memory for a request and a response, cut into descriptors
 */

typedef struct Chain {
    QVirtioFbRequest request;
    uint8_t response[4 * KiB];  /* of which request.in bytes are meant */
} Chain;

static void send_chain(QVirtioFb *fb, Chain *chain, const void *data,
                       uint32_t out, uint32_t out_part, uint32_t in,
                       uint32_t in_part)
{
    chain->request = qvirtio_requests_send_parts(&fb->control, data, out,
                                                 out_part, in, in_part);
}

/* Wait. Returns: the length written */
static uint32_t finish_chain(QVirtioFb *fb, Chain *chain)
{
    return qvirtio_requests_finish_marked(&fb->control, &chain->request,
                                          chain->response);
}

static void enable_scanout(QVirtioFb *fb)
{
    QVirtioFbMode mode = fb_boot_mode(64, 48);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
}

/* The device is broken, shows what it showed, and works again after a reset */
static void assert_broken(QVirtioFb *fb, const FbPicture *picture)
{
    static const uint32_t words[] = { VIRTIO_FB_REQ_GET_DISPLAY_INFO, 0, 0, 0 };
    QVirtioFbRequest next;

    g_assert_true(qvirtio_fb_needs_reset(fb));
    next = qvirtio_fb_send(fb, words, ARRAY_SIZE(words),
                           sizeof(struct virtio_fb_display_info));
    fb_step(fb, FB_NS_PER_SEC);
    g_assert_false(qvirtio_fb_is_used(fb, &next));
    fb_assert_shows(fb, 0, picture);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    g_assert_false(qvirtio_fb_needs_reset(fb));
    enable_scanout(fb);
}

/* Wait for a chain that the device may also break at. Returns: whether used */
static bool settle(QVirtioFb *fb, const QVirtioFbRequest *request)
{
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    while (!qvirtio_fb_is_used(fb, request)) {
        if (qvirtio_fb_needs_reset(fb)) {
            return false;
        }
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
    return true;
}

/*
 * Sizes
 */

static void check_whole(QVirtioFb *fb, const Kind *kind, uint32_t out,
                        uint32_t out_part, uint32_t in, uint32_t in_part)
{
    uint8_t bytes[MAX_WORDS * 4 + 4 * KiB];
    Chain chain;

    memset(bytes, 0xff, sizeof(bytes));
    valid_request(kind->type, bytes);
    send_chain(fb, &chain, bytes, out, out_part, in, in_part);
    if (kind->type == VIRTIO_FB_REQ_FLIP) {
        fb_step(fb, FB_NS_PER_SEC);
    }
    g_assert_cmpuint(finish_chain(fb, &chain), ==, kind->in);
    g_assert_cmpuint(ldl_le_p(chain.response), ==, VIRTIO_FB_S_OK);
}

/* Cut anywhere, and with more room than needed */
static void test_cuts(void)
{
    static const uint32_t parts[] = { 7, 16, 17, 1000 };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    int i, part;

    for (i = 0; i < ARRAY_SIZE(kinds); i++) {
        const Kind *kind = &kinds[i];

        enable_scanout(fb);
        for (part = 0; part < ARRAY_SIZE(parts); part++) {
            check_whole(fb, kind, kind->out, parts[part], kind->in,
                        parts[part]);
        }
        if (kind->out + kind->in < QVIRTIO_FB_CONTROL_SIZE) {
            check_whole(fb, kind, kind->out, 1, kind->in, 1);
        }
        enable_scanout(fb);
        check_whole(fb, kind, kind->out + 4 * KiB, 4 * KiB, 2 * KiB,
                    4 * KiB);
    }
    fb_quit(fb);
}

static void check_refused(QVirtioFb *fb, const Kind *kind, uint32_t out,
                          uint32_t in)
{
    uint8_t bytes[MAX_WORDS * 4];
    Chain chain;

    g_test_message("request %u: %u and %u bytes", kind->type, out, in);
    valid_request(kind->type, bytes);
    send_chain(fb, &chain, bytes, out, out, in, in);
    g_assert_cmpuint(finish_chain(fb, &chain), ==,
                     sizeof(struct virtio_fb_response));
    g_assert_cmpuint(ldl_le_p(chain.response), ==, VIRTIO_FB_S_INVALID);
}

/* Bytes are missing at the end of the request, or the response */
static void test_short(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint32_t i, size;

    enable_scanout(fb);
    for (i = 0; i < ARRAY_SIZE(kinds); i++) {
        const Kind *kind = &kinds[i];

        for (size = 16; size < kind->out; size++) {
            check_refused(fb, kind, size, kind->in);
        }
        for (size = 8; size < kind->in; size += size < 40 ? 1 : 97) {
            check_refused(fb, kind, kind->out, size);
        }
    }
    /* None of them was carried out: no flip is pending, no event asked for */
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

/* So little that there is no way to report it */
static void test_too_short(void)
{
    static const struct {
        uint32_t out;
        uint32_t in;
    } sizes[] = {
        { 0, 8 }, { 1, 8 }, { 4, 8 }, { 15, 8 }, { 15, 0 },
        { 16, 0 }, { 16, 1 }, { 16, 7 }, { 40, 0 }, { 40, 7 },
    };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = fb_boot_mode(64, 48);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);
    uint8_t bytes[MAX_WORDS * 4];
    Chain chain;
    int i;

    enable_scanout(fb);
    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        valid_request(VIRTIO_FB_REQ_SET_SCANOUT, bytes);
        send_chain(fb, &chain, bytes, sizes[i].out, sizes[i].out,
                   sizes[i].in, sizes[i].in);
        g_assert_false(settle(fb, &chain.request));
        assert_broken(fb, picture);
    }
    fb_quit(fb);
}

/*
 * Requests without response
 */

static void check_silent(QVirtioFb *fb, const Kind *kind, uint32_t in)
{
    uint8_t bytes[MAX_WORDS * 4];
    Chain chain;

    valid_request(kind->type, bytes);
    stl_le_p(bytes + 4, VIRTIO_FB_FLAG_NO_RESPONSE);
    qvirtio_fb_take_interrupt(fb);
    send_chain(fb, &chain, bytes, kind->out, kind->out, in, in);
    g_assert_cmpuint(finish_chain(fb, &chain), ==, 0);
    g_assert_false(qvirtio_fb_take_interrupt(fb));
}

/* They are not notified of and not written to, with room for it or without */
static void test_no_response(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    int i;

    enable_scanout(fb);
    for (i = 0; i < ARRAY_SIZE(kinds); i++) {
        check_silent(fb, &kinds[i], 0);
        check_silent(fb, &kinds[i], 4);
        check_silent(fb, &kinds[i], kinds[i].in);
    }
    g_assert_false(qvirtio_fb_needs_reset(fb));
    fb_quit(fb);
}

/* They are carried out, those that may be sent so */
static void test_no_response_works(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = fb_mode(VIRTIO_FB_FORMAT_XBGR8888, 64, 48, 0);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);
    QVirtioFbRequest request;
    uint32_t words[] = {
        VIRTIO_FB_REQ_SET_SCANOUT, VIRTIO_FB_FLAG_NO_RESPONSE, 0, 0,
        mode.offset, 0, mode.format, mode.width, mode.height,
        mode.stride,
    };
    uint32_t update[] = {
        VIRTIO_FB_REQ_UPDATE, VIRTIO_FB_FLAG_NO_RESPONSE, 0, 0, 0, 0,
    };

    request = qvirtio_fb_send(fb, words, ARRAY_SIZE(words), 0);
    qvirtio_fb_finish(fb, &request, NULL, 0);
    fb_assert_shows(fb, 0, picture);

    fb_picture_free(picture);
    picture = fb_draw(fb, &mode, 2);
    request = qvirtio_fb_send(fb, update, ARRAY_SIZE(update), 0);
    qvirtio_fb_finish(fb, &request, NULL, 0);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* A flip or a subscription without response is none: nothing is due then */
static void test_no_response_refused(void)
{
    static const Kind *flip = &kinds[4], *vblank = &kinds[5];
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint8_t bytes[MAX_WORDS * 4];
    Chain chain;

    enable_scanout(fb);
    check_silent(fb, flip, flip->in);
    valid_request(vblank->type, bytes);
    stl_le_p(bytes + 4, VIRTIO_FB_FLAG_NO_RESPONSE);
    stl_le_p(bytes + 16, 1);
    send_chain(fb, &chain, bytes, vblank->out, vblank->out, vblank->in,
               vblank->in);
    g_assert_cmpuint(finish_chain(fb, &chain), ==, 0);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

/*
 * A driver that asks for an interrupt at some buffer gets it, even if a buffer
 * without notification was the one.
 */
static void test_event_idx(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint8_t bytes[MAX_WORDS * 4];
    Chain chain;
    int i;

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES | 1ull << VIRTIO_RING_F_EVENT_IDX);
    fb_barrier(fb);
    qvirtqueue_set_used_event(fb->qts, fb->control.vq, 2);
    for (i = 0; i < 3; i++) {
        check_silent(fb, &kinds[2], 0);
    }
    valid_request(kinds[2].type, bytes);
    send_chain(fb, &chain, bytes, kinds[2].out, 40, kinds[2].in, 8);
    finish_chain(fb, &chain);
    g_assert_true(qvirtio_fb_take_interrupt(fb));

    qvirtqueue_set_used_event(fb->qts, fb->control.vq, 100);
    send_chain(fb, &chain, bytes, kinds[2].out, 40, kinds[2].in, 8);
    finish_chain(fb, &chain);
    g_assert_false(qvirtio_fb_take_interrupt(fb));
    fb_quit(fb);
}

/*
 * Rings that no driver makes
 */

typedef struct Descriptor {
    uint64_t addr;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
} Descriptor;

#define N   VRING_DESC_F_NEXT
#define W   VRING_DESC_F_WRITE
#define I   VRING_DESC_F_INDIRECT

#define RING_RAM    (RAM_BASE + 120 * MiB)

/* In place of an address */
enum {
    RAM = 1,        /* zeroes, or a request of type 0: RING_RAM */
    REGISTERS,      /* those of the device itself */
    IRQCHIP,
};

typedef struct RingCase {
    const char *name;
    Descriptor descriptors[4];
    uint16_t head;
} RingCase;

static const RingCase ring_cases[] = {
    { "loop-1", { { RAM, 16, N, 0 } } },
    { "loop-2", { { RAM, 16, N, 1 }, { RAM, 16, N, 0 } } },
    { "loop-writable", { { RAM, 16, N, 1 }, { RAM, 64, N | W, 1 } } },
    { "next-outside", { { RAM, 16, N, 256 } } },
    { "next-far-outside", { { RAM, 16, N, 65535 } } },
    { "head-outside", { { RAM, 16, 0, 0 } }, 256 },
    { "head-far-outside", { { RAM, 16, 0, 0 } }, 65535 },
    { "empty", { { RAM, 0, 0, 0 } } },
    { "empty-response", { { RAM, 16, N, 1 }, { RAM, 0, W, 0 } } },
    { "writable-first", { { RAM, 64, W | N, 1 }, { RAM, 16, 0, 0 } } },
    { "only-writable", { { RAM, 64, W, 0 } } },
    { "huge", { { RAM, UINT32_MAX, N, 1 }, { RAM, UINT32_MAX, W, 0 } } },
    { "no-memory", { { 1ull << 40, 16, N, 1 }, { 1ull << 40, 64, W, 0 } } },
    { "address-wraps", { { -8ull, 16, N, 1 }, { -8ull, 64, W, 0 } } },
    { "address-0", { { 0, 16, N, 1 }, { 0, 64, W, 0 } } },
    { "registers", { { REGISTERS, 64, N, 1 }, { REGISTERS, 64, W, 0 } } },
    { "irqchip", { { IRQCHIP, 64, N, 1 }, { IRQCHIP, 64, W, 0 } } },
    { "indirect", { { RAM, 32, I, 0 } } },
    { "indirect-empty", { { RAM, 0, I, 0 } } },
    { "indirect-odd", { { RAM, 17, I, 0 } } },
    { "indirect-next", { { RAM, 32, I | N, 1 }, { RAM, 64, W, 0 } } },
};

/* The machine runs, and a driver that starts anew finds a device that works */
static void assert_recovers(QVirtioFb *fb)
{
    g_assert_cmphex(qtest_readl(fb->qts, fb->slot->addr), ==, 0x74726976);
    fb_step(fb, FB_NS_PER_SEC);
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    g_assert_false(qvirtio_fb_needs_reset(fb));
    enable_scanout(fb);
}

static uint64_t address_of(QVirtioFb *fb, uint64_t place)
{
    switch (place) {
    case RAM:
        return RING_RAM;
    case REGISTERS:
        return fb->slot->addr;
    case IRQCHIP:
        return desktop_arch()->irqchip_base;
    default:
        return place;
    }
}

static void put_descriptors(QVirtioFb *fb, QVirtQueue *vq, const Descriptor *d,
                            int n)
{
    struct vring_desc wire[4];
    int i;

    for (i = 0; i < n; i++) {
        wire[i].addr = cpu_to_le64(address_of(fb, d[i].addr));
        wire[i].len = cpu_to_le32(d[i].length);
        wire[i].flags = cpu_to_le16(d[i].flags);
        wire[i].next = cpu_to_le16(d[i].next);
    }
    qtest_bufwrite(fb->qts, vq->desc, wire, n * sizeof(wire[0]));
}

static void test_ring(const void *data)
{
    const RingCase *c = data;
    QVirtioFb *fb = fb_share_driver(OPTIONS);

    qtest_memset(fb->qts, RING_RAM, 0, 64 * KiB);
    put_descriptors(fb, fb->control.vq, c->descriptors,
                    ARRAY_SIZE(c->descriptors));
    qvirtqueue_kick(fb->qts, fb->vdev, fb->control.vq, c->head);
    assert_recovers(fb);

    /* The same on the event queue, with an event to send */
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    put_descriptors(fb, fb->event, c->descriptors, ARRAY_SIZE(c->descriptors));
    qvirtqueue_kick(fb->qts, fb->vdev, fb->event, c->head);
    assert_recovers(fb);
    fb_quit(fb);
}

/* More buffers than a queue has */
static void test_ring_overflow(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);

    qtest_writew(fb->qts, fb->control.vq->avail + 2, 257);
    fb->vdev->bus->virtqueue_kick(fb->vdev, fb->control.vq);
    assert_recovers(fb);
    qtest_writew(fb->qts, fb->event->avail + 2, 32768);
    fb->vdev->bus->virtqueue_kick(fb->vdev, fb->event);
    assert_recovers(fb);
    fb_quit(fb);
}

/* A queue of one chain, whose request is in video memory itself */
static void test_ring_in_vram(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    const Descriptor d[] = {
        { fb->vram, 16, N, 1 },
        { fb->vram + 16, 512, N | W, 2 },
        { fb->vram, 512, W, 0 },
    };
    uint8_t bytes[MAX_WORDS * 4];

    valid_request(VIRTIO_FB_REQ_GET_DISPLAY_INFO, bytes);
    qtest_bufwrite(fb->qts, fb->vram, bytes, 16);
    put_descriptors(fb, fb->control.vq, d, ARRAY_SIZE(d));
    qvirtio_requests_submit(&fb->control, 0);
    assert_recovers(fb);
    fb_quit(fb);
}

static void test_short_event_buffer(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbMode mode = fb_boot_mode(64, 48);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);

    enable_scanout(fb);
    qvirtqueue_kick(fb->qts, fb->vdev, fb->event,
                    qvirtqueue_add(fb->qts, fb->event, RING_RAM, 31, true,
                                   false));
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    fb_step(fb, FB_NS_PER_SEC);
    assert_broken(fb, picture);
    fb_quit(fb);
}

/* Flips are answered late, so this is not offered, whoever wants it */
static void test_in_order(void)
{
    QVirtioFb *fb = fb_start(OPTIONS ",in_order=on");

    g_assert_cmphex(qvirtio_get_features(fb->vdev) & 1ull << VIRTIO_F_IN_ORDER,
                    ==, 0);
    fb_quit(fb);
}

/* What comes before DRIVER_OK waits for it */
static void test_before_driver_ok(void)
{
    static const uint32_t words[] = { VIRTIO_FB_REQ_GET_DISPLAY_INFO, 0, 0, 0 };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    QVirtioFbRequest request;

    qvirtio_fb_reset(fb);
    qvirtio_set_acknowledge(fb->vdev);
    qvirtio_set_driver(fb->vdev);
    qvirtio_set_features(fb->vdev, 1ull << VIRTIO_F_VERSION_1);
    qvirtio_requests_start(&fb->control, fb->slot, fb->alloc,
                           VIRTIO_FB_VQ_CONTROL, QVIRTIO_FB_CONTROL_SIZE);
    request = qvirtio_fb_send(fb, words, ARRAY_SIZE(words),
                              sizeof(struct virtio_fb_display_info));
    fb_step(fb, FB_NS_PER_SEC);
    g_assert_false(qvirtio_fb_is_used(fb, &request));
    qvirtio_set_driver_ok(fb->vdev);
    g_assert_true(settle(fb, &request));
    fb_quit(fb);
}

/* Over and over again, in all states */
static void test_resets(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    int i;

    for (i = 0; i < 50; i++) {
        enable_scanout(fb);
        qvirtio_fb_flip(fb, 0, 0, NULL, 0);
        fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 1, NULL));
        qvirtio_fb_add_event_buffer(fb);
        fb_step(fb, FB_NS_PER_SEC / 200);
        qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    }
    qvirtio_fb_reset(fb);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

int main(int argc, char **argv)
{
    int i, status;

    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-fb/chain/cuts", test_cuts);
    qtest_add_func("virtio-fb/chain/short", test_short);
    qtest_add_func("virtio-fb/chain/too-short", test_too_short);
    qtest_add_func("virtio-fb/no-response/silent", test_no_response);
    qtest_add_func("virtio-fb/no-response/works", test_no_response_works);
    qtest_add_func("virtio-fb/no-response/refused", test_no_response_refused);
    qtest_add_func("virtio-fb/no-response/event-idx", test_event_idx);

    for (i = 0; i < ARRAY_SIZE(ring_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-fb/ring/%s",
                                                ring_cases[i].name);

        qtest_add_data_func(path, &ring_cases[i], test_ring);
    }
    qtest_add_func("virtio-fb/ring/overflow", test_ring_overflow);
    qtest_add_func("virtio-fb/ring/in-vram", test_ring_in_vram);
    qtest_add_func("virtio-fb/ring/short-event", test_short_event_buffer);
    qtest_add_func("virtio-fb/in-order", test_in_order);
    qtest_add_func("virtio-fb/before-driver-ok", test_before_driver_ok);
    qtest_add_func("virtio-fb/resets", test_resets);

    status = g_test_run();
    fb_quit_shared();
    return status;
}

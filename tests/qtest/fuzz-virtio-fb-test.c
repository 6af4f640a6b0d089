/*
 * QTest fuzzer for virtio-fb
 *
 * A guest that knows the interface and means harm: requests that are nearly
 * right, in buffers of any shape, between writes to any register, resets,
 * refreshes and screendumps. QEMU must go on, answer with a status that exists,
 * stay within bounds of memory, and work for a good driver afterwards. It finds
 * most with a QEMU that has --enable-asan and --enable-ubsan.
 *
 * Each session is a fresh QEMU and is made from its seed alone. In the
 * environment, VIRTIO_FB_FUZZ_SEED is that of the first session (the others
 * count up), VIRTIO_FB_FUZZ_SESSIONS is their number, 0 for no end. To see a
 * failure again, run one session with the seed that was printed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-fb-util.h"

#define DEFAULT_SESSIONS    4
#define STEPS               150     /* in a session */
#define MAX_BATCH           40      /* requests that are sent together */
#define MAX_RECTS           300
#define MAX_WORDS           (8 + MAX_RECTS * 4)

/* What a session may add to the memory that QEMU has for itself */
#define MAX_GROWTH          (512 * MiB)

/* Guest memory for requests and responses, apart from the allocator's */
#define DATA_BASE           0x44000000ULL
#define DATA_SIZE           (128 * KiB)
#define RESPONSE_SIZE       1040    /* the longest */

typedef struct Fuzz {
    QVirtioFb *fb;
    GRand *rand;
    int outputs;
    /* What the next batch writes to guest memory */
    uint8_t data[DATA_SIZE];
    uint32_t data_used;
    struct vring_desc desc[QVIRTIO_FB_CONTROL_SIZE];
    uint16_t heads[MAX_BATCH];
    int num_desc;
    int num_heads;
    /* Since the driver started: is there a chain that cannot be told apart? */
    bool wild;
    uint16_t used_idx;
} Fuzz;

/*
 * Choices
 */

static uint32_t below(Fuzz *f, uint32_t n)
{
    return g_rand_int(f->rand) % n;
}

static bool one_in(Fuzz *f, uint32_t n)
{
    return !below(f, n);
}

/* A value of the kind that breaks things */
static uint32_t odd_word(Fuzz *f)
{
    static const uint32_t edges[] = {
        0, 4, 16, 64, 256, 4096, 16384, 65536, 1u << 24, 1u << 28, 1u << 31,
    };
    uint32_t edge = edges[below(f, ARRAY_SIZE(edges))];

    switch (below(f, 4)) {
    case 0:
        return g_rand_int(f->rand);
    case 1:
        return below(f, 300);
    default:
        return edge + below(f, 3) - 1;
    }
}

static uint64_t vram_offset(Fuzz *f)
{
    uint64_t size = f->fb->vram_size;

    switch (below(f, 8)) {
    case 0:
        return size - below(f, 256 * KiB);
    case 1:
        return -(uint64_t)below(f, 256 * KiB);
    case 2:
        return (uint64_t)odd_word(f) << below(f, 33);
    default:
        return below(f, size) & ~3u;
    }
}

static uint64_t guest_address(Fuzz *f)
{
    switch (below(f, 6)) {
    case 0:
        return f->fb->vram + vram_offset(f);
    case 1:
        return f->fb->slot->addr + below(f, 512);
    case 2:
        return (uint64_t)odd_word(f) << below(f, 33);
    case 3:
        return f->fb->control->desc + below(f, 16 * KiB);
    default:
        return DATA_BASE + below(f, DATA_SIZE);
    }
}

/*
 * Requests: right in most ways
 */

static uint32_t add_rects(Fuzz *f, uint32_t *words)
{
    uint32_t i, n = one_in(f, 20) ? below(f, MAX_RECTS) : below(f, 4);

    for (i = 0; i < n; i++) {
        words[i * 4] = below(f, 32);
        words[i * 4 + 1] = below(f, 32);
        words[i * 4 + 2] = 1 + below(f, 32);
        words[i * 4 + 3] = 1 + below(f, 32);
    }
    return n;
}

static void put64(uint32_t *words, uint64_t value)
{
    words[0] = value;
    words[1] = value >> 32;
}

static int make_mode(Fuzz *f, uint32_t *words)
{
    static const uint32_t formats[] = {
        VIRTIO_FB_FORMAT_XRGB8888, VIRTIO_FB_FORMAT_ARGB8888,
        VIRTIO_FB_FORMAT_RGB565, VIRTIO_FB_FORMAT_XBGR8888,
        VIRTIO_FB_FORMAT_ABGR8888, VIRTIO_FB_FORMAT_XRGB2101010,
    };

    put64(words + 4, vram_offset(f));
    words[6] = formats[below(f, ARRAY_SIZE(formats))];
    words[7] = 1 + below(f, 64);
    words[8] = 1 + below(f, 64);
    words[9] = words[7] * 4 + below(f, 8) * 4;
    return 10;
}

static int make_cursor(Fuzz *f, uint32_t *words)
{
    put64(words + 4, vram_offset(f));
    words[6] = below(f, 65);
    words[7] = words[6] ? 1 + below(f, 64) : 0;
    words[8] = words[6] * 4 + below(f, 4) * 4;
    words[9] = words[6] ? below(f, words[6]) : 0;
    words[10] = words[7] ? below(f, words[7]) : 0;
    words[11] = below(f, 128) - 32;
    words[12] = below(f, 128) - 32;
    return 14;
}

/* Returns: the number of words */
static int make_body(Fuzz *f, uint32_t type, uint32_t *words)
{
    uint32_t n;

    switch (type) {
    case VIRTIO_FB_REQ_SET_SCANOUT:
        return make_mode(f, words);
    case VIRTIO_FB_REQ_UPDATE:
        n = add_rects(f, words + 6);
        words[4] = n;
        return 6 + n * 4;
    case VIRTIO_FB_REQ_FLIP:
        put64(words + 4, vram_offset(f));
        n = add_rects(f, words + 8);
        words[6] = n;
        return 8 + n * 4;
    case VIRTIO_FB_REQ_SET_VBLANK:
        words[4] = below(f, 2);
        return 6;
    case VIRTIO_FB_REQ_SET_CURSOR:
        return make_cursor(f, words);
    case VIRTIO_FB_REQ_MOVE_CURSOR:
        words[4] = below(f, 128) - 32;
        words[5] = below(f, 128) - 32;
        return 6;
    case VIRTIO_FB_REQ_DISCARD:
        put64(words + 4, vram_offset(f) & ~0xffffull);
        put64(words + 6, below(f, 20) * 64 * KiB);
        return 8;
    default:
        return 4;
    }
}

static int make_request(Fuzz *f, uint32_t *words)
{
    /* Those that need an image to be set often find one */
    uint32_t type = one_in(f, 4) ? VIRTIO_FB_REQ_SET_SCANOUT
                                 : 1 + below(f, VIRTIO_FB_REQ_DISCARD);
    int i, n;

    memset(words, 0, MAX_WORDS * sizeof(*words));
    n = make_body(f, type, words);
    words[0] = type;
    words[1] = one_in(f, 4) ? VIRTIO_FB_FLAG_NO_RESPONSE : 0;
    words[2] = below(f, f->outputs);
    if (one_in(f, 3)) {
        for (i = below(f, 3); i >= 0; i--) {
            words[below(f, n)] = odd_word(f);
        }
    }
    return n;
}

/*
 * Buffers
 */

static void add_descriptor(Fuzz *f, uint64_t addr, uint32_t len, uint16_t flags)
{
    struct vring_desc *desc = &f->desc[f->num_desc++];

    desc->addr = cpu_to_le64(addr);
    desc->len = cpu_to_le32(len);
    desc->flags = cpu_to_le16(flags);
    desc->next = cpu_to_le16(f->num_desc);
}

static void spoil_descriptor(Fuzz *f)
{
    struct vring_desc *desc = &f->desc[below(f, f->num_desc)];

    f->wild = true;
    switch (below(f, 4)) {
    case 0:
        desc->addr = cpu_to_le64(guest_address(f));
        break;
    case 1:
        desc->len = cpu_to_le32(odd_word(f));
        break;
    case 2:
        desc->flags = cpu_to_le16(below(f, 8));
        break;
    default:
        desc->next = cpu_to_le16(below(f, 300));
        break;
    }
}

/* Descriptors for @size bytes, cut at random; without @data they are not set */
static void add_parts(Fuzz *f, const void *data, uint32_t size, uint16_t flags,
                      bool more)
{
    uint32_t part, done = 0;

    if (data) {
        memcpy(f->data + f->data_used, data, size);
    }
    while (done < size) {
        part = one_in(f, 3) ? 1 + below(f, size - done) : size - done;
        if (f->num_desc > QVIRTIO_FB_CONTROL_SIZE - 4) {
            part = size - done;
        }
        add_descriptor(f, DATA_BASE + f->data_used + done, part,
                       flags | (more || done + part < size
                                ? VRING_DESC_F_NEXT : 0));
        done += part;
    }
    f->data_used += size;
}

static void add_request(Fuzz *f)
{
    uint32_t words[MAX_WORDS], out, in = RESPONSE_SIZE;
    int i, n = make_request(f, words);

    out = n * 4;
    if (one_in(f, 20)) {
        out = below(f, out + 1);
    }
    if (one_in(f, 10)) {
        in = below(f, 40);
    }
    for (i = 0; i < n; i++) {
        words[i] = cpu_to_le32(words[i]);
    }
    f->heads[f->num_heads++] = f->num_desc;
    add_parts(f, words, out, 0, in);
    add_parts(f, NULL, in, VRING_DESC_F_WRITE, false);
}

/*
 * Steps
 */

/* What a device may say it has written: nothing, or one of its responses */
static void check_used(Fuzz *f)
{
    QVirtQueue *vq = f->fb->control;
    uint16_t idx = qtest_readw(f->fb->qts, vq->used + 2);
    uint32_t len;

    while (!f->wild && f->used_idx != idx) {
        len = qtest_readl(f->fb->qts, vq->used + 4 +
                          f->used_idx++ % vq->size * 8 + 4);
        g_assert_true(len == 0 || len == 8 || len == 32 || len == 520 ||
                      len == RESPONSE_SIZE);
    }
}

static void send_batch(Fuzz *f, QVirtQueue *vq)
{
    QVirtioFb *fb = f->fb;
    uint16_t idx = qtest_readw(fb->qts, vq->avail + 2);
    int i;

    if (one_in(f, 10)) {
        spoil_descriptor(f);
    }
    qtest_bufwrite(fb->qts, DATA_BASE, f->data, f->data_used + 1);
    qtest_bufwrite(fb->qts, vq->desc, f->desc,
                   MIN(f->num_desc, vq->size) * sizeof(f->desc[0]));
    for (i = 0; i < f->num_heads; i++) {
        qtest_writew(fb->qts, vq->avail + 4 + idx++ % vq->size * 2,
                     f->heads[i]);
    }
    if (one_in(f, 100)) {
        f->wild = true;
        idx = odd_word(f);
    }
    qtest_writew(fb->qts, vq->avail + 2, idx);
    fb->vdev->bus->virtqueue_kick(fb->vdev, vq);
}

static void step_requests(Fuzz *f)
{
    int i, n = 1 + below(f, MAX_BATCH);

    f->data_used = f->num_desc = f->num_heads = 0;
    for (i = 0; i < n && f->num_desc < QVIRTIO_FB_CONTROL_SIZE - 12 &&
         f->data_used < DATA_SIZE - 8 * KiB; i++) {
        add_request(f);
    }
    send_batch(f, f->fb->control);
    check_used(f);
}

static void step_events(Fuzz *f)
{
    int i, n = 1 + below(f, 8);

    f->data_used = f->num_desc = f->num_heads = 0;
    for (i = 0; i < n; i++) {
        f->heads[f->num_heads++] = f->num_desc;
        add_parts(f, NULL, one_in(f, 50) ? 1 + below(f, 64) : 32,
                  VRING_DESC_F_WRITE, false);
    }
    send_batch(f, f->fb->event);
}

/* Descriptors of nothing but noise */
static void step_wild(Fuzz *f)
{
    int i;

    f->wild = true;
    f->data_used = f->num_desc = f->num_heads = 0;
    for (i = 0; i < 32; i++) {
        add_descriptor(f, guest_address(f), odd_word(f) & 0xffff, below(f, 8));
        f->desc[i].next = cpu_to_le16(below(f, 33));
    }
    for (i = 0; i < 8; i++) {
        f->heads[f->num_heads++] = below(f, 33);
    }
    send_batch(f, one_in(f, 4) ? f->fb->event : f->fb->control);
}

static void step_registers(Fuzz *f)
{
    uint64_t slot = f->fb->slot->addr;
    int i;

    f->wild = true;
    for (i = below(f, 8); i >= 0; i--) {
        uint32_t reg = below(f, 0x180);
        uint32_t value = one_in(f, 2) ? below(f, 16) : odd_word(f);

        switch (below(f, 8)) {
        case 0:
            qtest_readb(f->fb->qts, slot + reg);
            break;
        case 1:
            qtest_readl(f->fb->qts, slot + (reg & ~3u));
            break;
        case 2:
            qtest_writew(f->fb->qts, slot + (reg & ~1u), value);
            break;
        case 3:
            qtest_writel(f->fb->qts, slot + VIRTIO_MMIO_STATUS, value);
            break;
        default:
            qtest_writel(f->fb->qts, slot + (reg & 0xfc), value);
            break;
        }
    }
}

static void step_clock(Fuzz *f)
{
    fb_step(f->fb, 1 + below(f, one_in(f, 10) ? UINT32_MAX : 20000000));
}

/* Responses and queues of the guest may lie there, too */
static void step_memory(Fuzz *f)
{
    uint32_t offset = below(f, f->fb->vram_size - 64 * KiB);

    qtest_memset(f->fb->qts, f->fb->vram + offset, g_rand_int(f->rand),
                 1 + below(f, 64 * KiB));
}

static void step_dump(Fuzz *f)
{
    fb_picture_free(fb_screendump(f->fb, below(f, f->outputs)));
}

static void step_driver(Fuzz *f)
{
    uint64_t features = QVIRTIO_FB_FEATURES;

    if (one_in(f, 4)) {
        features = below(f, 8);
    }
    if (one_in(f, 4)) {
        features |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
    }
    if (one_in(f, 4)) {
        features |= 1ull << VIRTIO_RING_F_EVENT_IDX;
    }
    features &= qvirtio_get_features(f->fb->vdev);
    qvirtio_fb_start(f->fb, features);
    f->wild = false;
    f->used_idx = 0;
}

static void step_machine(Fuzz *f)
{
    if (one_in(f, 2)) {
        qtest_system_reset(f->fb->qts);
        return;
    }
    qtest_qmp_assert_success(f->fb->qts, "{'execute': 'stop'}");
    step_requests(f);
    step_clock(f);
    qtest_qmp_assert_success(f->fb->qts, "{'execute': 'cont'}");
}

static void step(Fuzz *f)
{
    static const struct {
        void (*run)(Fuzz *f);
        int weight;
    } steps[] = {
        { step_requests, 60 }, { step_events, 8 }, { step_wild, 4 },
        { step_registers, 6 }, { step_clock, 10 }, { step_memory, 4 },
        { step_dump, 4 }, { step_driver, 3 }, { step_machine, 1 },
    };
    int i, choice = below(f, 100);

    for (i = 0; choice >= steps[i].weight; i++) {
        choice -= steps[i].weight;
    }
    steps[i].run(f);
    g_assert_cmphex(qtest_readl(f->fb->qts, f->fb->slot->addr), ==, 0x74726976);

    /* After most errors a driver starts anew, or nothing would happen */
    if (qtest_readl(f->fb->qts, f->fb->slot->addr + VIRTIO_MMIO_STATUS) !=
        (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
         VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK) &&
        !one_in(f, 8)) {
        step_driver(f);
    }
}

/*
 * Sessions
 */

static uint64_t own_memory(Fuzz *f)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status",
                                            (int)qtest_pid(f->fb->qts));
    g_autofree char *text = NULL;
    const char *line;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return 0;
    }
    line = strstr(text, "RssAnon:");
    return line ? atoll(line + strlen("RssAnon:")) * KiB : 0;
}

/* Whatever happened before, the device does what a good driver wants */
static void check_recovery(Fuzz *f)
{
    int i;

    qvirtio_fb_start(f->fb, 0);
    for (i = 0; i < f->outputs; i++) {
        QVirtioFbMode mode = fb_mode(i % 2 ? VIRTIO_FB_FORMAT_XBGR8888
                                           : VIRTIO_FB_FORMAT_XRGB8888,
                                     64 - i, 48 + i, i * MiB);
        g_autoptr(FbPicture) picture = fb_draw(f->fb, &mode, i);
        QVirtioFbRequest flip;

        fb_assert_ok(qvirtio_fb_set_scanout(f->fb, i, &mode));
        flip = qvirtio_fb_flip(f->fb, i, mode.offset, NULL, 0);
        g_assert_cmpint(fb_next_timer(f->fb), !=, -1);
        fb_assert_ok(qvirtio_fb_finish_flip(f->fb, &flip, NULL));
        fb_assert_shows(f->fb, i, picture);
    }
    g_assert_cmpint(fb_next_timer(f->fb), ==, -1);
}

static void run_session(uint32_t seed)
{
    g_autofree Fuzz *f = g_new0(Fuzz, 1);
    g_autofree char *options = NULL;
    uint64_t before;
    int i;

    g_test_message("session with VIRTIO_FB_FUZZ_SEED=%u", seed);
    f->rand = g_rand_new_with_seed(seed);
    f->outputs = one_in(f, 4) ? VIRTIO_FB_MAX_SCANOUTS : 1 + below(f, 3);
    options = g_strdup_printf(",vram=%uM,xres=%u,yres=%u,max_outputs=%d,"
                              "refresh=%d,edid=%s", 16 + below(f, 16),
                              1 + below(f, 128), 1 + below(f, 128),
                              f->outputs, one_in(f, 4) ? 1000 : 60,
                              one_in(f, 4) ? "off" : "on");
    f->fb = fb_start(options);
    before = own_memory(f);
    step_driver(f);
    for (i = 0; i < STEPS; i++) {
        alarm(QVIRTIO_FB_HANG_US / G_USEC_PER_SEC);
        step(f);
    }
    check_recovery(f);
    g_assert_cmpuint(own_memory(f), <=, before + MAX_GROWTH);
    alarm(0);
    fb_quit(f->fb);
    g_rand_free(f->rand);
}

static uint32_t from_environment(const char *name, uint32_t otherwise)
{
    const char *value = g_getenv(name);

    return value ? atoll(value) : otherwise;
}

static void test_fuzz(void)
{
    uint32_t seed = from_environment("VIRTIO_FB_FUZZ_SEED", 1);
    uint32_t i, sessions = from_environment("VIRTIO_FB_FUZZ_SESSIONS",
                                            DEFAULT_SESSIONS);

    for (i = 0; !sessions || i < sessions; i++) {
        run_session(seed + i);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("virtio-fb/fuzz", test_fuzz);
    return g_test_run();
}

/*
 * QTest fuzzer for virtio-power
 *
 * A guest that knows the interface and means harm: requests that are nearly
 * right, in buffers of any shape, between writes to any register, resets, and
 * a user who adds and removes devices and CPUs. QEMU must go on, answer with a
 * length that exists, stay within bounds of memory, and work for a good driver
 * afterwards. It finds most with --enable-asan and --enable-ubsan.
 *
 * Each session is a fresh QEMU and is made from its seed alone. In the
 * environment, VIRTIO_POWER_FUZZ_SEED is that of the first, the others count
 * up, VIRTIO_POWER_FUZZ_SESSIONS is their number, 0: no end.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-power-util.h"

#define DEFAULT_SESSIONS    4
#define STEPS               150     /* in a session */
#define MAX_BATCH           16      /* requests that are sent together */
#define QUEUE_SIZE          QVIRTIO_POWER_QUEUE_SIZE
#define NUM_CPUS            4

/* What a session may add to the memory that QEMU has for itself */
#define MAX_GROWTH          (256 * MiB)

/* Guest memory for requests and responses, apart from the allocator's */
#define DATA_BASE           0x44000000ULL
#define DATA_SIZE           (128 * KiB)

typedef struct Fuzz {
    QVirtioPower *power;
    GRand *rand;
    /* What the next batch writes to guest memory */
    uint8_t data[DATA_SIZE];
    uint32_t data_used;
    struct vring_desc desc[QUEUE_SIZE];
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
        0, 4, 8, 16, 64, 128, 256, 4096, 65536, 1u << 24, 1u << 31,
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

static uint64_t guest_address(Fuzz *f)
{
    switch (below(f, 5)) {
    case 0:
        return f->power->slot->addr + below(f, 512);
    case 1:
        return (uint64_t)odd_word(f) << below(f, 33);
    case 2:
        return f->power->request->desc + below(f, 16 * KiB);
    default:
        return DATA_BASE + below(f, DATA_SIZE);
    }
}

/*
 * Requests: right in most ways
 */

/* Returns: the number of words */
static int make_request(Fuzz *f, uint32_t *words)
{
    /* A machine that ends all the time has no time for anything else */
    uint32_t last = one_in(f, 20) ? VIRTIO_POWER_REQ_CPU_REFUSE
                                  : VIRTIO_POWER_REQ_SET_EVENTS;
    uint32_t type = one_in(f, 4) ? VIRTIO_POWER_REQ_SLOT_RESET + below(f, 6)
                                 : 1 + below(f, last);
    int i;

    memset(words, 0, 6 * sizeof(*words));
    words[0] = type;
    switch (type) {
    case VIRTIO_POWER_REQ_SLOT_RESET:
    case VIRTIO_POWER_REQ_SLOT_EJECT:
        words[2] = 8 + below(f, 4);
        words[4] = below(f, 2);
        break;
    case VIRTIO_POWER_REQ_SET_EVENTS:
        words[4] = one_in(f, 2) ? QVIRTIO_POWER_ALL_EVENTS
                                : g_rand_int(f->rand) & 0x1ff;
        break;
    case VIRTIO_POWER_REQ_SUSPEND:
        words[4] = below(f, 1000000);
        break;
    case VIRTIO_POWER_REQ_PANIC:
        words[4] = below(f, 2);
        break;
    default:
        words[2] = below(f, NUM_CPUS);
        break;
    }
    if (one_in(f, 3)) {
        for (i = below(f, 2); i >= 0; i--) {
            words[below(f, 6)] = odd_word(f);
        }
    }
    return one_in(f, 10) ? 4 : 6;
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
        desc->next = cpu_to_le16(below(f, QUEUE_SIZE + 8));
        break;
    }
}

/* One or two descriptors for @size bytes; without @data they are not set */
static void add_parts(Fuzz *f, const void *data, uint32_t size, uint16_t flags,
                      bool more)
{
    uint32_t first = size > 1 && one_in(f, 3) ? 1 + below(f, size - 1) : size;

    if (data) {
        memcpy(f->data + f->data_used, data, size);
    }
    add_descriptor(f, DATA_BASE + f->data_used, first,
                   flags | (more || first < size ? VRING_DESC_F_NEXT : 0));
    if (first < size) {
        add_descriptor(f, DATA_BASE + f->data_used + first, size - first,
                       flags | (more ? VRING_DESC_F_NEXT : 0));
    }
    f->data_used += size;
}

static void add_request(Fuzz *f)
{
    uint32_t words[6], out, in = 8 + below(f, 3000);
    int i, n = make_request(f, words);

    out = n * 4;
    if (one_in(f, 40)) {
        out = 1 + below(f, out);
    }
    if (one_in(f, 10)) {
        in = 1 + below(f, 40);
    }
    for (i = 0; i < n; i++) {
        words[i] = cpu_to_le32(words[i]);
    }
    f->heads[f->num_heads++] = f->num_desc;
    add_parts(f, words, out, 0, true);
    add_parts(f, NULL, in, VRING_DESC_F_WRITE, false);
}

/*
 * Steps
 */

static bool is_length(uint32_t length)
{
    int i;
    static const uint32_t records[] = { 32, 40, 80, 216 };

    for (i = 0; i < ARRAY_SIZE(records); i++) {
        if (length >= 24 && (length - 24) % records[i] == 0) {
            return true;
        }
    }
    return length == 8 || length == 16;
}

/* What a device may say it has written is one of its responses */
static void check_used(Fuzz *f)
{
    QVirtQueue *vq = f->power->request;
    uint16_t idx = qtest_readw(f->power->qts, vq->used + 2);

    while (!f->wild && f->used_idx != idx) {
        g_assert_true(is_length(qtest_readl(f->power->qts, vq->used + 4 +
                                f->used_idx++ % vq->size * 8 + 4)));
    }
}

static void send_batch(Fuzz *f, QVirtQueue *vq)
{
    QVirtioPower *power = f->power;
    uint16_t idx = qtest_readw(power->qts, vq->avail + 2);
    int i;

    if (one_in(f, 10)) {
        spoil_descriptor(f);
    }
    qtest_bufwrite(power->qts, DATA_BASE, f->data, f->data_used + 1);
    qtest_bufwrite(power->qts, vq->desc, f->desc,
                   f->num_desc * sizeof(f->desc[0]));
    for (i = 0; i < f->num_heads; i++) {
        qtest_writew(power->qts, vq->avail + 4 + idx++ % vq->size * 2,
                     f->heads[i]);
    }
    if (one_in(f, 100)) {
        f->wild = true;
        idx = odd_word(f);
    }
    qtest_writew(power->qts, vq->avail + 2, idx);
    power->vdev->bus->virtqueue_kick(power->vdev, vq);
}

static void step_requests(Fuzz *f)
{
    int i, n = 1 + below(f, MAX_BATCH);

    f->data_used = f->num_desc = f->num_heads = 0;
    for (i = 0; i < n && f->num_desc < QUEUE_SIZE - 4; i++) {
        add_request(f);
    }
    send_batch(f, f->power->request);
    check_used(f);
}

static void step_events(Fuzz *f)
{
    int i, n = 1 + below(f, 8);

    f->data_used = f->num_desc = f->num_heads = 0;
    for (i = 0; i < n; i++) {
        f->heads[f->num_heads++] = f->num_desc;
        add_parts(f, NULL, one_in(f, 50) ? 1 + below(f, 64) : 16,
                  VRING_DESC_F_WRITE, false);
    }
    send_batch(f, f->power->event);
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
    send_batch(f, one_in(f, 4) ? f->power->event : f->power->request);
}

static void step_registers(Fuzz *f)
{
    uint64_t slot = f->power->slot->addr;
    int i;

    f->wild = true;
    for (i = below(f, 8); i >= 0; i--) {
        uint32_t reg = below(f, 0x180);
        uint32_t value = one_in(f, 2) ? below(f, 16) : odd_word(f);

        switch (below(f, 8)) {
        case 0:
            qtest_readb(f->power->qts, slot + reg);
            break;
        case 1:
            qtest_readl(f->power->qts, slot + (reg & ~3u));
            break;
        case 2:
            qtest_writew(f->power->qts, slot + (reg & ~1u), value);
            break;
        case 3:
            qtest_writel(f->power->qts, slot + VIRTIO_MMIO_STATUS, value);
            break;
        default:
            qtest_writel(f->power->qts, slot + (reg & 0xfc), value);
            break;
        }
    }
}

static void step_driver(Fuzz *f)
{
    uint64_t features = QVIRTIO_POWER_FEATURES;

    if (one_in(f, 4)) {
        features = below(f, 16);
    }
    if (one_in(f, 4)) {
        features |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
    }
    if (one_in(f, 4)) {
        features |= 1ull << VIRTIO_RING_F_EVENT_IDX;
    }
    features &= qvirtio_get_features(f->power->vdev);
    qvirtio_power_start(f->power, features);
    f->wild = false;
    f->used_idx = 0;
}

/* What a user does may be refused, but must not hang */
static void step_user(Fuzz *f)
{
    QTestState *qts = f->power->qts;
    int slot = 8 + below(f, 4);
    g_autofree char *id = g_strdup_printf("rng%d", slot);
    g_autofree char *bus = g_strdup_printf("virtio-mmio-bus.%d", slot);
    QDict *answer;

    switch (below(f, 5)) {
    case 0:
        answer = qtest_qmp(qts, "{'execute': 'device_add', 'arguments':"
                           " {'driver': 'virtio-rng-device', 'id': %s,"
                           " 'bus': %s}}", id, bus);
        break;
    case 1:
        answer = qtest_qmp(qts, "{'execute': 'device_del', 'arguments':"
                           " {'id': %s}}", id);
        break;
    case 2:
        answer = qtest_qmp(qts, "{'execute': 'cpu-set-present', 'arguments':"
                           " {'cpu-index': %d, 'present': %i}}",
                           below(f, NUM_CPUS), one_in(f, 2));
        break;
    case 3:
        answer = qtest_qmp(qts, "{'execute': 'qom-set', 'arguments': {'path':"
                           " '/machine/board/power-device', 'property':"
                           " 'ask-reboot', 'value': true}}");
        break;
    default:
        answer = qtest_qmp(qts, "{'execute': 'system_powerdown'}");
        break;
    }
    qobject_unref(answer);
}

static void step_machine(Fuzz *f)
{
    if (one_in(f, 2)) {
        power_qmp(f->power, "system_reset");
        return;
    }
    power_qmp(f->power, "stop");
    step_requests(f);
    step_user(f);
    power_qmp(f->power, "cont");
}

/* Whatever the guest has done to the machine, it is to run again */
static void revive(Fuzz *f, bool at_once)
{
    QTestState *qts = f->power->qts;
    QDict *answer = qtest_qmp_assert_success_ref(qts,
                                                 "{'execute': 'query-status'}");
    const char *state = qdict_get_str(answer, "status");

    if (!strcmp(state, "shutdown")) {
        power_qmp(f->power, "system_reset");
        qtest_qmp_eventwait(qts, "RESET");
        power_qmp(f->power, "cont");
    } else if (!strcmp(state, "suspended")) {
        if (at_once || one_in(f, 2)) {
            qobject_unref(qtest_qmp(qts, "{'execute': 'system_wakeup'}"));
        }
    } else {
        g_assert_cmpstr(state, ==, "running");
    }
    qobject_unref(answer);
}

static void step(Fuzz *f)
{
    static const struct {
        void (*run)(Fuzz *f);
        int weight;
    } steps[] = {
        { step_requests, 50 }, { step_events, 12 }, { step_wild, 4 },
        { step_registers, 6 }, { step_user, 20 }, { step_driver, 5 },
        { step_machine, 3 },
    };
    int i, choice = below(f, 100);

    for (i = 0; choice >= steps[i].weight; i++) {
        choice -= steps[i].weight;
    }
    steps[i].run(f);
    revive(f, false);
    g_assert_cmphex(qtest_readl(f->power->qts, f->power->slot->addr), ==,
                    0x74726976);

    /* After most errors a driver starts anew, or nothing would happen */
    if (qtest_readl(f->power->qts, f->power->slot->addr +
                    VIRTIO_MMIO_STATUS) !=
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
                                            (int)qtest_pid(f->power->qts));
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
    QVirtioPower *power = f->power;
    QVirtioPowerRequest request;
    QVirtioPowerTable table;
    uint32_t reason;

    /* Two rounds: it may be about to sleep, and no input comes in between */
    revive(f, true);
    revive(f, true);
    power_qmp(power, "system_reset");
    qtest_qmp_eventwait(power->qts, "RESET");
    revive(f, true);

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, QVIRTIO_POWER_ALL_EVENTS);
    power_assert_ok(qvirtio_power_get_table(power, VIRTIO_POWER_REQ_GET_CPUS,
                                            0, 1024, &table, NULL));
    g_assert_cmpuint(table.count, ==, NUM_CPUS);
    power_add_buffers(power, 1);
    qtest_qmp_assert_success(power->qts, "{'execute': 'qom-set', 'arguments':"
                             " {'path': '/machine/board/power-device',"
                             " 'property': 'ask-reboot', 'value': true}}");
    power_expect(power, VIRTIO_POWER_EVENT_REBOOT_ASKED, 0);
    request = qvirtio_power_suspend(power, 1);
    power_assert_ok(qvirtio_power_finish_suspend(power, &request, &reason));
}

static void run_session(uint32_t seed)
{
    g_autofree Fuzz *f = g_new0(Fuzz, 1);
    uint64_t before;
    int i;

    g_test_message("session with VIRTIO_POWER_FUZZ_SEED=%u", seed);
    f->rand = g_rand_new_with_seed(seed);
    f->power = power_start("-action shutdown=pause,panic=none");
    before = own_memory(f);
    step_driver(f);
    for (i = 0; i < STEPS; i++) {
        alarm(QVIRTIO_POWER_HANG_US / G_USEC_PER_SEC);
        step(f);
    }
    check_recovery(f);
    g_assert_cmpuint(own_memory(f), <=, before + MAX_GROWTH);
    alarm(0);
    power_quit(f->power);
    g_rand_free(f->rand);
}

static uint32_t from_environment(const char *name, uint32_t otherwise)
{
    const char *value = g_getenv(name);

    return value ? atoll(value) : otherwise;
}

static void test_fuzz(void)
{
    uint32_t seed = from_environment("VIRTIO_POWER_FUZZ_SEED", 1);
    uint32_t i, sessions = from_environment("VIRTIO_POWER_FUZZ_SESSIONS",
                                            DEFAULT_SESSIONS);

    for (i = 0; !sessions || i < sessions; i++) {
        run_session(seed + i);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("virtio-power/fuzz", test_fuzz);
    return g_test_run();
}

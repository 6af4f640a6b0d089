/*
 * What the fuzzers of virtio-mmio devices share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "fuzz-virtio-util.h"
#include "virtio-desktop-util.h"

#define DEFAULT_SESSIONS    4
#define STEPS               150     /* in a session, for each device */

#define STATUS_WORKS        (VIRTIO_CONFIG_S_ACKNOWLEDGE | \
                             VIRTIO_CONFIG_S_DRIVER | \
                             VIRTIO_CONFIG_S_FEATURES_OK | \
                             VIRTIO_CONFIG_S_DRIVER_OK)

/* A program has one kind of device */
static const FuzzDevice *device;

static uint32_t read_register(QVirtioHostile *h, uint32_t reg)
{
    return qtest_readl(h->victim->slot->qts, h->victim->slot->addr + reg);
}

/*
 * Steps
 */

void fuzz_step_noise(QVirtioHostile *h)
{
    hostile_begin(h, h->victim->vq[0]);
    hostile_add_noise(h);
    h->vq = h->victim->vq[hostile_one_in(h, 4)];
    hostile_send(h);
}

void fuzz_step_registers(QVirtioHostile *h)
{
    QTestState *qts = h->victim->slot->qts;
    uint64_t slot = h->victim->slot->addr;
    int i;

    h->victim->wild = true;
    for (i = hostile_below(h, 8); i >= 0; i--) {
        uint32_t reg = hostile_below(h, 0x180);
        uint32_t value = hostile_one_in(h, 2) ? hostile_below(h, 16)
                                              : hostile_word(h);

        switch (hostile_below(h, 8)) {
        case 0:
            qtest_readb(qts, slot + reg);
            break;
        case 1:
            qtest_readl(qts, slot + (reg & ~3u));
            break;
        case 2:
            qtest_writew(qts, slot + (reg & ~1u), value);
            break;
        case 3:
            qtest_writel(qts, slot + VIRTIO_MMIO_STATUS, value);
            break;
        default:
            qtest_writel(qts, slot + (reg & 0xfc), value);
            break;
        }
    }
}

void fuzz_step_rings(QVirtioHostile *h)
{
    fuzz_step_driver(h);
    hostile_move_ring(h, h->victim->vq[hostile_below(h, 2)]);
}

void fuzz_step_driver(QVirtioHostile *h)
{
    uint64_t features = device->features;

    if (hostile_one_in(h, 4)) {
        features = hostile_below(h, 1u << device->num_features);
    }
    if (hostile_one_in(h, 4)) {
        features |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
    }
    if (hostile_one_in(h, 4)) {
        features |= 1ull << VIRTIO_RING_F_EVENT_IDX;
    }
    features &= qvirtio_get_features(&h->victim->slot->vdev);
    device->start_driver(h, features);
    h->victim->wild = false;
    h->victim->used_idx = 0;
}

void fuzz_add_event_buffers(QVirtioHostile *h, uint32_t size)
{
    int i, n = 1 + hostile_below(h, 8);

    hostile_begin(h, h->victim->vq[1]);
    for (i = 0; i < n; i++) {
        hostile_add_head(h);
        hostile_add_parts(h, NULL, hostile_one_in(h, 50)
                                   ? 1 + hostile_below(h, 64) : size,
                          VRING_DESC_F_WRITE, false);
    }
    hostile_send(h);
}

void fuzz_check_used(QVirtioHostile *h, bool (*is_length)(uint32_t length))
{
    QVirtioVictim *victim = h->victim;
    QTestState *qts = victim->slot->qts;
    QVirtQueue *vq = victim->vq[0];
    uint16_t idx = qtest_readw(qts, vq->used + 2);

    while (!victim->wild && victim->used_idx != idx) {
        g_assert_true(is_length(qtest_readl(qts, vq->used + 4 +
                                victim->used_idx++ % vq->size * 8 + 4)));
    }
}

static void step(QVirtioHostile *h)
{
    int i, choice = hostile_below(h, 100);

    for (i = 0; choice >= device->steps[i].weight; i++) {
        choice -= device->steps[i].weight;
    }
    device->steps[i].run(h);
    if (device->revive) {
        device->revive(h);
    }
    g_assert_cmphex(read_register(h, VIRTIO_MMIO_MAGIC_VALUE), ==, 0x74726976);

    /* After most errors a driver starts anew, or nothing would happen */
    if (read_register(h, VIRTIO_MMIO_STATUS) != STATUS_WORKS &&
        !hostile_one_in(h, 8)) {
        fuzz_step_driver(h);
    }
}

/*
 * Sessions
 */

/* In KiB, without what is the guest's */
static long own_memory(QTestState *qts)
{
    return desktop_get_memory(qts, "RssAnon");
}

/* Returns: how many chains of descriptors were sent */
static uint64_t run_session(uint32_t seed)
{
    g_autofree QVirtioHostile *h = g_new0(QVirtioHostile, 1);
    QVirtioVictim victims[FUZZ_MAX_VICTIMS] = { };
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    QTestState *qts;
    long before;
    int i, num_victims;

    h->rand = rand;
    num_victims = device->start(h, victims);
    qts = victims[0].slot->qts;
    before = own_memory(qts);
    for (i = 0; i < num_victims; i++) {
        h->victim = &victims[i];
        fuzz_step_driver(h);
    }
    for (i = 0; i < STEPS * num_victims; i++) {
        alarm(HANG_US / G_USEC_PER_SEC);
        if (num_victims > 1) {
            h->victim = &victims[hostile_below(h, num_victims)];
        }
        step(h);
    }
    /* Buffers that are on registers of another device could spoil it */
    for (i = 0; i < num_victims; i++) {
        qvirtio_reset(&victims[i].slot->vdev);
    }
    for (i = 0; i < num_victims; i++) {
        h->victim = &victims[i];
        device->check_recovery(h);
    }
    g_assert_cmpint(own_memory(qts), <=, before + device->max_growth);
    alarm(0);
    device->quit();
    return h->num_sent;
}

static char *variable_name(const char *what)
{
    g_autofree char *name = g_ascii_strup(device->name, -1);

    return g_strdup_printf("VIRTIO_%s_FUZZ_%s", name, what);
}

static uint32_t from_environment(const char *what, uint32_t otherwise)
{
    g_autofree char *name = variable_name(what);
    const char *value = g_getenv(name);

    return value ? atoll(value) : otherwise;
}

static void test_fuzz(void)
{
    g_autofree char *name = variable_name("SEED");
    uint32_t seed = from_environment("SEED", 1);
    uint32_t i, sessions = from_environment("SESSIONS", DEFAULT_SESSIONS);
    uint64_t sent = 0;

    for (i = 0; !sessions || i < sessions; i++) {
        g_test_message("session with %s=%u", name, seed + i);
        sent += run_session(seed + i);
    }
    g_test_message("%u sessions with %" PRIu64 " requests or buffers", sessions,
                   sent);
}

int fuzz_main(int argc, char **argv, const FuzzDevice *fuzz_device)
{
    g_autofree char *path = g_strdup_printf("virtio-%s/fuzz",
                                            fuzz_device->name);

    device = fuzz_device;
    g_test_init(&argc, &argv, NULL);
    qtest_add_func(path, test_fuzz);
    return g_test_run();
}

/*
 * QTest fuzzer for virtio-power
 *
 * A guest that knows the interface and means harm: requests that are nearly
 * right, in buffers of any shape, between writes to any register, resets, and
 * a user who adds and removes devices and CPUs, and a display whose answers go
 * to registers while it is about to be removed. QEMU must go on, answer with a
 * length that exists, stay within bounds of memory, and work for a good driver
 * afterwards. It finds most with --enable-asan and --enable-ubsan.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "fuzz-virtio-util.h"
#include "libqos/virtio-fb.h"
#include "virtio-power-util.h"

#define MAX_BATCH           16      /* requests that are sent together */
#define NUM_CPUS            4

#define DISPLAY_SLOT        1
#define REFRESH_NS          17000000    /* a bit more than one */

static QVirtioPower *power;
static QVirtioMMIODevice display_slot;
static QVirtioFb display;

/*
 * Requests: right in most ways
 */

/* Returns: the number of words */
static int make_request(QVirtioHostile *h, uint32_t *words)
{
    /* A machine that ends all the time has no time for anything else */
    uint32_t last = hostile_one_in(h, 20) ? VIRTIO_POWER_REQ_CPU_REFUSE
                                  : VIRTIO_POWER_REQ_SET_EVENTS;
    uint32_t type = hostile_one_in(h, 4)
                    ? VIRTIO_POWER_REQ_SLOT_RESET + hostile_below(h, 6)
                    : 1 + hostile_below(h, last);
    int i;

    memset(words, 0, 6 * sizeof(*words));
    words[0] = type;
    switch (type) {
    case VIRTIO_POWER_REQ_SLOT_RESET:
    case VIRTIO_POWER_REQ_SLOT_EJECT:
        words[2] = 8 + hostile_below(h, 4);
        words[4] = hostile_below(h, 2);
        break;
    case VIRTIO_POWER_REQ_SET_EVENTS:
        words[4] = hostile_one_in(h, 2) ? QVIRTIO_POWER_ALL_EVENTS
                                : g_rand_int(h->rand) & 0x1ff;
        break;
    case VIRTIO_POWER_REQ_SUSPEND:
        words[4] = hostile_below(h, 1000000);
        break;
    case VIRTIO_POWER_REQ_PANIC:
        words[4] = hostile_below(h, 2);
        break;
    default:
        words[2] = hostile_below(h, NUM_CPUS);
        break;
    }
    if (hostile_one_in(h, 3)) {
        for (i = hostile_below(h, 2); i >= 0; i--) {
            words[hostile_below(h, 6)] = hostile_word(h);
        }
    }
    return hostile_one_in(h, 10) ? 4 : 6;
}

static void add_request(QVirtioHostile *h)
{
    uint32_t words[6], out, in = 8 + hostile_below(h, 3000);
    int n = make_request(h, words);

    out = n * 4;
    if (hostile_one_in(h, 40)) {
        out = 1 + hostile_below(h, out);
    }
    if (hostile_one_in(h, 10)) {
        in = 1 + hostile_below(h, 40);
    }
    hostile_add_request(h, words, n, out, in);
}

/*
 * Steps
 */

/* What a device may say it has written is one of its responses */
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

static void step_requests(QVirtioHostile *h)
{
    int i, n = 1 + hostile_below(h, MAX_BATCH);

    hostile_begin(h, power->request.vq);
    for (i = 0; i < n && hostile_has_room(h, 4, 4 * KiB); i++) {
        add_request(h);
    }
    hostile_send(h);
    fuzz_check_used(h, is_length);
}

static void step_events(QVirtioHostile *h)
{
    fuzz_add_event_buffers(h, sizeof(struct virtio_power_event));
}

/* What a user does may be refused, but must not hang */
static void step_user(QVirtioHostile *h)
{
    QTestState *qts = power->qts;
    int slot = 8 + hostile_below(h, 4);
    g_autofree char *id = g_strdup_printf("rng%d", slot);
    g_autofree char *bus = g_strdup_printf("virtio-mmio-bus.%d", slot);
    QDict *answer;

    switch (hostile_below(h, 5)) {
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
                           hostile_below(h, NUM_CPUS), hostile_one_in(h, 2));
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

static void step_machine(QVirtioHostile *h)
{
    if (hostile_one_in(h, 2)) {
        power_qmp(power, "system_reset");
        return;
    }
    power_qmp(power, "stop");
    step_requests(h);
    step_user(h);
    power_qmp(power, "cont");
}

/* Whatever the guest has done to the machine, it is to run again */
static void revive(QVirtioHostile *h, bool at_once)
{
    QTestState *qts = power->qts;
    QDict *answer = qtest_qmp_assert_success_ref(qts,
                                                 "{'execute': 'query-status'}");
    const char *state = qdict_get_str(answer, "status");

    if (!strcmp(state, "shutdown")) {
        power_qmp(power, "system_reset");
        qtest_qmp_eventwait(qts, "RESET");
        power_qmp(power, "cont");
    } else if (!strcmp(state, "suspended")) {
        if (at_once || hostile_one_in(h, 2)) {
            qobject_unref(qtest_qmp(qts, "{'execute': 'system_wakeup'}"));
        }
    } else {
        g_assert_cmpstr(state, ==, "running");
    }
    qobject_unref(answer);
}

static void revive_perhaps(QVirtioHostile *h)
{
    revive(h, false);
}

static void start_driver(QVirtioHostile *h, uint64_t features)
{
    qvirtio_power_start(power, features);
    h->victim->vq[0] = power->request.vq;
    h->victim->vq[1] = power->event;
}

/*
 * A display that is asked to go
 */

static bool have_display(void)
{
    QTestState *qts = power->qts;

    if (!desktop_read(qts, DISPLAY_SLOT, VIRTIO_MMIO_DEVICE_ID)) {
        qobject_unref(qtest_qmp(qts, "{'execute': 'device_add', 'arguments':"
                                " {'driver': 'virtio-fb-device', 'id': 'fb',"
                                " 'bus': 'virtio-mmio-bus.1'}}"));
    }
    return desktop_read(qts, DISPLAY_SLOT, VIRTIO_MMIO_DEVICE_ID);
}

/* Its driver, and power's, which listens, as of now */
static void start_display(void)
{
    QVirtioFbMode mode = {
        .format = VIRTIO_FB_FORMAT_XRGB8888,
        .width = 64,
        .height = 32,
        .stride = 256,
    };

    qvirtio_fb_start(&display, 0);
    qvirtio_fb_set_scanout(&display, 0, &mode);
    qvirtio_power_word(power, VIRTIO_POWER_REQ_SET_EVENTS, 0,
                       QVIRTIO_POWER_ALL_EVENTS);
    qobject_unref(qtest_qmp(power->qts, "{'execute': 'device_del',"
                            " 'arguments': {'id': 'fb'}}"));
}

/* Flips, whose answers begin with the status 0, which go to registers */
static void send_flips(QVirtioHostile *h)
{
    uint32_t flip[8] = { VIRTIO_FB_REQ_FLIP };
    uint32_t in = sizeof(struct virtio_fb_refresh_response), done;
    uint64_t reg;
    int i;

    hostile_begin(h, display.control.vq);
    for (i = hostile_below(h, 3); i >= 0; i--) {
        reg = hostile_one_in(h, 2) ? desktop_reg(0, VIRTIO_MMIO_QUEUE_NOTIFY)
                                   : hostile_register(h);
        h->device_odds = 0;
        hostile_add_head(h);
        hostile_add_parts(h, flip, sizeof(flip), 0, true);
        done = hostile_add_device(h, reg, 0, in, VRING_DESC_F_WRITE, false);
        if (done < in) {
            hostile_add_parts(h, NULL, in - done, VRING_DESC_F_WRITE, false);
        }
    }
    hostile_send(h);
}

/* It is removed, or reset, when power looks at its queue */
static void put_eject(QVirtioHostile *h)
{
    uint32_t words[6] = { VIRTIO_POWER_REQ_SLOT_EJECT, 0, DISPLAY_SLOT };

    if (hostile_one_in(h, 4)) {
        words[0] = VIRTIO_POWER_REQ_SLOT_RESET;
    }
    words[4] = VIRTIO_POWER_EJECT_GO;
    hostile_begin(h, power->request.vq);
    h->device_odds = 0;
    hostile_add_request(h, words, 6, sizeof(words),
                        sizeof(struct virtio_power_response));
    hostile_put(h);
}

static void step_display(QVirtioHostile *h)
{
    QVirtioVictim *victim = h->victim;
    QVirtioVictim other = { .slot = &display_slot };
    int i;

    revive(h, true);
    revive(h, true);
    start_driver(h, QVIRTIO_POWER_FEATURES);
    victim->wild = true;
    if (!have_display()) {
        return;
    }
    start_display();
    if (hostile_one_in(h, 2)) {
        desktop_write(power->qts, 0, VIRTIO_MMIO_STATUS,
                      desktop_driver_ok & ~VIRTIO_CONFIG_S_DRIVER_OK);
    }
    other.vq[0] = display.control.vq;
    other.vq[1] = display.event;
    h->victim = &other;
    send_flips(h);
    h->victim = victim;
    put_eject(h);
    for (i = 0; i < 2; i++) {
        qtest_clock_step(power->qts, REFRESH_NS);
        desktop_read(power->qts, 0, VIRTIO_MMIO_STATUS);
    }
}

/*
 * Sessions
 */

static int start(QVirtioHostile *h, QVirtioVictim *victims)
{
    power = power_start("-action shutdown=pause,panic=none"
                        " -device virtio-fb-device,id=fb,"
                        "bus=virtio-mmio-bus.1");
    victims->slot = power->slot;
    qvirtio_mmio_init_device(&display_slot, power->qts,
                             desktop_reg(DISPLAY_SLOT, 0), 4096);
    qvirtio_fb_attach(&display, &display_slot, power->alloc);
    return 1;
}

/* Whatever happened before, the device does what a good driver wants */
static void check_recovery(QVirtioHostile *h)
{
    QVirtioPowerRequest request;
    QVirtioPowerTable table;
    uint32_t reason;

    /* Two rounds: it may be about to sleep, and no input comes in between */
    revive(h, true);
    revive(h, true);
    power_qmp(power, "system_reset");
    qtest_qmp_eventwait(power->qts, "RESET");
    revive(h, true);

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

static void quit(void)
{
    qvirtio_fb_cleanup(&display);
    power_quit(power);
}

int main(int argc, char **argv)
{
    static const FuzzDevice device = {
        .name = "power",
        .features = QVIRTIO_POWER_FEATURES,
        .num_features = 4,
        .max_growth = 256 * KiB,
        .start = start,
        .start_driver = start_driver,
        .revive = revive_perhaps,
        .check_recovery = check_recovery,
        .quit = quit,
        .steps = {
            { step_requests, 45 }, { step_events, 12 }, { fuzz_step_noise, 4 },
            { fuzz_step_registers, 6 }, { step_user, 20 },
            { fuzz_step_driver, 5 }, { step_machine, 3 },
            { step_display, 3 }, { fuzz_step_rings, 2 },
        },
    };

    return fuzz_main(argc, argv, &device);
}

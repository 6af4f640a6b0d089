/*
 * QTest testcase for virtio-power: the buffers that requests and responses are
 * in
 *
 * A driver may cut them as it likes. A guest that means harm may send anything:
 * the answer is a status or a device that needs a reset, and all goes on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "virtio-power-util.h"

#define MAX_OUT         24
#define MAX_IN          (4 * KiB)

typedef struct Kind {
    uint32_t type;
    uint32_t out;       /* bytes of the request */
    uint32_t in;        /* bytes of the response, without records */
    uint32_t record;    /* bytes of a record */
    uint32_t records;
    uint32_t word;      /* first one after the header */
} Kind;

/* Those that can be sent again and again, and are carried out */
static const Kind kinds[] = {
    { VIRTIO_POWER_REQ_GET_MACHINE, 16, 24, 216, 1 },
    { VIRTIO_POWER_REQ_GET_CPUS, 16, 24, 40, 4 },
    { VIRTIO_POWER_REQ_GET_SLOTS, 16, 24, 40, 64 },
    { VIRTIO_POWER_REQ_GET_TIME, 16, 24 },
    { VIRTIO_POWER_REQ_SET_EVENTS, 24, 8, 0, 0, QVIRTIO_POWER_ALL_EVENTS },
};

/* Those that would be noticed if they were */
static const Kind drastic[] = {
    { VIRTIO_POWER_REQ_POWER_OFF, 16, 8 },
    { VIRTIO_POWER_REQ_REBOOT, 16, 8 },
    { VIRTIO_POWER_REQ_HALT, 16, 8 },
    { VIRTIO_POWER_REQ_SUSPEND, 24, 16 },
    { VIRTIO_POWER_REQ_PANIC, 24, 8 },
    { VIRTIO_POWER_REQ_EXIT, 24, 8 },
    { VIRTIO_POWER_REQ_SET_EVENTS, 24, 8 },
    { VIRTIO_POWER_REQ_SLOT_EJECT, 24, 8 },
    { VIRTIO_POWER_REQ_GET_TIME, 16, 24 },
};

typedef struct Chain {
    QVirtioPowerRequest request;
    uint8_t response[MAX_IN];   /* of which request.in bytes are meant */
} Chain;

static QVirtioPower *start(void)
{
    QVirtioPower *power =
        power_start("-global virtio-power-device.allow-exit=on");

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES |
                               1ull << VIRTIO_POWER_F_EXIT);
    return power;
}

static void send_chain(QVirtioPower *power, Chain *chain, const Kind *kind,
                       uint32_t out, uint32_t out_part, uint32_t in,
                       uint32_t in_part)
{
    g_autofree uint8_t *data = g_malloc(out + MAX_OUT);

    /* What is beyond the request is ignored */
    memset(data, 0xff, out + MAX_OUT);
    memset(data, 0, MAX_OUT);
    stl_le_p(data, kind->type);
    stl_le_p(data + 16, kind->word);
    chain->request = qvirtio_requests_send_parts(&power->request, data, out,
                                                 out_part, in, in_part);
}

/* Wait. Returns: the length written */
static uint32_t finish_chain(QVirtioPower *power, Chain *chain)
{
    return qvirtio_requests_finish_marked(&power->request, &chain->request,
                                          chain->response);
}

/* With room for @records of all that there are */
static void check_whole(QVirtioPower *power, const Kind *kind,
                        uint32_t records, uint32_t part)
{
    uint32_t length = kind->in + records * kind->record;
    uint32_t rest = MIN(MAX(kind->record, 8) - 1, 20 * part);
    Chain chain;

    send_chain(power, &chain, kind, kind->out, part, length, part);
    g_assert_cmpuint(finish_chain(power, &chain), ==, length);
    g_assert_cmpuint(ldl_le_p(chain.response), ==, VIRTIO_POWER_S_OK);

    /* The same with more room, but not enough for a record, and more to read */
    send_chain(power, &chain, kind, kind->out + 100, 1 * KiB, length + rest,
               part);
    g_assert_cmpuint(finish_chain(power, &chain), ==, length);
    g_assert_cmpuint(ldl_le_p(chain.response), ==, VIRTIO_POWER_S_OK);
}

static void test_cuts(void)
{
    static const uint32_t parts[] = { 1, 7, 16, 17, 1000 };
    QVirtioPower *power = start();
    uint32_t i, part, records;

    for (i = 0; i < ARRAY_SIZE(kinds); i++) {
        const Kind *kind = &kinds[i];

        for (part = 0; part < ARRAY_SIZE(parts); part++) {
            /* As many as there are descriptors for */
            for (records = 0; records <= kind->records; records++) {
                if (kind->in + records * kind->record < 30 * parts[part]) {
                    check_whole(power, kind, records, parts[part]);
                }
            }
        }
    }
    power_quit(power);
}

static void check_refused(QVirtioPower *power, const Kind *kind, uint32_t out,
                          uint32_t in)
{
    Chain chain;

    g_test_message("request %u: %u and %u bytes", kind->type, out, in);
    send_chain(power, &chain, kind, out, MAX(out, 1), in, MAX(in, 1));
    g_assert_cmpuint(finish_chain(power, &chain), ==,
                     sizeof(struct virtio_power_response));
    g_assert_cmpuint(ldl_le_p(chain.response), ==, VIRTIO_POWER_S_INVALID);
}

/* Bytes are missing at the end of the request, or the response */
static void test_short(void)
{
    QVirtioPower *power = start();
    const Kind *tables = kinds;
    uint32_t i, size;

    for (i = 0; i < ARRAY_SIZE(drastic); i++) {
        const Kind *kind = &drastic[i];

        for (size = 16; size < kind->out; size++) {
            check_refused(power, kind, size, kind->in);
        }
        for (size = 8; size < kind->in; size++) {
            check_refused(power, kind, kind->out, size);
        }
    }
    for (i = 0; tables[i].record; i++) {
        for (size = 8; size < tables[i].in; size++) {
            check_refused(power, &tables[i], 16, size);
        }
    }
    /* None of them was carried out */
    g_assert_true(power_is(power, "running"));
    power_quit(power);
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
    QVirtioPower *power = start();
    Chain chain, next;
    int i;

    for (i = 0; i < ARRAY_SIZE(sizes); i++) {
        send_chain(power, &chain, &drastic[0], sizes[i].out,
                   MAX(sizes[i].out, 1), sizes[i].in, MAX(sizes[i].in, 1));
        power_wait_needs_reset(power);
        send_chain(power, &next, &drastic[0], 16, 16, 8, 8);
        g_assert_false(qvirtio_power_is_used(power, &next.request));
        g_assert_true(power_is(power, "running"));

        qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
        g_assert_false(qvirtio_power_needs_reset(power));
        power_set_events(power, 0);
    }
    power_quit(power);
}

/*
 * Floods
 */

/* More at once than the device takes in one go; what comes last ends it all */
static void test_flood(void)
{
    QVirtioPower *power = power_start("-no-shutdown");
    uint32_t words[] = { VIRTIO_POWER_REQ_SET_EVENTS, 0, 0, 0, 0, 0 };
    QVirtioPowerRequest requests[QVIRTIO_POWER_QUEUE_SIZE / 2];
    uint8_t response[8];
    int i;

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_qmp(power, "stop");
    for (i = 0; i < ARRAY_SIZE(requests); i++) {
        bool last = i == ARRAY_SIZE(requests) - 1;

        words[0] = last ? VIRTIO_POWER_REQ_POWER_OFF
                        : VIRTIO_POWER_REQ_SET_EVENTS;
        words[4] = i % 2 ? QVIRTIO_POWER_ALL_EVENTS : 1;
        requests[i] = qvirtio_power_send(power, words, 6, 8);
    }
    g_assert_false(qvirtio_power_is_used(power, &requests[0]));
    power_qmp(power, "cont");
    for (i = 0; i < ARRAY_SIZE(requests); i++) {
        bool right = i % 2 || i == ARRAY_SIZE(requests) - 1;

        qvirtio_power_finish(power, &requests[i], response, 8);
        g_assert_cmpuint(ldl_le_p(response), ==,
                         right ? VIRTIO_POWER_S_OK
                               : VIRTIO_POWER_S_UNSUPPORTED);
    }
    power_wait_cause(power, "SHUTDOWN", true, "guest-shutdown");
    power_quit(power);
}

/* What comes after the end is not taken, and a reset forgets it */
static void test_after_end(void)
{
    QVirtioPower *power = power_start("");
    uint32_t words[] = { VIRTIO_POWER_REQ_REBOOT, 0, 0, 0 };
    QVirtioPowerRequest reboot, off;

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_qmp(power, "stop");
    reboot = qvirtio_power_send(power, words, 4, 8);
    words[0] = VIRTIO_POWER_REQ_POWER_OFF;
    off = qvirtio_power_send(power, words, 4, 8);
    power_qmp(power, "cont");
    power_wait_cause(power, "RESET", true, "guest-reset");
    g_assert_true(power_is(power, "running"));
    g_assert_cmpuint(qtest_readl(power->qts, reboot.addr + reboot.out), ==,
                     VIRTIO_POWER_S_OK);
    g_assert_cmphex(qtest_readl(power->qts, off.addr + off.out), ==,
                    UINT32_MAX);
    power_quit(power);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-power/chain/cuts", test_cuts);
    qtest_add_func("virtio-power/chain/short", test_short);
    qtest_add_func("virtio-power/chain/too-short", test_too_short);
    qtest_add_func("virtio-power/chain/flood", test_flood);
    qtest_add_func("virtio-power/chain/after-end", test_after_end);

    return g_test_run();
}

/*
 * QTest testcase for virtio-power: what a driver finds, what requests answer,
 * and what becomes of the machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-desktop-util.h"
#include "virtio-power-util.h"

#define ALLOW_EXIT  "-global virtio-power-device.allow-exit=on "

#define CONFIG(field) \
    qvirtio_power_config(power, offsetof(struct virtio_power_config, field))

/*
 * Features
 */

static void test_features(const void *data)
{
    bool allow_exit = strstr(data, "allow-exit=on");
    QVirtioPower *power = power_start(data);
    uint64_t features = qvirtio_get_features(power->vdev);

    g_assert_cmphex(features & 0xffffff, ==, QVIRTIO_POWER_FEATURES |
                    (uint64_t)allow_exit << VIRTIO_POWER_F_EXIT);
    g_assert_true(features & 1ull << VIRTIO_F_VERSION_1);
    g_assert_false(features & 1ull << VIRTIO_F_IN_ORDER);
    power_quit(power);
}

/* Requests and events that need a feature; without any, the others work */
static void test_no_features(void)
{
    static const uint32_t simple[] = {
        VIRTIO_POWER_REQ_CPU_RESET, VIRTIO_POWER_REQ_CPU_PARK,
        VIRTIO_POWER_REQ_CPU_UNPARK, VIRTIO_POWER_REQ_CPU_REFUSE,
    };
    static const uint32_t events[] = {
        VIRTIO_POWER_EVENT_WAKE,
        VIRTIO_POWER_EVENT_SLOT_ADDED, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED,
        VIRTIO_POWER_EVENT_CPU_ADDED, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED,
    };
    QVirtioPower *power = power_start(ALLOW_EXIT);
    QVirtioPowerRequest suspend;
    QVirtioPowerTable table;
    uint32_t reason;
    int i;

    qvirtio_power_start(power, 0);
    for (i = 0; i < ARRAY_SIZE(simple); i++) {
        g_assert_cmpuint(qvirtio_power_simple(power, simple[i], 1), ==,
                         VIRTIO_POWER_S_UNSUPPORTED);
    }
    for (i = 0; i < ARRAY_SIZE(events); i++) {
        g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SET_EVENTS,
                                            0, 1u << events[i]),
                         ==, VIRTIO_POWER_S_UNSUPPORTED);
    }
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SLOT_EJECT, 0,
                                        VIRTIO_POWER_EJECT_GO),
                     ==, VIRTIO_POWER_S_UNSUPPORTED);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_EXIT, 0, 1),
                     ==, VIRTIO_POWER_S_UNSUPPORTED);
    suspend = qvirtio_power_suspend(power, 0);
    g_assert_cmpuint(qvirtio_power_finish_suspend(power, &suspend, &reason),
                     ==, VIRTIO_POWER_S_UNSUPPORTED);

    power_assert_ok(qvirtio_power_get_table(power, VIRTIO_POWER_REQ_GET_CPUS,
                                            0, 64, &table, NULL));
    power_set_events(power, VIRTIO_POWER_EVENT_BIT(
                                VIRTIO_POWER_EVENT_POWER_BUTTON));
    power_quit(power);
}

/*
 * Configuration space
 */

static void test_config(void)
{
    QVirtioPower *power = power_start("");
    uint32_t generation = CONFIG(generation);

    g_assert_cmphex(CONFIG(events), ==, QVIRTIO_POWER_ALL_EVENTS);
    g_assert_cmpuint(CONFIG(num_cpus), ==, 4);
    g_assert_cmpuint(CONFIG(num_slots), ==, 64);
    g_assert_cmpuint(CONFIG(num_ranges), >=, 3);
    g_assert_cmpuint(CONFIG(num_controllers), >=, 1);
    g_assert_cmpuint(CONFIG(num_timers), >=, 1);
    g_assert_cmpuint(CONFIG(padding), ==, 0);

    /* Nothing that is written stays */
    qtest_writel(power->qts, power->slot->addr + VIRTIO_MMIO_CONFIG,
                 ~generation);
    g_assert_cmpuint(CONFIG(generation), ==, generation);

    /* No reset sets it back */
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    g_assert_cmpuint(CONFIG(generation), ==, generation);
    qtest_system_reset(power->qts);
    g_assert_cmpuint(CONFIG(generation), ==, generation);
    power_quit(power);
}

/*
 * Requests that are not right
 */

static void test_unknown(void)
{
    static const uint32_t types[] = { 0, 21, 255, 0x80000001, UINT32_MAX };
    QVirtioPower *power = power_start_driver("", 0);
    uint32_t flag, type;
    int i;

    for (i = 0; i < ARRAY_SIZE(types); i++) {
        g_assert_cmpuint(qvirtio_power_simple(power, types[i], 0), ==,
                         VIRTIO_POWER_S_UNSUPPORTED);
    }
    for (type = VIRTIO_POWER_REQ_GET_MACHINE;
         type <= VIRTIO_POWER_REQ_CPU_REFUSE; type++) {
        for (flag = 1; flag; flag <<= 9) {
            uint32_t words[] = { type, flag, 0, 0, 0, 0 };
            uint8_t response[512];

            g_assert_cmpuint(qvirtio_power_call(power, words,
                                                ARRAY_SIZE(words), response,
                                                sizeof(response)),
                             ==, VIRTIO_POWER_S_UNSUPPORTED);
        }
    }
    /* None of it was carried out */
    g_assert_true(power_is(power, "running"));
    power_quit(power);
}

static void test_not_found(void)
{
    static const uint32_t of_slot[] = {
        VIRTIO_POWER_REQ_SLOT_RESET, VIRTIO_POWER_REQ_SLOT_EJECT,
    };
    QVirtioPower *power = power_start_driver("", 0);
    uint32_t type;
    int i;

    for (i = 0; i < ARRAY_SIZE(of_slot); i++) {
        g_assert_cmpuint(qvirtio_power_word(power, of_slot[i], 64, 0), ==,
                         VIRTIO_POWER_S_NOT_FOUND);
        g_assert_cmpuint(qvirtio_power_word(power, of_slot[i], UINT32_MAX, 0),
                         ==, VIRTIO_POWER_S_NOT_FOUND);
    }
    for (type = VIRTIO_POWER_REQ_CPU_RESET;
         type <= VIRTIO_POWER_REQ_CPU_REFUSE; type++) {
        g_assert_cmpuint(qvirtio_power_simple(power, type, 4), ==,
                         VIRTIO_POWER_S_NOT_FOUND);
        g_assert_cmpuint(qvirtio_power_simple(power, type, 1u << 31), ==,
                         VIRTIO_POWER_S_NOT_FOUND);
    }
    power_quit(power);
}

static void test_invalid(void)
{
    QVirtioPower *power = power_start(ALLOW_EXIT);

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES |
                               1ull << VIRTIO_POWER_F_EXIT);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_EXIT, 0, 256),
                     ==, VIRTIO_POWER_S_INVALID);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_EXIT, 0, -1),
                     ==, VIRTIO_POWER_S_INVALID);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SLOT_EJECT, 0,
                                        2), ==, VIRTIO_POWER_S_INVALID);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_PANIC, 0, 2),
                     ==, VIRTIO_POWER_S_UNSUPPORTED);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SET_EVENTS, 0,
                                        1), ==, VIRTIO_POWER_S_UNSUPPORTED);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SET_EVENTS, 0,
                                        QVIRTIO_POWER_ALL_EVENTS | 1u << 9),
                     ==, VIRTIO_POWER_S_UNSUPPORTED);
    g_assert_true(power_is(power, "running"));
    power_quit(power);
}

/* What a guest may not do to slots and CPUs */
static void test_denied(void)
{
    QVirtioPower *power = power_start_driver("", 0);

    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_SLOT_RESET,
                                          0), ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_SLOT_RESET,
                                          9), ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SLOT_EJECT, 0,
                                        VIRTIO_POWER_EJECT_GO),
                     ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SLOT_EJECT, 9,
                                        VIRTIO_POWER_EJECT_REFUSE),
                     ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_PARK, 0),
                     ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_UNPARK,
                                          2), ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_RESET,
                                          3), ==, VIRTIO_POWER_S_DENIED);
    g_assert_cmpuint(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_REFUSE,
                                          1), ==, VIRTIO_POWER_S_DENIED);
    power_quit(power);
}

/*
 * Tables
 */

static void test_tables(void)
{
    static const struct {
        uint32_t type;
        uint32_t total;
        uint32_t record_size;
    } tables[] = {
        { VIRTIO_POWER_REQ_GET_MACHINE, 1, 216 },
        { VIRTIO_POWER_REQ_GET_CPUS, 4, 40 },
        { VIRTIO_POWER_REQ_GET_CONTROLLERS, 0, 80 },
        { VIRTIO_POWER_REQ_GET_TIMERS, 0, 32 },
        { VIRTIO_POWER_REQ_GET_SLOTS, 64, 40 },
        { VIRTIO_POWER_REQ_GET_RANGES, 0, 32 },
    };
    QVirtioPower *power = power_start_driver("", 0);
    g_autofree uint8_t *all = g_malloc(16384);
    QVirtioPowerTable table, part;
    uint8_t record[256];
    int i, j;

    for (i = 0; i < ARRAY_SIZE(tables); i++) {
        uint32_t type = tables[i].type, size = tables[i].record_size;

        power_assert_ok(qvirtio_power_get_table(power, type, 0, 16384, &table,
                                                all));
        g_assert_cmpuint(table.generation, ==, CONFIG(generation));
        g_assert_cmpuint(table.record_size, ==, size);
        g_assert_cmpuint(table.count, ==, table.total);
        g_assert_true(!tables[i].total || table.total == tables[i].total);

        /* One by one, with room for nearly two: the same records */
        for (j = 0; j < table.total; j++) {
            power_assert_ok(qvirtio_power_get_table(power, type, j,
                                                    24 + 2 * size - 1, &part,
                                                    record));
            g_assert_cmpuint(part.count, ==, 1);
            g_assert_cmpuint(part.total, ==, table.total);
            g_assert_cmpmem(record, size, all + j * size, size);
        }

        power_assert_ok(qvirtio_power_get_table(power, type, 0, 24, &part,
                                                NULL));
        g_assert_cmpuint(part.count, ==, 0);
        g_assert_cmpuint(part.total, ==, table.total);
        g_assert_cmpuint(part.record_size, ==, size);
        g_assert_cmpuint(qvirtio_power_get_table(power, type, 0, 23, &part,
                                                 NULL),
                         ==, VIRTIO_POWER_S_INVALID);
        g_assert_cmpuint(qvirtio_power_get_table(power, type, table.total, 24,
                                                 &part, NULL),
                         ==, VIRTIO_POWER_S_NOT_FOUND);
        g_assert_cmpuint(qvirtio_power_get_table(power, type, UINT32_MAX, 24,
                                                 &part, NULL),
                         ==, VIRTIO_POWER_S_NOT_FOUND);
    }
    power_quit(power);
}

/* The device in its own table */
static void test_own_slot(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    struct virtio_power_slot slot;
    QVirtioPowerTable table;

    power_assert_ok(qvirtio_power_get_table(power, VIRTIO_POWER_REQ_GET_SLOTS,
                                            0, 24 + sizeof(slot), &table,
                                            &slot));
    g_assert_cmpuint(le32_to_cpu(slot.index), ==, 0);
    g_assert_cmpuint(le32_to_cpu(slot.state), ==, VIRTIO_POWER_SLOT_FILLED);
    g_assert_cmphex(le64_to_cpu(slot.base), ==, power->slot->addr);
    g_assert_cmpuint(le32_to_cpu(slot.device_id), ==, VIRTIO_POWER_DEVICE_ID);
    g_assert_cmpuint(le32_to_cpu(slot.flags), ==, 0);
    power_quit(power);
}

/*
 * Time
 */

/*
 * Both have whole seconds that may pass while they are read. The RTC has read
 * the host's clock twice when it was made, and is late by what passed between.
 */
static void assert_rtc_agrees(QVirtioPower *power)
{
    int64_t before, after;
    uint32_t ns, rtc;

    power_assert_ok(qvirtio_power_get_time(power, &before, &ns));
    rtc = qtest_readl(power->qts, desktop_arch()->rtc_base);
    power_assert_ok(qvirtio_power_get_time(power, &after, &ns));
    g_assert_cmpint(rtc, >, before - 60);
    g_assert_cmpint(rtc, <=, after);
    g_assert_cmpuint(ns, <, 1000000000);
}

static void test_time_options(const void *data)
{
    QVirtioPower *power = power_start_driver(data, 0);

    assert_rtc_agrees(power);
    power_quit(power);
}

/* The clock stands still but for the test's steps */
static void test_time_exact(void)
{
    QVirtioPower *power = power_start_driver(
        "-rtc base=2031-02-03T04:05:06,clock=vm", 0);
    int64_t seconds;
    uint32_t ns;

    power_assert_ok(qvirtio_power_get_time(power, &seconds, &ns));
    g_assert_cmpint(seconds, ==, 1927857906);
    g_assert_cmpuint(ns, ==, 0);
    qtest_clock_step(power->qts, 2999999999);
    power_assert_ok(qvirtio_power_get_time(power, &seconds, &ns));
    g_assert_cmpint(seconds, ==, 1927857908);
    g_assert_cmpuint(ns, ==, 999999999);
    power_quit(power);
}

/*
 * The end of the machine
 */

/* The answer is there before the end, and the user is told why */
static void check_end(const char *options, uint32_t type, const char *reason)
{
    g_autofree char *all = g_strdup_printf("%s -action shutdown=pause,"
                                           "reboot=shutdown", options);
    QVirtioPower *power = power_start(all);

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES |
                               (type == VIRTIO_POWER_REQ_EXIT) <<
                               VIRTIO_POWER_F_EXIT);
    power_assert_ok(qvirtio_power_word(power, type, 0, 0));
    power_wait_cause(power, "SHUTDOWN", true, reason);
    qtest_qmp_eventwait(power->qts, "STOP");
    g_assert_true(power_is(power, "shutdown"));
    power_quit(power);
}

static void test_power_off_paused(void)
{
    check_end("", VIRTIO_POWER_REQ_POWER_OFF, "guest-shutdown");
}

static void test_exit_paused(void)
{
    check_end(ALLOW_EXIT, VIRTIO_POWER_REQ_EXIT, "guest-shutdown");
}

static void test_no_reboot(void)
{
    check_end("", VIRTIO_POWER_REQ_REBOOT, "guest-reset");
}

static void send_only(QVirtioPower *power, uint32_t type, uint32_t word)
{
    uint32_t words[] = { type, 0, 0, 0, word, 0 };

    qvirtio_power_send(power, words, ARRAY_SIZE(words),
                       sizeof(struct virtio_power_response));
}

static void test_power_off(void)
{
    QVirtioPower *power = power_start_driver("", 0);

    send_only(power, VIRTIO_POWER_REQ_POWER_OFF, 0);
    power_wait_cause(power, "SHUTDOWN", true, "guest-shutdown");
    power_wait_exit(power, 0);
}

static void test_exit(const void *data)
{
    int status = GPOINTER_TO_INT(data);
    QVirtioPower *power = power_start(ALLOW_EXIT);

    qvirtio_power_start(power, 1ull << VIRTIO_POWER_F_EXIT);
    send_only(power, VIRTIO_POWER_REQ_EXIT, status);
    power_wait_cause(power, "SHUTDOWN", true, "guest-shutdown");
    power_wait_exit(power, status);
}

static void test_reboot(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);

    send_only(power, VIRTIO_POWER_REQ_REBOOT, 0);
    power_wait_cause(power, "RESET", true, "guest-reset");
    g_assert_true(power_is(power, "running"));
    g_assert_cmphex(power->vdev->bus->get_status(power->vdev), ==, 0);

    /* The next guest finds the device as the first one did */
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_press_button(power);
    power_expect_none(power);
    power_quit(power);
}

/* It stops the machine for good, whatever a power-off would do */
static void test_halt(const void *data)
{
    QVirtioPower *power = power_start_driver(data, 0);
    QDict *answer;

    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_HALT, 0));
    power_wait_cause(power, "SHUTDOWN", true, "guest-shutdown");
    qtest_qmp_eventwait(power->qts, "STOP");
    g_assert_true(power_is(power, "shutdown"));

    /* It has to be reset before it can go on */
    answer = qtest_qmp(power->qts, "{'execute': 'cont'}");
    qmp_expect_error_and_unref(answer, "GenericError");
    power_qmp(power, "system_reset");
    power_wait_cause(power, "RESET", false, "host-qmp-system-reset");
    power_qmp(power, "cont");
    g_assert_true(power_is(power, "running"));
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, 0);
    power_quit(power);
}

/*
 * Panic
 */

static void test_panic(void)
{
    QVirtioPower *power = power_start_driver("", 0);

    send_only(power, VIRTIO_POWER_REQ_PANIC, 0);
    qobject_unref(power_wait(power, "GUEST_PANICKED"));
    power_wait_cause(power, "SHUTDOWN", true, "guest-panic");
    power_wait_exit(power, 0);
}

static void test_panic_exit(void)
{
    QVirtioPower *power = power_start_driver("-action panic=exit-failure", 0);

    send_only(power, VIRTIO_POWER_REQ_PANIC, 0);
    power_wait_cause(power, "SHUTDOWN", true, "guest-panic");
    power_wait_exit(power, 1);
}

static void test_panic_pause(void)
{
    QVirtioPower *power = power_start_driver("-action panic=pause", 0);
    QDict *data;

    power_assert_ok(qvirtio_power_word(power, VIRTIO_POWER_REQ_PANIC, 0, 0));
    data = power_wait(power, "GUEST_PANICKED");
    g_assert_cmpstr(qdict_get_str(data, "action"), ==, "pause");
    qobject_unref(data);
    g_assert_true(power_is(power, "guest-panicked"));
    power_quit(power);
}

/* The machine goes on; a guest cannot flood its user with panics */
static void test_panic_run(const void *data)
{
    bool handled = data;
    QVirtioPower *power = power_start_driver(
        handled ? "-action panic=pause" : "-action panic=none", 0);
    QDict *answer;
    uint32_t status;

    power_assert_ok(qvirtio_power_word(power, VIRTIO_POWER_REQ_PANIC, 0,
                                       handled));
    answer = power_wait(power, handled ? "GUEST_CRASHLOADED"
                                       : "GUEST_PANICKED");
    g_assert_cmpstr(qdict_get_str(answer, "action"), ==, "run");
    qobject_unref(answer);
    g_assert_true(power_is(power, "running"));

    status = qvirtio_power_word(power, VIRTIO_POWER_REQ_PANIC, 0, handled);
    g_assert_true(status == VIRTIO_POWER_S_BUSY ||
                  status == VIRTIO_POWER_S_OK);
    power_quit(power);
}

/*
 * Options
 */

static void test_second(const void *data)
{
    g_autofree char *errors = NULL;
    g_autofree char *options = g_strdup_printf(
        " -nodefaults -device virtio-power-device%s", (const char *)data);

    g_assert_cmpint(desktop_run_qemu(options, &errors), ==, 1);
    g_test_message("%s", errors);
    g_assert_nonnull(strstr(errors, "virtio-power-device"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_data_func("virtio-power/features/default", "", test_features);
    qtest_add_data_func("virtio-power/features/exit", ALLOW_EXIT,
                        test_features);
    qtest_add_data_func("virtio-power/features/in-order",
                        "-global virtio-power-device.in_order=on",
                        test_features);
    qtest_add_func("virtio-power/features/none", test_no_features);
    qtest_add_func("virtio-power/config", test_config);

    qtest_add_func("virtio-power/status/unknown", test_unknown);
    qtest_add_func("virtio-power/status/not-found", test_not_found);
    qtest_add_func("virtio-power/status/invalid", test_invalid);
    qtest_add_func("virtio-power/status/denied", test_denied);

    qtest_add_func("virtio-power/tables/all", test_tables);
    qtest_add_func("virtio-power/tables/own-slot", test_own_slot);

    qtest_add_func("virtio-power/time/exact", test_time_exact);
    qtest_add_data_func("virtio-power/time/host", "", test_time_options);
    qtest_add_data_func("virtio-power/time/localtime", "-rtc base=localtime",
                        test_time_options);
    qtest_add_data_func("virtio-power/time/rt", "-rtc clock=rt",
                        test_time_options);

    qtest_add_func("virtio-power/power-off/exit", test_power_off);
    qtest_add_func("virtio-power/power-off/pause", test_power_off_paused);
    qtest_add_func("virtio-power/reboot/reset", test_reboot);
    qtest_add_func("virtio-power/reboot/no-reboot", test_no_reboot);
    qtest_add_data_func("virtio-power/halt/default", "", test_halt);
    qtest_add_data_func("virtio-power/halt/no-shutdown", "-no-shutdown",
                        test_halt);
    qtest_add_data_func("virtio-power/exit/0", GINT_TO_POINTER(0), test_exit);
    qtest_add_data_func("virtio-power/exit/42", GINT_TO_POINTER(42),
                        test_exit);
    qtest_add_data_func("virtio-power/exit/255", GINT_TO_POINTER(255),
                        test_exit);
    qtest_add_func("virtio-power/exit/pause", test_exit_paused);

    qtest_add_func("virtio-power/panic/default", test_panic);
    qtest_add_func("virtio-power/panic/exit-failure", test_panic_exit);
    qtest_add_func("virtio-power/panic/pause", test_panic_pause);
    qtest_add_data_func("virtio-power/panic/none", NULL, test_panic_run);
    qtest_add_data_func("virtio-power/panic/handled", "handled",
                        test_panic_run);

    qtest_add_data_func("virtio-power/second/any-slot", "", test_second);
    qtest_add_data_func("virtio-power/second/slot-0",
                        ",bus=virtio-mmio-bus.0", test_second);
    qtest_add_data_func("virtio-power/second/own-link",
                        ",machine=/machine/board", test_second);

    return g_test_run();
}

/*
 * QTest testcase for virtio-power: suspend, and what wakes the machine up
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "virtio-power-util.h"

#define MS  1000000ull
#define S   (1000 * MS)

static void assert_wake_event(QVirtioPower *power, uint32_t reason)
{
    QVirtioPowerEvent event;

    g_assert_true(qvirtio_power_get_event(power, &event));
    g_assert_cmpuint(event.type, ==, VIRTIO_POWER_EVENT_WAKE);
    g_assert_cmpuint(event.index, ==, 0);
    g_assert_cmpuint(event.reason, ==, reason);
}

static void assert_asleep(QVirtioPower *power,
                          const QVirtioPowerRequest *request)
{
    g_assert_true(power_is(power, "suspended"));
    g_assert_false(qvirtio_power_is_used(power, request));
}

/*
 * What wakes it up
 */

static void test_host(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(WAKE));
    QVirtioPowerRequest request;
    int i;

    power_add_buffers(power, 3);
    for (i = 0; i < 3; i++) {
        request = power_sleep(power, 0);
        assert_asleep(power, &request);
        power_qmp(power, "system_wakeup");
        qtest_qmp_eventwait(power->qts, "WAKEUP");
        power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
        assert_wake_event(power, VIRTIO_POWER_WAKE_HOST);
    }
    power_quit(power);
}

static void test_time(const void *data)
{
    uint64_t wake_after = GPOINTER_TO_INT(data);
    QVirtioPower *power = power_start_driver("", BIT_OF(WAKE));
    QVirtioPowerRequest request = power_sleep(power, wake_after);

    power_add_buffers(power, 1);
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_TIME);
    assert_wake_event(power, VIRTIO_POWER_WAKE_TIME);
    power_quit(power);
}

/* So late that it never comes; somebody else has to */
static void test_time_far(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, UINT64_MAX);

    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_quit(power);
}

static void press_key(QVirtioPower *power, bool down)
{
    qtest_qmp_assert_success(power->qts, "{'execute': 'input-send-event',"
                             " 'arguments': {'events': [{'type': 'key',"
                             " 'data': {'down': %i, 'key':"
                             " {'type': 'qcode', 'data': 'a'}}}]}}", down);
}

static void move_pointer(QVirtioPower *power)
{
    qtest_qmp_assert_success(power->qts, "{'execute': 'input-send-event',"
                             " 'arguments': {'events': [{'type': 'abs',"
                             " 'data': {'axis': 'x', 'value': 1000}}]}}");
}

static void press_pointer(QVirtioPower *power, bool down)
{
    qtest_qmp_assert_success(power->qts, "{'execute': 'input-send-event',"
                             " 'arguments': {'events': [{'type': 'btn',"
                             " 'data': {'down': %i, 'button': 'left'}}]}}",
                             down);
}

static void test_input(void)
{
    QVirtioPower *power = power_start_driver(
        "-device virtio-keyboard-device -device virtio-tablet-device", 0);
    QVirtioPowerRequest request;

    /* Before the machine sleeps, a key means nothing */
    press_key(power, true);
    request = power_sleep(power, 0);
    press_key(power, false);
    move_pointer(power);
    assert_asleep(power, &request);
    press_key(power, true);
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_INPUT);

    request = power_sleep(power, 0);
    press_pointer(power, true);
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_INPUT);
    power_quit(power);
}

static void test_power_button(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, 0);

    /* Nobody attends to it */
    power_press_button(power);
    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);

    power_set_events(power, BIT_OF(POWER_BUTTON));
    power_add_buffers(power, 1);
    request = power_sleep(power, 0);
    power_press_button(power);
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

/* One that waits for a buffer is not slept through */
static void test_button_waits(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON) |
                                                 BIT_OF(WAKE));
    QVirtioPowerRequest request;

    power_press_button(power);
    request = qvirtio_power_suspend(power, 0);
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_add_buffers(power, 2);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    assert_wake_event(power, VIRTIO_POWER_WAKE_HOST);
    g_assert_true(power_is(power, "running"));

    request = power_sleep(power, 0);
    assert_asleep(power, &request);
    power_quit(power);
}

/* Other events do not wake it up, and are seen afterwards */
static void test_other_events(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);
    QVirtioPowerRequest request = power_sleep(power, 0);

    power_add_device(power, 9);
    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_add_buffers(power, 2);
    assert_wake_event(power, VIRTIO_POWER_WAKE_HOST);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 9);
    power_quit(power);
}

/*
 * While it sleeps
 */

/* One at a time; other requests are carried out */
static void test_busy(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, 0), second;
    int64_t seconds;
    uint32_t ns, reason;

    second = qvirtio_power_suspend(power, 0);
    g_assert_cmpuint(qvirtio_power_finish_suspend(power, &second, &reason), ==,
                     VIRTIO_POWER_S_BUSY);
    power_assert_ok(qvirtio_power_get_time(power, &seconds, &ns));
    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_quit(power);
}

static void test_machine_reset(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, 3600 * S);

    power_qmp(power, "system_reset");
    qtest_qmp_eventwait(power->qts, "RESET");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    g_assert_true(power_is(power, "running"));
    g_assert_cmphex(qtest_readl(power->qts, request.addr + request.out), ==,
                    UINT32_MAX);

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    request = power_sleep(power, 0);
    assert_asleep(power, &request);
    power_quit(power);
}

/* It wakes up as it would have done, but there is nobody to answer */
static void test_device_reset(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    uint64_t wake_after = 100 * MS;
    QVirtioPowerRequest request = power_sleep_and_stop(power, &wake_after);

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_qmp(power, "cont");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    g_assert_true(power_is(power, "running"));
    g_assert_cmphex(qtest_readl(power->qts, request.addr + request.out), ==,
                    UINT32_MAX);

    request = power_sleep(power, 1);
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_TIME);
    power_quit(power);
}

/* A user who stops a machine that sleeps finds it asleep afterwards */
static void test_stop(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    QVirtioPowerRequest request = power_sleep(power, 0);

    power_qmp(power, "stop");
    g_assert_true(power_is(power, "paused"));
    power_qmp(power, "cont");
    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);

    /* A button pressed meanwhile wakes it up as soon as it goes on */
    power_add_buffers(power, 1);
    request = power_sleep(power, 0);
    power_qmp(power, "stop");
    power_press_button(power);
    g_assert_false(qvirtio_power_is_used(power, &request));
    power_qmp(power, "cont");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

/*
 * Time for which it is stopped does not count. Would it count, the machine
 * would wake up as soon as it goes on, before QEMU takes the next command.
 */
static void test_stop_time(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    uint64_t wake_after = 100 * MS;
    QVirtioPowerRequest request;
    gint64 begin;

    for (;; wake_after *= 2) {
        request = power_sleep_and_stop(power, &wake_after);
        g_usleep(wake_after / 1000);
        g_assert_false(qvirtio_power_is_used(power, &request));
        begin = g_get_monotonic_time();
        power_qmp(power, "cont");
        power_qmp(power, "stop");
        if (!qvirtio_power_is_used(power, &request)) {
            break;
        }
        /* Only if it ran for the half of the time that was left */
        g_assert_cmpint(g_get_monotonic_time() - begin, >=, wake_after / 2000);
        qtest_qmp_eventwait(power->qts, "WAKEUP");
        qvirtio_power_finish(power, &request, NULL, 0);
        power_qmp(power, "cont");
    }
    power_qmp(power, "cont");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_TIME);
    power_quit(power);
}

static void test_power_off(void)
{
    QVirtioPower *power = power_start_driver("-no-shutdown", 0);
    QVirtioPowerRequest request = power_sleep(power, 0);

    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_POWER_OFF,
                                         0));
    power_wait_cause(power, "SHUTDOWN", true, "guest-shutdown");
    qtest_qmp_eventwait(power->qts, "STOP");
    g_assert_true(power_is(power, "shutdown"));
    g_assert_false(qvirtio_power_is_used(power, &request));
    power_quit(power);
}

static void test_halt(void)
{
    QVirtioPower *power = power_start_driver("", 0);

    power_sleep(power, 0);
    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_HALT, 0));
    qtest_qmp_eventwait(power->qts, "STOP");
    g_assert_true(power_is(power, "shutdown"));
    power_qmp(power, "system_reset");
    qtest_qmp_eventwait(power->qts, "RESET");
    power_qmp(power, "cont");
    g_assert_true(power_is(power, "running"));
    power_quit(power);
}

static void test_reboot(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    uint32_t words[] = { VIRTIO_POWER_REQ_REBOOT, 0, 0, 0 };

    power_sleep(power, 0);
    /* The reset takes the answer's interrupt with it */
    qvirtio_power_send(power, words, ARRAY_SIZE(words),
                       sizeof(struct virtio_power_response));
    qtest_qmp_eventwait(power->qts, "RESET");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    g_assert_true(power_is(power, "running"));
    power_quit(power);
}

/* Another CPU may have asked for it just before */
static void test_panic(void)
{
    QVirtioPower *power = power_start_driver("-action panic=pause", 0);
    QVirtioPowerRequest request = power_sleep(power, 0);

    power_assert_ok(qvirtio_power_word(power, VIRTIO_POWER_REQ_PANIC, 0, 0));
    qtest_qmp_eventwait(power->qts, "GUEST_PANICKED");
    g_assert_true(power_is(power, "guest-panicked"));
    /* The user finds it as it was */
    power_qmp(power, "cont");
    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_quit(power);
}

static void test_panic_end(void)
{
    QVirtioPower *power = power_start_driver("-no-shutdown", 0);

    power_sleep(power, 0);
    power_assert_ok(qvirtio_power_word(power, VIRTIO_POWER_REQ_PANIC, 0, 0));
    qtest_qmp_eventwait(power->qts, "GUEST_PANICKED");
    g_assert_true(power_is(power, "guest-panicked"));
    power_qmp(power, "system_reset");
    qtest_qmp_eventwait(power->qts, "RESET");
    power_qmp(power, "cont");
    g_assert_true(power_is(power, "running"));
    power_quit(power);
}

/* The user takes back a migration that has left the machine asleep */
static void test_migrated_away(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, 0);

    migrate_qmp(power->qts, NULL, "exec:cat >/dev/null", NULL, "{}");
    wait_for_migration_complete(power->qts);
    g_assert_true(power_is(power, "postmigrate"));
    power_qmp(power, "cont");
    assert_asleep(power, &request);
    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_quit(power);
}

/*
 * The answer begins with 0, and that goes to the Status register: it would be
 * a reset.
 */
static void test_own_register(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(WAKE));
    uint64_t addr = guest_alloc(power->alloc, 64);
    const size_t out = sizeof(struct virtio_power_suspend);
    const PowerPart parts[] = {
        { addr, out, false },
        { power_status_reg(power), 4, true },
        { addr + out, sizeof(struct virtio_power_suspend_response) - 4, true },
    };
    QVirtioPowerRequest request = { .addr = addr, .out = out, .in = 16 };

    qtest_memset(power->qts, addr, 0, 64);
    qtest_writel(power->qts, addr, VIRTIO_POWER_REQ_SUSPEND);
    qvirtqueue_reset_pool(power->request.vq);
    request.head = power_make_chain(power, power->request.vq, parts,
                                    ARRAY_SIZE(parts));
    qvirtio_requests_submit(&power->request, request.head);
    qtest_qmp_eventwait(power->qts, "SUSPEND");

    power_qmp(power, "system_wakeup");
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_driver(power);
    qvirtio_power_finish(power, &request, NULL, 0);
    g_assert_cmpuint(qtest_readl(power->qts, addr + out + 4), ==,
                     VIRTIO_POWER_WAKE_HOST);
    power_add_buffers(power, 1);
    assert_wake_event(power, VIRTIO_POWER_WAKE_HOST);
    power_quit(power);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-power/suspend/host", test_host);
    qtest_add_data_func("virtio-power/suspend/time-soon", GINT_TO_POINTER(1),
                        test_time);
    qtest_add_data_func("virtio-power/suspend/time",
                        GINT_TO_POINTER(20 * MS), test_time);
    qtest_add_func("virtio-power/suspend/time-far", test_time_far);
    qtest_add_func("virtio-power/suspend/input", test_input);
    qtest_add_func("virtio-power/suspend/power-button", test_power_button);
    qtest_add_func("virtio-power/suspend/button-waits", test_button_waits);
    qtest_add_func("virtio-power/suspend/other-events", test_other_events);
    qtest_add_func("virtio-power/suspend/busy", test_busy);
    qtest_add_func("virtio-power/suspend/machine-reset", test_machine_reset);
    qtest_add_func("virtio-power/suspend/device-reset", test_device_reset);
    qtest_add_func("virtio-power/suspend/stop", test_stop);
    qtest_add_func("virtio-power/suspend/stop-time", test_stop_time);
    qtest_add_func("virtio-power/suspend/power-off", test_power_off);
    qtest_add_func("virtio-power/suspend/halt", test_halt);
    qtest_add_func("virtio-power/suspend/reboot", test_reboot);
    qtest_add_func("virtio-power/suspend/panic", test_panic);
    qtest_add_func("virtio-power/suspend/panic-end", test_panic_end);
    qtest_add_func("virtio-power/suspend/migrated-away", test_migrated_away);
    qtest_add_func("virtio-power/suspend/own-register", test_own_register);

    return g_test_run();
}

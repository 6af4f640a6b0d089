/*
 * QTest testcase for virtio-power: migration and snapshots
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "virtio-power-util.h"

#define S           1000000000ull
#define RNG         "-device virtio-rng-device,id=rng9,bus=virtio-mmio-bus.9"
#define ALLOW_EXIT  "-global virtio-power-device.allow-exit=on"

static void wait_awake(QVirtioPower *power, QVirtioPowerRequest *request,
                       uint32_t reason)
{
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    power_assert_awake(power, request, reason);
}

/* No driver has asked for anything: it finds the device as usual */
static void test_idle(void)
{
    QVirtioPower *power = power_migrate(power_start(""));

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, QVIRTIO_POWER_ALL_EVENTS);
    power_expect_none(power);
    power_quit(power);
}

/* Events that found no buffer, one of each kind, and then those that come */
static void test_events(void)
{
    QVirtioPower *power = power_start_driver(RNG, QVIRTIO_POWER_ALL_EVENTS);
    uint32_t generation;

    power_press_button(power);
    power_remove_device(power, 9);
    power_set_cpu(power, 3, true);
    power_set_cpu(power, 1, false);
    generation = qvirtio_power_config(power, 0);

    power = power_migrate(power);
    g_assert_cmpuint(qvirtio_power_config(power, 0), ==, generation);
    power_add_buffers(power, 5);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, 9);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_ADDED, 3);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED, 1);
    power_expect_none(power);
    power_press_button(power);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

/* Buffers that were there before are used on the other side */
static void test_buffers(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(RESUMED));

    power_add_buffers(power, 1);
    power = power_migrate(power);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);
    power_expect_none(power);
    power_quit(power);
}

static void test_not_wanted(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));

    power = power_migrate(power);
    power_expect_none(power);
    power_press_button(power);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

static void test_suspended(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    QVirtioPowerRequest request = power_sleep(power, 0);

    power = power_migrate(power);
    g_assert_true(power_is(power, "suspended"));
    g_assert_false(qvirtio_power_is_used(power, &request));
    power_qmp(power, "system_wakeup");
    wait_awake(power, &request, VIRTIO_POWER_WAKE_HOST);

    /* Once more, to see that nothing is left */
    request = power_sleep(power, 1);
    wait_awake(power, &request, VIRTIO_POWER_WAKE_TIME);
    power_quit(power);
}

/* What is left of the time, counted from where the machine was stopped */
static void test_suspended_time(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    uint64_t wake_after = S / 10;
    QVirtioPowerRequest request = power_sleep_and_stop(power, &wake_after);

    power = power_migrate(power);
    g_assert_true(power_is(power, "paused"));
    g_assert_false(qvirtio_power_is_used(power, &request));
    power_qmp(power, "cont");
    wait_awake(power, &request, VIRTIO_POWER_WAKE_TIME);
    power_quit(power);
}

/* The button was pressed when the machine was stopped in its sleep */
static void test_suspended_button(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    QVirtioPowerRequest request = power_sleep(power, 0);

    power_qmp(power, "stop");
    power_press_button(power);
    power = power_migrate(power);
    power_qmp(power, "cont");
    wait_awake(power, &request, VIRTIO_POWER_WAKE_HOST);
    power_add_buffers(power, 1);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

/* A device that needs a reset still does */
static void test_broken(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    uint32_t words[] = { VIRTIO_POWER_REQ_GET_TIME, 0, 0 };

    qvirtio_power_send(power, words, ARRAY_SIZE(words), 24);
    power_wait_needs_reset(power);
    power_press_button(power);
    power = power_migrate(power);
    g_assert_true(qvirtio_power_needs_reset(power));
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, BIT_OF(POWER_BUTTON));
    power_expect_none(power);
    power_quit(power);
}

/*
 * Snapshots
 */

static void hmp(QVirtioPower *power, const char *command)
{
    g_autofree char *said = qtest_hmp(power->qts, "%s", command);

    g_assert_cmpstr(said, ==, "");
}

/* Queues are memory of the guest, and so is what the driver knows of them */
typedef struct Driver {
    QVirtioPower power;
    QVirtQueue request;
    QVirtQueue event;
} Driver;

static Driver save(QVirtioPower *power, const char *command)
{
    Driver driver = { *power, *power->request.vq, *power->event };

    hmp(power, command);
    return driver;
}

static void load(QVirtioPower *power, const char *command, const Driver *driver)
{
    hmp(power, command);
    *power = driver->power;
    *power->request.vq = driver->request;
    *power->event = driver->event;
}

/* What came after the snapshot is forgotten, what waited before is back */
static void check_snapshot_awake(QVirtioPower *power)
{
    Driver driver;

    power_press_button(power);
    driver = save(power, "savevm awake");
    power_add_buffers(power, 2);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);
    power_set_events(power, 0);
    power_sleep(power, 3600 * S);

    load(power, "loadvm awake", &driver);
    power_add_buffers(power, 2);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);
}

/* Who loads the snapshot of a machine that sleeps finds it as it was */
static void check_snapshot_asleep(QVirtioPower *power)
{
    QVirtioPowerRequest request;
    Driver driver;

    power_set_events(power, 0);
    request = power_sleep(power, 0);
    driver = save(power, "savevm asleep");
    g_assert_true(power_is(power, "suspended"));
    load(power, "loadvm asleep", &driver);
    g_assert_true(power_is(power, "suspended"));
    g_assert_false(qvirtio_power_is_used(power, &request));
    power_qmp(power, "system_wakeup");
    wait_awake(power, &request, VIRTIO_POWER_WAKE_HOST);

    /* If it is awake at that time, QEMU wakes it up afterwards */
    load(power, "loadvm asleep", &driver);
    qtest_qmp_eventwait(power->qts, "WAKEUP");
    g_assert_true(power_is(power, "running"));
    g_assert_true(qvirtio_power_is_used(power, &request));
}

static void test_snapshot(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-power-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/disk", dir);
    g_autofree char *options = g_strdup_printf(
        "-drive if=none,format=qcow2,cache-clean-interval=0,file=%s", path);
    QVirtioPower *power;

    if (!have_qemu_img() || !mkimg(path, "qcow2", 64)) {
        g_test_skip("there is no qemu-img to make a disk with");
    } else {
        power = power_start_driver(options, QVIRTIO_POWER_ALL_EVENTS);
        check_snapshot_awake(power);
        check_snapshot_asleep(power);
        power_quit(power);
    }
    unlink(path);
    rmdir(dir);
}

/*
 * Into another machine: the target refuses, whatever the source thinks
 */

static void check_refused(QVirtioPower *from, const char *options)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-power-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/socket", dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    g_autofree char *all = g_strdup_printf("%s -incoming %s", options, uri);
    QVirtioPower *to = power_start(all);

    migrate_qmp(from->qts, NULL, uri, NULL, "{}");
    power_wait_exit(to, 1);
    power_quit(from);
    unlink(path);
    rmdir(dir);
}

static void test_other_cpus(void)
{
    check_refused(power_start(""), "-smp 2,maxcpus=3");
}

static void test_other_features(void)
{
    QVirtioPower *power = power_start(ALLOW_EXIT);

    qvirtio_power_start(power, 1ull << VIRTIO_POWER_F_EXIT);
    check_refused(power, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-power/migrate/idle", test_idle);
    qtest_add_func("virtio-power/migrate/events", test_events);
    qtest_add_func("virtio-power/migrate/buffers", test_buffers);
    qtest_add_func("virtio-power/migrate/not-wanted", test_not_wanted);
    qtest_add_func("virtio-power/migrate/suspended", test_suspended);
    qtest_add_func("virtio-power/migrate/suspended-time",
                   test_suspended_time);
    qtest_add_func("virtio-power/migrate/suspended-button",
                   test_suspended_button);
    qtest_add_func("virtio-power/migrate/broken", test_broken);
    qtest_add_func("virtio-power/snapshot", test_snapshot);
    qtest_add_func("virtio-power/migrate/other-cpus", test_other_cpus);
    qtest_add_func("virtio-power/migrate/other-features",
                   test_other_features);

    return g_test_run();
}

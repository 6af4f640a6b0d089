/*
 * QTest testcase for virtio-input: migration and snapshots
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-input-util.h"

static void give_all(InputMachine *machine)
{
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        qvirtio_input_give(&machine->dev[i], machine->dev[i].num_free);
    }
}

static void send_button(InputMachine *machine, const char *button, bool down)
{
    QList *report = qlist_new();

    input_button(report, button, down);
    input_send(machine, report);
}

static void send_touch(InputMachine *machine, const char *type, int slot,
                       int id)
{
    QList *report = qlist_new();

    input_touch(report, type, slot, id);
    input_send(machine, report);
}

static void send_scroll(InputMachine *machine, int value)
{
    QList *report = qlist_new();

    input_scroll(report, "vertical", value);
    input_send(machine, report);
}

/* No driver has been there: it finds the device as usual */
static void test_idle(void)
{
    InputMachine *machine = input_migrate(input_start(""));
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 64);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    input_quit(machine);
}

/* What is held stays so, and can be released on the other side */
static void test_held(void)
{
    InputMachine *machine = input_start_drivers("");

    give_all(machine);
    input_send_key(machine, "a", true);
    send_button(machine, "left", true);
    send_touch(machine, "begin", 3, 9);
    input_expect(&machine->dev[INPUT_KEYBOARD], { EV_KEY, KEY_A, 1 }, SYN);
    input_expect(&machine->dev[INPUT_POINTER], { EV_KEY, BTN_LEFT, 1 }, SYN);
    input_expect(&machine->dev[INPUT_TOUCH], { EV_ABS, ABS_MT_SLOT, 3 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 9 }, { EV_KEY, BTN_TOUCH, 1 },
                 SYN);

    machine = input_migrate(machine);
    give_all(machine);
    input_expect_none(&machine->dev[INPUT_KEYBOARD]);
    input_expect_none(&machine->dev[INPUT_POINTER]);
    input_expect_none(&machine->dev[INPUT_TOUCH]);
    input_send_key(machine, "a", true);
    input_expect_none(&machine->dev[INPUT_KEYBOARD]);
    input_send_key(machine, "a", false);
    send_button(machine, "left", false);
    send_touch(machine, "end", 3, 9);
    input_expect(&machine->dev[INPUT_KEYBOARD], { EV_KEY, KEY_A, 0 }, SYN);
    input_expect(&machine->dev[INPUT_POINTER], { EV_KEY, BTN_LEFT, 0 }, SYN);
    input_expect(&machine->dev[INPUT_TOUCH], { EV_ABS, ABS_MT_SLOT, 3 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 }, { EV_KEY, BTN_TOUCH, 0 },
                 SYN);
    input_quit(machine);
}

/* Reports that found no buffers, and those that come */
static void test_pending(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];

    input_send_key(machine, "a", true);
    input_send_key(machine, "b", true);
    input_send_key(machine, "a", false);
    input_send_abs(machine, "x", 77);
    machine = input_migrate(machine);
    keyboard = &machine->dev[INPUT_KEYBOARD];
    tablet = &machine->dev[INPUT_POINTER];
    input_send_key(machine, "c", true);
    give_all(machine);
    g_assert_cmpint(keyboard->kicks, ==, 1);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN, { EV_KEY, KEY_B, 1 },
                 SYN, { EV_KEY, KEY_A, 0 }, SYN, { EV_KEY, KEY_C, 1 }, SYN);
    input_expect(tablet, { EV_ABS, ABS_X, 77 }, SYN);
    input_quit(machine);
}

/* The guest had been asked not to tell of buffers; now some are waited for */
static void test_notification(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_give(keyboard, 1);
    machine = input_migrate(machine);
    keyboard = &machine->dev[INPUT_KEYBOARD];
    qvirtio_input_give(keyboard, 1);
    g_assert_cmpint(keyboard->kicks, ==, 0);
    input_send_key(machine, "a", true);
    input_send_key(machine, "a", false);
    qvirtio_input_give(keyboard, 2);
    g_assert_cmpint(keyboard->kicks, ==, 1);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN, { EV_KEY, KEY_A, 0 },
                 SYN);
    input_quit(machine);
}

/* The same if they are waited for since before the guest could be told */
static void test_notification_stopped(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_give(keyboard, 2);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    input_qmp(machine, "stop");
    input_send_key(machine, "a", false);
    machine = input_migrate(machine);
    keyboard = &machine->dev[INPUT_KEYBOARD];
    input_qmp(machine, "cont");
    g_assert_cmpint(keyboard->kicks, ==, 0);
    qvirtio_input_give(keyboard, 2);
    g_assert_cmpint(keyboard->kicks, ==, 1);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN);
    input_quit(machine);
}

/* In the middle of a report that is longer than the ring */
static void test_part(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QList *report = qlist_new();

    qvirtio_input_start(keyboard, 4);
    qvirtio_input_give(keyboard, 3);
    input_key(report, "a", true);
    input_key(report, "b", true);
    input_key(report, "b", false);
    input_key(report, "a", false);
    input_key(report, "c", true);
    input_send(machine, report);

    machine = input_migrate(machine);
    keyboard = &machine->dev[INPUT_KEYBOARD];
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, { EV_KEY, KEY_B, 1 },
                 { EV_KEY, KEY_B, 0 });
    /* Less than a report, but the guest has to have the rest of this one */
    qvirtio_input_give(keyboard, 2);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, { EV_KEY, KEY_C, 1 });
    qvirtio_input_give(keyboard, 1);
    input_expect(keyboard, SYN);
    input_quit(machine);
}

/* The finger of a part was named in the part before it */
static void test_part_touch(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *screen = &machine->dev[INPUT_TOUCH];
    QList *report = qlist_new();

    qvirtio_input_start(screen, 1);
    qvirtio_input_give(screen, 1);
    input_touch(report, "begin", 6, 1);
    input_touch_at(report, 6, "x", 5);
    input_send(machine, report);

    machine = input_migrate(machine);
    screen = &machine->dev[INPUT_TOUCH];
    input_expect(screen, { EV_ABS, ABS_MT_SLOT, 6 });
    qvirtio_input_give(screen, 1);
    input_expect(screen, { EV_ABS, ABS_MT_TRACKING_ID, 1 });
    qvirtio_input_give(screen, 1);
    input_expect(screen, { EV_ABS, ABS_MT_POSITION_X, 5 });
    qvirtio_input_give(screen, 1);
    input_expect(screen, { EV_KEY, BTN_TOUCH, 1 });
    qvirtio_input_give(screen, 1);
    input_expect(screen, SYN);
    /* The device has followed what it told the guest of */
    qvirtio_input_start(screen, 64);
    qvirtio_input_give(screen, 64);
    input_expect(screen, { EV_KEY, BTN_TOUCH, 0 }, { EV_ABS, ABS_MT_SLOT, 6 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 }, SYN);
    input_quit(machine);
}

/* More events than the soft bound of the device, which is 1024 */
static void test_many(void)
{
    const int keys = 600;
    InputMachine *machine = input_start_drivers("");
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    int i;

    input_guest_init(guest);
    for (i = 0; i < keys; i++) {
        input_send_key(machine, "a", i % 2 == 0);
    }
    machine = input_migrate(machine);
    input_guest_finish(guest, &machine->dev[INPUT_KEYBOARD]);
    g_assert_cmpint(guest->transitions, ==, keys);
    input_quit(machine);
}

static void test_wheel(void)
{
    InputMachine *machine = input_start_drivers("");

    give_all(machine);
    send_scroll(machine, 119);
    input_expect(&machine->dev[INPUT_POINTER],
                 { EV_REL, REL_WHEEL_HI_RES, 119 }, SYN);
    machine = input_migrate(machine);
    send_scroll(machine, 1);
    input_expect(&machine->dev[INPUT_POINTER], { EV_REL, REL_WHEEL, 1 },
                 { EV_REL, REL_WHEEL_HI_RES, 1 }, SYN);
    input_quit(machine);
}

/* Between two drivers, the second of which is told of the releases */
static void test_between(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    give_all(machine);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    qvirtio_input_reset(keyboard);
    machine = input_migrate(machine);
    keyboard = &machine->dev[INPUT_KEYBOARD];
    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 64);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN);
    input_quit(machine);
}

/* Releases while it was stopped here, and there */
static void test_stopped(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    give_all(machine);
    input_send_key(machine, "a", true);
    input_send_key(machine, "b", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN, { EV_KEY, KEY_B, 1 },
                 SYN);
    input_qmp(machine, "stop");
    input_send_key(machine, "a", false);
    machine = input_migrate(machine);
    keyboard = &machine->dev[INPUT_KEYBOARD];
    input_send_key(machine, "b", false);
    input_expect_none(keyboard);
    input_qmp(machine, "cont");
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN, { EV_KEY, KEY_B, 0 },
                 SYN);
    input_quit(machine);
}

/*
 * Snapshots
 */

static void hmp(InputMachine *machine, const char *command)
{
    g_autofree char *said = qtest_hmp(machine->qts, "%s", command);

    g_assert_cmpstr(said, ==, "");
}

static void check_snapshot(InputMachine *machine)
{
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QVirtioInput driver;
    QVirtQueue event;

    /* Held at the snapshot: a, b; c waits to be told */
    qvirtio_input_give(keyboard, 4);
    input_send_key(machine, "a", true);
    input_send_key(machine, "b", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN, { EV_KEY, KEY_B, 1 },
                 SYN);
    input_send_key(machine, "c", true);
    driver = *keyboard;
    event = *keyboard->event;
    hmp(machine, "savevm held");

    /* Held when it is loaded: b, d */
    qvirtio_input_give(keyboard, 64);
    input_send_key(machine, "a", false);
    input_send_key(machine, "c", false);
    input_send_key(machine, "d", true);
    input_expect(keyboard, { EV_KEY, KEY_C, 1 }, SYN, { EV_KEY, KEY_A, 0 },
                 SYN, { EV_KEY, KEY_C, 0 }, SYN, { EV_KEY, KEY_D, 1 }, SYN);
    hmp(machine, "loadvm held");
    *keyboard = driver;
    *keyboard->event = event;
    qvirtio_input_give(keyboard, 64);
    input_expect(keyboard, { EV_KEY, KEY_C, 1 }, SYN, { EV_KEY, KEY_A, 0 },
                 { EV_KEY, KEY_C, 0 }, SYN);
    input_send_key(machine, "d", false);
    input_expect_none(keyboard);
    input_send_key(machine, "b", false);
    input_expect(keyboard, { EV_KEY, KEY_B, 0 }, SYN);

    /* Nothing was held: what is now is forgotten */
    driver = *keyboard;
    event = *keyboard->event;
    hmp(machine, "savevm idle");
    input_send_key(machine, "a", true);
    hmp(machine, "loadvm idle");
    *keyboard = driver;
    *keyboard->event = event;
    input_send_key(machine, "a", false);
    input_expect_none(keyboard);
}

/* A finger stays where it is, and so does what the device makes of it */
static void check_snapshot_touch(InputMachine *machine)
{
    QVirtioInput *touch = &machine->dev[INPUT_TOUCH];
    QVirtioInput driver;
    QVirtQueue event;

    qvirtio_input_give(touch, 64);
    send_touch(machine, "begin", 2, 7);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 2 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 7 },
                 { EV_KEY, BTN_TOUCH, 1 }, SYN);
    driver = *touch;
    event = *touch->event;
    hmp(machine, "savevm touch");
    hmp(machine, "loadvm touch");
    *touch = driver;
    *touch->event = event;
    input_expect_none(touch);

    send_touch(machine, "end", 2, 7);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 2 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 },
                 { EV_KEY, BTN_TOUCH, 0 }, SYN);
}

static void test_snapshot(void)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-input-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/disk", dir);
    g_autofree char *options = g_strdup_printf(
        "-drive if=none,format=qcow2,cache-clean-interval=0,file=%s", path);
    InputMachine *machine;

    if (!have_qemu_img() || !mkimg(path, "qcow2", 64)) {
        g_test_skip("there is no qemu-img to make a disk with");
    } else {
        machine = input_start_drivers(options);
        check_snapshot(machine);
        check_snapshot_touch(machine);
        input_quit(machine);
    }
    unlink(path);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-input/migrate/idle", test_idle);
    qtest_add_func("virtio-input/migrate/held", test_held);
    qtest_add_func("virtio-input/migrate/pending", test_pending);
    qtest_add_func("virtio-input/migrate/notification", test_notification);
    qtest_add_func("virtio-input/migrate/notification-stopped",
                   test_notification_stopped);
    qtest_add_func("virtio-input/migrate/part", test_part);
    qtest_add_func("virtio-input/migrate/part-touch", test_part_touch);
    qtest_add_func("virtio-input/migrate/many", test_many);
    qtest_add_func("virtio-input/migrate/wheel", test_wheel);
    qtest_add_func("virtio-input/migrate/between", test_between);
    qtest_add_func("virtio-input/migrate/stopped", test_stopped);
    qtest_add_func("virtio-input/snapshot", test_snapshot);

    return g_test_run();
}

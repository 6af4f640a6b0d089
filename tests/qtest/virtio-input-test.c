/*
 * QTest testcase for virtio-input: what a driver finds, what it is told of
 * what the user does, and what it can tell the device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "virtio-desktop-util.h"
#include "virtio-input-util.h"

#define MOUSE   "-M virtio-desktop,pointer=mouse "

/*
 * Configuration space
 */

static void expect_config(QVirtioInput *input, uint8_t select, uint8_t subsel,
                          const void *expected, size_t size)
{
    uint8_t data[128];
    uint8_t seen = qvirtio_input_config(input, select, subsel, data);

    g_assert_cmpmem(data, seen, expected, size);
}

static void expect_name(QVirtioInput *input, const char *name)
{
    expect_config(input, VIRTIO_INPUT_CFG_ID_NAME, 0, name, strlen(name));
}

static void expect_ids(QVirtioInput *input, uint16_t product, uint16_t version)
{
    struct virtio_input_devids ids = {
        .bustype = cpu_to_le16(BUS_VIRTUAL),
        .vendor = cpu_to_le16(0x0627),
        .product = cpu_to_le16(product),
        .version = cpu_to_le16(version),
    };

    expect_config(input, VIRTIO_INPUT_CFG_ID_DEVIDS, 0, &ids, sizeof(ids));
}

static void expect_bits(QVirtioInput *input, uint8_t select, uint8_t subsel,
                        const uint16_t *codes, int n)
{
    uint8_t bits[128] = { };
    size_t size = 0;
    int i;

    for (i = 0; i < n; i++) {
        bits[codes[i] / 8] |= 1u << codes[i] % 8;
        size = MAX(size, codes[i] / 8 + 1);
    }
    expect_config(input, select, subsel, bits, size);
}

#define EXPECT_BITS(input, select, subsel, ...) \
    expect_bits(input, VIRTIO_INPUT_CFG_ ## select, subsel, \
                (uint16_t []) { __VA_ARGS__ }, \
                sizeof((uint16_t []) { __VA_ARGS__ }) / sizeof(uint16_t))

static void expect_axis(QVirtioInput *input, uint16_t code, uint32_t max,
                        uint32_t resolution)
{
    struct virtio_input_absinfo info = {
        .max = cpu_to_le32(max),
        .res = cpu_to_le32(resolution),
    };

    expect_config(input, VIRTIO_INPUT_CFG_ABS_INFO, code, &info, sizeof(info));
}

/* Of all selections, only these have something to say */
static void expect_selections(QVirtioInput *input, const char *expected)
{
    g_autoptr(GString) list = g_string_new("");
    uint8_t data[128];
    int select, subsel;

    for (select = 0; select < 32; select++) {
        for (subsel = 0; subsel < 0x40; subsel++) {
            if (qvirtio_input_config(input, select, subsel, data)) {
                g_string_append_printf(list, "%x/%x ", select, subsel);
            }
        }
    }
    g_assert_cmpstr(list->str, ==, expected);
}

static void test_config_keyboard(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    uint8_t keys[128] = { };
    uint8_t size;

    expect_selections(keyboard, "1/0 3/0 11/1 11/11 11/14 ");
    expect_config(keyboard, VIRTIO_INPUT_CFG_ID_NAME, 0,
                  "QEMU Virtio Keyboard", sizeof("QEMU Virtio Keyboard"));
    expect_ids(keyboard, 1, 1);
    EXPECT_BITS(keyboard, EV_BITS, EV_LED, LED_NUML, LED_CAPSL, LED_SCROLLL);
    expect_config(keyboard, VIRTIO_INPUT_CFG_EV_BITS, EV_REP, "", 1);

    size = qvirtio_input_config(keyboard, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY,
                                keys);
    g_assert_cmpuint(size, >, KEY_LEFTMETA / 8);
    g_assert_true(keys[KEY_A / 8] & 1 << KEY_A % 8);
    g_assert_true(keys[KEY_LEFTMETA / 8] & 1 << KEY_LEFTMETA % 8);
    /* With a button of a mouse it would be taken for one */
    g_assert_cmpuint(size, <=, BTN_MISC / 8);
    input_quit(machine);
}

static void test_config_tablet(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];

    expect_selections(tablet, "1/0 3/0 11/1 11/2 11/3 12/0 12/1 ");
    expect_name(tablet, "QEMU Virtio Tablet");
    expect_ids(tablet, 3, 3);
    EXPECT_BITS(tablet, EV_BITS, EV_KEY, BTN_LEFT, BTN_RIGHT, BTN_MIDDLE,
                BTN_SIDE, BTN_EXTRA);
    EXPECT_BITS(tablet, EV_BITS, EV_REL, REL_WHEEL, REL_WHEEL_HI_RES,
                REL_HWHEEL, REL_HWHEEL_HI_RES);
    EXPECT_BITS(tablet, EV_BITS, EV_ABS, ABS_X, ABS_Y);
    expect_axis(tablet, ABS_X, 0x7fff, 63);
    expect_axis(tablet, ABS_Y, 0x7fff, 100);
    input_quit(machine);
}

static void test_config_mouse(void)
{
    InputMachine *machine = input_start(MOUSE);
    QVirtioInput *mouse = &machine->dev[INPUT_POINTER];

    expect_selections(mouse, "1/0 3/0 11/1 11/2 ");
    expect_name(mouse, "QEMU Virtio Mouse");
    expect_ids(mouse, 2, 3);
    EXPECT_BITS(mouse, EV_BITS, EV_KEY, BTN_LEFT, BTN_RIGHT, BTN_MIDDLE,
                BTN_SIDE, BTN_EXTRA);
    EXPECT_BITS(mouse, EV_BITS, EV_REL, REL_X, REL_Y, REL_WHEEL,
                REL_WHEEL_HI_RES, REL_HWHEEL, REL_HWHEEL_HI_RES);
    input_quit(machine);
}

static void test_config_no_wheel(const void *data)
{
    InputMachine *machine = input_start(data);
    QVirtioInput *pointer = &machine->dev[INPUT_POINTER];
    bool is_mouse = strstr(data, "mouse");

    if (is_mouse) {
        EXPECT_BITS(pointer, EV_BITS, EV_REL, REL_X, REL_Y);
    } else {
        expect_selections(pointer, "1/0 3/0 11/1 11/3 12/0 12/1 ");
    }
    input_quit(machine);
}

static void test_config_touch(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *touch = &machine->dev[INPUT_TOUCH];

    expect_selections(touch, "1/0 3/0 10/0 11/1 11/3 12/2f 12/35 12/36 12/39 ");
    expect_name(touch, "QEMU Virtio MultiTouch");
    expect_ids(touch, 4, 3);
    EXPECT_BITS(touch, PROP_BITS, 0, INPUT_PROP_DIRECT);
    EXPECT_BITS(touch, EV_BITS, EV_KEY, BTN_TOUCH);
    EXPECT_BITS(touch, EV_BITS, EV_ABS, ABS_MT_SLOT, ABS_MT_POSITION_X,
                ABS_MT_POSITION_Y, ABS_MT_TRACKING_ID);
    expect_axis(touch, ABS_MT_SLOT, 9, 0);
    expect_axis(touch, ABS_MT_TRACKING_ID, 0xffff, 0);
    expect_axis(touch, ABS_MT_POSITION_X, 0x7fff, 63);
    expect_axis(touch, ABS_MT_POSITION_Y, 0x7fff, 100);
    input_quit(machine);
}

/* The longest serial, and what is selected is what was written */
static void test_config_serial(void)
{
    g_autofree char *serial = g_strnfill(128, 'x');
    g_autofree char *options = g_strdup_printf(
        "-global virtio-tablet-device.serial=%s", serial);
    InputMachine *machine = input_start(options);
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];
    uint64_t config = tablet->slot->addr + 0x100;
    uint8_t data[128];

    expect_config(tablet, VIRTIO_INPUT_CFG_ID_SERIAL, 0, serial, 128);
    g_assert_cmpuint(qvirtio_input_config(tablet, 0x77, 0x66, data), ==, 0);
    g_assert_cmphex(qtest_readw(machine->qts, config), ==, 0x6677);
    /* Selecting something is no change of configuration */
    g_assert_cmphex(qtest_readl(machine->qts, tablet->slot->addr + 0x60),
                    ==, 0);
    input_quit(machine);
}

/*
 * Events
 */

static void test_key(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QList *report = qlist_new();

    qvirtio_input_give(keyboard, 64);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    /* What is held is not pressed again, and nobody is woken up for it */
    input_send_key(machine, "a", true);
    input_expect_none(keyboard);
    input_send_key(machine, "b", false);
    input_expect_none(keyboard);
    input_key(report, "shift", true);
    input_key(report, "a", false);
    input_key(report, "shift", false);
    input_send(machine, report);
    input_expect(keyboard, { EV_KEY, KEY_LEFTSHIFT, 1 }, { EV_KEY, KEY_A, 0 },
                 { EV_KEY, KEY_LEFTSHIFT, 0 }, SYN);
    input_quit(machine);
}

static void test_number(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_give(keyboard, 64);
    qtest_qmp_assert_success(machine->qts, "{'execute': 'input-send-event',"
        " 'arguments': {'events': [{'type': 'key', 'data': {'down': true,"
        " 'key': {'type': 'number', 'data': 30}}}]}}");
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    input_quit(machine);
}

static void test_tablet(void)
{
    static const struct {
        const char *name;
        uint16_t code;
    } buttons[] = {
        { "left", BTN_LEFT }, { "right", BTN_RIGHT }, { "middle", BTN_MIDDLE },
        { "side", BTN_SIDE }, { "extra", BTN_EXTRA },
    };
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];
    QVirtioInput *touch = &machine->dev[INPUT_TOUCH];
    QList *report = qlist_new();
    int i;

    qvirtio_input_give(tablet, 64);
    qvirtio_input_give(touch, 64);
    input_abs(report, "x", 0);
    input_abs(report, "y", 0x7fff);
    input_send(machine, report);
    input_expect(tablet, { EV_ABS, ABS_X, 0 }, { EV_ABS, ABS_Y, 0x7fff }, SYN);

    /* What has not changed is not sent */
    report = qlist_new();
    input_abs(report, "x", 7);
    input_abs(report, "y", 0x7fff);
    input_send(machine, report);
    input_expect(tablet, { EV_ABS, ABS_X, 7 }, SYN);
    input_send_abs(machine, "x", 7);
    input_expect_none(tablet);

    for (i = 0; i < ARRAY_SIZE(buttons); i++) {
        report = qlist_new();
        input_button(report, buttons[i].name, true);
        input_send(machine, report);
        input_expect(tablet, { EV_KEY, buttons[i].code, 1 }, SYN);
        report = qlist_new();
        input_button(report, buttons[i].name, false);
        input_send(machine, report);
        input_expect(tablet, { EV_KEY, buttons[i].code, 0 }, SYN);
    }
    /* The touch screen, whose driver came last, got none of it */
    input_expect_none(touch);
    input_quit(machine);
}

static void test_mouse(void)
{
    InputMachine *machine = input_start_drivers(MOUSE);
    QVirtioInput *mouse = &machine->dev[INPUT_POINTER];
    QList *report = qlist_new();

    qvirtio_input_give(mouse, 64);
    input_rel(report, "x", -5);
    input_rel(report, "y", INT32_MAX);
    input_button(report, "left", true);
    input_send(machine, report);
    input_expect(mouse, { EV_REL, REL_X, -5 }, { EV_REL, REL_Y, INT32_MAX },
                 { EV_KEY, BTN_LEFT, 1 }, SYN);
    report = qlist_new();
    input_rel(report, "x", 0);
    input_send(machine, report);
    input_expect_none(mouse);
    report = qlist_new();
    input_abs(report, "x", 0);
    input_refuse(machine, report,
                 "Input handler not found for event type abs");
    input_quit(machine);
}

static void scroll(InputMachine *machine, const char *axis, int value)
{
    QList *report = qlist_new();

    input_scroll(report, axis, value);
    input_send(machine, report);
}

/* A classic step each time that 120 have been added up, toward zero */
static void test_scroll(const void *data)
{
    InputMachine *machine = input_start_drivers(data);
    QVirtioInput *pointer = &machine->dev[INPUT_POINTER];

    qvirtio_input_give(pointer, 64);
    scroll(machine, "vertical", 119);
    input_expect(pointer, { EV_REL, REL_WHEEL_HI_RES, 119 }, SYN);
    scroll(machine, "vertical", 1);
    input_expect(pointer, { EV_REL, REL_WHEEL, 1 },
                 { EV_REL, REL_WHEEL_HI_RES, 1 }, SYN);
    scroll(machine, "vertical", -119);
    input_expect(pointer, { EV_REL, REL_WHEEL_HI_RES, -119 }, SYN);
    scroll(machine, "horizontal", 250);
    input_expect(pointer, { EV_REL, REL_HWHEEL, 2 },
                 { EV_REL, REL_HWHEEL_HI_RES, 250 }, SYN);
    scroll(machine, "vertical", -122);
    input_expect(pointer, { EV_REL, REL_WHEEL, -2 },
                 { EV_REL, REL_WHEEL_HI_RES, -122 }, SYN);
    scroll(machine, "horizontal", 110);
    input_expect(pointer, { EV_REL, REL_HWHEEL, 1 },
                 { EV_REL, REL_HWHEEL_HI_RES, 110 }, SYN);
    input_quit(machine);
}

static void test_wheel_buttons(void)
{
    static const struct {
        const char *name;
        uint16_t detents;
        uint16_t fine;
        int sign;
    } buttons[] = {
        { "wheel-up", REL_WHEEL, REL_WHEEL_HI_RES, 1 },
        { "wheel-down", REL_WHEEL, REL_WHEEL_HI_RES, -1 },
        { "wheel-right", REL_HWHEEL, REL_HWHEEL_HI_RES, 1 },
        { "wheel-left", REL_HWHEEL, REL_HWHEEL_HI_RES, -1 },
    };
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];
    int i;

    qvirtio_input_give(tablet, 64);
    for (i = 0; i < ARRAY_SIZE(buttons); i++) {
        QList *report = qlist_new();

        input_button(report, buttons[i].name, true);
        input_button(report, buttons[i].name, false);
        input_send(machine, report);
        input_expect(tablet,
                     { EV_REL, buttons[i].detents, buttons[i].sign },
                     { EV_REL, buttons[i].fine, 120 * buttons[i].sign }, SYN);
    }
    input_quit(machine);
}

static void test_touch(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *touch = &machine->dev[INPUT_TOUCH];
    QList *report = qlist_new();

    qvirtio_input_give(touch, 64);
    input_touch(report, "begin", 0, 10);
    input_touch_at(report, 0, "x", 1);
    input_touch_at(report, 0, "y", 2);
    input_touch(report, "begin", 9, 0xffff);
    input_touch_at(report, 9, "x", 3);
    input_send(machine, report);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 0 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 10 },
                 { EV_ABS, ABS_MT_POSITION_X, 1 },
                 { EV_ABS, ABS_MT_POSITION_Y, 2 },
                 { EV_ABS, ABS_MT_SLOT, 9 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 0xffff },
                 { EV_ABS, ABS_MT_POSITION_X, 3 },
                 { EV_KEY, BTN_TOUCH, 1 }, SYN);

    /* Only what has changed */
    report = qlist_new();
    input_touch(report, "update", 0, 10);
    input_touch_at(report, 0, "x", 1);
    input_touch_at(report, 0, "y", 5);
    input_touch(report, "update", 9, 0xffff);
    input_touch_at(report, 9, "x", 3);
    input_send(machine, report);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 0 },
                 { EV_ABS, ABS_MT_POSITION_Y, 5 }, SYN);

    /* It is touched until the last finger is lifted */
    report = qlist_new();
    input_touch(report, "end", 0, 10);
    input_send(machine, report);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 0 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 }, SYN);
    report = qlist_new();
    input_touch(report, "cancel", 9, 0);
    input_send(machine, report);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 9 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 },
                 { EV_KEY, BTN_TOUCH, 0 }, SYN);

    /* Where a finger is that nobody put down is nothing to tell */
    report = qlist_new();
    input_touch(report, "update", 4, 4);
    input_touch_at(report, 4, "x", 1);
    input_button(report, "touch", true);
    input_send(machine, report);
    input_expect_none(touch);

    /* The next one at the same place is told where it is */
    report = qlist_new();
    input_touch(report, "begin", 9, 1);
    input_touch_at(report, 9, "x", 3);
    input_send(machine, report);
    input_expect(touch, { EV_ABS, ABS_MT_SLOT, 9 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 1 },
                 { EV_ABS, ABS_MT_POSITION_X, 3 },
                 { EV_KEY, BTN_TOUCH, 1 }, SYN);
    input_quit(machine);
}

/*
 * What a client of QMP may not ask for; nothing else of the same command is
 * done either.
 */
static void test_refused(void)
{
    InputMachine *machine = input_start_drivers("");
    QList *report = qlist_new();
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        qvirtio_input_give(&machine->dev[i], 64);
    }
    input_key(report, "a", true);
    input_key(report, "unmapped", true);
    input_refuse(machine, report,
                 "Device 'QEMU Virtio Keyboard' has no key 'unmapped'");
    report = qlist_new();
    input_abs(report, "x", 1);
    input_abs(report, "y", 0x8000);
    input_refuse(machine, report,
                 "Position 32768 is not in the range 0 to 32767");
    report = qlist_new();
    input_touch(report, "begin", 10, 1);
    input_refuse(machine, report,
                 "Touch slot 10 is not in the range 0 to 9");
    report = qlist_new();
    input_touch(report, "begin", 0, 0x10000);
    input_refuse(machine, report,
                 "Tracking ID 65536 is not in the range 0 to 65535");
    report = qlist_new();
    input_touch_at(report, 0, "x", -1);
    input_refuse(machine, report,
                 "Position -1 is not in the range 0 to 32767");
    report = qlist_new();
    input_rel(report, "x", 1);
    input_refuse(machine, report,
                 "Input handler not found for event type rel");
    for (i = 0; i < INPUT_DEVICES; i++) {
        input_expect_none(&machine->dev[i]);
    }
    input_quit(machine);
}

/*
 * Status events
 */

static char *read_log(const char *path)
{
    char *log;

    g_assert_true(g_file_get_contents(path, &log, NULL, NULL));
    return log;
}

static int count(const char *log, const char *text)
{
    int n = 0;

    for (; (log = strstr(log, text)); log++) {
        n++;
    }
    return n;
}

static void test_status(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("virtio-input-XXXXXX", &path, NULL);
    g_autofree char *options = g_strdup_printf(
        "-d guest_errors,trace:virtio_input_hid_leds -D %s", path);
    InputMachine *machine = input_start_drivers(options);
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    static const QVirtioInputEvent events[] = {
        { EV_LED, LED_NUML, 1 }, { EV_LED, LED_CAPSL, 1 },
        { EV_LED, LED_SCROLLL, 1 }, { EV_LED, LED_NUML, 0 },
    };
    g_autofree char *log = NULL;
    int i;

    for (i = 0; i < ARRAY_SIZE(events); i++) {
        qvirtio_input_send_status(keyboard, events[i], 8);
    }
    /* These change nothing; the last one is right, and not QEMU's business */
    qvirtio_input_send_status(keyboard, (QVirtioInputEvent) {
                              EV_LED, LED_COMPOSE, 1 }, 8);
    qvirtio_input_send_status(keyboard, (QVirtioInputEvent) {
                              EV_SND, SND_BELL, 1 }, 8);
    qvirtio_input_send_status(keyboard, events[0], 7);
    qvirtio_input_send_status(keyboard, (QVirtioInputEvent) {
                              EV_REP, REP_DELAY, 1 }, 8);
    qvirtio_input_reset(keyboard);
    input_quit(machine);

    log = read_log(path);
    g_test_message("%s", log);
    g_assert_cmpint(count(log, "unknown status event"), ==, 2);
    g_assert_cmpint(count(log, "status event of only 7 bytes"), ==, 1);
    if (count(log, "virtio_input_hid_leds")) {
        /* QEMU's bits: 1 is scroll lock, 2 is num lock, 4 is caps lock */
        g_assert_cmpint(count(log, "leds"), ==, 5);
        g_assert_cmpint(count(log, ": 0x2\n"), ==, 1);
        g_assert_cmpint(count(log, ": 0x6\n"), ==, 1);
        g_assert_cmpint(count(log, ": 0x7\n"), ==, 1);
        g_assert_cmpint(count(log, ": 0x5\n"), ==, 1);
        g_assert_cmpint(count(log, ": 0x0\n"), ==, 1);
    } else {
        g_test_message("traces do not go to the log in this build");
    }
    close(fd);
    unlink(path);
}

/*
 * Options
 */

static void check_option(const char *options, const char *error)
{
    g_autofree char *errors = NULL;
    int status = desktop_run_qemu(options, &errors);

    g_test_message("%s", errors);
    g_assert_cmpint(status, ==, 1);
    g_assert_nonnull(strstr(errors, error));
}

static void test_options(void)
{
    g_autofree char *serial = g_strnfill(129, 'x');
    g_autofree char *options = g_strdup_printf(
        " -device virtio-keyboard-device,serial=%s", serial);

    check_option(options, "The serial of an input device can have 128 bytes,"
                 " but this one has 129\n");
    check_option(" -device virtio-tablet-device,display=nothing",
                 "nothing");
}

/* What a pointer of a head gets is told with the head */
static void test_display(void)
{
    InputMachine *machine = input_start("-device virtio-fb-device,id=fb"
                                        " -device virtio-tablet-device,"
                                        "display=fb,bus=virtio-mmio-bus.9");
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];
    QVirtioInput *bound = &machine->dev[INPUT_TOUCH];

    qvirtio_mmio_init_device(&machine->slots[INPUT_TOUCH], machine->qts,
                             SLOT_BASE + 9 * SLOT_SIZE, 4096);
    qvirtio_input_start(bound, 64);
    qvirtio_input_give(bound, 64);
    qvirtio_input_start(tablet, 64);
    qvirtio_input_give(tablet, 64);
    qtest_qmp_assert_success(machine->qts, "{'execute': 'input-send-event',"
        " 'arguments': {'device': 'fb', 'events': [{'type': 'abs',"
        " 'data': {'axis': 'x', 'value': 5}}]}}");
    input_expect(bound, { EV_ABS, ABS_X, 5 }, SYN);
    input_expect_none(tablet);
    input_send_abs(machine, "y", 6);
    input_expect(tablet, { EV_ABS, ABS_Y, 6 }, SYN);
    input_expect_none(bound);
    input_quit(machine);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-input/config/keyboard", test_config_keyboard);
    qtest_add_func("virtio-input/config/tablet", test_config_tablet);
    qtest_add_func("virtio-input/config/mouse", test_config_mouse);
    qtest_add_func("virtio-input/config/touch", test_config_touch);
    qtest_add_func("virtio-input/config/serial", test_config_serial);
    qtest_add_data_func("virtio-input/config/no-wheel-tablet",
                        "-global virtio-tablet-device.wheel-axis=off",
                        test_config_no_wheel);
    qtest_add_data_func("virtio-input/config/no-wheel-mouse", MOUSE
                        "-global virtio-mouse-device.wheel-axis=off",
                        test_config_no_wheel);
    qtest_add_func("virtio-input/event/key", test_key);
    qtest_add_func("virtio-input/event/number", test_number);
    qtest_add_func("virtio-input/event/tablet", test_tablet);
    qtest_add_func("virtio-input/event/mouse", test_mouse);
    qtest_add_data_func("virtio-input/event/scroll-tablet", "", test_scroll);
    qtest_add_data_func("virtio-input/event/scroll-mouse", MOUSE, test_scroll);
    qtest_add_func("virtio-input/event/wheel-buttons", test_wheel_buttons);
    qtest_add_func("virtio-input/event/touch", test_touch);
    qtest_add_func("virtio-input/event/refused", test_refused);
    qtest_add_func("virtio-input/event/display", test_display);
    qtest_add_func("virtio-input/status", test_status);
    qtest_add_func("virtio-input/options", test_options);

    return g_test_run();
}

/*
 * QTest testcase for virtio-input: guests that are slow, and ones that come
 * and go
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-input-util.h"

#define MOUSE       "-M virtio-desktop,pointer=mouse "

/* Bounds of the device, see hw/input/virtio-input-internal.h */
#define REPORT_MAX  1024
#define SOFT_MAX    1024
#define HARD_MAX    16384

/* Motions that a test has merged: an even number */
#define MOTIONS     100

/* Keys that are one after the other for guests */
static const char * const letters[] = {
    "q", "w", "e", "r", "t", "y", "u", "i", "o", "p",
};

#define FIRST_LETTER KEY_Q

static void add_toggles(QList *report, const char *qcode, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        input_key(report, qcode, i % 2 == 0);
    }
}

static void send_toggles(InputMachine *machine, const char *qcode, int n)
{
    QList *report = qlist_new();

    add_toggles(report, qcode, n);
    input_send(machine, report);
}

static void click(InputMachine *machine, const char *button)
{
    QList *report = qlist_new();

    input_button(report, button, true);
    input_send(machine, report);
    report = qlist_new();
    input_button(report, button, false);
    input_send(machine, report);
}

/*
 * Buffers that come late
 */

static void test_order(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QList *report = qlist_new();

    /* Without any, only the one that is waited for is worth a notification */
    input_send_key(machine, "a", true);
    input_key(report, "b", true);
    input_key(report, "a", false);
    input_send(machine, report);
    input_send_key(machine, "b", false);
    qvirtio_input_give(keyboard, 1);
    input_expect_none(keyboard);
    qvirtio_input_give(keyboard, 1);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    qvirtio_input_give(keyboard, 2);
    input_expect_none(keyboard);
    g_assert_true(qvirtio_input_take_interrupt(keyboard));
    qvirtio_input_give(keyboard, 10);
    g_assert_true(qvirtio_input_take_interrupt(keyboard));
    g_assert_false(qvirtio_input_take_interrupt(keyboard));
    input_expect(keyboard, { EV_KEY, KEY_B, 1 }, { EV_KEY, KEY_A, 0 }, SYN,
                 { EV_KEY, KEY_B, 0 }, SYN);
    input_quit(machine);
}

/* Only while something waits is it worth an exit that buffers have come */
static void test_kicks(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_give(keyboard, 2);
    g_assert_cmpint(keyboard->kicks, ==, 0);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    g_assert_cmpint(keyboard->kicks, ==, 0);
    input_send_key(machine, "a", false);
    qvirtio_input_give(keyboard, 2);
    g_assert_cmpint(keyboard->kicks, ==, 1);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN);
    qvirtio_input_give(keyboard, 2);
    g_assert_cmpint(keyboard->kicks, ==, 1);
    input_quit(machine);
}

/*
 * Many events for the three devices. Their guest takes them in bursts, so much
 * waits that motion is merged, but never as much as the hard bound. A few
 * thousand events are enough for each device to get beyond the soft bound.
 */

typedef struct Model {
    InputMachine *machine;
    InputGuest guest[INPUT_DEVICES];
    InputGuest host[INPUT_DEVICES]; /* keys, axes and sums are used */
    int waiting[INPUT_DEVICES];
    int sent;
    int next_id;
    int wheel;                      /* what is left of a detent */
} Model;

static void expect(Model *model, int dev, uint16_t type, uint16_t code,
                   int32_t value)
{
    QVirtioInputEvent event = { type, code, value };

    g_array_append_val(model->guest[dev].expected, event);
}

static void random_keys(Model *model, QList *report, int n)
{
    uint8_t *keys = model->host[INPUT_KEYBOARD].keys;

    while (n--) {
        int letter = g_test_rand_int_range(0, ARRAY_SIZE(letters));
        int code = FIRST_LETTER + letter;

        keys[code] ^= 1;
        input_key(report, letters[letter], keys[code]);
        expect(model, INPUT_KEYBOARD, EV_KEY, code, keys[code]);
    }
}

static void random_pointer(Model *model, QList *report, int n)
{
    InputGuest *host = &model->host[INPUT_POINTER];

    while (n--) {
        int value = g_test_rand_int_range(0, 0x8000);

        switch (g_test_rand_int_range(0, 8)) {
        case 0:
            host->keys[BTN_LEFT] ^= 1;
            input_button(report, "left", host->keys[BTN_LEFT]);
            expect(model, INPUT_POINTER, EV_KEY, BTN_LEFT,
                   host->keys[BTN_LEFT]);
            break;
        case 1:
            value = value % 500 - 250;
            model->wheel += value;
            host->rel[REL_WHEEL] += model->wheel / 120;
            model->wheel %= 120;
            host->rel[REL_WHEEL_HI_RES] += value;
            input_scroll(report, "vertical", value);
            break;
        case 2 ... 4:
            host->abs[ABS_X] = value;
            input_abs(report, "x", value);
            break;
        default:
            host->abs[ABS_Y] = value;
            input_abs(report, "y", value);
            break;
        }
    }
}

static bool any_contact(InputGuest *host)
{
    int slot;

    for (slot = 0; slot < ARRAY_SIZE(host->contacts); slot++) {
        if (host->contacts[slot] >= 0) {
            return true;
        }
    }
    return false;
}

static void random_touch(Model *model, QList *report, int n)
{
    InputGuest *host = &model->host[INPUT_TOUCH];

    while (n--) {
        int slot = g_test_rand_int_range(0, 10);
        int value = g_test_rand_int_range(0, 0x8000);
        bool x = g_test_rand_bit();

        if (g_test_rand_int_range(0, 8) == 0) {
            int id = host->contacts[slot] < 0 ? model->next_id++ % 0x10000
                                              : -1;

            host->contacts[slot] = id;
            input_touch(report, id < 0 ? "end" : "begin", slot, MAX(id, 0));
            expect(model, INPUT_TOUCH, EV_ABS, ABS_MT_TRACKING_ID, id);
        } else if (host->contacts[slot] >= 0) {
            host->mt[slot][x ? ABS_MT_POSITION_X : ABS_MT_POSITION_Y] = value;
            input_touch_at(report, slot, x ? "x" : "y", value);
        } else {
            input_touch_at(report, slot, "x", value);
        }
    }
    if (any_contact(host) != host->keys[BTN_TOUCH]) {
        host->keys[BTN_TOUCH] ^= 1;
        expect(model, INPUT_TOUCH, EV_KEY, BTN_TOUCH, host->keys[BTN_TOUCH]);
    }
}

static void check_equal(Model *model)
{
    int i, slot;

    for (i = 0; i < INPUT_DEVICES; i++) {
        InputGuest *guest = &model->guest[i], *host = &model->host[i];

        g_test_message("device %d: %d transitions, %" PRId64 " events", i,
                       guest->transitions, guest->events);
        g_assert_cmpint(guest->transitions, ==, guest->expected->len);
        g_assert_cmpmem(guest->keys, sizeof(guest->keys), host->keys,
                        sizeof(host->keys));
        g_assert_cmpmem(guest->abs, sizeof(guest->abs), host->abs,
                        sizeof(host->abs));
        g_assert_cmpmem(guest->contacts, sizeof(guest->contacts),
                        host->contacts, sizeof(host->contacts));
        g_assert_cmpmem(guest->rel, sizeof(guest->rel), host->rel,
                        sizeof(host->rel));
        for (slot = 0; slot < 10; slot++) {
            if (host->contacts[slot] >= 0) {
                g_assert_cmpmem(guest->mt[slot], sizeof(guest->mt[slot]),
                                host->mt[slot], sizeof(host->mt[slot]));
            }
        }
    }
}

static void test_bursts(void)
{
    static void (* const add[])(Model *, QList *, int) = {
        random_keys, random_pointer, random_touch,
    };
    g_autofree Model *model = g_new0(Model, 1);
    int num_events = g_test_slow() ? 100000 : 5000;
    int most_waiting = g_test_slow() ? HARD_MAX / 2 : 3 * SOFT_MAX;
    int i;

    model->machine = input_start_drivers("");
    for (i = 0; i < INPUT_DEVICES; i++) {
        input_guest_init(&model->guest[i]);
        input_guest_init(&model->host[i]);
        model->guest[i].expected = g_array_new(false, false,
                                               sizeof(QVirtioInputEvent));
    }
    while (model->sent < num_events) {
        int dev = g_test_rand_int_range(0, INPUT_DEVICES);
        int n = g_test_rand_int_range(1, 16);
        QList *report = qlist_new();

        add[dev](model, report, n);
        input_send(model->machine, report);
        model->sent += n;
        model->waiting[dev] += 2 * n + 2;

        dev = g_test_rand_int_range(0, INPUT_DEVICES);
        if (model->waiting[dev] > most_waiting) {
            input_guest_finish(&model->guest[dev], &model->machine->dev[dev]);
            model->waiting[dev] = 0;
        } else if (g_test_rand_int_range(0, 50) == 0) {
            input_guest_drain(&model->guest[dev], &model->machine->dev[dev]);
        }
    }
    for (i = 0; i < INPUT_DEVICES; i++) {
        input_guest_finish(&model->guest[i], &model->machine->dev[i]);
    }
    check_equal(model);
    for (i = 0; i < INPUT_DEVICES; i++) {
        g_array_free(model->guest[i].expected, true);
    }
    input_quit(model->machine);
}

/*
 * The bounds
 */

/* So many events wait that motion is merged */
static void fill(InputMachine *machine)
{
    int i;

    for (i = 0; i < SOFT_MAX / 4; i++) {
        click(machine, "left");
    }
}

static void test_merge_rel(void)
{
    InputMachine *machine = input_start_drivers(MOUSE);
    QVirtioInput *mouse = &machine->dev[INPUT_POINTER];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    QList *report;
    int i;

    input_guest_init(guest);
    fill(machine);
    for (i = 0; i < MOTIONS; i++) {
        report = qlist_new();
        input_rel(report, "x", i);
        input_rel(report, "y", -3);
        input_scroll(report, "vertical", 7);
        input_scroll(report, "horizontal", -120);
        input_send(machine, report);
    }
    /* Motion after a button is not merged with that before it */
    click(machine, "right");
    for (i = 0; i < 3; i++) {
        report = qlist_new();
        input_rel(report, "x", INT32_MAX);
        input_send(machine, report);
    }
    input_guest_finish(guest, mouse);
    g_assert_cmpint(guest->rel[REL_X], ==,
                    INT32_MAX + (MOTIONS - 1LL) * MOTIONS / 2);
    g_assert_cmpint(guest->rel[REL_Y], ==, -3 * MOTIONS);
    g_assert_cmpint(guest->rel[REL_WHEEL_HI_RES], ==, 7 * MOTIONS);
    g_assert_cmpint(guest->rel[REL_WHEEL], ==, 7 * MOTIONS / 120);
    g_assert_cmpint(guest->rel[REL_HWHEEL], ==, -MOTIONS);
    g_assert_cmpint(guest->events, ==, SOFT_MAX + 7 + 4 + 2);
    input_quit(machine);
}

static void test_merge_abs(void)
{
    InputMachine *machine = input_start_drivers("");
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    int i;

    input_guest_init(guest);
    fill(machine);
    for (i = 0; i < MOTIONS; i++) {
        input_send_abs(machine, i % 2 ? "x" : "y", i);
    }
    input_guest_finish(guest, &machine->dev[INPUT_POINTER]);
    g_assert_cmpint(guest->abs[ABS_X], ==, MOTIONS - 1);
    g_assert_cmpint(guest->abs[ABS_Y], ==, MOTIONS - 2);
    g_assert_cmpint(guest->events, ==, SOFT_MAX + 3);
    input_quit(machine);
}

static void touch(InputMachine *machine, const char *type, int slot, int id,
                  int x)
{
    QList *report = qlist_new();

    input_touch(report, type, slot, id);
    if (x >= 0) {
        input_touch_at(report, slot, "x", x);
    }
    input_send(machine, report);
}

static void test_merge_touch(void)
{
    InputMachine *machine = input_start_drivers("");
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    int64_t before;
    int i;

    input_guest_init(guest);
    for (i = 0; i < SOFT_MAX / 8; i++) {
        touch(machine, "begin", 7, i, -1);
        touch(machine, "end", 7, i, -1);
    }
    touch(machine, "begin", 1, 1, 0);
    touch(machine, "begin", 2, 2, 0);
    before = SOFT_MAX + 5 + 4;
    for (i = 1; i < MOTIONS; i++) {
        touch(machine, "update", 1 + i % 2, 0, i);
    }
    input_guest_finish(guest, &machine->dev[INPUT_TOUCH]);
    g_assert_cmpint(guest->mt[1][ABS_MT_POSITION_X], ==, MOTIONS - 2);
    g_assert_cmpint(guest->mt[2][ABS_MT_POSITION_X], ==, MOTIONS - 1);
    g_assert_cmpint(guest->contacts[1], ==, 1);
    g_assert_cmpint(guest->contacts[2], ==, 2);
    g_assert_cmpint(guest->events, ==, before + 5);
    input_quit(machine);
}

/* QMP takes a byte at a time, so a command that makes many events is welcome */
#define TYPED       "e-r-t-y-u-i-o-p-a-s-d-f-g-h-j-k-l-z-x-c-v-b-n-m"
#define TYPED_KEYS  24

static void type_keys(InputMachine *machine)
{
    g_autofree char *said = qtest_hmp(machine->qts, "sendkey " TYPED " 1");

    g_assert_cmpstr(said, ==, "");
    /* Each of them is pressed, then each is released: a ms later each time */
    qtest_clock_step(machine->qts, 2 * TYPED_KEYS * 1000000);
}

/* Nothing comes back for so long that only the difference is kept */
static void test_fold_keys(void)
{
    const int typed = HARD_MAX / 4 / TYPED_KEYS + 1;
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    int i;

    input_guest_init(guest);
    qvirtio_input_give(keyboard, 2);
    input_send_key(machine, "q", true);
    input_send_key(machine, "w", true);
    input_send_key(machine, "q", false);
    for (i = 0; i < typed; i++) {
        type_keys(machine);
    }
    input_guest_finish(guest, keyboard);
    g_assert_cmpint(guest->events, <=, HARD_MAX);
    g_assert_cmpint(guest->transitions, <, 3 + 2 * TYPED_KEYS * typed);
    g_assert_cmpint(guest->keys[KEY_Q], ==, 0);
    g_assert_cmpint(guest->keys[KEY_W], ==, 1);
    g_assert_cmpint(guest->keys[KEY_E], ==, 0);
    input_send_key(machine, "w", false);
    input_guest_finish(guest, keyboard);
    g_assert_cmpint(guest->keys[KEY_W], ==, 0);
    input_quit(machine);
}

/* The same with all that can be merged */
static void test_fold_pointer(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    int i;

    input_guest_init(guest);
    for (i = 0; i < 4000; i++) {
        QList *report = qlist_new();

        input_abs(report, "x", i);
        input_scroll(report, "horizontal", 60);
        input_button(report, "left", i % 2 == 0);
        input_abs(report, "y", 2 * i);
        input_send(machine, report);
    }
    /* Before and after the bound was reached */
    input_guest_finish(guest, tablet);
    g_assert_cmpint(guest->events, <=, HARD_MAX);
    g_assert_cmpint(guest->transitions, <, 4000);
    g_assert_cmpint(guest->abs[ABS_X], ==, 3999);
    g_assert_cmpint(guest->abs[ABS_Y], ==, 7998);
    g_assert_cmpint(guest->rel[REL_HWHEEL_HI_RES], ==, 4000 * 60);
    g_assert_cmpint(guest->rel[REL_HWHEEL], ==, 2000);
    g_assert_cmpint(guest->keys[BTN_LEFT], ==, 0);
    input_quit(machine);
}

/* Another finger at the same place has to be seen as another one */
static void test_fold_touch(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *screen = &machine->dev[INPUT_TOUCH];
    QVirtioInputEvent seen[64];
    int i, n;

    qvirtio_input_give(screen, 9);
    touch(machine, "begin", 3, 0, 11);
    touch(machine, "begin", 4, 1, 12);
    input_expect(screen, { EV_ABS, ABS_MT_SLOT, 3 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 0 },
                 { EV_ABS, ABS_MT_POSITION_X, 11 }, { EV_KEY, BTN_TOUCH, 1 },
                 SYN, { EV_ABS, ABS_MT_SLOT, 4 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 1 },
                 { EV_ABS, ABS_MT_POSITION_X, 12 }, SYN);
    for (i = 1; i < 4000; i++) {
        QList *report = qlist_new();

        input_touch(report, "begin", 3, i + 1);
        input_touch_at(report, 3, "x", i);
        input_touch_at(report, 4, "x", 2 * i);
        input_send(machine, report);
    }
    /* Where the last difference was made depends on the bound */
    qvirtio_input_give(screen, screen->num_free);
    n = qvirtio_input_take(screen, seen, ARRAY_SIZE(seen));
    g_assert_cmpint(n, >, 9);
    g_assert_cmphex(seen[0].code, ==, ABS_MT_SLOT);
    g_assert_cmpint(seen[0].value, ==, 3);
    g_assert_cmphex(seen[1].code, ==, ABS_MT_TRACKING_ID);
    g_assert_cmpint(seen[1].value, ==, -1);
    g_assert_cmphex(seen[2].code, ==, ABS_MT_SLOT);
    g_assert_cmpint(seen[2].value, ==, 4);
    g_assert_cmphex(seen[3].code, ==, ABS_MT_POSITION_X);
    g_assert_cmphex(seen[4].type, ==, EV_SYN);
    g_assert_cmphex(seen[5].code, ==, ABS_MT_SLOT);
    g_assert_cmpint(seen[5].value, ==, 3);
    g_assert_cmphex(seen[6].code, ==, ABS_MT_TRACKING_ID);
    g_assert_cmphex(seen[7].code, ==, ABS_MT_POSITION_X);
    g_assert_cmpint(seen[7].value + 1, ==, seen[6].value);
    g_assert_cmphex(seen[8].type, ==, EV_SYN);
    input_quit(machine);
}

/*
 * Reports that are longer than the ring
 */

static void check_long(InputMachine *machine, int ring, int events,
                       int reports)
{
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);

    input_guest_init(guest);
    qvirtio_input_start(keyboard, ring);
    qvirtio_input_give(keyboard, ring / 2);
    send_toggles(machine, "a", events);
    /* A part does not wait for a full ring */
    g_assert_cmpint(input_guest_drain(guest, keyboard), ==,
                    events + 1 > ring ? ring / 2 : 0);
    input_guest_finish(guest, keyboard);
    g_assert_cmpint(guest->transitions, ==, events);
    g_assert_cmpint(guest->reports, ==, reports);
    g_assert_cmpint(guest->keys[KEY_A], ==, events % 2);
    input_send_key(machine, "a", false);
    input_guest_finish(guest, keyboard);
    g_assert_cmpint(guest->keys[KEY_A], ==, 0);
}

static void test_long(void)
{
    InputMachine *machine = input_start("");

    check_long(machine, 64, 63, 1);
    check_long(machine, 64, 64, 1);
    check_long(machine, 64, 65, 1);
    check_long(machine, 8, 8, 1);
    check_long(machine, 8, 101, 1);
    check_long(machine, 2, 3, 1);
    check_long(machine, 1, 3, 1);
    /* One that is much longer is more than one */
    check_long(machine, 64, REPORT_MAX + 1, 2);
    input_quit(machine);
}

/* A ring with more room than the driver has buffers, as Linux makes it */
static void test_sparse(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    QVirtioInputEvent seen[QVIRTIO_INPUT_RING_MAX];
    int i, n;

    input_guest_init(guest);
    qvirtio_input_start(keyboard, QVIRTIO_INPUT_RING_MAX);
    qvirtio_input_give(keyboard, 64);
    send_toggles(machine, "a", 200);
    while ((n = qvirtio_input_take(keyboard, seen, ARRAY_SIZE(seen)))) {
        for (i = 0; i < n; i++) {
            input_guest_apply(guest, &seen[i]);
        }
        qvirtio_input_give(keyboard, n);
    }
    g_assert_cmpint(guest->transitions, ==, 200);
    g_assert_cmpint(guest->reports, ==, 1);
    input_quit(machine);
}

/* One that never has as many buffers as a report has events does not starve */
static void test_few(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);
    int i;

    input_guest_init(guest);
    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 2);
    send_toggles(machine, "a", 3);
    input_expect_none(keyboard);
    for (i = 0; i < 40; i++) {
        send_toggles(machine, "b", 30);
    }
    g_assert_cmpint(input_guest_drain(guest, keyboard), ==, 2);
    input_guest_finish(guest, keyboard);
    g_assert_cmpint(guest->reports, ==, 41);
    g_assert_cmpint(guest->transitions, ==, 3 + 40 * 30);
    input_quit(machine);
}

/*
 * Guests that come and go
 */

/* What it was told of is released for the next driver, nothing is pressed */
static void test_reset(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_give(keyboard, 4);
    input_send_key(machine, "a", true);
    input_send_key(machine, "b", true);
    input_send_key(machine, "c", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN, { EV_KEY, KEY_B, 1 },
                 SYN);
    qvirtio_input_start(keyboard, 64);
    /* Also for the one after the next, if the next did not take it */
    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 64);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, { EV_KEY, KEY_B, 0 }, SYN);
    input_send_key(machine, "a", false);
    input_send_key(machine, "c", false);
    input_expect_none(keyboard);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);

    qtest_system_reset(machine->qts);
    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 64);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN);
    input_quit(machine);
}

static void test_reset_touch(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *screen = &machine->dev[INPUT_TOUCH];
    g_autofree InputGuest *guest = g_new(InputGuest, 1);

    input_guest_init(guest);
    input_guest_finish(guest, screen);
    touch(machine, "begin", 2, 5, 100);
    input_guest_finish(guest, screen);
    g_assert_cmpint(guest->contacts[2], ==, 5);

    qvirtio_input_start(screen, 64);
    qvirtio_input_give(screen, 64);
    input_expect(screen, { EV_KEY, BTN_TOUCH, 0 }, { EV_ABS, ABS_MT_SLOT, 2 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 }, SYN);
    touch(machine, "update", 2, 5, 101);
    touch(machine, "end", 2, 5, -1);
    input_expect_none(screen);
    /* What is known of where things are belongs to the driver, too */
    input_send_abs(machine, "x", 5);
    qvirtio_input_start(&machine->dev[INPUT_POINTER], 64);
    qvirtio_input_give(&machine->dev[INPUT_POINTER], 64);
    input_send_abs(machine, "x", 5);
    input_expect(&machine->dev[INPUT_POINTER], { EV_ABS, ABS_X, 5 }, SYN);
    input_quit(machine);
}

/* In the middle of a report that is sent in parts */
static void test_reset_part(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QList *report = qlist_new();
    int i;

    qvirtio_input_start(keyboard, 4);
    qvirtio_input_give(keyboard, 2);
    for (i = 0; i < ARRAY_SIZE(letters); i++) {
        input_key(report, letters[i], true);
    }
    input_send(machine, report);
    input_expect(keyboard, { EV_KEY, FIRST_LETTER, 1 },
                 { EV_KEY, FIRST_LETTER + 1, 1 });
    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 64);
    input_expect(keyboard, { EV_KEY, FIRST_LETTER, 0 },
                 { EV_KEY, FIRST_LETTER + 1, 0 }, SYN);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    input_quit(machine);
}

/* The user held a key before there was a driver */
static void test_start_held(void)
{
    InputMachine *machine = input_start("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    input_send_key(machine, "a", true);
    qvirtio_input_start(keyboard, 64);
    qvirtio_input_give(keyboard, 64);
    input_expect_none(keyboard);
    input_send_key(machine, "a", false);
    input_expect_none(keyboard);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    input_quit(machine);
}

/* Buffers that are too short come back empty, and no event is lost in them */
static void test_short(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];

    qvirtio_input_give(keyboard, 1);
    qvirtio_input_give_size(keyboard, 1, 7);
    qvirtio_input_give(keyboard, 1);
    input_send_key(machine, "a", true);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    g_assert_cmpint(keyboard->short_returned, ==, 1);

    qvirtio_input_give_size(keyboard, 64, 1);
    input_send_key(machine, "a", false);
    input_expect_none(keyboard);
    g_assert_cmpint(keyboard->short_returned, ==, 65);
    qvirtio_input_give(keyboard, 64);
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN);
    input_quit(machine);
}

/* While the machine is stopped, its memory is not touched */
static void test_stopped(void)
{
    InputMachine *machine = input_start_drivers("");
    QVirtioInput *keyboard = &machine->dev[INPUT_KEYBOARD];
    QVirtioInput *tablet = &machine->dev[INPUT_POINTER];
    QVirtioInput *screen = &machine->dev[INPUT_TOUCH];
    QList *report = qlist_new();
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        qvirtio_input_give(&machine->dev[i], 64);
    }
    input_send_key(machine, "a", true);
    input_button(report, "left", true);
    input_send(machine, report);
    touch(machine, "begin", 0, 1, 1);
    input_expect(keyboard, { EV_KEY, KEY_A, 1 }, SYN);
    input_expect(tablet, { EV_KEY, BTN_LEFT, 1 }, SYN);
    input_expect(screen, { EV_ABS, ABS_MT_SLOT, 0 },
                 { EV_ABS, ABS_MT_TRACKING_ID, 1 },
                 { EV_ABS, ABS_MT_POSITION_X, 1 }, { EV_KEY, BTN_TOUCH, 1 },
                 SYN);

    input_qmp(machine, "stop");
    input_send_key(machine, "a", false);
    report = qlist_new();
    input_button(report, "left", false);
    input_send(machine, report);
    touch(machine, "end", 0, 1, -1);
    report = qlist_new();
    input_key(report, "b", true);
    input_refuse(machine, report, "VM not running");
    for (i = 0; i < INPUT_DEVICES; i++) {
        input_expect_none(&machine->dev[i]);
    }
    input_qmp(machine, "cont");
    input_expect(keyboard, { EV_KEY, KEY_A, 0 }, SYN);
    input_expect(tablet, { EV_KEY, BTN_LEFT, 0 }, SYN);
    input_expect(screen, { EV_ABS, ABS_MT_SLOT, 0 },
                 { EV_ABS, ABS_MT_TRACKING_ID, -1 }, { EV_KEY, BTN_TOUCH, 0 },
                 SYN);
    input_quit(machine);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-input/queue/order", test_order);
    qtest_add_func("virtio-input/queue/kicks", test_kicks);
    qtest_add_func("virtio-input/queue/bursts", test_bursts);
    qtest_add_func("virtio-input/queue/merge-rel", test_merge_rel);
    qtest_add_func("virtio-input/queue/merge-abs", test_merge_abs);
    qtest_add_func("virtio-input/queue/merge-touch", test_merge_touch);
    /*
     * All devices have the same bound and one function for it. Keys come to it
     * quickly, the others only with 16384 events that are parsed one by one.
     */
    qtest_add_func("virtio-input/queue/fold-keys", test_fold_keys);
    if (g_test_slow()) {
        qtest_add_func("virtio-input/queue/fold-pointer", test_fold_pointer);
        qtest_add_func("virtio-input/queue/fold-touch", test_fold_touch);
    }
    qtest_add_func("virtio-input/queue/long", test_long);
    qtest_add_func("virtio-input/queue/reset", test_reset);
    qtest_add_func("virtio-input/queue/reset-touch", test_reset_touch);
    qtest_add_func("virtio-input/queue/sparse", test_sparse);
    qtest_add_func("virtio-input/queue/few", test_few);
    qtest_add_func("virtio-input/queue/reset-part", test_reset_part);
    qtest_add_func("virtio-input/queue/start-held", test_start_held);
    qtest_add_func("virtio-input/queue/short", test_short);
    qtest_add_func("virtio-input/queue/stopped", test_stopped);

    return g_test_run();
}

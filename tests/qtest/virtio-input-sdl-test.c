/*
 * QTest testcase for virtio-input: what a user does with SDL's windows
 *
 * Keyboard, mouse and touch screen are those of an X server, which the test
 * moves; the guest is a driver of the test.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-desktop-util.h"
#include "virtio-input-util.h"
#include "xorg-util.h"

#define WIDTH       640
#define HEIGHT      400
#define OPTIONS     "-machine fb=on -global virtio-fb-device.vram=16M" \
                    " -global virtio-fb-device.xres=640" \
                    " -global virtio-fb-device.yres=400" \
                    " -display sdl"

#define ABS_SIZE    0x8000
#define WHEEL_UP    4
#define WHEEL_DOWN  5
#define WHEEL_LEFT  6
#define WHEEL_RIGHT 7
#define NUM_SLOTS_MT 10

static XorgServer *xorg;

typedef struct Desk {
    InputMachine *machine;
    InputGuest guest[INPUT_DEVICES];
} Desk;

/* Let the guest see what came. Returns: whether there is time left to wait */
static bool look(Desk *desk, gint64 *end)
{
    int i;

    for (i = 0; i < INPUT_DEVICES; i++) {
        input_guest_drain(&desk->guest[i], &desk->machine->dev[i]);
    }
    if (!*end) {
        *end = g_get_monotonic_time() + HANG_US;
    }
    g_usleep(1000);
    return g_get_monotonic_time() < *end;
}

#define wait_until(desk, condition) \
    do { \
        gint64 end_ = 0; \
        while (look((desk), &end_) && !(condition)) { \
            ; \
        } \
        g_assert_true(condition); \
    } while (0)

static void wait_key(Desk *desk, int key, bool down)
{
    wait_until(desk, desk->guest[INPUT_KEYBOARD].keys[key] == down);
}

/* What was done before has come, since this comes later */
static void barrier(Desk *desk)
{
    xorg_focus(xorg, 0);
    xorg_key(xorg, XORG_KEYCODE(KEY_F12), true);
    wait_key(desk, KEY_F12, true);
    xorg_key(xorg, XORG_KEYCODE(KEY_F12), false);
    wait_key(desk, KEY_F12, false);
}

static Desk *desk_start(void)
{
    Desk *desk = g_new0(Desk, 1);
    int i;

    desk->machine = input_start_drivers(OPTIONS);
    for (i = 0; i < INPUT_DEVICES; i++) {
        input_guest_init(&desk->guest[i]);
    }
    xorg_wait_window(xorg, 0);
    xorg_place(xorg, 0, 0, 0, WIDTH, HEIGHT);
    /*
     * Have it take the mouse, as it does if the mouse moves there; until then
     * it does not know hot keys
     */
    xorg_focus(xorg, 0);
    xorg_point(xorg, 2, 2);
    barrier(desk);
    return desk;
}

static void desk_stop(Desk *desk)
{
    input_quit(desk->machine);
    g_free(desk);
}

static int count_keys(Desk *desk)
{
    int i, n = 0;

    for (i = 0; i < KEY_CNT; i++) {
        n += desk->guest[INPUT_KEYBOARD].keys[i];
    }
    return n;
}

static int count_contacts(Desk *desk)
{
    int i, n = 0;

    for (i = 0; i < NUM_SLOTS_MT; i++) {
        n += desk->guest[INPUT_TOUCH].contacts[i] != -1;
    }
    return n;
}

static bool is_near(int value, double fraction)
{
    /* Two pixels of the host */
    return abs(value - (int)(fraction * ABS_SIZE)) <= 2 * ABS_SIZE / HEIGHT;
}

static bool is_pointer_at(Desk *desk, double x, double y)
{
    InputGuest *guest = &desk->guest[INPUT_POINTER];

    return is_near(guest->abs[ABS_X], x) && is_near(guest->abs[ABS_Y], y);
}

static bool is_touched_at(Desk *desk, double x, double y)
{
    InputGuest *guest = &desk->guest[INPUT_TOUCH];
    int i;

    for (i = 0; i < NUM_SLOTS_MT; i++) {
        if (guest->contacts[i] != -1 &&
            is_near(guest->mt[i][ABS_MT_POSITION_X], x) &&
            is_near(guest->mt[i][ABS_MT_POSITION_Y], y)) {
            return true;
        }
    }
    return false;
}

static void test_key(void)
{
    Desk *desk = desk_start();

    xorg_key(xorg, XORG_KEYCODE(KEY_A), true);
    wait_key(desk, KEY_A, true);
    xorg_key(xorg, XORG_KEYCODE(KEY_A), false);
    wait_key(desk, KEY_A, false);
    desk_stop(desk);
}

/* The guest is told the place of a key, and has a layout of its own */
static void test_layout(void)
{
    Desk *desk;

    xorg_swap_keys(xorg, XORG_KEYCODE(KEY_A), XORG_KEYCODE(KEY_Q));
    desk = desk_start();
    xorg_key(xorg, XORG_KEYCODE(KEY_A), true);
    wait_until(desk, count_keys(desk) == 1);
    g_assert_true(desk->guest[INPUT_KEYBOARD].keys[KEY_A]);
    xorg_key(xorg, XORG_KEYCODE(KEY_A), false);
    wait_key(desk, KEY_A, false);
    desk_stop(desk);
    xorg_swap_keys(xorg, XORG_KEYCODE(KEY_A), XORG_KEYCODE(KEY_Q));
}

static void test_focus(void)
{
    Desk *desk = desk_start();

    xorg_key(xorg, XORG_KEYCODE(KEY_LEFTCTRL), true);
    xorg_key(xorg, XORG_KEYCODE(KEY_X), true);
    wait_until(desk, count_keys(desk) == 2);
    xorg_focus(xorg, -1);
    wait_until(desk, count_keys(desk) == 0);

    xorg_key(xorg, XORG_KEYCODE(KEY_X), false);
    xorg_key(xorg, XORG_KEYCODE(KEY_LEFTCTRL), false);
    barrier(desk);
    g_assert_cmpint(count_keys(desk), ==, 0);
    desk_stop(desk);
}

static void test_hide(void)
{
    Desk *desk = desk_start();

    xorg_key(xorg, XORG_KEYCODE(KEY_X), true);
    xorg_touch_begin(xorg, 1, 100, 100);
    wait_until(desk, count_keys(desk) == 1 && count_contacts(desk) == 1);
    xorg_hide(xorg, 0);
    wait_until(desk, count_keys(desk) == 0 && count_contacts(desk) == 0);
    xorg_key(xorg, XORG_KEYCODE(KEY_X), false);
    xorg_touch_end(xorg, 1);
    desk_stop(desk);
}

/* The hot key takes the mouse; the guest sees two keys, and both end */
static void test_hot_key(void)
{
    Desk *desk = desk_start();
    int before, i;

    for (i = 0; i < 2; i++) {
        before = desk->guest[INPUT_KEYBOARD].transitions;
        xorg_key(xorg, XORG_KEYCODE(KEY_LEFTCTRL), true);
        xorg_key(xorg, XORG_KEYCODE(KEY_LEFTALT), true);
        wait_until(desk, count_keys(desk) == 2);
        xorg_key(xorg, XORG_KEYCODE(KEY_G), true);
        xorg_wait_repeat(xorg);
        xorg_key(xorg, XORG_KEYCODE(KEY_G), false);
        xorg_key(xorg, XORG_KEYCODE(KEY_LEFTALT), false);
        xorg_key(xorg, XORG_KEYCODE(KEY_LEFTCTRL), false);
        wait_until(desk, count_keys(desk) == 0);
        g_assert_cmpint(desk->guest[INPUT_KEYBOARD].transitions - before, ==,
                        4);
    }
    desk_stop(desk);
}

static void turn(Desk *desk, int button, int code, int value)
{
    InputGuest *guest = &desk->guest[INPUT_POINTER];
    int64_t before = guest->rel[code];
    int hi_res = code == REL_WHEEL ? REL_WHEEL_HI_RES : REL_HWHEEL_HI_RES;
    int64_t hi_res_before = guest->rel[hi_res];

    xorg_button(xorg, button, true);
    xorg_button(xorg, button, false);
    wait_until(desk, guest->rel[code] != before);
    g_assert_cmpint(guest->rel[code] - before, ==, value);
    g_assert_cmpint(guest->rel[hi_res] - hi_res_before, ==, value * 120);
}

static void test_wheel(void)
{
    Desk *desk = desk_start();

    turn(desk, WHEEL_UP, REL_WHEEL, 1);
    turn(desk, WHEEL_DOWN, REL_WHEEL, -1);
    turn(desk, WHEEL_LEFT, REL_HWHEEL, -1);
    turn(desk, WHEEL_RIGHT, REL_HWHEEL, 1);
    desk_stop(desk);
}

static void test_pointer(void)
{
    Desk *desk = desk_start();

    xorg_point(xorg, WIDTH / 4, HEIGHT / 2);
    wait_until(desk, is_pointer_at(desk, 0.25, 0.5));

    /* Twice as large; then with bars at the left and at the right */
    xorg_place(xorg, 0, 0, 0, WIDTH * 2, HEIGHT * 2);
    xorg_point(xorg, WIDTH * 3 / 2, HEIGHT / 2);
    wait_until(desk, is_pointer_at(desk, 0.75, 0.25));
    xorg_place(xorg, 0, 0, 0, WIDTH * 2, HEIGHT);
    xorg_point(xorg, WIDTH / 2 + WIDTH / 4, HEIGHT / 4);
    wait_until(desk, is_pointer_at(desk, 0.25, 0.25));
    xorg_point(xorg, 10, HEIGHT / 2);
    wait_until(desk, is_pointer_at(desk, 0, 0.5));
    desk_stop(desk);
}

static void test_touch(void)
{
    Desk *desk = desk_start();
    int i;

    /* One more than there are slots */
    for (i = 0; i <= NUM_SLOTS_MT; i++) {
        xorg_touch_begin(xorg, i, WIDTH * (i + 1) / 16, HEIGHT / 2);
    }
    wait_until(desk, count_contacts(desk) == NUM_SLOTS_MT);
    for (i = 0; i < NUM_SLOTS_MT; i++) {
        g_assert_true(is_touched_at(desk, (i + 1) / 16.0, 0.5));
    }
    g_assert_true(desk->guest[INPUT_TOUCH].keys[BTN_TOUCH]);

    xorg_touch_update(xorg, 3, WIDTH / 2, HEIGHT / 4);
    wait_until(desk, is_touched_at(desk, 0.5, 0.25));
    for (i = 0; i <= NUM_SLOTS_MT; i++) {
        xorg_touch_end(xorg, i);
    }
    wait_until(desk, count_contacts(desk) == 0 &&
                     !desk->guest[INPUT_TOUCH].keys[BTN_TOUCH]);

    /* The pointer is where it was, and nothing was clicked */
    barrier(desk);
    g_assert_cmpint(desk->guest[INPUT_POINTER].transitions, ==, 0);
    g_assert_true(is_pointer_at(desk, 0, 0));
    desk_stop(desk);
}

/* A finger is one contact: SDL may hear twice of it */
static void test_touch_once(void)
{
    Desk *desk = desk_start();
    int i;

    for (i = 1; i <= 2; i++) {
        xorg_touch_begin(xorg, i, WIDTH * i / 4, HEIGHT / 2);
        wait_until(desk, is_touched_at(desk, i / 4.0, 0.5));
        barrier(desk);
        /* Of one key, and of each contact */
        g_assert_cmpint(desk->guest[INPUT_TOUCH].transitions, ==, 1 + i);
        g_assert_cmpint(count_contacts(desk), ==, i);
    }
    xorg_touch_end(xorg, 1);
    wait_until(desk, count_contacts(desk) == 1);
    xorg_touch_end(xorg, 2);
    wait_until(desk, count_contacts(desk) == 0);
    desk_stop(desk);
}

static void test_touch_scaled(void)
{
    Desk *desk = desk_start();

    /* With bars at the left and at the right */
    xorg_place(xorg, 0, 0, 0, WIDTH * 2, HEIGHT);
    xorg_point(xorg, WIDTH, HEIGHT / 2);
    wait_until(desk, is_pointer_at(desk, 0.5, 0.5));

    xorg_touch_begin(xorg, 1, 10, HEIGHT / 2);
    xorg_touch_begin(xorg, 2, WIDTH / 2 + WIDTH / 4, HEIGHT / 4);
    wait_until(desk, is_touched_at(desk, 0.25, 0.25));
    g_assert_cmpint(count_contacts(desk), ==, 1);
    /* On a bar it is at the edge */
    xorg_touch_update(xorg, 2, 10, HEIGHT / 2);
    wait_until(desk, is_touched_at(desk, 0, 0.5));
    xorg_touch_end(xorg, 2);
    xorg_touch_end(xorg, 1);
    wait_until(desk, count_contacts(desk) == 0);
    desk_stop(desk);
}

static void test_touch_focus(void)
{
    Desk *desk = desk_start();

    xorg_touch_begin(xorg, 1, WIDTH / 2, HEIGHT / 2);
    wait_until(desk, count_contacts(desk) == 1);
    xorg_focus(xorg, -1);
    wait_until(desk, count_contacts(desk) == 0);

    /* What the finger does then means nothing */
    xorg_touch_update(xorg, 1, WIDTH / 4, HEIGHT / 2);
    xorg_touch_end(xorg, 1);
    barrier(desk);
    g_assert_cmpint(count_contacts(desk), ==, 0);
    xorg_touch_begin(xorg, 2, WIDTH / 4, HEIGHT / 4);
    wait_until(desk, is_touched_at(desk, 0.25, 0.25));
    xorg_touch_end(xorg, 2);
    wait_until(desk, count_contacts(desk) == 0);
    desk_stop(desk);
}

static void add_tests(void)
{
    qtest_add_func("/virtio-input-sdl/key", test_key);
    qtest_add_func("/virtio-input-sdl/layout", test_layout);
    qtest_add_func("/virtio-input-sdl/focus", test_focus);
    qtest_add_func("/virtio-input-sdl/hide", test_hide);
    qtest_add_func("/virtio-input-sdl/hot-key", test_hot_key);
    qtest_add_func("/virtio-input-sdl/wheel", test_wheel);
    qtest_add_func("/virtio-input-sdl/pointer", test_pointer);
    qtest_add_func("/virtio-input-sdl/touch", test_touch);
    qtest_add_func("/virtio-input-sdl/touch-once", test_touch_once);
    qtest_add_func("/virtio-input-sdl/touch-scaled", test_touch_scaled);
    qtest_add_func("/virtio-input-sdl/touch-focus", test_touch_focus);
}

static void skip(const void *reason)
{
    g_test_skip(reason);
}

int main(int argc, char **argv)
{
    const char *reason = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    xorg = xorg_start(&reason);
    if (xorg) {
        add_tests();
    } else {
        qtest_add_data_func("/virtio-input-sdl/all", reason, skip);
    }
    status = g_test_run();
    if (xorg) {
        xorg_stop(xorg);
    }
    return status;
}

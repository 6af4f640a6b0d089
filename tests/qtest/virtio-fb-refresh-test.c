/*
 * QTest testcase for virtio-fb: page flips, vertical blank, time
 *
 * The clock stands still but for what a test makes of it, so all times here
 * are exact.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/units.h"
#include "virtio-fb-util.h"

#define OPTIONS     ",vram=16M,xres=64,yres=48,max_outputs=3"
#define WIDTH       64
#define HEIGHT      48

/* Images that scanouts show; each has a megabyte of video memory */
static QVirtioFbMode image(uint32_t format, int number)
{
    return fb_mode(format, WIDTH, HEIGHT, number * MiB);
}

static void enable(QVirtioFb *fb, uint32_t scanout, int number)
{
    QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_XRGB8888, number);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, scanout, &mode));
}

static QVirtioFbRequest flip(QVirtioFb *fb, uint32_t scanout, int number)
{
    return qvirtio_fb_flip(fb, scanout, number * MiB, NULL, 0);
}

/* Asks the last scanout, which has no events then */
static int64_t period_of(QVirtioFb *fb)
{
    QVirtioFbRefresh refresh;

    fb_assert_ok(qvirtio_fb_set_vblank(fb, 2, 0, &refresh));
    return refresh.period;
}

static int64_t next_refresh(QVirtioFb *fb)
{
    int64_t period = period_of(fb);

    return (fb_now(fb) / period + 1) * period;
}

/* At a refresh */
static QVirtioFb *start(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);

    fb_step_to(fb, next_refresh(fb));
    return fb;
}

static uint64_t latest_sequence(QVirtioFb *fb)
{
    return fb_now(fb) / period_of(fb);
}

/* @refresh was the latest one when the device wrote it, which is now */
static void assert_latest(QVirtioFb *fb, const QVirtioFbRefresh *refresh)
{
    g_assert_cmpuint(refresh->period, >, 0);
    g_assert_cmpuint(refresh->sequence, ==, fb_now(fb) / refresh->period);
    g_assert_cmpuint(refresh->age, ==, fb_now(fb) % refresh->period);
    g_assert_cmpuint(refresh->padding, ==, 0);
}

static void assert_pending(QVirtioFb *fb, QVirtioFbRequest *request)
{
    fb_barrier(fb);
    g_assert_false(qvirtio_fb_is_used(fb, request));
}

/* It has ended, and the device wrote so just now */
static void assert_ended(QVirtioFb *fb, QVirtioFbRequest *request)
{
    QVirtioFbRefresh refresh;

    g_assert_true(qvirtio_fb_is_used(fb, request));
    fb_assert_ok(qvirtio_fb_finish_flip(fb, request, &refresh));
    assert_latest(fb, &refresh);
}

/*
 * Time
 */

static void test_period(const void *data)
{
    const char *property = data;
    double rate = atoi(strchr(property, '=') + 1);
    g_autofree char *options = g_strdup_printf(OPTIONS "%s", property);
    QVirtioFb *fb = fb_start_driver(options);
    QVirtioFbRefresh refresh;
    int i;

    for (i = 0; i < 5; i++) {
        fb_step(fb, 123456789);
        fb_assert_ok(qvirtio_fb_set_vblank(fb, i % 3, 0, &refresh));
        assert_latest(fb, &refresh);
        g_assert_cmpfloat(refresh.period, >, FB_NS_PER_SEC / rate - 1);
        g_assert_cmpfloat(refresh.period, <, FB_NS_PER_SEC / rate + 1);
    }
    fb_step_to(fb, (refresh.sequence + 10) * refresh.period - 1);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 0, &refresh));
    assert_latest(fb, &refresh);
    fb_step(fb, 1);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 0, &refresh));
    assert_latest(fb, &refresh);
    g_assert_cmpuint(refresh.age, ==, 0);

    /* Some days later */
    fb_step(fb, 1000000 * FB_NS_PER_SEC + 1);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 0, &refresh));
    assert_latest(fb, &refresh);
    fb_quit(fb);
}

/*
 * Flips
 */

/* Neither a moment before the next refresh nor a moment after it */
static void test_flip(void)
{
    QVirtioFb *fb = start();
    QVirtioFbMode a = image(VIRTIO_FB_FORMAT_XRGB8888, 0);
    QVirtioFbMode b = image(VIRTIO_FB_FORMAT_XRGB8888, 1);
    g_autoptr(FbPicture) shows_a = fb_draw(fb, &a, 1);
    g_autoptr(FbPicture) shows_b = fb_draw(fb, &b, 2);
    QVirtioFbRequest request;
    QVirtioFbRefresh refresh;

    fb_step(fb, 100 * FB_NS_PER_SEC + 4711);
    enable(fb, 0, 0);
    fb_assert_shows(fb, 0, shows_a);

    qvirtio_fb_take_interrupt(fb);
    request = flip(fb, 0, 1);
    assert_pending(fb, &request);
    fb_assert_shows(fb, 0, shows_a);

    fb_step_to(fb, next_refresh(fb) - 1);
    assert_pending(fb, &request);
    g_assert_false(qvirtio_fb_take_interrupt(fb));
    fb_assert_shows(fb, 0, shows_a);

    fb_step(fb, 1);
    g_assert_cmpuint(qvirtio_fb_finish_flip(fb, &request, &refresh), ==,
                     VIRTIO_FB_S_OK);
    g_assert_true(qvirtio_fb_take_interrupt(fb));
    assert_latest(fb, &refresh);
    g_assert_cmpuint(refresh.age, ==, 0);
    fb_assert_shows(fb, 0, shows_b);
    fb_quit(fb);
}

/* At the moment of a refresh, the next one is the one after */
static void test_flip_at_refresh(void)
{
    QVirtioFb *fb = start();
    int64_t period = period_of(fb);
    uint64_t first = latest_sequence(fb);
    QVirtioFbRequest request;
    QVirtioFbRefresh refresh;

    enable(fb, 0, 0);
    fb_step(fb, 10 * period);
    request = flip(fb, 0, 1);
    fb_step(fb, period - 1);
    assert_pending(fb, &request);
    fb_step(fb, 1);
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &request, &refresh));
    g_assert_cmpuint(refresh.sequence, ==, first + 11);
    fb_quit(fb);
}

/* A driver that flips whenever it can runs at the refresh rate */
static void test_flip_pace(void)
{
    QVirtioFb *fb = fb_start_driver(OPTIONS ",refresh=50");
    QVirtioFbRequest request;
    QVirtioFbRefresh refresh;
    int i;

    enable(fb, 0, 0);
    for (i = 1; i <= 100; i++) {
        request = flip(fb, 0, i % 2);
        g_assert_cmpint(fb_next_timer(fb), ==, i * 20 * FB_NS_PER_MS);
        fb_assert_ok(qvirtio_fb_finish_flip(fb, &request, &refresh));
        g_assert_cmpuint(refresh.sequence, ==, i);
        g_assert_cmpuint(refresh.age, ==, 0);
        g_assert_cmpuint(refresh.period, ==, 20 * FB_NS_PER_MS);
    }
    fb_quit(fb);
}

/* The second one replaces the first; both end together */
static void test_flips_merge(void)
{
    QVirtioFb *fb = start();
    QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_XRGB8888, 2);
    g_autoptr(FbPicture) shows_c = fb_draw(fb, &mode, 3);
    QVirtioFbRequest first, second;
    QVirtioFbRefresh refresh[2];

    enable(fb, 0, 0);
    first = flip(fb, 0, 1);
    fb_step(fb, 5 * FB_NS_PER_MS);
    assert_pending(fb, &first);
    second = flip(fb, 0, 2);
    assert_pending(fb, &first);
    assert_pending(fb, &second);

    fb_step_to(fb, next_refresh(fb));
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &first, &refresh[0]));
    fb_assert_ok(qvirtio_fb_finish_flip(fb, &second, &refresh[1]));
    g_assert_cmpmem(&refresh[0], sizeof(refresh[0]),
                    &refresh[1], sizeof(refresh[1]));
    assert_latest(fb, &refresh[0]);
    fb_assert_shows(fb, 0, shows_c);
    fb_quit(fb);
}

/* As many as the queue holds, again and again */
static void test_flips_fill_queue(void)
{
    QVirtioFb *fb = start();
    uint64_t first = latest_sequence(fb);
    QVirtioFbRequest requests[QVIRTIO_FB_CONTROL_SIZE / 2];
    QVirtioFbRefresh refresh;
    int i, round;

    enable(fb, 0, 0);
    for (round = 1; round <= 3; round++) {
        for (i = 0; i < ARRAY_SIZE(requests); i++) {
            requests[i] = flip(fb, 0, i % 8);
        }
        for (i = 0; i < ARRAY_SIZE(requests); i++) {
            g_assert_false(qvirtio_fb_is_used(fb, &requests[i]));
        }
        fb_next_timer(fb);
        for (i = 0; i < ARRAY_SIZE(requests); i++) {
            fb_assert_ok(qvirtio_fb_finish_flip(fb, &requests[i], &refresh));
            assert_latest(fb, &refresh);
            g_assert_cmpuint(refresh.sequence, ==, first + round);
        }
    }
    fb_quit(fb);
}

/* An invalid flip is answered at once, and does not touch the pending one */
static void test_flip_invalid(void)
{
    QVirtioFb *fb = start();
    QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_XRGB8888, 1);
    g_autoptr(FbPicture) shows_b = fb_draw(fb, &mode, 2);
    QVirtioFbRequest valid, invalid;

    enable(fb, 0, 0);
    invalid = flip(fb, 0, 16);
    g_assert_cmpuint(qvirtio_fb_finish_flip(fb, &invalid, NULL), ==,
                     VIRTIO_FB_S_MEMORY);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);

    valid = flip(fb, 0, 1);
    invalid = flip(fb, 0, 16);
    g_assert_cmpuint(qvirtio_fb_finish_flip(fb, &invalid, NULL), ==,
                     VIRTIO_FB_S_MEMORY);
    assert_pending(fb, &valid);
    fb_next_timer(fb);
    assert_ended(fb, &valid);
    fb_assert_shows(fb, 0, shows_b);
    fb_quit(fb);
}

/* All scanouts have the same refreshes */
static void test_flip_scanouts(void)
{
    QVirtioFb *fb = start();
    QVirtioFbRequest requests[3];
    int i;

    for (i = 0; i < 3; i++) {
        QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_XRGB8888, i);

        fb_picture_free(fb_draw(fb, &mode, i));
        enable(fb, i, i);
        requests[i] = flip(fb, i, (i + 1) % 3);
        fb_step(fb, FB_NS_PER_MS);
    }
    fb_step_to(fb, next_refresh(fb));
    for (i = 0; i < 3; i++) {
        QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_XRGB8888, (i + 1) % 3);
        g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 10 + i);

        assert_ended(fb, &requests[i]);
        fb_assert_shows(fb, i, picture);
    }
    fb_quit(fb);
}

/* Only what a driver says has changed needs to be shown, but all of that */
static void test_flip_damage(void)
{
    const QVirtioFbRect rects[] = { { 3, 5, 10, 7 }, { 40, 30, 24, 18 } };
    const QVirtioFbRect late = { 20, 0, 1, 48 };
    QVirtioFb *fb = start();
    QVirtioFbMode a = image(VIRTIO_FB_FORMAT_XBGR8888, 0);
    QVirtioFbMode c = image(VIRTIO_FB_FORMAT_XBGR8888, 2);
    g_autoptr(FbPicture) old = fb_draw(fb, &a, 1);
    g_autoptr(FbPicture) picture = fb_draw(fb, &c, 1);
    QVirtioFbRequest first, second;

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &a));
    fb_assert_shows(fb, 0, old);

    /* The third image is the first with what both flips change */
    fb_draw_rect(fb, &c, &rects[0], 2, picture);
    fb_draw_rect(fb, &c, &rects[1], 3, picture);
    first = qvirtio_fb_flip(fb, 0, 1 * MiB, &rects[0], 1);
    second = qvirtio_fb_flip(fb, 0, c.offset, &rects[1], 1);

    /* And an update while they are pending is about the last image */
    fb_draw_rect(fb, &c, &late, 4, picture);
    fb_assert_ok(qvirtio_fb_update(fb, 0, &late, 1));
    fb_assert_shows(fb, 0, old);
    fb_next_timer(fb);
    assert_ended(fb, &first);
    assert_ended(fb, &second);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* To where it is already: tells when an update was shown */
static void test_flip_in_place(void)
{
    const QVirtioFbRect rect = { 1, 2, 30, 40 };
    QVirtioFb *fb = start();
    QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_ABGR8888, 1);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 1);
    QVirtioFbRequest request;

    fb_assert_ok(qvirtio_fb_set_scanout(fb, 0, &mode));
    fb_draw_rect(fb, &mode, &rect, 2, picture);
    request = qvirtio_fb_flip(fb, 0, mode.offset, &rect, 1);
    fb_next_timer(fb);
    assert_ended(fb, &request);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/*
 * What ends a flip early
 */

static void end_by_disable(QVirtioFb *fb)
{
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
}

static void end_by_set_scanout(QVirtioFb *fb)
{
    enable(fb, 0, 3);
}

/* Answered before the request that ended them; those of others stay */
static void test_flip_ended(const void *data)
{
    void (*end)(QVirtioFb *fb) = data;
    QVirtioFb *fb = start();
    QVirtioFbRequest first, second, other;

    fb_step(fb, 7 * FB_NS_PER_MS);
    enable(fb, 0, 0);
    enable(fb, 1, 0);
    first = flip(fb, 0, 1);
    second = flip(fb, 0, 2);
    other = flip(fb, 1, 2);
    fb_step(fb, 2 * FB_NS_PER_MS);
    end(fb);

    /* The used ring has not been looked at since */
    g_assert_cmpint(fb->control.used_length[first.head], >=, 0);
    g_assert_cmpint(fb->control.used_length[second.head], >=, 0);
    assert_ended(fb, &first);
    assert_ended(fb, &second);
    assert_pending(fb, &other);
    fb_next_timer(fb);
    assert_ended(fb, &other);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

/* While the machine is stopped, nothing happens. Then it does */
static void test_flip_stop(void)
{
    QVirtioFb *fb = start();
    QVirtioFbMode mode = image(VIRTIO_FB_FORMAT_XRGB8888, 1);
    g_autoptr(FbPicture) picture = fb_draw(fb, &mode, 2);
    int64_t period = period_of(fb);
    uint64_t first = latest_sequence(fb);
    QVirtioFbRequest request;
    QVirtioFbRefresh refresh;

    enable(fb, 0, 0);
    request = flip(fb, 0, 1);
    qtest_qmp_assert_success(fb->qts, "{'execute': 'stop'}");
    fb_step(fb, 3 * period);
    g_assert_false(qvirtio_fb_is_used(fb, &request));
    qtest_qmp_assert_success(fb->qts, "{'execute': 'cont'}");
    fb_step(fb, period);

    fb_assert_ok(qvirtio_fb_finish_flip(fb, &request, &refresh));
    g_assert_cmpuint(refresh.sequence, >=, first + 3);
    g_assert_cmpuint(refresh.sequence, <=, first + 4);
    fb_assert_shows(fb, 0, picture);
    fb_quit(fb);
}

/* A reset forgets them: the device keeps off the memory of the old queue */
static void test_flip_reset(const void *data)
{
    bool system = data;
    QVirtioFb *fb = start();
    uint64_t used = fb->control.vq->used;
    uint8_t before[64], after[64];

    enable(fb, 0, 0);
    flip(fb, 0, 1);
    flip(fb, 0, 2);
    fb_barrier(fb);
    if (system) {
        qtest_system_reset(fb->qts);
        qvirtio_fb_cleanup(fb);
    } else {
        qvirtio_fb_reset(fb);
    }

    qtest_memread(fb->qts, used, before, sizeof(before));
    fb_step(fb, FB_NS_PER_SEC);
    qtest_memread(fb->qts, used, after, sizeof(after));
    g_assert_cmpmem(before, sizeof(before), after, sizeof(after));
    g_assert_cmpint(fb_next_timer(fb), ==, -1);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    fb_step(fb, FB_NS_PER_SEC);
    g_assert_cmpuint(qtest_readw(fb->qts, fb->control.vq->used + 2), ==, 0);
    enable(fb, 0, 0);
    fb_quit(fb);
}

/*
 * Vertical blank
 */

static void assert_no_event(QVirtioFb *fb)
{
    QVirtioFbEvent event;

    fb_barrier(fb);
    g_assert_false(qvirtio_fb_get_event(fb, &event));
}

/* There is an event for @scanouts, of the refresh @sequence, written now */
static void assert_vblank(QVirtioFb *fb, uint32_t scanouts, uint64_t sequence)
{
    QVirtioFbEvent event;

    g_assert_true(qvirtio_fb_get_event(fb, &event));
    g_assert_cmpuint(event.type, ==, VIRTIO_FB_EVENT_VBLANK);
    g_assert_cmphex(event.scanouts, ==, scanouts);
    g_assert_cmpuint(event.refresh.sequence, ==, sequence);
    g_assert_cmpuint(event.refresh.sequence * event.refresh.period +
                     event.refresh.age, ==, fb_now(fb));
}

static void test_vblank(void)
{
    QVirtioFb *fb = start();
    QVirtioFbRefresh refresh;
    int64_t period = period_of(fb);
    int i;

    for (i = 0; i < 12; i++) {
        qvirtio_fb_add_event_buffer(fb);
    }
    assert_no_event(fb);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    assert_no_event(fb);

    fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 1, &refresh));
    assert_latest(fb, &refresh);
    assert_no_event(fb);
    for (i = 1; i <= 10; i++) {
        fb_step_to(fb, (refresh.sequence + i) * period - 1);
        assert_no_event(fb);
        qvirtio_fb_take_interrupt(fb);
        fb_step(fb, 1);
        assert_vblank(fb, 1 << 1, refresh.sequence + i);
        g_assert_true(qvirtio_fb_take_interrupt(fb));
    }

    fb_step(fb, period / 2);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 0, &refresh));
    assert_latest(fb, &refresh);
    fb_step(fb, 3 * period);
    assert_no_event(fb);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

/* Enabling twice gives one event each time, and one request ends it */
static void test_vblank_twice(void)
{
    QVirtioFb *fb = start();
    uint64_t first = latest_sequence(fb);
    int i;

    for (i = 0; i < 8; i++) {
        qvirtio_fb_add_event_buffer(fb);
    }
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    fb_next_timer(fb);
    assert_vblank(fb, 1 << 0, first + 1);
    assert_no_event(fb);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 0, NULL));
    fb_step(fb, 2 * period_of(fb));
    assert_no_event(fb);
    fb_quit(fb);
}

/* Scanouts that show nothing have it, too, and may share one event */
static void test_vblank_scanouts(void)
{
    QVirtioFb *fb = start();
    uint64_t first = latest_sequence(fb);
    QVirtioFbEvent event;
    uint32_t seen = 0;
    int i;

    for (i = 0; i < 8; i++) {
        qvirtio_fb_add_event_buffer(fb);
    }
    enable(fb, 0, 0);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 2, 1, NULL));
    fb_next_timer(fb);
    while (qvirtio_fb_get_event(fb, &event)) {
        g_assert_cmpuint(event.type, ==, VIRTIO_FB_EVENT_VBLANK);
        g_assert_cmpuint(event.refresh.sequence, ==, first + 1);
        g_assert_cmphex(event.scanouts & seen, ==, 0);
        seen |= event.scanouts;
    }
    g_assert_cmphex(seen, ==, 1 << 0 | 1 << 2);
    fb_quit(fb);
}

/* Without buffers, one event waits: all scanouts, the latest refresh */
static void test_vblank_merges(void)
{
    QVirtioFb *fb = start();
    int64_t period = period_of(fb);
    uint64_t first = latest_sequence(fb);

    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    fb_step(fb, 2 * period);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 1, 1, NULL));
    fb_step(fb, 3 * period + 4711);
    assert_no_event(fb);

    qvirtio_fb_add_event_buffer(fb);
    assert_vblank(fb, 1 << 0 | 1 << 1, first + 5);
    qvirtio_fb_add_event_buffer(fb);
    assert_no_event(fb);
    fb_step_to(fb, (first + 6) * period);
    assert_vblank(fb, 1 << 0 | 1 << 1, first + 6);
    fb_quit(fb);
}

/* Subscriptions outlive the mode but not a reset */
static void test_vblank_lasts(void)
{
    QVirtioFb *fb = start();
    int64_t period = period_of(fb);
    uint64_t first = latest_sequence(fb);
    int i;

    for (i = 0; i < 8; i++) {
        qvirtio_fb_add_event_buffer(fb);
    }
    enable(fb, 0, 0);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    enable(fb, 0, 1);
    fb_step(fb, period);
    assert_vblank(fb, 1 << 0, first + 1);
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    fb_step(fb, period);
    assert_vblank(fb, 1 << 0, first + 2);

    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    qvirtio_fb_add_event_buffer(fb);
    fb_step(fb, 2 * period);
    assert_no_event(fb);
    enable(fb, 0, 0);
    flip(fb, 0, 1);
    fb_step(fb, 2 * period);
    assert_no_event(fb);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

/*
 * An idle desktop costs nothing
 */

static void test_idle(void)
{
    QVirtioFb *fb = fb_start(OPTIONS);
    int64_t next;

    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    qvirtio_fb_start(fb, QVIRTIO_FB_FEATURES);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);

    enable(fb, 0, 0);
    fb_assert_ok(qvirtio_fb_update(fb, 0, NULL, 0));
    fb_step(fb, FB_NS_PER_SEC);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);

    next = next_refresh(fb);
    flip(fb, 0, 1);
    g_assert_cmpint(fb_next_timer(fb), ==, next);
    g_assert_cmpint(fb_next_timer(fb), ==, -1);
    fb_quit(fb);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);

    qtest_add_data_func("virtio-fb/period/1", ",refresh=1", test_period);
    qtest_add_data_func("virtio-fb/period/50", ",refresh=50", test_period);
    qtest_add_data_func("virtio-fb/period/60", ",refresh=60", test_period);
    qtest_add_data_func("virtio-fb/period/144", ",refresh=144", test_period);

    qtest_add_func("virtio-fb/flip/one", test_flip);
    qtest_add_func("virtio-fb/flip/at-refresh", test_flip_at_refresh);
    qtest_add_func("virtio-fb/flip/pace", test_flip_pace);
    qtest_add_func("virtio-fb/flip/merge", test_flips_merge);
    qtest_add_func("virtio-fb/flip/fill-queue", test_flips_fill_queue);
    qtest_add_func("virtio-fb/flip/invalid", test_flip_invalid);
    qtest_add_func("virtio-fb/flip/scanouts", test_flip_scanouts);
    qtest_add_func("virtio-fb/flip/damage", test_flip_damage);
    qtest_add_func("virtio-fb/flip/in-place", test_flip_in_place);
    qtest_add_data_func("virtio-fb/flip/disable", end_by_disable,
                        test_flip_ended);
    qtest_add_data_func("virtio-fb/flip/set-scanout", end_by_set_scanout,
                        test_flip_ended);
    qtest_add_func("virtio-fb/flip/stop", test_flip_stop);
    qtest_add_data_func("virtio-fb/flip/reset", NULL, test_flip_reset);
    qtest_add_data_func("virtio-fb/flip/system-reset", "system",
                        test_flip_reset);

    qtest_add_func("virtio-fb/vblank/events", test_vblank);
    qtest_add_func("virtio-fb/vblank/twice", test_vblank_twice);
    qtest_add_func("virtio-fb/vblank/scanouts", test_vblank_scanouts);
    qtest_add_func("virtio-fb/vblank/merge", test_vblank_merges);
    qtest_add_func("virtio-fb/vblank/lasts", test_vblank_lasts);
    qtest_add_func("virtio-fb/idle", test_idle);

    status = g_test_run();
    fb_quit_shared();
    return status;
}

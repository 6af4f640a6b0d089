/*
 * QTest testcase for virtio-fb: responses that land on registers
 *
 * A guest may place a buffer on the registers of the device that fills it, or
 * on those of another one.  Nothing that this does to the device happens while
 * the device is in the middle of something.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "libqos/virtio-power.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-desktop-util.h"
#include "virtio-fb-util.h"

#define OPTIONS     ",vram=16M,xres=64,yres=48,max_outputs=2"
#define FB_SLOT     1
#define POWER_SLOT  0

static void enable(QVirtioFb *fb, uint32_t scanout)
{
    QVirtioFbMode mode = fb_boot_mode(64, 48);

    fb_assert_ok(qvirtio_fb_set_scanout(fb, scanout, &mode));
}

/* Send a request; four bytes of its response, at @offset, lie at @addr */
static uint32_t send_request(QVirtioFb *fb, const uint32_t *words, int n,
                             uint32_t in, uint32_t offset, uint64_t addr)
{
    QVirtQueue *vq = fb->control.vq;
    uint64_t ram = guest_alloc(fb->alloc, n * 4 + in);
    uint32_t head, rest = in - offset - 4;
    int i;

    for (i = 0; i < n; i++) {
        qtest_writel(fb->qts, ram + i * 4, words[i]);
    }
    head = qvirtqueue_add(fb->qts, vq, ram, n * 4, false, true);
    if (offset) {
        qvirtqueue_add(fb->qts, vq, ram + n * 4, offset, true, true);
    }
    qvirtqueue_add(fb->qts, vq, addr, 4, true, rest);
    if (rest) {
        qvirtqueue_add(fb->qts, vq, ram + n * 4 + offset, rest, true, false);
    }
    qvirtio_requests_submit(&fb->control, head);
    return head;
}

static uint32_t send_flip(QVirtioFb *fb, uint32_t scanout, uint64_t addr)
{
    const uint32_t words[] = {
        VIRTIO_FB_REQ_FLIP, 0, scanout, 0, 1 * MiB, 0, 0, 0,
    };

    return send_request(fb, words, ARRAY_SIZE(words),
                        sizeof(struct virtio_fb_refresh_response), 0, addr);
}

static void wait_used(QVirtioFb *fb, uint32_t head)
{
    QVirtioFbRequest request = { .head = head };
    gint64 give_up = g_get_monotonic_time() + HANG_US;

    while (!qvirtio_fb_is_used(fb, &request)) {
        g_assert_cmpint(g_get_monotonic_time(), <, give_up);
    }
}

static void assert_has_driver(QVirtioFb *fb)
{
    g_assert_cmphex(desktop_read(fb->qts, FB_SLOT, VIRTIO_MMIO_STATUS), ==,
                    desktop_driver_ok);
}

/*
 * The device's own registers
 */

static void end_by_refresh(QVirtioFb *fb)
{
    fb_step(fb, FB_NS_PER_SEC);
}

static void end_by_set_scanout(QVirtioFb *fb)
{
    enable(fb, 0);
    enable(fb, 1);
}

static void end_by_disable(QVirtioFb *fb)
{
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 0));
    fb_assert_ok(qvirtio_fb_disable_scanout(fb, 1));
}

/* With 0 for its status, a response would reset the device */
static void test_flips(const void *data)
{
    void (*end)(QVirtioFb *fb) = data;
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint32_t heads[6];
    int i;

    enable(fb, 0);
    enable(fb, 1);
    for (i = 0; i < ARRAY_SIZE(heads); i++) {
        heads[i] = send_flip(fb, i % 2,
                             desktop_reg(FB_SLOT, VIRTIO_MMIO_STATUS));
    }
    end(fb);
    for (i = 0; i < ARRAY_SIZE(heads); i++) {
        wait_used(fb, heads[i]);
    }
    assert_has_driver(fb);
    fb_barrier(fb);
    fb_quit(fb);
}

static void test_response(const void *data)
{
    uint32_t reg = GPOINTER_TO_UINT(data);
    const uint32_t words[] = { VIRTIO_FB_REQ_MOVE_CURSOR, 0, 0, 0, 1, 2 };
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint32_t heads[60];
    int i;

    for (i = 0; i < ARRAY_SIZE(heads); i++) {
        heads[i] = send_request(fb, words, ARRAY_SIZE(words),
                                sizeof(struct virtio_fb_response), i % 2 * 4,
                                desktop_reg(FB_SLOT, reg));
    }
    for (i = 0; i < ARRAY_SIZE(heads); i++) {
        wait_used(fb, heads[i]);
    }
    assert_has_driver(fb);
    fb_barrier(fb);
    fb_quit(fb);
}

/* The last word of an event is 0 */
static void test_event(void)
{
    QVirtioFb *fb = fb_share_driver(OPTIONS);
    uint64_t ram = guest_alloc(fb->alloc, sizeof(struct virtio_fb_event));
    uint32_t head = qvirtqueue_add(fb->qts, fb->event, ram,
                                   sizeof(struct virtio_fb_event) - 4, true,
                                   true);

    qvirtqueue_add(fb->qts, fb->event, desktop_reg(FB_SLOT, VIRTIO_MMIO_STATUS),
                   4, true, false);
    qvirtqueue_kick(fb->qts, fb->vdev, fb->event, head);
    fb_assert_ok(qvirtio_fb_set_vblank(fb, 0, 1, NULL));
    fb_step(fb, FB_NS_PER_SEC);
    assert_has_driver(fb);
    g_assert_cmpuint(qtest_readl(fb->qts, ram), ==, VIRTIO_FB_EVENT_VBLANK);
    fb_quit(fb);
}

/*
 * Registers of slot 0, whose device can reset and remove this one
 */

typedef struct Machine {
    QVirtioFb *fb;
    QVirtioMMIODevice slot;
    QVirtioPower power;
} Machine;

static void start_machine(Machine *m)
{
    m->fb = fb_start_driver(OPTIONS);
    qvirtio_mmio_init_device(&m->slot, m->fb->qts,
                             desktop_reg(POWER_SLOT, 0), 4096);
    qvirtio_power_attach(&m->power, &m->slot, m->fb->alloc);
    qvirtio_power_start(&m->power, QVIRTIO_POWER_FEATURES);
}

/* The request waits in the queue of a driver that has not set DRIVER_OK */
static void prepare_request(Machine *m, uint32_t type)
{
    QTestState *qts = m->fb->qts;
    QVirtioPower *power = &m->power;
    const uint32_t words[] = {
        type, 0, FB_SLOT, 0, VIRTIO_POWER_EJECT_GO, 0,
    };
    uint64_t ram = guest_alloc(power->alloc, 64);
    QVirtQueue *vq;
    int i;

    qvirtio_power_reset(power);
    qvirtio_set_acknowledge(power->vdev);
    qvirtio_set_driver(power->vdev);
    qvirtio_set_features(power->vdev, QVIRTIO_POWER_FEATURES |
                                      1ull << VIRTIO_F_VERSION_1);
    qvirtio_requests_start(&power->request, &m->slot, power->alloc,
                           VIRTIO_POWER_VQ_REQUEST, QVIRTIO_POWER_QUEUE_SIZE);
    vq = power->request.vq;
    for (i = 0; i < ARRAY_SIZE(words); i++) {
        qtest_writel(qts, ram + i * 4, words[i]);
    }
    qvirtqueue_add(qts, vq, ram, sizeof(words), false, true);
    qvirtqueue_add(qts, vq, ram + sizeof(words), 8, true, false);
    qtest_writew(qts, vq->avail + 4, 0);
    qtest_writew(qts, vq->avail + 2, 1);
}

/* Some of the flips come before the one that has the queue looked at */
static void run_into_request(Machine *m, void (*end)(QVirtioFb *fb))
{
    uint64_t notify = desktop_reg(POWER_SLOT, VIRTIO_MMIO_QUEUE_NOTIFY);
    int i;

    enable(m->fb, 0);
    enable(m->fb, 1);
    for (i = 0; i < 9; i++) {
        uint64_t ram = guest_alloc(m->fb->alloc, 4);

        send_flip(m->fb, i / 2 % 2, i == 4 ? notify : ram);
    }
    end(m->fb);
    g_assert_cmphex(desktop_read(m->fb->qts, FB_SLOT, 0), ==, 0x74726976);
    fb_step(m->fb, FB_NS_PER_SEC);
}

static void quit_machine(Machine *m)
{
    qvirtio_power_cleanup(&m->power);
    fb_quit(m->fb);
}

static void test_reset_by_power(void)
{
    Machine m;

    start_machine(&m);
    prepare_request(&m, VIRTIO_POWER_REQ_SLOT_RESET);
    run_into_request(&m, end_by_refresh);
    qvirtio_fb_start(m.fb, QVIRTIO_FB_FEATURES);
    g_assert_false(qvirtio_fb_needs_reset(m.fb));
    fb_barrier(m.fb);
    quit_machine(&m);
}

static void send_set_scanout(QVirtioFb *fb)
{
    const uint32_t words[] = {
        VIRTIO_FB_REQ_SET_SCANOUT, 0, 0, 0, 0, 0,
        VIRTIO_FB_FORMAT_XRGB8888, 64, 48, 256,
    };

    send_request(fb, words, ARRAY_SIZE(words),
                 sizeof(struct virtio_fb_response), 4,
                 guest_alloc(fb->alloc, 4));
    /* It is carried out before this register is read, or never */
    desktop_read(fb->qts, FB_SLOT, VIRTIO_MMIO_STATUS);
}

static void test_removed_by_power(const void *data)
{
    const uint32_t events[] = {
        VIRTIO_POWER_REQ_SET_EVENTS, 0, 0, 0,
        VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED), 0,
    };
    void (*end)(QVirtioFb *fb) = data;
    struct virtio_power_response response;
    Machine m;

    start_machine(&m);
    g_assert_cmpuint(qvirtio_power_call(&m.power, events, ARRAY_SIZE(events),
                                        &response, sizeof(response)), ==,
                     VIRTIO_POWER_S_OK);
    qtest_qmp_assert_success(m.fb->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': 'fb'}}");
    prepare_request(&m, VIRTIO_POWER_REQ_SLOT_EJECT);
    run_into_request(&m, end);
    quit_machine(&m);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);

    qtest_add_data_func("virtio-fb/reentry/flip/refresh", end_by_refresh,
                        test_flips);
    qtest_add_data_func("virtio-fb/reentry/flip/set-scanout",
                        end_by_set_scanout, test_flips);
    qtest_add_data_func("virtio-fb/reentry/flip/disable", end_by_disable,
                        test_flips);
    qtest_add_data_func("virtio-fb/reentry/response/status",
                        GUINT_TO_POINTER(VIRTIO_MMIO_STATUS), test_response);
    qtest_add_data_func("virtio-fb/reentry/response/notify",
                        GUINT_TO_POINTER(VIRTIO_MMIO_QUEUE_NOTIFY),
                        test_response);
    qtest_add_data_func("virtio-fb/reentry/response/queue-ready",
                        GUINT_TO_POINTER(VIRTIO_MMIO_QUEUE_READY),
                        test_response);
    qtest_add_func("virtio-fb/reentry/event", test_event);
    qtest_add_func("virtio-fb/reentry/power/reset", test_reset_by_power);
    qtest_add_data_func("virtio-fb/reentry/power/remove/refresh",
                        end_by_refresh, test_removed_by_power);
    qtest_add_data_func("virtio-fb/reentry/power/remove/set-scanout",
                        send_set_scanout, test_removed_by_power);

    status = g_test_run();
    fb_quit_shared();
    return status;
}

/*
 * QTest testcase for the virtio-desktop machine: buffers of guests that lie on
 * registers of the device that fills them, or of another one
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "libqos/virtio-fb.h"
#include "libqos/virtio-input.h"
#include "libqos/virtio-power.h"
#include "qobject/qdict.h"
#include "standard-headers/linux/input.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-desktop-util.h"

enum { POWER_SLOT, FB_SLOT, KEYBOARD_SLOT, SLOTS };

#define DATA_BASE       (RAM_BASE + 16 * MiB)
#define DATA_SIZE       (32 * MiB)

#define WIDTH           64
#define HEIGHT          32
#define REFRESH_NS      (1000000000LL / 60 + 1)

#define REMOVAL_ASKED   VIRTIO_POWER_EVENT_BIT( \
                            VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED)

typedef struct Machine {
    QTestState *qts;
    QGuestAllocator alloc;
    QVirtioMMIODevice slots[SLOTS];
    QVirtioPower power;
    QVirtioFb fb;
    QVirtioInput keyboard;
} Machine;

/* Drivers for all three, and an image that is shown */
static Machine *start(void)
{
    Machine *m = g_new0(Machine, 1);
    QVirtioFbMode mode = {
        .format = VIRTIO_FB_FORMAT_XRGB8888,
        .width = WIDTH,
        .height = HEIGHT,
        .stride = WIDTH * 4,
    };
    int i;

    m->qts = desktop_start(
        " -nodefaults -m 128M"
        " -device virtio-fb-device,id=fb,bus=virtio-mmio-bus.1"
        " -device virtio-keyboard-device,bus=virtio-mmio-bus.2");
    alloc_init(&m->alloc, 0, DATA_BASE, DATA_BASE + DATA_SIZE, 4096);
    for (i = 0; i < SLOTS; i++) {
        qvirtio_mmio_init_device(&m->slots[i], m->qts, desktop_reg(i, 0), 4096);
    }
    qvirtio_power_attach(&m->power, &m->slots[POWER_SLOT], &m->alloc);
    qvirtio_power_start(&m->power, QVIRTIO_POWER_FEATURES);
    qvirtio_fb_attach(&m->fb, &m->slots[FB_SLOT], &m->alloc);
    qvirtio_fb_start(&m->fb, QVIRTIO_FB_FEATURES);
    g_assert_cmpuint(qvirtio_fb_set_scanout(&m->fb, 0, &mode), ==,
                     VIRTIO_FB_S_OK);
    qvirtio_input_attach(&m->keyboard, &m->slots[KEYBOARD_SLOT], &m->alloc);
    qvirtio_input_start(&m->keyboard, QVIRTIO_INPUT_QUEUE_SIZE);
    return m;
}

static void quit(Machine *m)
{
    qvirtio_power_cleanup(&m->power);
    qvirtio_fb_cleanup(&m->fb);
    qvirtio_input_cleanup(&m->keyboard);
    alloc_destroy(&m->alloc);
    qtest_quit(m->qts);
    g_free(m);
}

/* A chain of @out bytes, the register @reg, and @in bytes of RAM */
static QVirtioRequest submit(Machine *m, QVirtioRequests *requests,
                             const void *data, uint32_t out, uint64_t reg,
                             uint32_t in)
{
    QVirtQueue *vq = requests->vq;
    QVirtioRequest request = {
        .addr = guest_alloc(&m->alloc, out + in),
        .out = out,
        .in = in + 4,
    };

    qtest_bufwrite(m->qts, request.addr, data, out);
    if (!requests->in_flight) {
        qvirtqueue_reset_pool(vq);
    }
    request.head = vq->free_head;
    qvirtqueue_add(m->qts, vq, request.addr, out, false, true);
    qvirtqueue_add(m->qts, vq, reg, 4, true, true);
    qvirtqueue_add(m->qts, vq, request.addr + out, in, true, false);
    qvirtio_requests_submit(requests, request.head);
    return request;
}

/* The response begins with the status, which is 0 */
static QVirtioRequest flip_onto(Machine *m, uint64_t reg)
{
    struct virtio_fb_flip flip = {
        .hdr.type = cpu_to_le32(VIRTIO_FB_REQ_FLIP),
        .offset = cpu_to_le64(MiB),
    };

    return submit(m, &m->fb.control, &flip, sizeof(flip), reg,
                  sizeof(struct virtio_fb_refresh_response) - 4);
}

static bool is_flip_done(Machine *m, QVirtioRequest *request)
{
    return qvirtio_requests_is_used(&m->fb.control, request);
}

static void wait_for_flip(Machine *m, QVirtioRequest *request)
{
    qvirtio_requests_finish(&m->fb.control, request, NULL, 0);
}

/* The driver goes on, and the device does what it asks */
static void assert_fb_works(Machine *m)
{
    QVirtioRequest request;

    g_assert_cmphex(desktop_read(m->qts, FB_SLOT, VIRTIO_MMIO_STATUS), ==,
                    desktop_driver_ok);
    request = qvirtio_fb_flip(&m->fb, 0, 2 * MiB, NULL, 0);
    g_assert_false(is_flip_done(m, &request));
    qtest_clock_step(m->qts, 2 * REFRESH_NS);
    g_assert_cmpuint(qvirtio_fb_finish_flip(&m->fb, &request,
                                            &(QVirtioFbRefresh) {}), ==,
                     VIRTIO_FB_S_OK);
}

/*
 * Its own registers
 */

/* Would reset the device while it is about to answer */
static void test_flip_own_status(void)
{
    Machine *m = start();
    uint64_t reg = desktop_reg(FB_SLOT, VIRTIO_MMIO_STATUS);
    QVirtioRequest first = flip_onto(m, reg), second = flip_onto(m, reg);

    qtest_clock_step(m->qts, 2 * REFRESH_NS);
    wait_for_flip(m, &first);
    wait_for_flip(m, &second);
    assert_fb_works(m);
    quit(m);
}

/* Another request ends the flip, from the handler of the queue's eventfd */
static void test_flip_own_status_by_request(void)
{
    Machine *m = start();
    QVirtioRequest request =
        flip_onto(m, desktop_reg(FB_SLOT, VIRTIO_MMIO_STATUS));

    g_assert_false(is_flip_done(m, &request));
    g_assert_cmpuint(qvirtio_fb_disable_scanout(&m->fb, 0), ==,
                     VIRTIO_FB_S_OK);
    wait_for_flip(m, &request);
    g_assert_cmphex(desktop_read(m->qts, FB_SLOT, VIRTIO_MMIO_STATUS), ==,
                    desktop_driver_ok);
    quit(m);
}

/* Would have it handle its queue while it does just that */
static void test_flip_own_notify(void)
{
    Machine *m = start();
    QVirtioRequest request =
        flip_onto(m, desktop_reg(FB_SLOT, VIRTIO_MMIO_QUEUE_NOTIFY));

    qtest_clock_step(m->qts, 2 * REFRESH_NS);
    wait_for_flip(m, &request);
    assert_fb_works(m);
    quit(m);
}

static void send_key(Machine *m, bool down)
{
    qtest_qmp_assert_success(m->qts, "{'execute': 'input-send-event',"
                             " 'arguments': {'events': [{'type': 'key',"
                             " 'data': {'down': %i, 'key':"
                             " {'type': 'qcode', 'data': 'a'}}}]}}", down);
}

/*
 * The value of a release is 0.  Its buffer is not the last of the report, nor
 * of those that the guest has.
 */
static void test_key_own_status(void)
{
    Machine *m = start();
    QVirtioInput *keyboard = &m->keyboard;
    QVirtQueue *vq = keyboard->event;
    uint64_t reg = desktop_reg(KEYBOARD_SLOT, VIRTIO_MMIO_STATUS);
    QVirtioInputEvent events[8];
    uint16_t head;

    qvirtio_input_give(keyboard, 2);
    send_key(m, true);
    g_assert_cmpint(qvirtio_input_take(keyboard, events, 8), ==, 2);

    /* Four bytes of RAM, and the register */
    head = keyboard->free[0];
    vq->free_head = head;
    qvirtqueue_add(m->qts, vq, keyboard->buffers, 4, true, true);
    vq->free_head = QVIRTIO_INPUT_QUEUE_SIZE - 1;
    qtest_writew(m->qts, vq->desc + head * 16 + 14, vq->free_head);
    qvirtqueue_add(m->qts, vq, reg, 4, true, false);
    qvirtio_input_give(keyboard, 4);
    send_key(m, false);
    g_assert_cmphex(desktop_read(m->qts, KEYBOARD_SLOT, VIRTIO_MMIO_STATUS),
                    ==, desktop_driver_ok);

    qvirtio_input_give(keyboard, 2);
    send_key(m, true);
    send_key(m, false);
    g_assert_cmphex(desktop_read(m->qts, KEYBOARD_SLOT, VIRTIO_MMIO_STATUS),
                    ==, desktop_driver_ok);
    quit(m);
}

/*
 * Those of others
 */

static void submit_eject(Machine *m, uint32_t slot)
{
    struct virtio_power_slot_eject eject = {
        .hdr.type = cpu_to_le32(VIRTIO_POWER_REQ_SLOT_EJECT),
        .hdr.index = cpu_to_le32(slot),
        .verdict = cpu_to_le32(VIRTIO_POWER_EJECT_GO),
    };
    QVirtioRequest request = {
        .addr = guest_alloc(&m->alloc, 4 * KiB),
        .out = sizeof(eject),
        .in = sizeof(struct virtio_power_response),
    };
    QVirtQueue *vq = m->power.request.vq;

    qtest_bufwrite(m->qts, request.addr, &eject, sizeof(eject));
    request.head = vq->free_head;
    qvirtqueue_add(m->qts, vq, request.addr, request.out, false, true);
    qvirtqueue_add(m->qts, vq, request.addr + request.out, request.in, true,
                   false);
    qvirtio_requests_submit(&m->power.request, request.head);
}

/*
 * The answer of a flip tells virtio-power to look at its queue, where there is
 * a request to remove the display.  Without DRIVER_OK nothing is carried out;
 * with it, not while the display is about to answer.
 */
static void test_eject_by_flip(gconstpointer data)
{
    bool driver_ok = GPOINTER_TO_INT(data);
    Machine *m = start();
    QVirtioRequest request;
    QDict *event;

    g_assert_cmpuint(qvirtio_power_word(&m->power,
                                        VIRTIO_POWER_REQ_SET_EVENTS, 0,
                                        REMOVAL_ASKED), ==,
                     VIRTIO_POWER_S_OK);
    qtest_qmp_assert_success(m->qts, "{'execute': 'device_del',"
                             " 'arguments': {'id': 'fb'}}");
    if (!driver_ok) {
        desktop_write(m->qts, POWER_SLOT, VIRTIO_MMIO_STATUS,
                      desktop_driver_ok & ~VIRTIO_CONFIG_S_DRIVER_OK);
    }
    request = flip_onto(m, desktop_reg(POWER_SLOT, VIRTIO_MMIO_QUEUE_NOTIFY));
    if (!driver_ok) {
        submit_eject(m, FB_SLOT);
        qtest_clock_step(m->qts, 2 * REFRESH_NS);
        wait_for_flip(m, &request);
        assert_fb_works(m);
        desktop_write(m->qts, POWER_SLOT, VIRTIO_MMIO_STATUS,
                      desktop_driver_ok);
    } else {
        submit_eject(m, FB_SLOT);
        qtest_clock_step(m->qts, 2 * REFRESH_NS);
    }
    event = qtest_qmp_eventwait_ref(m->qts, "DEVICE_DELETED");
    qobject_unref(event);
    g_assert_cmphex(desktop_read(m->qts, FB_SLOT, VIRTIO_MMIO_DEVICE_ID), ==,
                    0);
    quit(m);
}

/* The display answers, and so resets the keyboard, which works again then */
static void test_reset_by_flip(void)
{
    Machine *m = start();
    QVirtioRequest request =
        flip_onto(m, desktop_reg(KEYBOARD_SLOT, VIRTIO_MMIO_STATUS));
    QVirtioInputEvent events[4];

    send_key(m, true);
    qtest_clock_step(m->qts, 2 * REFRESH_NS);
    wait_for_flip(m, &request);
    g_assert_cmphex(desktop_read(m->qts, KEYBOARD_SLOT, VIRTIO_MMIO_STATUS),
                    ==, 0);
    qvirtio_input_start(&m->keyboard, QVIRTIO_INPUT_QUEUE_SIZE);
    qvirtio_input_give(&m->keyboard, 4);
    send_key(m, false);
    send_key(m, true);
    g_assert_cmpint(qvirtio_input_take(&m->keyboard, events, 4), >=, 2);
    assert_fb_works(m);
    quit(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-desktop/reentry/flip-own-status",
                   test_flip_own_status);
    qtest_add_func("virtio-desktop/reentry/flip-own-status-by-request",
                   test_flip_own_status_by_request);
    qtest_add_func("virtio-desktop/reentry/flip-own-notify",
                   test_flip_own_notify);
    qtest_add_func("virtio-desktop/reentry/key-own-status",
                   test_key_own_status);
    qtest_add_data_func("virtio-desktop/reentry/eject-by-flip",
                        GINT_TO_POINTER(true), test_eject_by_flip);
    qtest_add_data_func("virtio-desktop/reentry/eject-by-flip-early",
                        GINT_TO_POINTER(false), test_eject_by_flip);
    qtest_add_func("virtio-desktop/reentry/reset-by-flip", test_reset_by_flip);

    return g_test_run();
}

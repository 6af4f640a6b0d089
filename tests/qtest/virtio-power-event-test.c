/*
 * QTest testcase for virtio-power: events, and how they wait for the driver
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-power-util.h"

static void stop_and_go(QVirtioPower *power)
{
    power_qmp(power, "stop");
    power_qmp(power, "cont");
}

static QDict *ask_reboot(QVirtioPower *power)
{
    return qtest_qmp(power->qts, "{'execute': 'qom-set', 'arguments':"
                     " {'path': '/machine/board/power-device',"
                     " 'property': 'ask-reboot', 'value': true}}");
}

static uint32_t eject(QVirtioPower *power, int slot, uint32_t verdict)
{
    return qvirtio_power_word(power, VIRTIO_POWER_REQ_SLOT_EJECT, slot,
                              verdict);
}

/*
 * The user's wishes
 */

static void test_power_button(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    int i;

    power_add_buffers(power, 3);
    for (i = 0; i < 3; i++) {
        power_press_button(power);
        power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    }
    g_assert_true(power_is(power, "running"));
    power_quit(power);
}

static void test_reboot_asked(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(REBOOT_ASKED));

    power_add_buffers(power, 1);
    qobject_unref(ask_reboot(power));
    power_expect(power, VIRTIO_POWER_EVENT_REBOOT_ASKED, 0);

    /* Without an attentive driver the user is told */
    power_set_events(power, BIT_OF(POWER_BUTTON));
    qmp_expect_error_and_unref(ask_reboot(power), "GenericError");
    power_expect_none(power);
    power_quit(power);
}

static void test_resumed(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(RESUMED));

    /* Nobody was told of the first start */
    power_expect_none(power);
    stop_and_go(power);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);
    power_expect_none(power);
    power_quit(power);
}

/*
 * Waiting and merging
 */

/* Many of the same are one, and all types wait at the same time */
static void test_merge(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);
    int i;

    for (i = 0; i < 5; i++) {
        power_press_button(power);
        qobject_unref(ask_reboot(power));
        stop_and_go(power);
    }
    power_add_buffers(power, 3);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_expect(power, VIRTIO_POWER_EVENT_REBOOT_ASKED, 0);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);
    power_expect_none(power);
    power_quit(power);
}

static void test_not_wanted(void)
{
    QVirtioPower *power = power_start("");

    power_press_button(power);
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_press_button(power);
    power_set_events(power, QVIRTIO_POWER_ALL_EVENTS & ~BIT_OF(POWER_BUTTON));
    power_press_button(power);
    stop_and_go(power);
    power_add_buffers(power, 1);
    power_expect(power, VIRTIO_POWER_EVENT_RESUMED, 0);

    /* The button waits, and is dropped when nobody wants it any more */
    power_set_events(power, QVIRTIO_POWER_ALL_EVENTS);
    power_press_button(power);
    power_set_events(power, 0);
    power_set_events(power, QVIRTIO_POWER_ALL_EVENTS);
    power_expect_none(power);
    power_quit(power);
}

/* A mask that is refused leaves everything as it was */
static void test_mask_refused(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));

    power_press_button(power);
    g_assert_cmpuint(qvirtio_power_word(power, VIRTIO_POWER_REQ_SET_EVENTS, 0,
                                        1u << 31),
                     ==, VIRTIO_POWER_S_UNSUPPORTED);
    power_add_buffers(power, 1);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_press_button(power);
    power_add_buffers(power, 1);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

static void test_reset(const void *data)
{
    bool machine = data;
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);

    power_press_button(power);
    power_add_device(power, 9);
    if (machine) {
        qtest_system_reset(power->qts);
    }
    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);

    /* Nothing is left of the mask, nor of what waited */
    power_press_button(power);
    power_set_events(power, QVIRTIO_POWER_ALL_EVENTS);
    power_expect_none(power);
    power_quit(power);
}

/* The queues rest while the machine is stopped */
static void test_stopped(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    uint32_t words[] = { VIRTIO_POWER_REQ_POWER_OFF, 0, 0, 0 };
    QVirtioPowerRequest request;
    QVirtioPowerEvent event;

    power_add_buffers(power, 1);
    power_qmp(power, "stop");
    power_press_button(power);
    words[0] = VIRTIO_POWER_REQ_SLOT_RESET;
    request = qvirtio_power_send(power, words, ARRAY_SIZE(words), 8);
    g_assert_false(qvirtio_power_get_event(power, &event));
    g_assert_false(qvirtio_power_is_used(power, &request));
    g_assert_false(qvirtio_power_take_interrupt(power));

    power_qmp(power, "cont");
    qvirtio_power_finish(power, &request, NULL, 0);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

static void test_short_buffer(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    uint64_t addr = guest_alloc(power->alloc, 16);
    uint32_t head = qvirtqueue_add(power->qts, power->event, addr, 15, true,
                                   false);

    qvirtqueue_kick(power->qts, power->vdev, power->event, head);
    g_assert_false(qvirtio_power_needs_reset(power));
    power_press_button(power);
    g_assert_true(qvirtio_power_needs_reset(power));

    qvirtio_power_start(power, QVIRTIO_POWER_FEATURES);
    power_set_events(power, BIT_OF(POWER_BUTTON));
    power_add_buffers(power, 1);
    power_press_button(power);
    power_expect(power, VIRTIO_POWER_EVENT_POWER_BUTTON, 0);
    power_quit(power);
}

/*
 * Slots
 */

static void test_slots(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);
    uint32_t generation = qvirtio_power_config(power, 0);

    power_add_buffers(power, 2);
    qvirtio_power_take_config_interrupt(power);
    power_add_device(power, 9);
    g_assert_true(qvirtio_power_take_config_interrupt(power));
    g_assert_cmpuint(qvirtio_power_config(power, 0), !=, generation);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 9);

    power_remove_device(power, 9);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, 9);
    power_assert_ok(eject(power, 9, VIRTIO_POWER_EJECT_REFUSE));
    qtest_qmp_eventwait(power->qts, "DEVICE_UNPLUG_GUEST_ERROR");

    /* Asking again makes the event again */
    power_add_buffers(power, 1);
    power_remove_device(power, 9);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, 9);
    power_assert_ok(eject(power, 9, VIRTIO_POWER_EJECT_GO));
    qtest_qmp_eventwait(power->qts, "DEVICE_DELETED");
    power_expect_none(power);
    power_quit(power);
}

/* Both wait: what is added is told of first, whatever the slot */
static void test_slot_order(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);

    power_add_device(power, 63);
    power_remove_device(power, 63);
    power_add_device(power, 8);
    power_remove_device(power, 8);
    power_remove_device(power, 8);
    power_add_buffers(power, 4);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 8);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 63);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, 8);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED, 63);
    power_expect_none(power);
    power_quit(power);
}

/* What is no longer true is not told */
static void test_slot_untrue(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);

    power_add_device(power, 9);
    power_add_device(power, 10);
    power_remove_device(power, 9);
    power_remove_device(power, 10);
    power_assert_ok(eject(power, 9, VIRTIO_POWER_EJECT_GO));
    power_assert_ok(eject(power, 10, VIRTIO_POWER_EJECT_REFUSE));
    power_add_buffers(power, 1);
    power_expect(power, VIRTIO_POWER_EVENT_SLOT_ADDED, 10);
    power_expect_none(power);
    power_quit(power);
}

/*
 * CPUs
 */

static void test_cpus(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);

    power_add_buffers(power, 3);
    power_set_cpu(power, 3, true);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_ADDED, 3);
    power_set_cpu(power, 3, false);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED, 3);
    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_REFUSE,
                                         3));
    power_set_cpu(power, 3, false);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED, 3);
    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_PARK, 3));
    power_expect_none(power);
    power_quit(power);
}

static void test_cpu_waits(void)
{
    QVirtioPower *power = power_start_driver("", QVIRTIO_POWER_ALL_EVENTS);

    /* CPU 2 comes and is asked for, CPU 3 comes and goes */
    power_set_cpu(power, 2, true);
    power_set_cpu(power, 3, true);
    power_set_cpu(power, 3, false);
    power_set_cpu(power, 2, false);
    power_assert_ok(qvirtio_power_simple(power, VIRTIO_POWER_REQ_CPU_PARK, 3));
    power_add_buffers(power, 2);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_ADDED, 2);
    power_expect(power, VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED, 2);
    power_expect_none(power);
    power_quit(power);
}

/* The reason, which is 0, goes to the Status register: that would be a reset */
static void test_own_register(void)
{
    QVirtioPower *power = power_start_driver("", BIT_OF(POWER_BUTTON));
    uint64_t addr = guest_alloc(power->alloc, 64);
    const PowerPart parts[] = {
        { addr, offsetof(struct virtio_power_event, reason), true },
        { power_status_reg(power), 4, true },
        { addr + 32, 4, true },
    };
    uint32_t head = power_make_chain(power, power->event, parts,
                                     ARRAY_SIZE(parts));
    uint32_t seen, length;

    qvirtqueue_kick(power->qts, power->vdev, power->event, head);
    power_press_button(power);
    power_assert_driver(power);
    g_assert_true(qvirtqueue_get_buf(power->qts, power->event, &seen,
                                     &length));
    g_assert_cmpuint(seen, ==, head);
    g_assert_cmpuint(qtest_readl(power->qts, addr), ==,
                     VIRTIO_POWER_EVENT_POWER_BUTTON);

    /* It is sent once, and the device goes on */
    power_expect_none(power);
    guest_free(power->alloc, addr);
    power_quit(power);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-power/event/power-button", test_power_button);
    qtest_add_func("virtio-power/event/reboot-asked", test_reboot_asked);
    qtest_add_func("virtio-power/event/resumed", test_resumed);
    qtest_add_func("virtio-power/event/merge", test_merge);
    qtest_add_func("virtio-power/event/not-wanted", test_not_wanted);
    qtest_add_func("virtio-power/event/mask-refused", test_mask_refused);
    qtest_add_data_func("virtio-power/event/device-reset", NULL, test_reset);
    qtest_add_data_func("virtio-power/event/machine-reset", "machine",
                        test_reset);
    qtest_add_func("virtio-power/event/stopped", test_stopped);
    qtest_add_func("virtio-power/event/short-buffer", test_short_buffer);
    qtest_add_func("virtio-power/event/own-register", test_own_register);
    qtest_add_func("virtio-power/event/slots", test_slots);
    qtest_add_func("virtio-power/event/slot-order", test_slot_order);
    qtest_add_func("virtio-power/event/slot-untrue", test_slot_untrue);
    qtest_add_func("virtio-power/event/cpus", test_cpus);
    qtest_add_func("virtio-power/event/cpu-waits", test_cpu_waits);

    return g_test_run();
}

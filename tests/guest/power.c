/*
 * virtio-power: requests, events, and the end
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "power.h"
#include "tap.h"

#define BUTTON_MS 60000

struct virtio power;

static struct {
    struct virtio_power_table table;
    uint8_t record[1024];       /* later versions may have larger ones */
} answer;

static struct virtio_power_event events[4];

static void add_event_buffer(unsigned i)
{
    struct piece piece = { &events[i], sizeof(events[i]), true };

    virtq_add(&power, VIRTIO_POWER_VQ_EVENT, i, &piece, 1);
}

int power_request(uint32_t type, uint32_t index)
{
    struct virtio_power_request req = { .type = type, .index = index };
    struct virtio_power_response res;

    if (virtio_request(&power, VIRTIO_POWER_VQ_REQUEST, &req, sizeof(req),
                       &res, sizeof(res)) != sizeof(res)) {
        return -1;
    }
    return res.status;
}

bool power_record(uint32_t type, uint32_t index, void *record, size_t size)
{
    struct virtio_power_request req = { .type = type, .index = index };
    int length = virtio_request(&power, VIRTIO_POWER_VQ_REQUEST,
                                &req, sizeof(req), &answer, sizeof(answer));

    if (length < (int)(sizeof(answer.table) + size) ||
        answer.table.hdr.status != VIRTIO_POWER_S_OK ||
        !answer.table.count || answer.table.record_size < size) {
        return false;
    }
    memcpy(record, answer.record, size);
    return true;
}

bool power_cpu(unsigned index, struct virtio_power_cpu *cpu)
{
    return power_record(VIRTIO_POWER_REQ_GET_CPUS, index, cpu, sizeof(*cpu));
}

bool power_time(uint64_t *us)
{
    struct virtio_power_request req = { .type = VIRTIO_POWER_REQ_GET_TIME };
    struct virtio_power_time res;

    if (virtio_request(&power, VIRTIO_POWER_VQ_REQUEST, &req, sizeof(req),
                       &res, sizeof(res)) != sizeof(res) ||
        res.hdr.status != VIRTIO_POWER_S_OK || res.nanoseconds > 999999999) {
        return false;
    }
    *us = res.seconds * 1000000 + res.nanoseconds / 1000;
    return true;
}

/* As the chapter says: first the device, then the architecture */
void power_end(unsigned status)
{
    struct virtio_power_exit req = {
        .hdr.type = VIRTIO_POWER_REQ_POWER_OFF, .status = status,
    };
    struct virtio_power_response res;
    uint64_t deadline;

    if (power.base) {
        uint32_t size = sizeof(req.hdr);

        if (power.features & BIT(VIRTIO_POWER_F_EXIT)) {
            req.hdr.type = VIRTIO_POWER_REQ_EXIT;
            size = sizeof(req);
        }
        virtio_request(&power, VIRTIO_POWER_VQ_REQUEST, &req, size,
                       &res, sizeof(res));
        deadline = in_ms(PATIENCE_MS);
        while (!passed(deadline)) {
            relax();
        }
        note("the machine is still there: PSCI");
    }
    psci_system_off();
    note("the machine is still there: nothing else is left");
    for (;;) {
        asm volatile("wfi");
    }
}

/* Slot 0, in the order of reading that the specification demands */
int check_power_slot(void)
{
    EXPECT_EQ(slot_read(0, VIRTIO_MAGIC), VIRTIO_MAGIC_VALUE);
    EXPECT_EQ(slot_read(0, VIRTIO_VERSION), 2);
    EXPECT_EQ(slot_read(0, VIRTIO_DEVICE_ID), VIRTIO_POWER_DEVICE_ID);
    return PASS;
}

int check_power_open(void)
{
    uint64_t features = BIT(VIRTIO_POWER_F_EXIT) |
                        BIT(VIRTIO_POWER_F_SLOT_HOTPLUG) |
                        BIT(VIRTIO_POWER_F_CPU_HOTPLUG);
    unsigned i;

    TRY(virtio_open(&power, 0, features, VIRTIO_POWER_NUM_VQS));
    for (i = 0; i < ARRAY_SIZE(events); i++) {
        add_event_buffer(i);
    }
    virtq_notify(&power, VIRTIO_POWER_VQ_EVENT);
    note("virtio-power has features 0x%lx", power.features);
    return PASS;
}

int check_power_errors(void)
{
    struct virtio_power_config config;
    unsigned i;

    for (i = 0; i < sizeof(config) / 4; i++) {
        ((uint32_t *)&config)[i] = virtio_config(&power, 4 * i);
    }
    EXPECT_EQ(power_request(9999, 0), VIRTIO_POWER_S_UNSUPPORTED);
    EXPECT_EQ(power_request(VIRTIO_POWER_REQ_GET_CPUS, 0),
              VIRTIO_POWER_S_INVALID);
    EXPECT_EQ(power_request(VIRTIO_POWER_REQ_SLOT_RESET, 0),
              VIRTIO_POWER_S_DENIED);
    EXPECT_EQ(power_request(VIRTIO_POWER_REQ_SLOT_RESET, config.num_slots),
              VIRTIO_POWER_S_NOT_FOUND);
    EXPECT_EQ(power_request(VIRTIO_POWER_REQ_SUSPEND, 0),
              VIRTIO_POWER_S_UNSUPPORTED);
    return PASS;
}

/* A line that is high as long as InterruptStatus is not zero, and no longer */
int check_slot_line(void)
{
    unsigned before = irq_count(0, INTID_SLOT(0));
    uint64_t deadline = in_ms(PATIENCE_MS);

    irqs_off();
    EXPECT_EQ(power_request(9999, 0), VIRTIO_POWER_S_UNSUPPORTED);
    while (!gic_is_pending(INTID_SLOT(0))) {
        EXPECT(!passed(deadline));
    }
    EXPECT_EQ(slot_read(0, VIRTIO_INTERRUPT_STATUS) & 1, 1);
    virtio_acknowledge(0);
    EXPECT_EQ(slot_read(0, VIRTIO_INTERRUPT_STATUS), 0);
    while (gic_is_pending(INTID_SLOT(0))) {
        EXPECT(!passed(deadline));
    }
    irqs_on();
    EXPECT_EQ(irq_count(0, INTID_SLOT(0)), before);

    EXPECT_EQ(power_request(9999, 0), VIRTIO_POWER_S_UNSUPPORTED);
    EXPECT(irq_wait(0, INTID_SLOT(0), before + 1));
    EXPECT_EQ(slot_read(0, VIRTIO_INTERRUPT_STATUS), 0);
    return PASS;
}

static int set_events(uint32_t types)
{
    struct virtio_power_set_events req = {
        .hdr.type = VIRTIO_POWER_REQ_SET_EVENTS, .events = types,
    };
    struct virtio_power_response res;

    EXPECT_EQ(virtio_request(&power, VIRTIO_POWER_VQ_REQUEST,
                             &req, sizeof(req), &res, sizeof(res)),
              sizeof(res));
    EXPECT_EQ(res.status, VIRTIO_POWER_S_OK);
    return PASS;
}

int check_power_button(void)
{
    uint32_t length;
    int i;

    if (!boot_option("button")) {
        return skip("nobody is there to press it: no boot argument \"button\"");
    }
    TRY(set_events(VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_POWER_BUTTON)));
    note("press the power button now");
    i = virtq_wait(&power, VIRTIO_POWER_VQ_EVENT, &length, BUTTON_MS);
    if (i < 0) {
        return fail("no event in %u ms", BUTTON_MS);
    }
    EXPECT_EQ(length, sizeof(events[i]));
    EXPECT_EQ(events[i].type, VIRTIO_POWER_EVENT_POWER_BUTTON);
    return set_events(0);
}

/* The device in any slot but ours and the console's forgets its driver */
int check_slot_reset(void)
{
    int console = virtio_find(VIRTIO_ID_CONSOLE, 7);
    int slot;

    for (slot = NUM_SLOTS - 1; slot > 0; slot--) {
        if (slot != console && slot_read(slot, VIRTIO_STATUS)) {
            EXPECT_EQ(power_request(VIRTIO_POWER_REQ_SLOT_RESET, slot),
                      VIRTIO_POWER_S_OK);
            EXPECT_EQ(slot_read(slot, VIRTIO_STATUS), 0);
            return PASS;
        }
    }
    return skip("no device is left to reset");
}

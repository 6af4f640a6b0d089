/*
 * virtio-input: keyboard, pointer, touch screen; and a key
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "tap.h"
#include "virtio.h"

#define SELECT          (VIRTIO_CONFIG + 0)
#define SUBSELECT       (VIRTIO_CONFIG + 1)
#define SIZE            (VIRTIO_CONFIG + 2)
#define DATA            (VIRTIO_CONFIG + 8)
#define MAX_DATA        128

#define CONFIG_NAME     0x01
#define CONFIG_EV_BITS  0x11

#define EV_SYN          0
#define EV_KEY          1
#define EV_REL          2
#define EV_ABS          3
#define KEY_A           30
#define BTN_LEFT        0x110
#define REL_X           0
#define ABS_X           0
#define ABS_MT_SLOT     0x2f

#define BUFFERS         8
#define KEY_MS          60000

struct input_event {
    uint16_t type;
    uint16_t code;
    uint32_t value;
};

static struct virtio keyboard;
static struct input_event events[BUFFERS];

static unsigned config_size(unsigned slot, uint8_t select, uint8_t sub)
{
    uintptr_t base = SLOTS + slot * SLOT_SIZE;

    write8(base + SELECT, select);
    write8(base + SUBSELECT, sub);
    return read8(base + SIZE);
}

static bool can(unsigned slot, uint8_t type, unsigned code)
{
    if (code / 8 >= config_size(slot, CONFIG_EV_BITS, type)) {
        return false;
    }
    return read8(SLOTS + slot * SLOT_SIZE + DATA + code / 8) >> code % 8 & 1;
}

static bool is_keyboard(unsigned slot)
{
    return can(slot, EV_KEY, KEY_A);
}

static bool is_touch(unsigned slot)
{
    return can(slot, EV_ABS, ABS_MT_SLOT);
}

static bool is_pointer(unsigned slot)
{
    return !is_touch(slot) && can(slot, EV_KEY, BTN_LEFT) &&
           (can(slot, EV_REL, REL_X) || can(slot, EV_ABS, ABS_X));
}

static int find_input(bool (*is_it)(unsigned slot))
{
    unsigned slot;

    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (slot_read(slot, VIRTIO_DEVICE_ID) == VIRTIO_ID_INPUT &&
            is_it(slot)) {
            return slot;
        }
    }
    return -1;
}

static int check_name(int slot)
{
    char name[MAX_DATA + 1] = "";
    unsigned i, size;

    if (slot < 0) {
        return skip("there is none");
    }
    size = config_size(slot, CONFIG_NAME, 0);
    EXPECT(size >= 1 && size <= MAX_DATA);
    for (i = 0; i < size; i++) {
        name[i] = read8(SLOTS + slot * SLOT_SIZE + DATA + i);
    }
    note("slot %d is \"%s\"", slot, name);
    EXPECT_EQ(config_size(slot, 0xfe, 0), 0);
    return PASS;
}

int check_keyboard(void)
{
    return check_name(find_input(is_keyboard));
}

int check_pointer(void)
{
    return check_name(find_input(is_pointer));
}

int check_touch(void)
{
    return check_name(find_input(is_touch));
}

/* The next event, of the type that has to come */
static int expect_event(unsigned type, struct input_event *event)
{
    struct piece piece = { NULL, sizeof(events[0]), true };
    uint32_t length;
    int i = virtq_wait(&keyboard, 0, &length, KEY_MS);

    if (i < 0) {
        return fail("no event in %u ms", KEY_MS);
    }
    EXPECT_EQ(length, sizeof(*event));
    *event = events[i];
    piece.data = &events[i];
    virtq_add(&keyboard, 0, i, &piece, 1);
    virtq_notify(&keyboard, 0);
    EXPECT_EQ(event->type, type);
    return PASS;
}

/* Pressed, then released, a report each */
static int expect_key(void)
{
    struct input_event down, up, end;

    TRY(expect_event(EV_KEY, &down));
    EXPECT_EQ(down.value, 1);
    TRY(expect_event(EV_SYN, &end));
    TRY(expect_event(EV_KEY, &up));
    EXPECT_EQ(up.value, 0);
    EXPECT_EQ(up.code, down.code);
    TRY(expect_event(EV_SYN, &end));
    note("key %u", down.code);
    return PASS;
}

int check_key(void)
{
    int i, slot = find_input(is_keyboard);

    if (slot < 0) {
        return skip("there is no keyboard");
    }
    if (!boot_option("key")) {
        return skip("nobody is there to press it: no boot argument \"key\"");
    }
    TRY(virtio_open(&keyboard, slot, 0, 2));
    for (i = 0; i < BUFFERS; i++) {
        struct piece piece = { &events[i], sizeof(events[i]), true };

        virtq_add(&keyboard, 0, i, &piece, 1);
    }
    virtq_notify(&keyboard, 0);
    note("press a key now");
    return expect_key();
}

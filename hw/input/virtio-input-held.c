/*
 * virtio-input: the state that events lead to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "virtio-input-internal.h"

void virtio_input_held_clear(VirtIOInputHeld *held)
{
    memset(held->keys, 0, sizeof(held->keys));
    memset(held->contacts, -1, sizeof(held->contacts));
    held->slot = -1;
}

bool virtio_input_held_contact(const VirtIOInputHeld *held)
{
    int slot;

    for (slot = 0; slot < VIRTIO_INPUT_SLOTS; slot++) {
        if (held->contacts[slot] >= 0) {
            return true;
        }
    }
    return false;
}

bool virtio_input_held_any(const VirtIOInputHeld *held)
{
    return !buffer_is_zero(held->keys, sizeof(held->keys)) ||
           virtio_input_held_contact(held);
}

bool virtio_input_held_key(const VirtIOInputHeld *held, uint16_t code)
{
    return held->keys[code / 64] >> code % 64 & 1;
}

static void apply_key(VirtIOInputHeld *held, uint16_t code, bool down)
{
    uint64_t bit = 1ull << code % 64;

    if (down) {
        held->keys[code / 64] |= bit;
    } else {
        held->keys[code / 64] &= ~bit;
    }
}

void virtio_input_held_apply(VirtIOInputHeld *held,
                             const virtio_input_event *e)
{
    int32_t value = e->value;

    if (e->type == EV_KEY && value != 2) {
        apply_key(held, e->code, value);
    } else if (e->type == EV_ABS && e->code == ABS_MT_SLOT) {
        held->slot = value < VIRTIO_INPUT_SLOTS ? MAX(value, -1) : -1;
    } else if (e->type == EV_ABS && e->code == ABS_MT_TRACKING_ID &&
               held->slot >= 0) {
        held->contacts[held->slot] = MAX(value, -1);
    }
}

bool virtio_input_event_valid(const virtio_input_event *e)
{
    switch (e->type) {
    case EV_KEY:
        return e->code < KEY_CNT;
    case EV_REL:
        return e->code < REL_CNT;
    case EV_ABS:
        return e->code < ABS_CNT;
    case EV_SW:
        return e->code < SW_CNT;
    default:
        return true;
    }
}

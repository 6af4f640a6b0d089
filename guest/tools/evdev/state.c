/*
 * What a device's events amount to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evdev.h"

uint32_t hash_add(uint32_t hash, uint32_t value)
{
    return (hash ^ value) * 16777619u;
}

void totals_reset(struct device *device)
{
    device->totals = (struct totals) {
        .key_hash = HASH_START,
        .touch_hash = HASH_START,
    };
}

static void handle_key(struct device *device, uint16_t code, int32_t value)
{
    struct totals *totals = &device->totals;

    if (value == 2) {
        totals->repeats++;
        return;
    }
    totals->keys++;
    totals->key_hash = hash_add(totals->key_hash, code << 1 | value);
    assign_bit(device->state.keys, code, value);
}

static void handle_slot(struct device *device, uint16_t code, int32_t value)
{
    struct state *state = &device->state;
    struct totals *totals = &device->totals;

    if (code == ABS_MT_SLOT) {
        state->slot = value;
        return;
    }
    if (state->slot < 0 || state->slot >= device->num_slots) {
        return;
    }
    if (code == ABS_MT_TRACKING_ID) {
        totals->touches++;
        totals->touch_hash = hash_add(totals->touch_hash,
                                      state->slot << 1 | (value >= 0));
    }
    state->slots[state->slot][code - ABS_MT_SLOT] = value;
}

static void handle_report(struct device *device, uint64_t ns)
{
    struct totals *totals = &device->totals;
    uint64_t late_ns = now_ns() - ns;

    totals->reports++;
    totals->last_ns = ns;
    if (totals->reports == 1) {
        totals->first_ns = ns;
    }
    if (late_ns > totals->late_ns) {
        totals->late_ns = late_ns;
    }
    if (device->lost) {
        device_query(device, &device->state);
        device->lost = false;
    }
}

static void handle(struct device *device, const struct input_event *event)
{
    uint64_t ns = event->input_event_sec * 1000000000ull +
                  event->input_event_usec * 1000ull;

    device->totals.events++;
    if (event->type == EV_SYN && event->code == SYN_DROPPED) {
        device->totals.dropped++;
        device->lost = true;
    } else if (event->type == EV_SYN && event->code == SYN_REPORT) {
        handle_report(device, ns);
    } else if (device->lost) {
        return;
    } else if (event->type == EV_KEY && event->code < KEY_CNT) {
        handle_key(device, event->code, event->value);
    } else if (event->type == EV_REL && event->code < REL_CNT) {
        device->totals.sums[event->code] += event->value;
    } else if (event->type == EV_ABS && event->code < ABS_MT_SLOT) {
        device->state.axes[event->code] = event->value;
    } else if (event->type == EV_ABS && event->code < ABS_CNT) {
        handle_slot(device, event->code, event->value);
    }
}

int device_drain(struct device *device, bool print)
{
    struct input_event events[256];
    ssize_t size;
    int i, count, sum = 0;

    while ((size = read(device->fd, events, sizeof(events))) > 0) {
        count = size / sizeof(events[0]);
        for (i = 0; i < count; i++) {
            const struct input_event *event = &events[i];

            handle(device, event);
            if (print) {
                printf("event event=%d type=%u code=%u value=%d "
                       "time=%llu.%06llu\n", device->number, event->type,
                       event->code, event->value,
                       (unsigned long long)event->input_event_sec,
                       (unsigned long long)event->input_event_usec);
            }
        }
        sum += count;
    }
    if (size < 0 && errno != EAGAIN) {
        return fail("event%d: %s", device->number, strerror(errno));
    }
    return sum;
}

static void print_totals(const struct device *device, bool same)
{
    const struct totals *totals = &device->totals;

    printf("totals event=%d events=%llu reports=%llu dropped=%llu "
           "repeats=%llu keys=%llu key_hash=%u touches=%llu touch_hash=%u "
           "ns=%llu late_ns=%llu same=%d\n", device->number,
           (unsigned long long)totals->events,
           (unsigned long long)totals->reports,
           (unsigned long long)totals->dropped,
           (unsigned long long)totals->repeats,
           (unsigned long long)totals->keys, totals->key_hash,
           (unsigned long long)totals->touches, totals->touch_hash,
           (unsigned long long)(totals->last_ns - totals->first_ns),
           (unsigned long long)totals->late_ns, same);
}

static void print_keys(const struct device *device)
{
    unsigned i;

    printf("held event=%d", device->number);
    for (i = 0; i < KEY_CNT; i++) {
        if (test_bit(device->state.keys, i)) {
            printf(" %u", i);
        }
    }
    printf("\n");
}

static void print_motion(const struct device *device)
{
    unsigned i;

    printf("sums event=%d", device->number);
    for (i = 0; i < REL_CNT; i++) {
        if (device->totals.sums[i]) {
            printf(" %u=%lld", i, (long long)device->totals.sums[i]);
        }
    }
    printf("\naxes event=%d", device->number);
    for (i = 0; i < ABS_MT_SLOT; i++) {
        if (test_bit(device->axes, i)) {
            printf(" %u=%d", i, device->state.axes[i]);
        }
    }
    printf("\n");
}

static void print_slots(const struct device *device)
{
    int i;

    for (i = 0; i < device->num_slots; i++) {
        const int32_t *values = device->state.slots[i];

        if (values[ABS_MT_TRACKING_ID - ABS_MT_SLOT] >= 0) {
            printf("slot event=%d slot=%d id=%d x=%d y=%d\n", device->number,
                   i, values[ABS_MT_TRACKING_ID - ABS_MT_SLOT],
                   values[ABS_MT_POSITION_X - ABS_MT_SLOT],
                   values[ABS_MT_POSITION_Y - ABS_MT_SLOT]);
        }
    }
}

int device_print_state(struct device *device)
{
    struct state state;
    int count;

    /* What the kernel says counts only if no events came in between */
    do {
        if (device_drain(device, false) < 0) {
            return -1;
        }
        device_query(device, &state);
        count = device_drain(device, false);
    } while (count > 0);
    if (count < 0) {
        return -1;
    }
    print_totals(device, memcmp(&state, &device->state, sizeof(state)) == 0);
    print_keys(device);
    print_motion(device);
    print_slots(device);
    return 0;
}

/*
 * Finding, describing and opening input devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "evdev.h"

bool test_bit(const unsigned long *bits, unsigned bit)
{
    unsigned width = 8 * sizeof(long);

    return bits[bit / width] >> (bit % width) & 1;
}

void assign_bit(unsigned long *bits, unsigned bit, bool value)
{
    unsigned width = 8 * sizeof(long);
    unsigned long mask = 1ul << (bit % width);

    bits[bit / width] = (bits[bit / width] & ~mask) | (value ? mask : 0);
}

uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int open_node(int number, int flags)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/dev/input/event%d", number);
    fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        /* LEDs are not for everybody */
        fd = open(path, (flags & ~O_ACCMODE) | O_RDONLY | O_CLOEXEC);
    }
    return fd < 0 ? fail("%s: %s", path, strerror(errno)) : fd;
}

static void get_name(int fd, char *name, size_t size)
{
    if (ioctl(fd, EVIOCGNAME(size - 1), name) < 0) {
        strcpy(name, "?");
    }
    name[size - 1] = '\0';
}

static bool matches(int number, const char *name)
{
    char own[256] = "", node[32];
    int fd;

    snprintf(node, sizeof(node), "event%d", number);
    if (!name || strcmp(node, name) == 0) {
        return true;
    }
    fd = open_node(number, O_RDONLY);
    if (fd < 0) {
        return false;
    }
    get_name(fd, own, sizeof(own));
    close(fd);
    return strstr(own, name) != NULL;
}

int devices_visit(const char *name, int (*visit)(int number, void *opaque),
                  void *opaque)
{
    int number, found = 0;
    char path[64];

    for (number = 0; number < MAX_DEVICES; number++) {
        snprintf(path, sizeof(path), "/dev/input/event%d", number);
        if (access(path, F_OK) == 0 && matches(number, name)) {
            if (visit(number, opaque)) {
                return -1;
            }
            found++;
        }
    }
    return found ? 0 : fail("there is no input device %s", name ? name : "");
}

/* " WORD=1,3,7", in sorted order */
static void print_bits(const char *word, const unsigned long *bits, unsigned n)
{
    const char *comma = "";
    unsigned i;

    printf(" %s=", word);
    for (i = 0; i < n; i++) {
        if (test_bit(bits, i)) {
            printf("%s%u", comma, i);
            comma = ",";
        }
    }
}

static void print_axes(int number, int fd, const unsigned long *axes)
{
    struct input_absinfo info;
    unsigned i;

    for (i = 0; i < ABS_CNT; i++) {
        if (test_bit(axes, i) && ioctl(fd, EVIOCGABS(i), &info) >= 0) {
            printf("axis event=%d code=%u min=%d max=%d fuzz=%d flat=%d "
                   "resolution=%d value=%d\n", number, i, info.minimum,
                   info.maximum, info.fuzz, info.flat, info.resolution,
                   info.value);
        }
    }
}

static void print_types(int number, int fd)
{
    unsigned long types[NUM_LONGS(EV_CNT)] = {};
    unsigned i;

    ioctl(fd, EVIOCGBIT(0, sizeof(types)), types);
    printf("types event=%d", number);
    print_bits("codes", types, EV_CNT);
    printf("\n");
    for (i = 1; i < EV_CNT; i++) {
        unsigned long codes[NUM_LONGS(KEY_CNT)] = {};

        if (test_bit(types, i) && i != EV_REP &&
            ioctl(fd, EVIOCGBIT(i, sizeof(codes)), codes) >= 0) {
            printf("bits event=%d type=%u", number, i);
            print_bits("codes", codes, KEY_CNT);
            printf("\n");
        }
    }
}

int device_list(int number, void *opaque)
{
    unsigned long axes[NUM_LONGS(ABS_CNT)] = {};
    unsigned long properties[NUM_LONGS(INPUT_PROP_CNT)] = {};
    struct input_id id = {};
    char name[256] = "", phys[256] = "", serial[256] = "";
    int fd = open_node(number, O_RDONLY);

    (void)opaque;
    if (fd < 0) {
        return -1;
    }
    get_name(fd, name, sizeof(name));
    ioctl(fd, EVIOCGPHYS(sizeof(phys) - 1), phys);
    ioctl(fd, EVIOCGUNIQ(sizeof(serial) - 1), serial);
    ioctl(fd, EVIOCGID, &id);
    ioctl(fd, EVIOCGPROP(sizeof(properties)), properties);
    ioctl(fd, EVIOCGBIT(EV_ABS, sizeof(axes)), axes);
    /* The name is last: it may have spaces in it */
    printf("device event=%d bus=0x%x vendor=0x%x product=0x%x "
           "version=0x%x phys=%s serial=%s", number, id.bustype, id.vendor,
           id.product, id.version, phys, serial);
    print_bits("properties", properties, INPUT_PROP_CNT);
    printf(" name=%s\n", name);
    print_types(number, fd);
    print_axes(number, fd, axes);
    close(fd);
    return 0;
}

/* An array of the kernel's: a code, and its value in each slot */
struct slot_values {
    uint32_t code;
    int32_t values[MAX_SLOTS];
};

static void query_slots(const struct device *device, struct state *state)
{
    struct slot_values slots;
    unsigned code;
    int i;

    for (code = ABS_MT_SLOT + 1; code < ABS_CNT; code++) {
        slots.code = code;
        if (test_bit(device->axes, code) &&
            ioctl(device->query_fd, EVIOCGMTSLOTS(sizeof(slots)),
                  &slots) >= 0) {
            for (i = 0; i < device->num_slots; i++) {
                state->slots[i][code - ABS_MT_SLOT] = slots.values[i];
            }
        }
    }
}

void device_query(const struct device *device, struct state *state)
{
    struct input_absinfo info;
    unsigned i;

    memset(state, 0, sizeof(*state));
    ioctl(device->query_fd, EVIOCGKEY(sizeof(state->keys)), state->keys);
    for (i = 0; i < ABS_CNT; i++) {
        if (test_bit(device->axes, i) &&
            ioctl(device->query_fd, EVIOCGABS(i), &info) >= 0) {
            /* Each slot has these itself */
            if (i < ABS_MT_SLOT) {
                state->axes[i] = info.value;
            } else if (i == ABS_MT_SLOT) {
                state->slot = info.value;
            }
        }
    }
    query_slots(device, state);
}

int device_open(struct device *device, int number)
{
    struct input_absinfo slot;
    int clock = CLOCK_MONOTONIC;

    memset(device, 0, sizeof(*device));
    device->number = number;
    device->fd = open_node(number, O_RDWR | O_NONBLOCK);
    device->query_fd = open_node(number, O_RDONLY | O_NONBLOCK);
    if (device->fd < 0 || device->query_fd < 0) {
        return -1;
    }
    ioctl(device->fd, EVIOCSCLOCKID, &clock);
    get_name(device->fd, device->name, sizeof(device->name));
    ioctl(device->fd, EVIOCGBIT(EV_KEY, sizeof(device->keys)), device->keys);
    ioctl(device->fd, EVIOCGBIT(EV_ABS, sizeof(device->axes)), device->axes);
    if (test_bit(device->axes, ABS_MT_SLOT) &&
        ioctl(device->fd, EVIOCGABS(ABS_MT_SLOT), &slot) >= 0 &&
        slot.maximum < MAX_SLOTS) {
        device->num_slots = slot.maximum + 1;
    }
    totals_reset(device);
    device_query(device, &device->state);
    return 0;
}

void device_close(struct device *device)
{
    close(device->fd);
    close(device->query_fd);
}

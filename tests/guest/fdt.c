/*
 * The device tree: only to compare it with the fixed map, and for arguments
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "guest.h"
#include "tap.h"
#include "virtio.h"

#define MAGIC       0xd00dfeed
#define MAX_SIZE    BIT(21)

#define BEGIN_NODE  1
#define END_NODE    2
#define PROP        3
#define NOP         4

struct device_tree dt;

static uint32_t be32(const void *at)
{
    const uint8_t *byte = at;

    return (uint32_t)byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3];
}

static uint64_t be64(const void *at)
{
    return (uint64_t)be32(at) << 32 | be32((const uint8_t *)at + 4);
}

static bool starts_with(const char *text, const char *start)
{
    return !memcmp(text, start, strlen(start));
}

/* Is it one of the strings of a property? */
static bool has_string(const char *data, uint32_t size, const char *wanted)
{
    const char *end = data + size;

    for (; data < end; data += strlen(data) + 1) {
        if (!strcmp(data, wanted)) {
            return true;
        }
    }
    return false;
}

static void read_reg(const char *node, const char *data)
{
    uint64_t base = be64(data);

    if (starts_with(node, "virtio_mmio@") && base >= SLOTS &&
        base < SLOTS + NUM_SLOTS * SLOT_SIZE) {
        dt.slots |= BIT((base - SLOTS) / SLOT_SIZE);
    }
    if (starts_with(node, "memory@")) {
        dt.ram_base = base;
        dt.ram_size = be64(data + 8);
    }
}

static void read_compatible(const char *node, const char *data, uint32_t size)
{
    if (!*node) {
        dt.is_virtio_desktop = has_string(data, size, "qemu,virtio-desktop");
    }
    dt.has_uart |= has_string(data, size, "arm,pl011");
    dt.has_rtc |= has_string(data, size, "arm,pl031");
    dt.gicv3 |= has_string(data, size, "arm,gic-v3");
}

static void read_property(const char *node, const char *name,
                          const char *data, uint32_t size)
{
    if (!strcmp(name, "compatible")) {
        read_compatible(node, data, size);
    } else if (!strcmp(name, "reg") && size >= 16) {
        read_reg(node, data);
    } else if (!strcmp(name, "bootargs")) {
        dt.bootargs = data;
    } else if (!strcmp(name, "device_type") && !strcmp(data, "cpu")) {
        dt.cpus++;
    }
}

/* Properties come before the nodes below, so the last name is the node's */
static void walk(const char *at, const char *strings)
{
    const char *node = "";

    for (;;) {
        uint32_t token = be32(at), size;

        at += 4;
        if (token == BEGIN_NODE) {
            node = at;
            at += (strlen(at) + 4) & ~3ul;
        } else if (token == PROP) {
            size = be32(at);
            read_property(node, strings + be32(at + 4), at + 8, size);
            at += 8 + ((size + 3) & ~3u);
        } else if (token != END_NODE && token != NOP) {
            return;
        }
    }
}

void fdt_read(uintptr_t address)
{
    const char *fdt = (const char *)address;

    if (!address || address & 7 || be32(fdt) != MAGIC ||
        be32(fdt + 4) > MAX_SIZE) {
        return;
    }
    mmu_map_ram(address, be32(fdt + 4));
    walk(fdt + be32(fdt + 8), fdt + be32(fdt + 12));
    dt.valid = true;
}

const char *boot_option(const char *name)
{
    const char *at = dt.bootargs;
    size_t length = strlen(name);

    while (at && *at) {
        if (starts_with(at, name) &&
            (at[length] == '=' || at[length] == ' ' || !at[length])) {
            return at + length;
        }
        while (*at && *at != ' ') {
            at++;
        }
        at += *at == ' ';
    }
    return NULL;
}

int check_device_tree(void)
{
    uint64_t filled = 0;
    unsigned slot;

    EXPECT(dt.valid);
    EXPECT(dt.is_virtio_desktop);
    EXPECT_EQ(dt.ram_base, RAM);
    EXPECT((uintptr_t)image_end <= dt.ram_base + dt.ram_size);
    EXPECT(dt.cpus >= 1);
    for (slot = 0; slot < NUM_SLOTS; slot++) {
        if (slot_read(slot, VIRTIO_DEVICE_ID)) {
            filled |= BIT(slot);
        }
    }
    /* Empty slots may be described, but should not be */
    EXPECT_EQ(filled & ~dt.slots, 0);
    return PASS;
}

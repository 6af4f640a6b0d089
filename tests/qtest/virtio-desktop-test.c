/*
 * QTest testcase for the virtio-desktop machine
 *
 * What a guest relies on: memory map, slots and their roles, interrupt lines,
 * device tree, state after reset and migration. And what a user relies on:
 * where devices go, and a clear error for what cannot be.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "libqtest.h"
#include "migration/migration-qmp.h"
#include "migration/migration-util.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "standard-headers/linux/virtio_config.h"
#include "standard-headers/linux/virtio_ids.h"
#include "standard-headers/linux/virtio_input.h"
#include "standard-headers/linux/virtio_mmio.h"
#include "virtio-desktop-util.h"

#define NULL_DRIVE      " -drive format=raw,file=null-co://"
#define NULL_BLOCKDEV   " -blockdev null-co,read-zeroes=on,node-name=d"

/*
 * Memory map, here that of aarch64
 */

enum {
    MAP_RAM = 1 << 0,
    MAP_SLOTS = 1 << 1,
    MAP_DIST = 1 << 2,
    MAP_GICV2 = 1 << 3,
    MAP_GICV3 = 1 << 4,
    MAP_RTC = 1 << 5,
    MAP_UART = 1 << 6,
    MAP_FW_CFG = 1 << 7,
    MAP_FLASH = 1 << 8,
    MAP_WINDOW = 1 << 9,
    MAP_ALWAYS = MAP_RAM | MAP_SLOTS | MAP_DIST | MAP_WINDOW,
};

static const struct {
    int flag;
    uint64_t base;
    uint64_t size;
    bool filled; /* each byte of it answers */
} map[] = {
    { MAP_FLASH, 0x00000000, 128 * MiB, true },
    { MAP_DIST, 0x08000000, 64 * KiB },
    { MAP_GICV2, 0x08010000, 64 * KiB },
    { MAP_GICV3, 0x080a0000, 128 * KiB, true },
    { MAP_UART, 0x09000000, 4 * KiB, true },
    { MAP_RTC, 0x09010000, 4 * KiB, true },
    { MAP_FW_CFG, 0x09020000, 24 },
    { MAP_SLOTS, 0x0a000000, NUM_SLOTS * SLOT_SIZE, true },
    { MAP_WINDOW, 0x10000000, 768 * MiB, true },
    { MAP_RAM, 0x40000000, 256 * MiB, true },
};

typedef struct MapCase {
    const char *name;
    const char *options;
    int present; /* besides what is always there */
} MapCase;

static const MapCase map_cases[] = {
    { "nodefaults", " -nodefaults", MAP_GICV3 | MAP_RTC },
    { "defaults", "", MAP_GICV3 | MAP_RTC },
    { "fb-off", ",fb=off", MAP_GICV3 | MAP_RTC },
    { "gicv2", ",gic-version=2 -nodefaults", MAP_GICV2 | MAP_RTC },
    { "no-rtc", ",rtc=off -nodefaults", MAP_GICV3 },
    { "serial", " -nodefaults -serial null", MAP_GICV3 | MAP_RTC | MAP_UART },
    { "fw-cfg", ",fw_cfg=on -nodefaults", MAP_GICV3 | MAP_RTC | MAP_FW_CFG },
    { "firmware", " -nodefaults -drive if=pflash,format=raw,readonly=on,"
                  "file.driver=null-co,file.read-zeroes=on,file.size=64M",
                  MAP_GICV3 | MAP_RTC | MAP_FW_CFG | MAP_FLASH },
};

/* Account for one range that answers: it must lie in a part of the map */
static void check_mapped(uint64_t first, uint64_t last, int present,
                         uint64_t *filled, const char *line)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(map); i++) {
        if ((map[i].flag & present) && first >= map[i].base &&
            last < map[i].base + map[i].size) {
            filled[i] += last - first + 1;
            return;
        }
    }
    g_test_message("not in the map: %s", line);
    g_test_fail();
}

static void test_map(const void *data)
{
    const MapCase *c = data;
    int i, present = c->present | MAP_ALWAYS;
    g_autofree char *args = g_strdup_printf("%s -m 256M", c->options);
    QTestState *qts = desktop_start(args);
    g_autofree char *text = qtest_hmp(qts, "info mtree -f");
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    uint64_t first, last, filled[ARRAY_SIZE(map)] = { };
    bool of_cpu = false;

    for (i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], "FlatView")) {
            of_cpu = false;
        } else if (strstr(lines[i], "AS \"cpu-memory-0\"")) {
            of_cpu = true;
        } else if (of_cpu && sscanf(lines[i], " %" SCNx64 "-%" SCNx64,
                                    &first, &last) == 2) {
            check_mapped(first, last, present, filled, lines[i]);
        }
    }
    for (i = 0; i < ARRAY_SIZE(map); i++) {
        if (map[i].flag & present) {
            g_assert_cmphex(filled[i], >, 0);
        }
        if ((map[i].flag & present) && map[i].filled) {
            g_assert_cmphex(filled[i], ==, map[i].size);
        }
    }
    qtest_quit(qts);
}

/* RAM goes on beyond 255 GiB, where some machines have other things */
static void test_much_ram(void)
{
    const uint64_t size = 300 * GiB;
    uint64_t top = RAM_BASE + size - 8;
    QTestState *qts;
    void *probe = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (probe == MAP_FAILED) {
        g_test_skip("the host does not let a process map 300 GiB");
        return;
    }
    munmap(probe, size);

    qts = desktop_start(",memory-backend=ram -nodefaults -m 300G -object"
                        " memory-backend-ram,id=ram,size=300G,reserve=off");
    qtest_writeq(qts, top, 0x0123456789abcdef);
    g_assert_cmphex(qtest_readq(qts, top), ==, 0x0123456789abcdef);
    qtest_quit(qts);
}

/* Buses are those of the system and of the slots: no PCI, USB or I2C */
static void test_buses(void)
{
    QTestState *qts = desktop_start(" -nodefaults");
    g_autofree char *text = qtest_hmp(qts, "info qtree");
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    QDict *rsp = qtest_qmp(qts, "{'execute': 'query-pci'}");
    int i, slots = 0;

    for (i = 0; lines[i]; i++) {
        const char *type = g_strstrip(lines[i]);

        if (g_str_has_prefix(type, "type ")) {
            slots += !strcmp(type, "type virtio-mmio-bus");
            g_assert_true(!strcmp(type, "type System") ||
                          !strcmp(type, "type virtio-mmio-bus"));
        }
    }
    g_assert_cmpint(slots, ==, NUM_SLOTS);

    /* A QEMU without any PCI does not know the command */
    g_assert_true(qdict_haskey(rsp, "error") ||
                  qlist_empty(qdict_get_qlist(rsp, "return")));
    qobject_unref(rsp);
    qtest_quit(qts);
}

/*
 * Slots
 */

/* An empty slot has four registers; all else is zero and stays so */
static void test_empty_slots(void)
{
    QTestState *qts = desktop_start(" -nodefaults");
    g_autofree uint8_t *expected = g_malloc0(SLOT_SIZE);
    g_autofree uint8_t *seen = g_malloc0(SLOT_SIZE);
    int slot;

    stl_le_p(expected + VIRTIO_MMIO_MAGIC_VALUE, 0x74726976);
    stl_le_p(expected + VIRTIO_MMIO_VERSION, 2);
    stl_le_p(expected + VIRTIO_MMIO_DEVICE_ID, 0);
    stl_le_p(expected + VIRTIO_MMIO_VENDOR_ID, 0x554d4551);
    for (slot = 1; slot < NUM_SLOTS; slot++) {
        qtest_memset(qts, desktop_reg(slot, 0), 0xff, SLOT_SIZE);
    }
    for (slot = 1; slot < NUM_SLOTS; slot++) {
        qtest_bufread(qts, desktop_reg(slot, 0), seen, SLOT_SIZE);
        g_assert_cmpmem(seen, SLOT_SIZE, expected, SLOT_SIZE);
    }
    qtest_quit(qts);
}

/* A device does not show beyond its slot's registers */
static void test_slot_rest(void)
{
    const size_t size = SLOT_SIZE - SLOT_REGS;
    QTestState *qts = desktop_start(" -nodefaults -device virtio-rng-device");
    g_autofree uint8_t *zero = g_malloc0(size);
    g_autofree uint8_t *seen = g_malloc0(size);

    qtest_memset(qts, desktop_reg(8, SLOT_REGS), 0xff, size);
    qtest_bufread(qts, desktop_reg(8, SLOT_REGS), seen, size);
    g_assert_cmpmem(seen, size, zero, size);
    desktop_assert_slots(qts, "8:4");
    qtest_quit(qts);
}

typedef struct SlotCase {
    const char *name;
    const char *options;
    const char *slots;
} SlotCase;

/* The display is the first of the default devices */
#define FB "1:65535 "

static const SlotCase slot_cases[] = {
    /* Roles */
    { "defaults", "", FB "2:18 3:18 4:18 5:1 7:3" },
    { "nodefaults", " -nodefaults", "" },
    { "fb-off", ",fb=off", "2:18 3:18 4:18 5:1 7:3" },
    { "keyboard-off", ",keyboard=off", FB "3:18 4:18 5:1 7:3" },
    { "pointer-off", ",pointer=off", FB "2:18 4:18 5:1 7:3" },
    { "touch-off", ",touch=off", FB "2:18 3:18 5:1 7:3" },
    { "net-off", ",net=off", FB "2:18 3:18 4:18 7:3" },
    { "nic-none", " -nic none", FB "2:18 3:18 4:18 7:3" },
    { "disk-off", ",disk=off", FB "2:18 3:18 4:18 5:1 7:3" },
    { "console-off", ",console=off", FB "2:18 3:18 4:18 5:1" },
    { "serial-keeps-console", " -serial null", FB "2:18 3:18 4:18 5:1 7:3" },
    { "all-off", ",fb=off,keyboard=off,pointer=off,touch=off,net=off,disk=off,"
                 "console=off", "" },
    { "only-fb", ",fb=on -nodefaults", "1:65535" },
    { "only-keyboard", ",keyboard=on -nodefaults", "2:18" },
    { "only-pointer", ",pointer=on -nodefaults", "3:18" },
    { "only-mouse", ",pointer=mouse -nodefaults", "3:18" },
    { "only-touch", ",touch=on -nodefaults", "4:18" },
    { "only-console", ",console=on -nodefaults", "7:3" },

    /* Short options */
    { "drive", NULL_DRIVE, FB "2:18 3:18 4:18 5:1 6:2 7:3" },
    { "drive-if-virtio", " -nodefaults" NULL_DRIVE ",if=virtio", "6:2" },
    { "drives", " -nodefaults" NULL_DRIVE NULL_DRIVE NULL_DRIVE,
                "6:2 8:2 9:2" },
    { "drive-disk-off", ",disk=off -nodefaults" NULL_DRIVE, "8:2" },
    { "drive-none", " -nodefaults" NULL_DRIVE ",if=none", "" },
    { "hda", " -nodefaults -hda null-co://", "6:2" },
    { "hda-cdrom", " -nodefaults -hda null-co:// -cdrom null-co://",
                   "6:2 8:2" },
    { "nic", " -nodefaults -nic hubport,hubid=0", "5:1" },
    { "nics", " -nodefaults -nic hubport,hubid=0 -nic hubport,hubid=0",
              "5:1 8:1" },
#ifdef CONFIG_SLIRP
    { "nic-net-off", ",net=off -nic user", FB "2:18 3:18 4:18 7:3 8:1" },
#endif
    { "net-nic", " -nodefaults -net nic", "5:1" },

    /* -device */
    { "device", " -device virtio-rng-device",
                FB "2:18 3:18 4:18 5:1 7:3 8:4" },
    { "devices", " -nodefaults -device virtio-rng-device"
                 " -device virtio-balloon-device", "8:4 9:5" },
    { "device-netdev", " -netdev hubport,id=n,hubid=0"
                       " -device virtio-net-device,netdev=n",
                       FB "2:18 3:18 4:18 7:3 8:1" },
    { "device-drive", " -nodefaults" NULL_DRIVE ",if=none,id=d"
                      " -device virtio-blk-device,drive=d", "8:2" },
    { "device-blockdev", " -nodefaults" NULL_BLOCKDEV
                         " -device virtio-blk-device,drive=d", "8:2" },
    { "device-in-role", " -nodefaults" NULL_BLOCKDEV
                        " -device virtio-blk-device,drive=d,"
                        "bus=virtio-mmio-bus.6", "6:2" },
    { "role-taken", " -nodefaults -device virtio-rng-device,"
                    "bus=virtio-mmio-bus.6" NULL_DRIVE, "6:4 8:2" },
    { "role-switched-off", ",keyboard=off -device virtio-rng-device,"
                           "bus=virtio-mmio-bus.2",
                           FB "2:4 3:18 4:18 5:1 7:3" },
    { "first-and-last", " -nodefaults"
                        " -device virtio-rng-device,bus=virtio-mmio-bus.1"
                        " -device virtio-rng-device,bus=virtio-mmio-bus.63",
                        "1:4 63:4" },
    { "around-a-taken-one", " -nodefaults"
                            " -device virtio-rng-device,bus=virtio-mmio-bus.9"
                            " -device virtio-balloon-device"
                            " -device virtio-rng-device", "8:5 9:4 10:4" },
    { "mixed", " -nodefaults -device virtio-rng-device" NULL_DRIVE NULL_DRIVE
               " -nic hubport,hubid=0 -nic hubport,hubid=0",
               "5:1 6:2 8:1 9:4 10:2" },
    { "json", " -nodefaults -device '{\"driver\": \"virtio-rng-device\"}'",
              "8:4" },
};

static void test_slots(const void *data)
{
    const SlotCase *c = data;
    QTestState *qts = desktop_start(c->options);

    desktop_assert_slots(qts, c->slots);
    qtest_quit(qts);
}

/* A generic name means the device that fits the slots */
static void test_generic_names(void)
{
    static const struct {
        const char *name;
        int id;
        const char *option;
        const char *property;
    } names[] = {
        { "virtio-9p", VIRTIO_ID_9P, " -fsdev synth,id=f",
          ",fsdev=f,mount_tag=t" },
        { "virtio-balloon", VIRTIO_ID_BALLOON },
        { "virtio-blk", VIRTIO_ID_BLOCK, NULL_BLOCKDEV, ",drive=d" },
        { "virtio-gpu", VIRTIO_ID_GPU },
        { "virtio-keyboard", VIRTIO_ID_INPUT },
        { "virtio-mouse", VIRTIO_ID_INPUT },
        { "virtio-net", VIRTIO_ID_NET, " -netdev hubport,id=n,hubid=0",
          ",netdev=n" },
        { "virtio-rng", VIRTIO_ID_RNG },
        { "virtio-scsi", VIRTIO_ID_SCSI },
        { "virtio-serial", VIRTIO_ID_CONSOLE },
        { "virtio-sound", VIRTIO_ID_SOUND, " -audiodev none,id=a",
          ",audiodev=a" },
        { "virtio-tablet", VIRTIO_ID_INPUT },
    };
    g_autoptr(GString) args = g_string_new(" -nodefaults");
    g_autoptr(GString) slots = g_string_new("");
    QTestState *qts;
    int i, slot = FIRST_FREE_SLOT;

    for (i = 0; i < ARRAY_SIZE(names); i++) {
        g_autofree char *type = g_strdup_printf("%s-device", names[i].name);

        if (!qtest_has_device(type)) {
            g_test_message("not in this build: %s", type);
            continue;
        }
        g_string_append_printf(args, "%s -device %s%s", names[i].option ?: "",
                               names[i].name, names[i].property ?: "");
        g_string_append_printf(slots, "%s%d:%d", slots->len ? " " : "", slot++,
                               names[i].id);
    }
    qts = desktop_start(args->str);
    desktop_assert_slots(qts, slots->str);
    qtest_quit(qts);
}

static void assert_input_name(QTestState *qts, int slot, const char *name)
{
    const unsigned int config = VIRTIO_MMIO_CONFIG;
    char seen[sizeof_field(struct virtio_input_config, u.string) + 1] = "";
    int i, size;

    qtest_writeb(qts, desktop_reg(slot, config), VIRTIO_INPUT_CFG_ID_NAME);
    qtest_writeb(qts, desktop_reg(slot, config + 1), 0);
    size = qtest_readb(qts, desktop_reg(slot, config + 2));
    g_assert_cmpint(size, <, sizeof(seen));
    for (i = 0; i < size; i++) {
        seen[i] = qtest_readb(qts, desktop_reg(slot, config + 8 + i));
    }
    g_assert_cmpstr(seen, ==, name);
}

static void test_input_kinds(void)
{
    QTestState *qts = desktop_start("");

    assert_input_name(qts, 2, "QEMU Virtio Keyboard");
    assert_input_name(qts, 3, "QEMU Virtio Tablet");
    assert_input_name(qts, 4, "QEMU Virtio MultiTouch");
    qtest_quit(qts);

    qts = desktop_start(",pointer=mouse");
    assert_input_name(qts, 3, "QEMU Virtio Mouse");
    qtest_quit(qts);
}

/* A device in each slot but the first, the free ones filled in order */
static void append_full_slots(GString *args)
{
    int slot;

    for (slot = 1; slot < NUM_SLOTS; slot++) {
        g_string_append(args, " -device virtio-rng-device");
        if (slot < FIRST_FREE_SLOT) {
            g_string_append_printf(args, ",bus=virtio-mmio-bus.%d", slot);
        }
    }
}

static void test_irqs(const void *data)
{
    g_autoptr(GString) args = g_string_new(data);
    QTestState *qts;
    int slot;

    append_full_slots(args);
    qts = desktop_start(args->str);
    desktop_intercept_irqs(qts);

    for (slot = 1; slot < NUM_SLOTS; slot++) {
        g_assert_cmpint(desktop_read(qts, slot, VIRTIO_MMIO_DEVICE_ID), ==,
                        VIRTIO_ID_RNG);
        desktop_rng_start(qts, slot);
        desktop_assert_irqs(qts, -1);
        desktop_rng_request(qts, slot);
        desktop_assert_irqs(qts, slot);
        desktop_write(qts, slot, VIRTIO_MMIO_INTERRUPT_ACK,
                   VIRTIO_MMIO_INT_VRING);
        desktop_assert_irqs(qts, -1);
    }
    qtest_quit(qts);
}

static void test_reset(void)
{
    static const unsigned int regs[] = {
        VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_READY,
        VIRTIO_MMIO_INTERRUPT_STATUS,
    };
    QTestState *qts = desktop_start(" -nodefaults -device virtio-rng-device");
    int i;

    desktop_intercept_irqs(qts);
    desktop_rng_start(qts, 8);
    desktop_rng_request(qts, 8);
    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        g_assert_cmphex(desktop_read(qts, 8, regs[i]), !=, 0);
    }
    desktop_assert_irqs(qts, 8);

    qtest_system_reset(qts);
    for (i = 0; i < ARRAY_SIZE(regs); i++) {
        g_assert_cmphex(desktop_read(qts, 8, regs[i]), ==, 0);
    }
    desktop_assert_irqs(qts, -1);
    desktop_assert_slots(qts, "8:4");

    /* And a driver can start afresh */
    desktop_rng_start(qts, 8);
    desktop_rng_request(qts, 8);
    desktop_assert_irqs(qts, 8);
    qtest_quit(qts);
}

/*
 * Migration
 */

/* Start a second QEMU with the same options, move the machine there */
static QTestState *migrate(QTestState *from, const char *options)
{
    g_autofree char *dir = g_dir_make_tmp("virtio-desktop-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/socket", dir);
    g_autofree char *uri = g_strdup_printf("unix:%s", path);
    g_autofree char *args = g_strdup_printf("%s -incoming %s", options, uri);
    QTestState *to = desktop_start(args);

    migrate_qmp(from, to, uri, NULL, "{}");
    wait_for_migration_complete(from);
    qtest_qmp_eventwait(to, "RESUME");
    qtest_quit(from);
    unlink(path);
    rmdir(dir);
    return to;
}

static void test_migrate(const void *data)
{
    const uint64_t addr = RAM_BASE + 64 * MiB;
    QTestState *qts = desktop_start(data);
    g_autofree char *slots = desktop_list_slots(qts);

    qtest_memset(qts, addr, 0xa5, 1 * MiB);
    qts = migrate(qts, data);
    desktop_assert_slots(qts, slots);
    g_assert_cmphex(qtest_readq(qts, addr), ==, 0xa5a5a5a5a5a5a5a5);
    g_assert_cmphex(qtest_readq(qts, addr + 1 * MiB - 8), ==,
                    0xa5a5a5a5a5a5a5a5);
    qtest_quit(qts);
}

/* The target has all that a driver told the source, pending interrupt too */
static void test_migrate_device(void)
{
    const char *options = " -nodefaults -m 128M"
                          " -device virtio-rng-device,bus=virtio-mmio-bus.63";
    QTestState *qts = desktop_start(options);

    desktop_rng_start(qts, 63);
    desktop_rng_request(qts, 63);
    qts = migrate(qts, options);

    g_assert_cmphex(desktop_read(qts, 63, VIRTIO_MMIO_STATUS), ==,
                    desktop_driver_ok);
    g_assert_cmphex(desktop_read(qts, 63, VIRTIO_MMIO_QUEUE_READY), ==, 1);
    g_assert_cmphex(desktop_read(qts, 63, VIRTIO_MMIO_INTERRUPT_STATUS), ==,
                    VIRTIO_MMIO_INT_VRING);
    desktop_intercept_irqs(qts);
    desktop_write(qts, 63, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING);
    desktop_rng_request(qts, 63);
    desktop_assert_irqs(qts, 63);
    qtest_quit(qts);
}

/* There is no register to reset one queue */
static void test_no_queue_reset(void)
{
    QTestState *qts = desktop_start(" -device virtio-rng-device");
    int slot;

    for (slot = 0; slot <= FIRST_FREE_SLOT; slot++) {
        desktop_write(qts, slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
        g_assert_cmphex(desktop_read(qts, slot, VIRTIO_MMIO_DEVICE_FEATURES) &
                        1 << (VIRTIO_F_RING_RESET - 32), ==, 0);
    }
    qtest_quit(qts);
}

static void add_aarch64_tests(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(map_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop/map/%s",
                                                map_cases[i].name);

        qtest_add_data_func(path, &map_cases[i], test_map);
    }
    qtest_add_func("virtio-desktop/map/much-ram", test_much_ram);
    qtest_add_data_func("virtio-desktop/irq/gicv2",
                        ",gic-version=2 -nodefaults", test_irqs);
}

int main(int argc, char **argv)
{
    int i;

    g_test_init(&argc, &argv, NULL);

    if (desktop_is_arch("aarch64")) {
        add_aarch64_tests();
    }
    qtest_add_func("virtio-desktop/map/buses", test_buses);

    for (i = 0; i < ARRAY_SIZE(slot_cases); i++) {
        g_autofree char *path = g_strdup_printf("virtio-desktop/slots/%s",
                                                slot_cases[i].name);

        qtest_add_data_func(path, &slot_cases[i], test_slots);
    }
    qtest_add_func("virtio-desktop/slots/empty", test_empty_slots);
    qtest_add_func("virtio-desktop/slots/rest", test_slot_rest);
    qtest_add_func("virtio-desktop/slots/no-queue-reset", test_no_queue_reset);
    qtest_add_func("virtio-desktop/slots/generic-names", test_generic_names);
    qtest_add_func("virtio-desktop/slots/input-kinds", test_input_kinds);

    qtest_add_data_func("virtio-desktop/irq/default", " -nodefaults",
                        test_irqs);
    qtest_add_func("virtio-desktop/reset", test_reset);
    qtest_add_data_func("virtio-desktop/migrate/empty", " -nodefaults -m 128M",
                        test_migrate);
    qtest_add_data_func("virtio-desktop/migrate/defaults", " -m 128M",
                        test_migrate);
    qtest_add_func("virtio-desktop/migrate/device", test_migrate_device);

    return g_test_run();
}

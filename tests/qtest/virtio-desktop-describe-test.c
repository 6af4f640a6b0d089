/*
 * QTest testcase for the virtio-desktop machine: what it tells of itself
 *
 * The contents of virtio-power's tables, against the memory map and the
 * interrupt numbers of docs/specs/virtio-desktop.rst, and the user's options.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "libqtest.h"
#include "virtio-desktop-util.h"
#include "virtio-power-util.h"

#define LEVEL_HIGH  (VIRTIO_POWER_IRQ_LEVEL | VIRTIO_POWER_IRQ_HIGH)
#define UUID        "00112233-4455-6677-8899-aabbccddeeff"
#define MAX_SIZE    8192

/* Returns: the number of records */
static uint32_t get(QVirtioPower *power, uint32_t type, void *records)
{
    QVirtioPowerTable table;

    power_assert_ok(qvirtio_power_get_table(power, type, 0, MAX_SIZE, &table,
                                            records));
    return table.count;
}

/*
 * The machine
 */

static void assert_machine(QVirtioPower *power, const char *uuid,
                           const char *serial)
{
    struct virtio_power_machine machine;
    int i;

    g_assert_cmpuint(get(power, VIRTIO_POWER_REQ_GET_MACHINE, &machine), ==, 1);
    g_assert_cmpuint(le32_to_cpu(machine.arch), ==,
                     desktop_arch()->power_arch);
    g_assert_cmphex(le32_to_cpu(machine.flags), ==,
                    uuid ? VIRTIO_POWER_MACHINE_UUID : 0);
    g_assert_cmpstr((char *)machine.name, ==, "virtio-desktop");
    g_assert_cmpstr((char *)machine.version, ==, "10.0");
    g_assert_cmpstr((char *)machine.serial, ==, serial);
    for (i = 0; i < sizeof(machine.uuid); i++) {
        g_assert_cmphex(machine.uuid[i], ==, uuid ? i * 0x11 : 0);
    }
    for (i = strlen(serial); i < sizeof(machine.serial); i++) {
        g_assert_cmphex(machine.serial[i], ==, 0);
    }
}

static void test_unnamed(void)
{
    QVirtioPower *power = power_start_driver("", 0);

    assert_machine(power, NULL, "");
    power_quit(power);
}

static void test_named(void)
{
    QVirtioPower *power = power_start_driver(
        "-uuid " UUID " -smbios type=1,serial=A1-b2,sku=x"
        " -smbios type=2,serial=board", 0);

    assert_machine(power, UUID, "A1-b2");
    power_quit(power);
}

/* Bytes that do not fit go, but a character goes as a whole */
static void test_long_serial(void)
{
    g_autofree char *long_serial = g_strnfill(62, 's');
    g_autofree char *options = g_strdup_printf(
        "-smbios type=1,serial=%s\xc3\xa9\xc3\xa9", long_serial);
    QVirtioPower *power = power_start_driver(options, 0);

    assert_machine(power, NULL, long_serial);
    power_quit(power);
}

static void test_migrated(void)
{
    QVirtioPower *power = power_start_driver(
        "-uuid " UUID " -smbios type=1,serial=A1-b2", 0);

    power = power_migrate(power);
    assert_machine(power, UUID, "A1-b2");
    power_quit(power);
}

/*
 * Slots
 */

static void test_slots(void)
{
    QVirtioPower *power = power_start_driver("", 0);
    struct virtio_power_slot *slots = g_malloc(MAX_SIZE);
    int i;

    g_assert_cmpuint(get(power, VIRTIO_POWER_REQ_GET_SLOTS, slots), ==,
                     NUM_SLOTS);
    for (i = 0; i < NUM_SLOTS; i++) {
        g_assert_cmphex(le64_to_cpu(slots[i].base), ==, desktop_reg(i, 0));
        g_assert_cmphex(le64_to_cpu(slots[i].size), ==, SLOT_SIZE);
        g_assert_cmpuint(le32_to_cpu(slots[i].irq), ==, desktop_irq(i));
        g_assert_cmphex(le32_to_cpu(slots[i].irq_flags), ==, LEVEL_HIGH);
    }
    g_free(slots);
    power_quit(power);
}

/*
 * CPUs of aarch64
 */

static void test_cpus(void)
{
    QVirtioPower *power = power_start_driver(
        "-smp 2,sockets=1,clusters=2,cores=10,threads=1,maxcpus=20", 0);
    struct virtio_power_cpu *cpus = g_malloc(MAX_SIZE);
    uint32_t present = VIRTIO_POWER_CPU_F_REMOVABLE |
                       VIRTIO_POWER_CPU_F_PRESENT;
    uint32_t boot = VIRTIO_POWER_CPU_F_BOOT | VIRTIO_POWER_CPU_F_PRESENT;
    int i;

    g_assert_cmpuint(get(power, VIRTIO_POWER_REQ_GET_CPUS, cpus), ==, 20);
    for (i = 0; i < 20; i++) {
        g_assert_cmpuint(le32_to_cpu(cpus[i].index), ==, i);
        g_assert_cmpuint(le32_to_cpu(cpus[i].state), ==,
                         i == 0 ? VIRTIO_POWER_CPU_ON :
                         i == 1 ? VIRTIO_POWER_CPU_OFF :
                         VIRTIO_POWER_CPU_PARKED);
        g_assert_cmphex(le32_to_cpu(cpus[i].flags), ==,
                        i == 0 ? boot : i == 1 ? present :
                        VIRTIO_POWER_CPU_F_REMOVABLE);
        /* Aff0 counts to 15, as an interrupt's list of targets does */
        g_assert_cmphex(le64_to_cpu(cpus[i].hw_id), ==,
                        i / 16 << 8 | i % 16);
        g_assert_cmpuint(le32_to_cpu(cpus[i].socket), ==, 0);
        g_assert_cmpuint(le32_to_cpu(cpus[i].cluster), ==, i / 10);
        g_assert_cmpuint(le32_to_cpu(cpus[i].core), ==, i % 10);
        g_assert_cmpuint(le32_to_cpu(cpus[i].thread), ==, 0);
    }
    g_free(cpus);
    power_quit(power);
}

/*
 * Interrupt controller and timer of aarch64
 */

static void assert_gic(const char *options, uint32_t type, uint64_t base,
                       uint64_t size)
{
    QVirtioPower *power = power_start_driver(options, 0);
    struct virtio_power_controller gic;

    g_assert_cmpuint(get(power, VIRTIO_POWER_REQ_GET_CONTROLLERS, &gic), ==, 1);
    g_assert_cmpuint(le32_to_cpu(gic.type), ==, type);
    g_assert_cmpuint(le32_to_cpu(gic.num_irqs), ==, 128);
    g_assert_cmpuint(le32_to_cpu(gic.num_regions), ==, 2);
    g_assert_cmphex(le64_to_cpu(gic.region[0].base), ==, 0x08000000);
    g_assert_cmphex(le64_to_cpu(gic.region[0].size), ==, 64 * KiB);
    g_assert_cmphex(le64_to_cpu(gic.region[1].base), ==, base);
    g_assert_cmphex(le64_to_cpu(gic.region[1].size), ==, size);
    power_quit(power);
}

static void test_gic(void)
{
    /* Redistributors of all 4 possible CPUs */
    assert_gic("", VIRTIO_POWER_CONTROLLER_ARM_GICV3, 0x080a0000,
               4 * 128 * KiB);
    assert_gic("-machine gic-version=2", VIRTIO_POWER_CONTROLLER_ARM_GICV2,
               0x08010000, 64 * KiB);
}

static void test_timer(void)
{
    static const uint32_t irqs[] = { 29, 30, 27, 26 };
    QVirtioPower *power = power_start_driver("", 0);
    struct virtio_power_timer timer;
    int i;

    g_assert_cmpuint(get(power, VIRTIO_POWER_REQ_GET_TIMERS, &timer), ==, 1);
    g_assert_cmpuint(le32_to_cpu(timer.type), ==,
                     VIRTIO_POWER_TIMER_ARM_GENERIC);
    g_assert_cmphex(le32_to_cpu(timer.flags), ==,
                    VIRTIO_POWER_TIMER_F_ALWAYS_ON);
    g_assert_cmpuint(le64_to_cpu(timer.frequency), ==, 0);
    for (i = 0; i < ARRAY_SIZE(irqs); i++) {
        g_assert_cmpuint(le32_to_cpu(timer.irq[i]), ==, irqs[i]);
    }
    power_quit(power);
}

/*
 * Ranges of aarch64
 */

typedef struct Range {
    uint32_t type;
    uint64_t base;
    uint64_t size;
    uint32_t irq;
} Range;

#define NO_IRQ VIRTIO_POWER_NONE

static const Range flash0 = { VIRTIO_POWER_RANGE_FLASH, 0, 64 * MiB, NO_IRQ };
static const Range flash1 = { VIRTIO_POWER_RANGE_FLASH, 64 * MiB, 64 * MiB,
                              NO_IRQ };
static const Range uart = { VIRTIO_POWER_RANGE_UART, 0x09000000, 4 * KiB, 33 };
static const Range rtc = { VIRTIO_POWER_RANGE_RTC, 0x09010000, 4 * KiB, 34 };
static const Range fw_cfg = { VIRTIO_POWER_RANGE_FW_CFG, 0x09020000, 24,
                              NO_IRQ };
static const Range slots = { VIRTIO_POWER_RANGE_SLOTS, 0x0a000000, 4 * MiB,
                             NO_IRQ };
static const Range window = { VIRTIO_POWER_RANGE_SHM_WINDOW, 0x10000000,
                              768 * MiB, NO_IRQ };
static const Range ram = { VIRTIO_POWER_RANGE_RAM, 0x40000000, 128 * MiB,
                           NO_IRQ };

static void assert_ranges(const char *options, const Range *const *expected)
{
    QVirtioPower *power = power_start_driver(options, 0);
    struct virtio_power_range ranges[32];
    uint32_t n = get(power, VIRTIO_POWER_REQ_GET_RANGES, ranges);
    uint32_t i;

    for (i = 0; expected[i]; i++) {
        g_assert_cmpuint(i, <, n);
        g_assert_cmpuint(le32_to_cpu(ranges[i].type), ==, expected[i]->type);
        g_assert_cmphex(le64_to_cpu(ranges[i].base), ==, expected[i]->base);
        g_assert_cmphex(le64_to_cpu(ranges[i].size), ==, expected[i]->size);
        g_assert_cmpuint(le32_to_cpu(ranges[i].irq), ==, expected[i]->irq);
        g_assert_cmphex(le32_to_cpu(ranges[i].irq_flags), ==,
                        expected[i]->irq == NO_IRQ ? 0 : LEVEL_HIGH);
    }
    g_assert_cmpuint(i, ==, n);
    power_quit(power);
}

static void test_ranges(void)
{
    const Range *usual[] = { &rtc, &slots, &window, &ram, NULL };
    const Range *least[] = { &slots, &window, &ram, NULL };
    const Range *most[] = { &flash0, &flash1, &uart, &rtc, &fw_cfg, &slots,
                            &window, &ram, NULL };

    assert_ranges("", usual);
    assert_ranges("-machine rtc=off", least);
    assert_ranges("-serial null -drive if=pflash,format=raw,readonly=on,"
                  "file.driver=null-co,file.read-zeroes=on,file.size=64M",
                  most);
}

static void add_aarch64_tests(void)
{
    qtest_add_func("virtio-desktop-describe/cpus", test_cpus);
    qtest_add_func("virtio-desktop-describe/gic", test_gic);
    qtest_add_func("virtio-desktop-describe/timer", test_timer);
    qtest_add_func("virtio-desktop-describe/ranges", test_ranges);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    qtest_add_func("virtio-desktop-describe/machine/unnamed", test_unnamed);
    qtest_add_func("virtio-desktop-describe/machine/named", test_named);
    qtest_add_func("virtio-desktop-describe/machine/long", test_long_serial);
    qtest_add_func("virtio-desktop-describe/machine/migrated", test_migrated);
    qtest_add_func("virtio-desktop-describe/slots", test_slots);
    if (desktop_is_arch("aarch64")) {
        add_aarch64_tests();
    }

    return g_test_run();
}

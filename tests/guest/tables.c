/*
 * virtio-power's tables: they agree with the fixed map and with what is there
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "power.h"
#include "tap.h"

#define GICD_TYPER      (GIC_DIST + 4)

static bool gicv3;

int check_table_machine(void)
{
    struct virtio_power_machine machine;

    EXPECT(power_record(VIRTIO_POWER_REQ_GET_MACHINE, 0, &machine,
                        sizeof(machine)));
    EXPECT_EQ(machine.arch, VIRTIO_POWER_ARCH_AARCH64);
    EXPECT_EQ(machine.name[sizeof(machine.name) - 1], 0);
    EXPECT_EQ(machine.version[sizeof(machine.version) - 1], 0);
    EXPECT_EQ(machine.serial[sizeof(machine.serial) - 1], 0);
    note("machine \"%s\", version \"%s\"", (char *)machine.name,
         (char *)machine.version);
    EXPECT_EQ(strcmp((char *)machine.name, "virtio-desktop"), 0);
    EXPECT(!power_record(VIRTIO_POWER_REQ_GET_MACHINE, 1, &machine,
                         sizeof(machine)));
    return PASS;
}

int check_table_controllers(void)
{
    struct virtio_power_controller gic;

    EXPECT(power_record(VIRTIO_POWER_REQ_GET_CONTROLLERS, 0, &gic,
                        sizeof(gic)));
    gicv3 = gic.type == VIRTIO_POWER_CONTROLLER_ARM_GICV3;
    note("the interrupt controller is a GICv%u", gicv3 ? 3 : 2);
    EXPECT(gicv3 || gic.type == VIRTIO_POWER_CONTROLLER_ARM_GICV2);
    EXPECT_EQ(gic.num_regions, 2);
    EXPECT_EQ(gic.region[0].base, GIC_DIST);
    EXPECT_EQ(gic.region[0].size, 0x10000);
    EXPECT_EQ(gic.region[1].base, gicv3 ? GICV3_REDIST : GICV2_CPU);
    EXPECT_EQ(gic.region[1].size,
              gicv3 ? virtio_config(&power, 8) * GICV3_REDIST_SIZE : 0x10000);
    EXPECT(gic.num_irqs >= NUM_INTIDS);
    EXPECT(gic.num_irqs <= (read32(GICD_TYPER) & 0x1f) * 32 + 32);
    return PASS;
}

bool table_says_gicv3(void)
{
    return gicv3;
}

int check_table_cpus(void)
{
    uint64_t self = read_sysreg("MPIDR_EL1") & 0xff00fffffful;
    unsigned i, boots = 0, number = virtio_config(&power, 8);
    struct virtio_power_cpu cpu;

    note("%u CPUs are possible", number);
    EXPECT(number >= 1 && number <= (gicv3 ? 123 : 8));
    for (i = 0; i < number; i++) {
        EXPECT(power_cpu(i, &cpu));
        EXPECT_EQ(cpu.index, i);
        EXPECT_EQ(cpu.hw_id, gicv3 ? i / 16 << 8 | i % 16 : i);
        EXPECT(cpu.flags & VIRTIO_POWER_CPU_F_PRESENT ||
               cpu.state == VIRTIO_POWER_CPU_PARKED);
        if (cpu.flags & VIRTIO_POWER_CPU_F_BOOT) {
            boots++;
            EXPECT(!(cpu.flags & VIRTIO_POWER_CPU_F_REMOVABLE));
            EXPECT_EQ(cpu.hw_id, self);
        }
        EXPECT_EQ(cpu.state == VIRTIO_POWER_CPU_ON, cpu.hw_id == self);
    }
    EXPECT_EQ(boots, 1);
    EXPECT(!power_cpu(number, &cpu));
    return PASS;
}

int check_table_timers(void)
{
    static const uint32_t intids[] = { 29, 30, 27, 26 };
    struct virtio_power_timer timer;
    unsigned i;

    EXPECT(power_record(VIRTIO_POWER_REQ_GET_TIMERS, 0, &timer,
                        sizeof(timer)));
    EXPECT_EQ(timer.type, VIRTIO_POWER_TIMER_ARM_GENERIC);
    for (i = 0; i < ARRAY_SIZE(intids); i++) {
        EXPECT_EQ(timer.irq[i], intids[i]);
    }
    EXPECT(!timer.frequency ||
           timer.frequency == read_sysreg("CNTFRQ_EL0"));
    return PASS;
}

int check_table_slots(void)
{
    struct virtio_power_slot slot;
    unsigned i;

    EXPECT_EQ(virtio_config(&power, 12), NUM_SLOTS);
    for (i = 0; i < NUM_SLOTS; i++) {
        EXPECT(power_record(VIRTIO_POWER_REQ_GET_SLOTS, i, &slot,
                            sizeof(slot)));
        EXPECT_EQ(slot.index, i);
        EXPECT_EQ(slot.base, SLOTS + i * SLOT_SIZE);
        EXPECT_EQ(slot.size, SLOT_SIZE);
        EXPECT_EQ(slot.irq, INTID_SLOT(i));
        EXPECT_EQ(slot.irq_flags,
                  VIRTIO_POWER_IRQ_LEVEL | VIRTIO_POWER_IRQ_HIGH);
        EXPECT_EQ(slot.device_id, slot_read(i, VIRTIO_DEVICE_ID));
        EXPECT_EQ(slot.state, slot.device_id ? VIRTIO_POWER_SLOT_FILLED
                                             : VIRTIO_POWER_SLOT_EMPTY);
        EXPECT(i || !(slot.flags & VIRTIO_POWER_SLOT_F_REMOVABLE));
        if (slot.device_id) {
            note("slot %u: virtio device %u", i, slot.device_id);
        }
    }
    return PASS;
}

/* What a range has to be; types that we do not know are not ours to judge */
static int check_range(const struct virtio_power_range *range)
{
    switch (range->type) {
    case VIRTIO_POWER_RANGE_RAM:
        EXPECT_EQ(range->base, RAM);
        EXPECT((uintptr_t)image_end <= range->base + range->size);
        break;
    case VIRTIO_POWER_RANGE_SHM_WINDOW:
        EXPECT_EQ(range->base, WINDOW);
        EXPECT_EQ(range->size, WINDOW_SIZE);
        break;
    case VIRTIO_POWER_RANGE_SLOTS:
        EXPECT_EQ(range->base, SLOTS);
        EXPECT_EQ(range->size, NUM_SLOTS * SLOT_SIZE);
        break;
    case VIRTIO_POWER_RANGE_UART:
        EXPECT_EQ(range->base, UART);
        EXPECT_EQ(range->irq, 33);
        break;
    case VIRTIO_POWER_RANGE_RTC:
        EXPECT_EQ(range->base, RTC);
        EXPECT_EQ(range->irq, 34);
        break;
    }
    return PASS;
}

int check_table_ranges(void)
{
    struct virtio_power_range range;
    unsigned i, number = virtio_config(&power, 16);
    uint64_t end = 0, types = 0;

    for (i = 0; i < number; i++) {
        EXPECT(power_record(VIRTIO_POWER_REQ_GET_RANGES, i, &range,
                            sizeof(range)));
        EXPECT(range.base >= end);
        end = range.base + range.size;
        TRY(check_range(&range));
        types |= BIT(range.type & 63);
    }
    EXPECT(types & BIT(VIRTIO_POWER_RANGE_RAM));
    EXPECT(types & BIT(VIRTIO_POWER_RANGE_SHM_WINDOW));
    EXPECT(types & BIT(VIRTIO_POWER_RANGE_SLOTS));
    EXPECT_EQ(!!(types & BIT(VIRTIO_POWER_RANGE_UART)), dt.has_uart);
    EXPECT_EQ(!!(types & BIT(VIRTIO_POWER_RANGE_RTC)), dt.has_rtc);
    return PASS;
}

/* The RTC tells the same time, if there is one */
int check_table_time(void)
{
    uint64_t first, second, rtc;

    EXPECT(power_time(&first));
    if (dt.has_rtc) {
        rtc = read32(RTC);
        note("it is %lu s, by the RTC %lu s", first / 1000000, rtc);
        EXPECT((uint32_t)(rtc + 5 - first / 1000000) <= 60);
    }
    EXPECT(power_time(&second));
    EXPECT(second >= first);
    return PASS;
}

/*
 * A second CPU: started, interrupted, switched off
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "guest.h"
#include "power.h"
#include "tap.h"

#define PING    1               /* SGIs: to the second CPU, and back */
#define PONG    2
#define ROUNDS  100

/* volatile: two CPUs look at it */
static volatile struct {
    unsigned number;            /* the machine's number of it */
    uint64_t boot_mpidr;
    uint64_t mpidr;             /* its own, and its state once it runs */
    uint64_t el;
    bool runs;
} second;

void second_main(void)
{
    unsigned i;

    gic_init_cpu(second.number);
    gic_enable(PING);
    second.mpidr = read_sysreg("MPIDR_EL1");
    second.el = read_sysreg("CurrentEL");
    asm volatile("dmb ish" : : : "memory");
    second.runs = true;
    irqs_on();
    for (i = 1; i <= ROUNDS && irq_wait(1, PING, i); i++) {
        gic_send_sgi(second.boot_mpidr, PONG);
    }
    irqs_off();
    psci_cpu_off();
}

/* The first CPU that can be started; the machine may have one only */
static int find_second(struct virtio_power_cpu *cpu)
{
    unsigned i;

    for (i = 0; power_cpu(i, cpu); i++) {
        if (cpu->flags & VIRTIO_POWER_CPU_F_PRESENT &&
            cpu->state == VIRTIO_POWER_CPU_OFF) {
            return PASS;
        }
    }
    return skip("there is no second CPU");
}

int check_cpu_on(void)
{
    struct virtio_power_cpu cpu;
    uint64_t deadline;

    TRY(find_second(&cpu));
    EXPECT_EQ(psci_affinity_info(cpu.hw_id), 1);
    second.number = cpu.index;
    second.boot_mpidr = read_sysreg("MPIDR_EL1");
    EXPECT_EQ(psci_cpu_on(cpu.hw_id, 1), 0);
    deadline = in_ms(PATIENCE_MS);
    while (!second.runs) {
        EXPECT(!passed(deadline));
    }
    note("CPU %u runs", cpu.index);
    EXPECT_EQ(second.mpidr & 0xff00fffffful, cpu.hw_id);
    EXPECT_EQ(second.el >> 2, 1);
    EXPECT(power_cpu(cpu.index, &cpu));
    EXPECT_EQ(cpu.state, VIRTIO_POWER_CPU_ON);
    return PASS;
}

int check_cpu_sgi(void)
{
    unsigned i, before = irq_count(0, PONG);

    if (!second.runs) {
        return skip("no second CPU runs");
    }
    for (i = 1; i <= ROUNDS; i++) {
        gic_send_sgi(second.mpidr, PING);
        if (!irq_wait(0, PONG, before + i)) {
            return fail("round %u: the SGI there came %u times, that back %u",
                        i, irq_count(1, PING), irq_count(0, PONG) - before);
        }
    }
    return PASS;
}

int check_cpu_off(void)
{
    uint64_t deadline = in_ms(2 * PATIENCE_MS);
    struct virtio_power_cpu cpu;

    if (!second.runs) {
        return skip("no second CPU runs");
    }
    while (psci_affinity_info(second.mpidr & 0xff00fffffful) != 1) {
        EXPECT(!passed(deadline));
    }
    EXPECT(power_cpu(second.number, &cpu));
    EXPECT_EQ(cpu.state, VIRTIO_POWER_CPU_OFF);
    return PASS;
}

/* Those that the host keeps back cannot be had by any means */
int check_cpu_parked(void)
{
    struct virtio_power_cpu cpu;
    unsigned i, parked = 0;

    for (i = 0; power_cpu(i, &cpu); i++) {
        if (cpu.state == VIRTIO_POWER_CPU_PARKED) {
            EXPECT(psci_cpu_on(cpu.hw_id, 1) < 0);
            parked++;
        }
    }
    return parked ? PASS : skip("no CPU is parked");
}

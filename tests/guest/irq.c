/*
 * Interrupts: who raised them, silencing them, counting them
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "guest.h"
#include "tap.h"
#include "virtio.h"

/* A line that does not go down shall not take the CPU for ever */
#define STORM 100000

/* volatile: changes while others look at it */
static volatile unsigned counts[2][NUM_INTIDS];

void irq_handler(void)
{
    uint32_t acknowledged = gic_acknowledge();
    unsigned intid = acknowledged & 0x3ff;
    unsigned cpu = read_sysreg("TPIDR_EL1");

    if (intid >= NUM_INTIDS) {
        return;                     /* spurious */
    }
    if (intid == INTID_VIRTUAL_TIMER) {
        write_sysreg("CNTV_CTL_EL0", 0);
    } else if (intid == INTID_PHYSICAL_TIMER) {
        write_sysreg("CNTP_CTL_EL0", 0);
    } else if (intid >= INTID_SLOT(0)) {
        virtio_acknowledge(intid - INTID_SLOT(0));
    }
    if (++counts[cpu][intid] == STORM) {
        gic_disable(intid);
    }
    gic_complete(acknowledged);
}

void fatal_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
    static bool again;

    if (!again) {
        again = true;
        bail_out("exception: ESR 0x%lx, at image + 0x%lx, address 0x%lx", esr,
                 elr - (uintptr_t)image_start, far);
    }
    psci_system_off();
}

unsigned irq_count(unsigned cpu, unsigned intid)
{
    return counts[cpu][intid];
}

/* Wait until that interrupt has come @count times */
bool irq_wait(unsigned cpu, unsigned intid, unsigned count)
{
    uint64_t deadline = in_ms(PATIENCE_MS);

    while ((int)(irq_count(cpu, intid) - count) < 0) {
        if (passed(deadline)) {
            return false;
        }
    }
    return true;
}

void irqs_on(void)
{
    asm volatile("msr DAIFClr, #2" : : : "memory");
}

void irqs_off(void)
{
    asm volatile("msr DAIFSet, #2" : : : "memory");
}

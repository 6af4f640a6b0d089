/*
 * The architected timer: deadlines, and checks of its interrupts and rate
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "guest.h"
#include "power.h"
#include "tap.h"

#define SHORT_MS        10
#define RATE_MS         300

uint64_t now(void)
{
    asm volatile("isb" : : : "memory");
    return read_sysreg("CNTVCT_EL0");
}

uint64_t ticks(unsigned ms)
{
    return read_sysreg("CNTFRQ_EL0") * ms / 1000;
}

uint64_t in_ms(unsigned ms)
{
    return now() + ticks(ms);
}

bool passed(uint64_t deadline)
{
    return (int64_t)(now() - deadline) >= 0;
}

/* All waits rely on it, so this one does not */
int check_counter(void)
{
    uint64_t start = now();
    uint64_t rate = read_sysreg("CNTFRQ_EL0");
    unsigned i;

    EXPECT(rate >= 1000000 && rate <= 10000000000);
    for (i = 0; i < 100000000; i++) {
        if (now() > start) {
            note("the timer counts %lu Hz", rate);
            return PASS;
        }
    }
    return fail("CNTVCT_EL0 stands still at %lu", start);
}

/*
 * An interrupt that comes, and not before its time.  @before is how many there
 * were when the timer was not on yet.
 */
static int check_interrupt(unsigned intid, unsigned before, uint64_t deadline)
{
    if (!irq_wait(0, intid, before + 1)) {
        return fail("no interrupt %u in %u ms", intid, PATIENCE_MS);
    }
    EXPECT(passed(deadline));
    EXPECT_EQ(irq_count(0, intid), before + 1);
    return PASS;
}

int check_virtual_timer(void)
{
    unsigned before = irq_count(0, INTID_VIRTUAL_TIMER);
    uint64_t deadline = in_ms(SHORT_MS);
    int result;

    gic_enable(INTID_VIRTUAL_TIMER);
    write_sysreg("CNTV_CVAL_EL0", deadline);
    write_sysreg("CNTV_CTL_EL0", 1);
    result = check_interrupt(INTID_VIRTUAL_TIMER, before, deadline);
    write_sysreg("CNTV_CTL_EL0", 0);
    return result;
}

int check_physical_timer(void)
{
    unsigned before = irq_count(0, INTID_PHYSICAL_TIMER);
    uint64_t deadline = in_ms(SHORT_MS);
    int result;

    gic_enable(INTID_PHYSICAL_TIMER);
    asm volatile("isb");
    write_sysreg("CNTP_CVAL_EL0",
                 read_sysreg("CNTPCT_EL0") + ticks(SHORT_MS));
    write_sysreg("CNTP_CTL_EL0", 1);
    result = check_interrupt(INTID_PHYSICAL_TIMER, before, deadline);
    write_sysreg("CNTP_CTL_EL0", 0);
    return result;
}

/* A timer whose time has come long ago is pending until it is switched off */
int check_timer_level(void)
{
    unsigned before = irq_count(0, INTID_VIRTUAL_TIMER);
    uint64_t deadline = in_ms(PATIENCE_MS);
    bool pending = false;

    irqs_off();
    write_sysreg("CNTV_CVAL_EL0", now());
    write_sysreg("CNTV_CTL_EL0", 1);
    while (!pending && !passed(deadline)) {
        pending = gic_is_pending(INTID_VIRTUAL_TIMER);
    }
    write_sysreg("CNTV_CTL_EL0", 0);
    EXPECT(pending);
    while (gic_is_pending(INTID_VIRTUAL_TIMER)) {
        EXPECT(!passed(deadline));
    }
    irqs_on();
    EXPECT_EQ(irq_count(0, INTID_VIRTUAL_TIMER), before);
    return PASS;
}

/*
 * The time of day that virtio-power tells was taken between two looks at the
 * counter, so this holds however slow the machine is.
 */
int check_timer_rate(void)
{
    uint64_t day[2], before[2], after[2];
    uint64_t most, least, elapsed, slack;
    unsigned i;

    for (i = 0; i < 2; i++) {
        uint64_t deadline = in_ms(RATE_MS);

        while (i && !passed(deadline)) {
            relax();
        }
        before[i] = now();
        EXPECT(power_time(&day[i]));
        after[i] = now();
    }
    elapsed = day[1] - day[0];
    most = (after[1] - before[0]) * 1000000 / ticks(1000);
    least = (before[1] - after[0]) * 1000000 / ticks(1000);
    slack = least / 10 + 1000;
    note("the timer counts %lu to %lu us in %lu us", least, most, elapsed);
    EXPECT(elapsed + slack >= least && elapsed <= most + slack);
    return PASS;
}

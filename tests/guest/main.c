/*
 * Conformance guest for virtio-desktop machines, AArch64
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "guest.h"
#include "power.h"
#include "tap.h"

#define COUNT_CHECK(function, name) count++;


#define RUN_CHECK(function, name) tap_result(name, check_##function());

struct boot_state boot;

static int check_boot_state(void)
{
    EXPECT_EQ(boot.current_el >> 2, 1);
    EXPECT_EQ(boot.sp_sel, 1);
    EXPECT_EQ(boot.daif, 0x3c0);
    EXPECT_EQ(boot.sctlr & 1, 0);
    EXPECT_EQ(boot.device_tree & 7, 0);
    EXPECT_EQ(boot.other_arguments, 0);
    return PASS;
}

/* Without a power device there is nothing of what follows */
static void run_needed(const char *name, int result, const char *sentence)
{
    tap_result(name, result);
    if (result != PASS) {
        bail_out("%s", sentence);
    }
}

/* The number of the boot argument "exit=", which a test can look for */
static unsigned wanted_status(void)
{
    const char *at = boot_option("exit");
    unsigned status = 0;

    for (at = at && *at ? at + 1 : ""; *at >= '0' && *at <= '9'; at++) {
        status = (status * 10 + *at - '0') & 0x7f;
    }
    return status;
}

static unsigned count_checks(void)
{
    unsigned count = 3;         /* those that are not in checks.h */

    EARLY_CHECKS(COUNT_CHECK)
    LATE_CHECKS(COUNT_CHECK)
    return count;
}

void main(const struct boot_state *state)
{
    boot = *state;
    fdt_read(boot.device_tree);
    tap_plan(count_checks());
    run_needed("the timer's counter advances", check_counter(),
               "without a counter no wait would end");
    tap_result("CPU 0 starts as the boot protocol says", check_boot_state());
    run_needed("virtio-power is in slot 0", check_power_slot(),
               "this is not a virtio-desktop machine");
    EARLY_CHECKS(RUN_CHECK)
    gic_init(table_says_gicv3());
    irqs_on();
    LATE_CHECKS(RUN_CHECK)
    note("%u checks, %u failed, %u skipped", count_checks(),
         tap_failures(), tap_skipped());
    power_end(tap_failures() ? 1 : wanted_status());
}

/*
 * PSCI by HVC: further CPUs, and the end of the machine
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "guest.h"
#include "tap.h"

#define PSCI_VERSION        0x84000000
#define PSCI_CPU_SUSPEND    0xc4000001
#define PSCI_CPU_OFF        0x84000002
#define PSCI_CPU_ON         0xc4000003
#define PSCI_AFFINITY_INFO  0xc4000004
#define PSCI_SYSTEM_OFF     0x84000008
#define PSCI_SYSTEM_RESET   0x84000009
#define PSCI_FEATURES       0x8400000a

#define INVALID_PARAMETERS  -2
#define ALREADY_ON          -4

static int psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 asm("x0") = function;
    register uint64_t x1 asm("x1") = a;
    register uint64_t x2 asm("x2") = b;
    register uint64_t x3 asm("x3") = c;

    asm volatile("hvc #0"
                 : "+r" (x0), "+r" (x1), "+r" (x2), "+r" (x3)
                 : : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
                     "x13", "x14", "x15", "x16", "x17", "memory");
    return x0;
}

void psci_system_off(void)
{
    register uint64_t x0 asm("x0") = PSCI_SYSTEM_OFF;

    if (read_sysreg("CurrentEL") >> 2 == 1) {
        psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    }
    /* A machine that has started us at EL2 is wrong; end it all the same */
    asm volatile("smc #0" : "+r" (x0) : : "x1", "x2", "x3", "memory");
}

int psci_cpu_on(uint64_t mpidr, uint64_t context)
{
    return psci(PSCI_CPU_ON, mpidr, (uintptr_t)second_start, context);
}

void psci_cpu_off(void)
{
    psci(PSCI_CPU_OFF, 0, 0, 0);
}

int psci_affinity_info(uint64_t mpidr)
{
    return psci(PSCI_AFFINITY_INFO, mpidr, 0, 0);
}

int check_psci(void)
{
    static const uint32_t functions[] = {
        PSCI_VERSION, PSCI_CPU_SUSPEND, PSCI_CPU_OFF, PSCI_CPU_ON,
        PSCI_AFFINITY_INFO, PSCI_SYSTEM_OFF, PSCI_SYSTEM_RESET, PSCI_FEATURES,
    };
    int version = psci(PSCI_VERSION, 0, 0, 0);
    unsigned i;

    note("PSCI %u.%u", version >> 16, version & 0xffff);
    EXPECT_EQ(version >> 16, 1);
    for (i = 0; i < ARRAY_SIZE(functions); i++) {
        if (psci(PSCI_FEATURES, functions[i], 0, 0) < 0) {
            return fail("there is no PSCI function 0x%x", functions[i]);
        }
    }
    return PASS;
}

int check_psci_errors(void)
{
    uint64_t self = read_sysreg("MPIDR_EL1") & 0xff00fffffful;

    EXPECT_EQ(psci_affinity_info(self), 0);
    EXPECT_EQ(psci_cpu_on(self, 0), ALREADY_ON);
    EXPECT_EQ(psci_cpu_on(0xffff00, 0), INVALID_PARAMETERS);
    return PASS;
}

/*
 * GICv2 and GICv3 with one security state
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "guest.h"
#include "tap.h"

#define GICD_CTLR           (GIC_DIST + 0x000)
#define GICD_TYPER          (GIC_DIST + 0x004)
#define GICD_IGROUPR        (GIC_DIST + 0x080)
#define GICD_ISENABLER      (GIC_DIST + 0x100)
#define GICD_ICENABLER      (GIC_DIST + 0x180)
#define GICD_ISPENDR        (GIC_DIST + 0x200)
#define GICD_ITARGETSR      (GIC_DIST + 0x800)
#define GICD_SGIR           (GIC_DIST + 0xf00)
#define GICD_IROUTER        (GIC_DIST + 0x6000)

#define GICC_CTLR           (GICV2_CPU + 0x00)
#define GICC_PMR            (GICV2_CPU + 0x04)
#define GICC_IAR            (GICV2_CPU + 0x0c)
#define GICC_EOIR           (GICV2_CPU + 0x10)

#define GICR_TYPER          0x00008
#define GICR_WAKER          0x00014
#define GICR_SGI            0x10000     /* GICD's layout, for INTIDs 0 to 31 */
#define GICR_IGROUPR        (GICR_SGI + 0x080)

#define MPIDR_AFFINITY      0xff00fffffful

static bool v3;
/* Of each of our two CPUs, by TPIDR_EL1 */
static uintptr_t redistributor[2];

/* Registers of INTIDs 0 to 31 belong to a CPU, with GICv3 in its frame */
static uintptr_t bank(unsigned intid, uintptr_t dist_register)
{
    uintptr_t base = GIC_DIST;

    if (v3 && intid < 32) {
        base = redistributor[read_sysreg("TPIDR_EL1")] + GICR_SGI;
    }
    return base + (dist_register - GIC_DIST) + intid / 32 * 4;
}

void gic_enable(unsigned intid)
{
    write32(bank(intid, GICD_ISENABLER), BIT(intid % 32));
}

void gic_disable(unsigned intid)
{
    write32(bank(intid, GICD_ICENABLER), BIT(intid % 32));
}

bool gic_is_pending(unsigned intid)
{
    return read32(bank(intid, GICD_ISPENDR)) & BIT(intid % 32);
}

uint32_t gic_acknowledge(void)
{
    uint64_t value;

    if (!v3) {
        return read32(GICC_IAR);
    }
    value = read_sysreg("S3_0_C12_C12_0");              /* ICC_IAR1_EL1 */
    asm volatile("dsb sy" : : : "memory");
    return value;
}

void gic_complete(uint32_t acknowledged)
{
    if (v3) {
        write_sysreg("S3_0_C12_C12_1", acknowledged);   /* ICC_EOIR1_EL1 */
    } else {
        write32(GICC_EOIR, acknowledged);
    }
}

void gic_send_sgi(uint64_t mpidr, unsigned sgi)
{
    uint64_t aff0 = mpidr & 0xf, aff1 = mpidr >> 8 & 0xff;

    asm volatile("dsb ish" : : : "memory");
    if (v3) {                                           /* ICC_SGI1R_EL1 */
        write_sysreg("S3_0_C12_C11_5",
                     (uint64_t)sgi << 24 | aff1 << 16 | BIT(aff0));
    } else {
        write32(GICD_SGIR, BIT(aff0) << 16 | sgi);
    }
}

static void init_redistributor(unsigned number)
{
    uintptr_t base = GICV3_REDIST + number * GICV3_REDIST_SIZE;
    uint64_t deadline = in_ms(PATIENCE_MS);

    redistributor[read_sysreg("TPIDR_EL1")] = base;
    write32(base + GICR_WAKER, read32(base + GICR_WAKER) & ~2u);
    while (read32(base + GICR_WAKER) & 4 && !passed(deadline)) {
        relax();
    }
    write32(base + GICR_IGROUPR, ~0u);
}

/* What every CPU does for itself; @number is the machine's number of it */
void gic_init_cpu(unsigned number)
{
    if (!v3) {
        write32(GICC_PMR, 0xff);
        write32(GICC_CTLR, 1);
        return;
    }
    init_redistributor(number);
    write_sysreg("S3_0_C12_C12_5",                      /* ICC_SRE_EL1 */
                 read_sysreg("S3_0_C12_C12_5") | 1);
    write_sysreg("S3_0_C4_C6_0", 0xff);                 /* ICC_PMR_EL1 */
    write_sysreg("S3_0_C12_C12_7", 1);                  /* ICC_IGRPEN1_EL1 */
}

/* All slots interrupt this CPU, which is the boot CPU */
void gic_init(bool is_v3)
{
    unsigned i;

    v3 = is_v3;
    write32(GICD_CTLR, v3 ? 0x12 : 1);      /* affinity routing; group 1 */
    for (i = 32; v3 && i < NUM_INTIDS; i++) {
        write64(GICD_IROUTER + 8ul * i,
                read_sysreg("MPIDR_EL1") & MPIDR_AFFINITY);
    }
    for (i = 1; v3 && i < (NUM_INTIDS + 31) / 32; i++) {
        write32(GICD_IGROUPR + 4ul * i, ~0u);
    }
    for (i = 32; !v3 && i < NUM_INTIDS; i++) {
        write8(GICD_ITARGETSR + i, 1);
    }
    gic_init_cpu(0);
    for (i = 0; i < NUM_SLOTS; i++) {
        gic_enable(INTID_SLOT(i));
    }
}

/* Before gic_init(): its size and its reset state */
int check_gic_registers(void)
{
    uint32_t type = read32(GICD_TYPER);
    unsigned i;

    note("GICD_TYPER is 0x%x", type);
    EXPECT((type & 0x1f) * 32 + 32 >= NUM_INTIDS);
    EXPECT_EQ(type >> 10 & 1, 0);                       /* SecurityExtn */
    EXPECT_EQ(read32(GICD_CTLR) & 3, 0);
    for (i = 1; i < (NUM_INTIDS + 31) / 32; i++) {
        EXPECT_EQ(read32(GICD_ISENABLER + 4ul * i), 0);
    }
    return PASS;
}

/* With GICv3: one redistributor a CPU, in order, the last one says so */
int check_redistributors(void)
{
    unsigned i;

    if (!v3) {
        return skip("there is a GICv2");
    }
    for (i = 0; i < dt.cpus; i++) {
        uint64_t type = read64(GICV3_REDIST + i * GICV3_REDIST_SIZE +
                               GICR_TYPER);

        EXPECT_EQ(type >> 32, i / 16 << 8 | i % 16);
        EXPECT_EQ(type >> 4 & 1, i == dt.cpus - 1);
    }
    return PASS;
}

int check_sgi(void)
{
    unsigned sgi;

    for (sgi = 0; sgi < 16; sgi++) {
        unsigned before = irq_count(0, sgi);

        gic_enable(sgi);
        gic_send_sgi(read_sysreg("MPIDR_EL1"), sgi);
        if (!irq_wait(0, sgi, before + 1)) {
            return fail("SGI %u to this CPU does not come", sgi);
        }
        EXPECT_EQ(irq_count(0, sgi), before + 1);
    }
    return PASS;
}

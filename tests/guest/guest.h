/*
 * What the parts of the conformance guest share: CPU, memory, time, interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No symbol is looked up at run time: there is nobody who could do it */
#pragma GCC visibility push(hidden)

/* The fixed map of docs/specs/virtio-desktop.rst, AArch64 */
#define GIC_DIST        0x08000000ul
#define GICV2_CPU       0x08010000ul
#define GICV3_REDIST    0x080a0000ul
#define GICV3_REDIST_SIZE   0x20000ul
#define UART            0x09000000ul
#define RTC             0x09010000ul
#define SLOTS           0x0a000000ul
#define SLOT_SIZE       0x10000ul
#define NUM_SLOTS       64
#define WINDOW          0x10000000ul
#define WINDOW_SIZE     0x30000000ul
#define RAM             0x40000000ul

#define INTID_VIRTUAL_TIMER     27
#define INTID_PHYSICAL_TIMER    30
#define INTID_SLOT(n)           (48u + (n))
#define NUM_INTIDS              112

#define ARRAY_SIZE(array)   (sizeof(array) / sizeof((array)[0]))
#define BIT(n)              (1ul << (n))

/* How long to wait for what must come; only a hopeless wait is that long */
#define PATIENCE_MS     20000

#define read_sysreg(name) ({                                \
    uint64_t value_;                                        \
    asm volatile("mrs %0, " name : "=r" (value_));          \
    value_;                                                 \
})

#define write_sysreg(name, value)                           \
    asm volatile("msr " name ", %0\n\tisb"                  \
                 : : "r" ((uint64_t)(value)) : "memory")

/*
 * Registers are accessed by plain loads and stores: a hypervisor may be unable
 * to emulate those that also change the address, which compilers like.
 */
static inline uint32_t read32(uintptr_t address)
{
    uint32_t value;

    asm volatile("ldr %w0, [%1]\n\tdsb sy"
                 : "=r" (value) : "r" (address) : "memory");
    return value;
}

static inline void write32(uintptr_t address, uint32_t value)
{
    asm volatile("dsb sy\n\tstr %w0, [%1]"
                 : : "r" (value), "r" (address) : "memory");
}

static inline uint8_t read8(uintptr_t address)
{
    uint32_t value;

    asm volatile("ldrb %w0, [%1]\n\tdsb sy"
                 : "=r" (value) : "r" (address) : "memory");
    return value;
}

static inline void write8(uintptr_t address, uint8_t value)
{
    asm volatile("dsb sy\n\tstrb %w0, [%1]"
                 : : "r" (value), "r" (address) : "memory");
}

static inline void write64(uintptr_t address, uint64_t value)
{
    asm volatile("dsb sy\n\tstr %0, [%1]"
                 : : "r" (value), "r" (address) : "memory");
}

static inline uint64_t read64(uintptr_t address)
{
    return read32(address) | (uint64_t)read32(address + 4) << 32;
}

/* start.S: how the boot CPU was found */
struct boot_state {
    uint64_t device_tree;
    uint64_t other_arguments;
    uint64_t current_el;
    uint64_t daif;
    uint64_t sp_sel;
    uint64_t sctlr;
};

extern const char image_start[], image_end[];
void second_start(void);

/* string.c */
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
int strcmp(const char *a, const char *b);

/* mmu.c */
void mmu_map_ram(uintptr_t base, uintptr_t size);

/* What waiting consists of */
static inline void relax(void)
{
    asm volatile("yield" : : : "memory");
}

/* timer.c */
uint64_t now(void);
uint64_t ticks(unsigned ms);
uint64_t in_ms(unsigned ms);
bool passed(uint64_t deadline);

/* gic.c, after gic_init() */
void gic_init(bool v3);
void gic_init_cpu(unsigned number);
void gic_enable(unsigned intid);
void gic_disable(unsigned intid);
bool gic_is_pending(unsigned intid);
void gic_send_sgi(uint64_t mpidr, unsigned sgi);
uint32_t gic_acknowledge(void);
void gic_complete(uint32_t acknowledged);

/* irq.c: interrupts are counted for each of our two CPUs */
unsigned irq_count(unsigned cpu, unsigned intid);
bool irq_wait(unsigned cpu, unsigned intid, unsigned count);
void irqs_on(void);
void irqs_off(void);

/* psci.c */
void psci_system_off(void);
int psci_cpu_on(uint64_t mpidr, uint64_t context);
void psci_cpu_off(void);
int psci_affinity_info(uint64_t mpidr);

/* fdt.c: what is taken from the device tree */
struct device_tree {
    bool valid;
    bool is_virtio_desktop;
    bool has_uart;
    bool has_rtc;
    uint64_t slots;             /* bit n: slot n is described */
    uint64_t ram_base;
    uint64_t ram_size;
    unsigned cpus;
    bool gicv3;
    const char *bootargs;
};

extern struct device_tree dt;
void fdt_read(uintptr_t address);
/* Is "name" or "name=..." among the boot arguments?  Returns what follows */
const char *boot_option(const char *name);

/* console.c */
void console_write(const char *text, size_t size);
void console_try(void);

/* main.c */
extern struct boot_state boot;

#endif /* GUEST_H */

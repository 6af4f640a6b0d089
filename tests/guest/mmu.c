/*
 * Identity-mapped memory: RAM and window are write-back, all else is Device
 *
 * Only what is used is mapped: a CPU may read ahead in normal memory, and
 * what is neither RAM nor a region of the window must not be touched.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "guest.h"

#define BLOCK           BIT(21)
#define TABLE_ENTRIES   512
#define NUM_TABLES      6

#define PTE_BLOCK       1ul
#define PTE_TABLE       3ul
#define PTE_RAM         (0ul << 2 | 3ul << 8)           /* inner shareable */
#define PTE_DEVICE      (1ul << 2 | BIT(53) | BIT(54))  /* never executed */
#define PTE_ACCESSED    BIT(10)
#define PTE_ADDRESS     0x0000fffffffff000ul

uint64_t mmu_table[TABLE_ENTRIES] __attribute__((aligned(4096)));
static uint64_t tables[NUM_TABLES][TABLE_ENTRIES]
    __attribute__((aligned(4096)));
static unsigned tables_used;

/* The table of 2 MiB blocks of a GiB; none is left if it returns NULL */
static uint64_t *block_table(uintptr_t address)
{
    uint64_t *entry = &mmu_table[address >> 30 & (TABLE_ENTRIES - 1)];

    if (!*entry) {
        if (tables_used == NUM_TABLES) {
            return NULL;
        }
        *entry = (uintptr_t)tables[tables_used++] | PTE_TABLE;
    }
    return (uint64_t *)(*entry & PTE_ADDRESS);
}

static void map(uintptr_t base, uintptr_t size, uint64_t attributes)
{
    uintptr_t at;

    for (at = base & ~(BLOCK - 1); at < base + size; at += BLOCK) {
        uint64_t *table = block_table(at);

        if (table) {
            table[at >> 21 & (TABLE_ENTRIES - 1)] =
                at | attributes | PTE_ACCESSED | PTE_BLOCK;
        }
    }
    asm volatile("dsb ish\n\tisb" : : : "memory");
}

void mmu_map_ram(uintptr_t base, uintptr_t size)
{
    map(base, size, PTE_RAM);
}

/* Called without MMU and caches, on the boot CPU */
void mmu_prepare(uintptr_t device_tree)
{
    map(GIC_DIST, WINDOW - GIC_DIST, PTE_DEVICE);
    map((uintptr_t)image_start, image_end - image_start, PTE_RAM);
    if (device_tree) {
        map(device_tree, 8, PTE_RAM);
    }
}

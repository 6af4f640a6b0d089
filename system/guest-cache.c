/*
 * Memory that a guest may access past the host's caches
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "system/guest-cache.h"
#include "system/kvm.h"
#include "trace.h"

#if defined(HOST_AARCH64) && defined(CONFIG_LINUX)

/*
 * A guest's mapping "uncached" and KVM's "cached" make one that is uncached,
 * but for CPUs with FEAT_S2FWB.  Programs cannot tell whether theirs has it.
 */
static bool is_needed(void)
{
    return kvm_enabled();
}

/* The smallest line of all caches: CTR_EL0.DminLine is log2 of 4-byte words */
static size_t line_size(void)
{
    uint64_t ctr;

    asm("mrs %0, ctr_el0" : "=r"(ctr));
    return 4 << ((ctr >> 16) & 0xf);
}

/* Both reach the point of coherency, where all views of memory meet */
static void clean_lines(uintptr_t start, uintptr_t end, size_t line)
{
    uintptr_t p;

    for (p = start & -line; p < end; p += line) {
        asm volatile("dc cvac, %0" : : "r"(p) : "memory");
    }
    asm volatile("dsb sy" : : : "memory");
}

static void clean_and_invalidate_lines(uintptr_t start, uintptr_t end,
                                       size_t line)
{
    uintptr_t p;

    for (p = start & -line; p < end; p += line) {
        asm volatile("dc civac, %0" : : "r"(p) : "memory");
    }
    asm volatile("dsb sy" : : : "memory");
}

#else

static bool is_needed(void)
{
    return false;
}

static size_t line_size(void)
{
    return 0;
}

static void clean_lines(uintptr_t start, uintptr_t end, size_t line)
{
    g_assert_not_reached();
}

static void clean_and_invalidate_lines(uintptr_t start, uintptr_t end,
                                       size_t line)
{
    g_assert_not_reached();
}

#endif

void guest_cache_clean(const void *host, size_t size)
{
    uintptr_t start = (uintptr_t)host;

    if (is_needed()) {
        trace_guest_cache_clean(host, size);
        clean_lines(start, start + size, line_size());
    }
}

bool guest_cache_flush(const void *host, size_t size)
{
    uintptr_t start = (uintptr_t)host;

    if (!is_needed()) {
        return false;
    }
    trace_guest_cache_flush(host, size);
    clean_and_invalidate_lines(start, start + size, line_size());
    return true;
}

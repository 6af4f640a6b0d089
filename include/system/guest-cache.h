/*
 * Memory that a guest may access past the host's caches
 *
 * A guest's mapping of its memory can be uncached.  Mostly that means nothing:
 * the hypervisor's attributes win, or the hardware keeps all views coherent.
 * With KVM on arm64 the guest's attributes can win, and then QEMU, whose own
 * mapping is cached, does not see what the guest writes, nor the guest what
 * QEMU writes.  Devices whose memory guests are known to map like that (a
 * plain framebuffer) say here when the two views are to be made one.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef SYSTEM_GUEST_CACHE_H
#define SYSTEM_GUEST_CACHE_H

/**
 * guest_cache_clean: let the guest see what QEMU wrote
 * @host: start of the memory, in QEMU
 * @size: its size in bytes
 *
 * To be called after the write and before a vCPU runs.
 */
void guest_cache_clean(const void *host, size_t size);

/**
 * guest_cache_flush: let QEMU see what the guest wrote
 * @host: start of the memory, in QEMU
 * @size: its size in bytes
 *
 * To be called before the read.  QEMU must not have written to this memory
 * since it was cleaned last.
 *
 * Returns: whether that was needed: what QEMU has read of this memory before
 * may be older than what the guest had written then
 */
bool guest_cache_flush(const void *host, size_t size);

#endif /* SYSTEM_GUEST_CACHE_H */

/*
 * The re-entrancy guard of a virtio device's transport
 *
 * A guest may place a buffer on the registers of the device that fills it.
 * QEMU refuses such an access while the transport handles a register or a
 * guarded bottom half.  Timers, ioeventfd handlers, and callbacks of a user
 * interface or of a change of the VM's state are not guarded by QEMU: they take
 * the guard with these functions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_VIRTIO_GUARD_H
#define HW_VIRTIO_GUARD_H

#include "hw/qdev-core.h"
#include "hw/virtio/virtio.h"

/*
 * Returns: what virtio_guard_leave() takes; NULL if the guard was taken before,
 * then it stays so until the first owner leaves.
 */
static inline MemReentrancyGuard *virtio_guard_enter(VirtIODevice *vdev)
{
    DeviceState *transport = qdev_get_parent_bus(DEVICE(vdev))->parent;
    MemReentrancyGuard *guard = &transport->mem_reentrancy_guard;

    if (guard->engaged_in_io) {
        return NULL;
    }
    guard->engaged_in_io = true;
    return guard;
}

/* The device may be gone by now, its transport may not */
static inline void virtio_guard_leave(MemReentrancyGuard *guard)
{
    if (guard) {
        guard->engaged_in_io = false;
    }
}

#endif

/*
 * virtio-power: the machine as a virtio device
 *
 * The device knows the wire format and the queues.  What the machine consists
 * of, and how its parts come and go, it asks of a machine's board, by one
 * interface.  See docs/specs/virtio-power.rst.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_VIRTIO_POWER_H
#define HW_MISC_VIRTIO_POWER_H

#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-power-wire.h"
#include "qom/object.h"

#define TYPE_VIRTIO_POWER "virtio-power-device"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOPower, VIRTIO_POWER)

/*
 * What is behind the device: implemented by a board, and the device's link
 * property "machine".
 */
#define TYPE_VIRTIO_POWER_MACHINE "virtio-power-machine"
typedef struct VirtIOPowerMachine VirtIOPowerMachine;
typedef struct VirtIOPowerMachineClass VirtIOPowerMachineClass;
DECLARE_CLASS_CHECKERS(VirtIOPowerMachineClass, VIRTIO_POWER_MACHINE,
                       TYPE_VIRTIO_POWER_MACHINE)
#define VIRTIO_POWER_MACHINE(obj) \
    INTERFACE_CHECK(VirtIOPowerMachine, (obj), TYPE_VIRTIO_POWER_MACHINE)

struct VirtIOPowerMachineClass {
    InterfaceClass parent_class;

    /*
     * Records of a table, which is named by its request
     * (VIRTIO_POWER_REQ_GET_MACHINE to _GET_RANGES).  Constant.
     */
    uint32_t (*count)(VirtIOPowerMachine *machine,
                      enum virtio_power_request_type table);
    /* Fill in the zeroed @record, as on the wire; @index is below the count */
    void (*get_record)(VirtIOPowerMachine *machine,
                       enum virtio_power_request_type table, uint32_t index,
                       void *record);

    /* Requests about a slot or a CPU that there is */
    enum virtio_power_status (*slot_reset)(VirtIOPowerMachine *machine,
                                           uint32_t slot);
    enum virtio_power_status (*slot_eject)(VirtIOPowerMachine *machine,
                                           uint32_t slot, bool refuse);
    enum virtio_power_status (*cpu_reset)(VirtIOPowerMachine *machine,
                                          uint32_t cpu);
    enum virtio_power_status (*cpu_park)(VirtIOPowerMachine *machine,
                                         uint32_t cpu);
    enum virtio_power_status (*cpu_unpark)(VirtIOPowerMachine *machine,
                                           uint32_t cpu);
    enum virtio_power_status (*cpu_refuse)(VirtIOPowerMachine *machine,
                                           uint32_t cpu);
};

/**
 * virtio_power_changed: tell the guest that a table has changed
 * @power: the device
 *
 * Call it when the board answers with the new contents already, and before the
 * event about the change.
 */
void virtio_power_changed(VirtIOPower *power);

/**
 * virtio_power_attends: does the guest's driver want events of a type?
 * @power: the device
 * @type: event type
 *
 * If not, nobody will answer it.
 */
bool virtio_power_attends(VirtIOPower *power,
                          enum virtio_power_event_type type);

/**
 * virtio_power_send_event: tell the guest of a slot or a CPU
 * @power: the device
 * @type: one of VIRTIO_POWER_EVENT_SLOT_ADDED to _CPU_REMOVAL_ASKED
 * @index: number of the slot or CPU
 *
 * It waits if the guest has no buffer, and is merged with one that waits
 * already.  Nothing happens if the type is not attended.
 */
void virtio_power_send_event(VirtIOPower *power,
                             enum virtio_power_event_type type,
                             uint32_t index);

/**
 * virtio_power_drop_event: forget an event that is not true any more
 * @power: the device
 * @type: as for virtio_power_send_event()
 * @index: likewise
 *
 * Only if it still waits.
 */
void virtio_power_drop_event(VirtIOPower *power,
                             enum virtio_power_event_type type,
                             uint32_t index);

#endif /* HW_MISC_VIRTIO_POWER_H */

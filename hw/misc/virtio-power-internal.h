/*
 * virtio-power: what the parts of the device share
 *
 * virtio-power.c is the virtio device, virtio-power-request.c carries out what
 * a driver asks, virtio-power-event.c tells it what happens, and
 * virtio-power-suspend.c has the machine sleep and wake up.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_VIRTIO_POWER_INTERNAL_H
#define HW_MISC_VIRTIO_POWER_INTERNAL_H

#include "hw/misc/virtio-power.h"
#include "migration/vmstate.h"
#include "qemu/notify.h"
#include "qemu/timer.h"
#include "system/runstate.h"

/* Event types that are about one slot or one CPU */
#define VIRTIO_POWER_FIRST_INDEXED  VIRTIO_POWER_EVENT_SLOT_ADDED
#define VIRTIO_POWER_NUM_INDEXED    4

/* PANICs that a user can tell apart */
#define VIRTIO_POWER_NUM_PANICS     2

struct VirtIOPower {
    /*< private >*/
    VirtIODevice parent_obj;

    /*< public >*/
    /* Properties */
    VirtIOPowerMachine *machine;
    bool allow_exit;

    /* Guest-visible */
    uint32_t generation;
    uint32_t num_slots;
    uint32_t num_cpus;

    /* Events: types as bits, as in SET_EVENTS */
    uint32_t wanted;
    uint32_t waiting;               /* of those without an index */
    uint32_t wake_reason;           /* of a WAKE that waits */
    int32_t indexes[VIRTIO_POWER_NUM_INDEXED];  /* bits of what follows */
    unsigned long *waiting_for[VIRTIO_POWER_NUM_INDEXED];

    /* Suspend */
    VirtQueueElement *suspend;      /* SUSPEND that has no answer yet */
    int64_t wake_at;                /* ns, QEMU_CLOCK_VIRTUAL_RT; 0: never */
    bool wake_soon;                 /* on behalf of the user */
    uint32_t woken;                 /* VIRTIO_POWER_WAKE_* to answer with */

    /* Runtime */
    VirtQueue *request_vq;
    VirtQueue *event_vq;
    QEMUBH *request_bh;
    QEMUTimer *wake_timer;
    Notifier powerdown_notifier;
    Notifier suspend_notifier;
    Notifier wakeup_notifier;
    VMChangeStateEntry *vm_state;
    bool ending;                    /* has answered that the machine ends */
    int64_t next_panic[VIRTIO_POWER_NUM_PANICS];    /* ms */
};

/* virtio-power.c */

/* virtio_power_count: number of records of @table */
uint32_t virtio_power_count(VirtIOPower *power,
                            enum virtio_power_request_type table);

/* virtio-power-request.c */

/**
 * virtio_power_do_requests: carry out requests of the request queue
 *
 * Called by @request_bh.  Does a bounded amount of work and schedules it for
 * more.
 */
void virtio_power_do_requests(VirtIOPower *power);

/* virtio-power-event.c */

extern const VMStateDescription vmstate_virtio_power_events;

/* virtio_power_events_init: nothing is wanted and nothing waits */
void virtio_power_events_init(VirtIOPower *power);

/* virtio_power_events_cleanup: the opposite */
void virtio_power_events_cleanup(VirtIOPower *power);

/* virtio_power_events_reset: forget what was wanted, and what waits */
void virtio_power_events_reset(VirtIOPower *power);

/* virtio_power_known_events: bits of the types that the device has */
uint32_t virtio_power_known_events(void);

/* virtio_power_want_events: from now on send events of @types, as bits */
enum virtio_power_status virtio_power_want_events(VirtIOPower *power,
                                                  uint32_t types);

/* virtio_power_make_event: as virtio_power_send_event(), for other types */
void virtio_power_make_event(VirtIOPower *power,
                             enum virtio_power_event_type type);

/* virtio_power_make_wake: likewise, for WAKE with its reason */
void virtio_power_make_wake(VirtIOPower *power, enum virtio_power_wake reason);

/* virtio_power_is_driven: does the machine run, with a driver? */
bool virtio_power_is_driven(VirtIOPower *power);

/* virtio_power_send_events: send what waits, as far as there are buffers */
void virtio_power_send_events(VirtIOPower *power);

/* virtio_power_user_waits: does a wish of the user wait for a buffer? */
bool virtio_power_user_waits(VirtIOPower *power);

/* virtio-power-suspend.c */

extern const VMStateDescription vmstate_virtio_power_suspend;

/* virtio_power_suspend_init: let the machine be suspended */
void virtio_power_suspend_init(VirtIOPower *power);

/* virtio_power_suspend_cleanup: the opposite */
void virtio_power_suspend_cleanup(VirtIOPower *power);

/**
 * virtio_power_suspend: suspend the machine
 * @power: the device
 * @elem: the request, taken over; answered when the machine is awake again
 * @wake_after: ns, or 0 not to wake up by time
 */
void virtio_power_suspend(VirtIOPower *power, VirtQueueElement *elem,
                          uint64_t wake_after);

/* virtio_power_drop_suspend: never answer the request */
void virtio_power_drop_suspend(VirtIOPower *power);

/* virtio_power_suspend_reset: end it with everything else of the machine */
void virtio_power_suspend_reset(VirtIOPower *power);

/* virtio_power_user_wakes: the user wants something of the guest */
void virtio_power_user_wakes(VirtIOPower *power);

/* virtio_power_suspend_run: the machine runs, in @state, or has stopped */
void virtio_power_suspend_run(VirtIOPower *power, bool running,
                              RunState state);

#endif /* HW_MISC_VIRTIO_POWER_INTERNAL_H */

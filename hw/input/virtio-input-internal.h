/*
 * virtio-input: what its files share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_INPUT_VIRTIO_INPUT_INTERNAL_H
#define HW_INPUT_VIRTIO_INPUT_INTERNAL_H

#include "hw/virtio/virtio.h"
#include "migration/vmstate.h"
#include "hw/virtio/virtio-input.h"

#include "standard-headers/linux/input.h"

#define VIRTIO_INPUT_VM_VERSION 1

/* Drivers have about as many buffers, even if the ring has room for more */
#define VIRTIO_INPUT_QUEUE_SIZE 64
/* A host's report that is longer is cut in two */
#define VIRTIO_INPUT_REPORT_MAX 1024
/* While more events than this wait, new motion is added to what waits */
#define VIRTIO_INPUT_SOFT_MAX   1024
/* If more wait, only the difference that they make is kept */
#define VIRTIO_INPUT_HARD_MAX   16384

/* More slots than any touch device has; a report names those it means */
#define VIRTIO_INPUT_SLOTS      32
#define VIRTIO_INPUT_MT_AXES    (ABS_MT_TOOL_Y - ABS_MT_TOUCH_MAJOR + 1)

/* What is held: keys and buttons, and by slot the tracking ID or -1 */
typedef struct VirtIOInputHeld {
    uint64_t keys[DIV_ROUND_UP(KEY_CNT, 64)];
    int32_t contacts[VIRTIO_INPUT_SLOTS];
    int32_t slot;               /* that the next touch event is about, or -1 */
} VirtIOInputHeld;

/* The latest values of what has a position; a bit is set if one is known */
typedef struct VirtIOInputAxes {
    uint64_t known;
    uint16_t known_mt[VIRTIO_INPUT_SLOTS];
    int32_t abs[ABS_CNT];
    int32_t mt[VIRTIO_INPUT_SLOTS][VIRTIO_INPUT_MT_AXES];
} VirtIOInputAxes;

/* Events on their way to the guest, see virtio-input-queue.c */
typedef struct VirtIOInputQueue {
    virtio_input_event *events; /* in the byte order of the host */
    uint32_t size;              /* that there is room for in @events */
    uint32_t first;             /* index of the first event that waits */
    uint32_t len;               /* how many events wait... */
    uint32_t complete;          /* ...and how many of them in whole reports */
    uint32_t most_buffers;      /* of the guest that were here at one time */
    bool in_parts;              /* the first report has been sent in part */
    bool filter;                /* @last is certain: repetitions are known */
    bool has_slots;             /* touch events are about slots */

    VirtIOInputHeld host;       /* what the user holds */
    VirtIOInputHeld told;       /* what the guest has been told of */
    VirtIOInputHeld last;       /* the same, once nothing waits */
    VirtIOInputAxes axes;       /* as in @last */

    /* Only while the state is saved or loaded */
    virtio_input_event *saved;
    int32_t saved_len;
} VirtIOInputQueue;

/*
 * virtio-input-queue.c
 */

VirtIOInputQueue *virtio_input_queue_new(void);
void virtio_input_queue_free(VirtIOInputQueue *q);
/* The driver has gone; what it was told to be held is released for the next */
void virtio_input_queue_reset(VirtIOInputQueue *q);
/* Put an event at the end of what waits, as it is */
void virtio_input_queue_add(VirtIOInputQueue *q, uint16_t type, uint16_t code,
                            int32_t value);
/* Make the events added so far a report, if there are any */
void virtio_input_queue_end_report(VirtIOInputQueue *q);
/* Forget all that waits from event @n on */
void virtio_input_queue_truncate(VirtIOInputQueue *q, uint32_t n);
/* Release what the guest holds and the user does not */
void virtio_input_queue_release(VirtIOInputQueue *q);

static inline virtio_input_event *
virtio_input_queue_at(VirtIOInputQueue *q, uint32_t n)
{
    return &q->events[q->first + n];
}

static inline bool virtio_input_is_sync(const virtio_input_event *e)
{
    return e->type == EV_SYN && e->code == SYN_REPORT;
}

/*
 * virtio-input-held.c: state that events lead to
 */

void virtio_input_held_clear(VirtIOInputHeld *held);
bool virtio_input_held_any(const VirtIOInputHeld *held);
bool virtio_input_held_key(const VirtIOInputHeld *held, uint16_t code);
bool virtio_input_held_contact(const VirtIOInputHeld *held);
void virtio_input_held_apply(VirtIOInputHeld *held,
                             const virtio_input_event *e);
/* Can held and merged state take the event, and no memory beyond it? */
bool virtio_input_event_valid(const virtio_input_event *e);

static inline bool virtio_input_is_contact_axis(uint16_t code)
{
    return code >= ABS_MT_TOUCH_MAJOR && code <= ABS_MT_TOOL_Y;
}

/*
 * virtio-input-merge.c: when much waits
 */

/* Add the last report to the one before it, if both are only motion */
void virtio_input_merge_motion(VirtIOInputQueue *q);
/* Replace all that waits with the difference that it makes */
void virtio_input_fold(VirtIOInputQueue *q);

/*
 * virtio-input-flush.c: to the guest
 */

/* Pass on what waits, as far as the guest has buffers for it */
void virtio_input_flush(VirtIOInput *vinput);
/* The same after the guest's memory has perhaps been replaced */
void virtio_input_resume(VirtIOInput *vinput);

/*
 * virtio-input-vmstate.c
 */

/* Subsection of the vmsd of a device whose state can be migrated */
extern const VMStateDescription vmstate_virtio_input_events;

/*
 * virtio-input-exact.c: configuration space
 */

bool virtio_input_set_exact_config(VirtIOInputHID *vhid, Error **errp);

#endif

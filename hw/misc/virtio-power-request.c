/*
 * virtio-power: requests
 *
 * A request is copied out of guest memory before it is looked at, and checked
 * as a whole before it has any effect.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/iov.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qapi/qapi-events-run-state.h"
#include "hw/virtio/virtio-guard.h"
#include "system/cpus.h"
#include "system/rtc.h"
#include "system/system.h"
#include "virtio-power-internal.h"
#include "trace.h"

/* Not a status of the protocol: the response comes later */
#define DEFERRED (-1)

/* A guest must not drown the user in panics */
#define PANIC_INTERVAL_MS 1000

typedef struct Request Request;

struct Request {
    VirtIOPower *power;
    VirtIOPowerMachine *machine;
    VirtIOPowerMachineClass *vpmc;
    VirtQueueElement *elem;
    uint32_t type;                  /* in this machine's byte order */
    uint32_t index;
    size_t in_size;                 /* room for the response */
    void (*act)(Request *req);      /* to be done after the response */

    union {
        struct virtio_power_request hdr;
        struct virtio_power_set_events set_events;
        struct virtio_power_suspend suspend;
        struct virtio_power_panic panic;
        struct virtio_power_exit exit;
        struct virtio_power_slot_eject slot_eject;
    } u;

    union {
        struct virtio_power_response hdr;
        struct virtio_power_table table;
        struct virtio_power_time time;
    } resp;
    void *records;                  /* follow the response */
    size_t records_size;
};

/*
 * Tables
 */

static size_t record_size(enum virtio_power_request_type table)
{
    switch (table) {
    case VIRTIO_POWER_REQ_GET_MACHINE:
        return sizeof(struct virtio_power_machine);
    case VIRTIO_POWER_REQ_GET_CPUS:
        return sizeof(struct virtio_power_cpu);
    case VIRTIO_POWER_REQ_GET_CONTROLLERS:
        return sizeof(struct virtio_power_controller);
    case VIRTIO_POWER_REQ_GET_TIMERS:
        return sizeof(struct virtio_power_timer);
    case VIRTIO_POWER_REQ_GET_SLOTS:
        return sizeof(struct virtio_power_slot);
    case VIRTIO_POWER_REQ_GET_RANGES:
        return sizeof(struct virtio_power_range);
    default:
        g_assert_not_reached();
    }
}

static int get_table(Request *req)
{
    size_t size = record_size(req->type);
    uint32_t total = virtio_power_count(req->power, req->type);
    uint32_t count, i;

    if (req->index >= total) {
        return VIRTIO_POWER_S_NOT_FOUND;
    }
    count = MIN(total - req->index,
                (req->in_size - sizeof(req->resp.table)) / size);
    req->records_size = count * size;
    req->records = g_malloc0(req->records_size);
    for (i = 0; i < count; i++) {
        req->vpmc->get_record(req->machine, req->type, req->index + i,
                              req->records + i * size);
    }
    req->resp.table.generation = cpu_to_le32(req->power->generation);
    req->resp.table.total = cpu_to_le32(total);
    req->resp.table.count = cpu_to_le32(count);
    req->resp.table.record_size = cpu_to_le32(size);
    return VIRTIO_POWER_S_OK;
}

/* As an RTC of the machine has it, so that -rtc applies to both */
static int get_time(Request *req)
{
    int64_t now, seconds;
    struct tm tm;

    do {
        now = qemu_clock_get_ns(rtc_clock);
        qemu_get_timedate(&tm, 0);
    } while (qemu_clock_get_ns(rtc_clock) / NANOSECONDS_PER_SECOND !=
             now / NANOSECONDS_PER_SECOND);

    seconds = mktimegm(&tm);
    req->resp.time.seconds = cpu_to_le64(seconds);
    req->resp.time.nanoseconds = cpu_to_le32(now % NANOSECONDS_PER_SECOND);
    return VIRTIO_POWER_S_OK;
}

static int set_events(Request *req)
{
    return virtio_power_want_events(req->power,
                                    le32_to_cpu(req->u.set_events.events));
}

/*
 * Ending and resetting the machine
 */

static int end(Request *req, void (*act)(Request *req))
{
    req->act = act;
    /* What comes later would be lost anyhow */
    req->power->ending = true;
    return VIRTIO_POWER_S_OK;
}

static void do_power_off(Request *req)
{
    qemu_system_shutdown_request(SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
}

static int power_off(Request *req)
{
    return end(req, do_power_off);
}

static void do_reboot(Request *req)
{
    qemu_system_reset_request(SHUTDOWN_CAUSE_GUEST_RESET);
}

static int reboot(Request *req)
{
    return end(req, do_reboot);
}

/* What a power-off is with -action shutdown=pause */
static void do_halt(Request *req)
{
    qapi_event_send_shutdown(true, SHUTDOWN_CAUSE_GUEST_SHUTDOWN);
    qemu_system_vmstop_request_prepare();
    qemu_system_vmstop_request(RUN_STATE_SHUTDOWN);
    cpu_stop_current();
}

static int halt(Request *req)
{
    return end(req, do_halt);
}

static void do_exit(Request *req)
{
    qemu_system_shutdown_request_with_code(SHUTDOWN_CAUSE_GUEST_SHUTDOWN,
                                           le32_to_cpu(req->u.exit.status));
}

static int exit_request(Request *req)
{
    if (le32_to_cpu(req->u.exit.status) > 255) {
        return VIRTIO_POWER_S_INVALID;
    }
    return end(req, do_exit);
}

static bool is_handled(Request *req)
{
    return le32_to_cpu(req->u.panic.flags) & VIRTIO_POWER_PANIC_HANDLED;
}

static void do_panic(Request *req)
{
    if (is_handled(req)) {
        qemu_system_guest_crashloaded(NULL);
    } else {
        qemu_system_guest_panicked(NULL);
    }
}

static int panic(Request *req)
{
    int64_t now = qemu_clock_get_ms(QEMU_CLOCK_REALTIME);
    int64_t *next = &req->power->next_panic[is_handled(req)];

    if (le32_to_cpu(req->u.panic.flags) & ~VIRTIO_POWER_PANIC_HANDLED) {
        return VIRTIO_POWER_S_UNSUPPORTED;
    }
    if (now < *next) {
        return VIRTIO_POWER_S_BUSY;
    }
    *next = now + PANIC_INTERVAL_MS;
    req->act = do_panic;
    return VIRTIO_POWER_S_OK;
}

static int suspend(Request *req)
{
    if (req->power->suspend) {
        return VIRTIO_POWER_S_BUSY;
    }
    virtio_power_suspend(req->power, g_steal_pointer(&req->elem),
                         le64_to_cpu(req->u.suspend.wake_after));
    return DEFERRED;
}

/*
 * Slots and CPUs
 */

static int reset_slot(Request *req)
{
    return req->vpmc->slot_reset(req->machine, req->index);
}

static int eject_slot(Request *req)
{
    uint32_t verdict = le32_to_cpu(req->u.slot_eject.verdict);

    if (verdict > VIRTIO_POWER_EJECT_REFUSE) {
        return VIRTIO_POWER_S_INVALID;
    }
    return req->vpmc->slot_eject(req->machine, req->index,
                                 verdict == VIRTIO_POWER_EJECT_REFUSE);
}

static int reset_cpu(Request *req)
{
    return req->vpmc->cpu_reset(req->machine, req->index);
}

static int park_cpu(Request *req)
{
    return req->vpmc->cpu_park(req->machine, req->index);
}

static int unpark_cpu(Request *req)
{
    return req->vpmc->cpu_unpark(req->machine, req->index);
}

static int refuse_cpu(Request *req)
{
    return req->vpmc->cpu_refuse(req->machine, req->index);
}

/*
 * All requests
 */

#define NO_FEATURE (-1)

#define TABLE \
    { get_table, sizeof(struct virtio_power_request), \
      sizeof(struct virtio_power_table), NO_FEATURE, 0 }
#define REQUEST(execute, what, feature) \
    { execute, sizeof(struct virtio_power_ ## what), \
      sizeof(struct virtio_power_response), feature, 0 }
#define SLOT_REQUEST(execute, what, feature) \
    { execute, sizeof(struct virtio_power_ ## what), \
      sizeof(struct virtio_power_response), feature, \
      VIRTIO_POWER_REQ_GET_SLOTS }
#define CPU_REQUEST(execute) \
    { execute, sizeof(struct virtio_power_request), \
      sizeof(struct virtio_power_response), VIRTIO_POWER_F_CPU_HOTPLUG, \
      VIRTIO_POWER_REQ_GET_CPUS }

static const struct {
    int (*execute)(Request *req);
    size_t size;
    size_t resp_size;               /* without records */
    int feature;
    int index_of;                   /* table that the index has to be in */
} requests[] = {
    [VIRTIO_POWER_REQ_GET_MACHINE] = TABLE,
    [VIRTIO_POWER_REQ_GET_CPUS] = TABLE,
    [VIRTIO_POWER_REQ_GET_CONTROLLERS] = TABLE,
    [VIRTIO_POWER_REQ_GET_TIMERS] = TABLE,
    [VIRTIO_POWER_REQ_GET_SLOTS] = TABLE,
    [VIRTIO_POWER_REQ_GET_RANGES] = TABLE,
    [VIRTIO_POWER_REQ_GET_TIME] = {
        get_time, sizeof(struct virtio_power_request),
        sizeof(struct virtio_power_time), NO_FEATURE, 0,
    },
    [VIRTIO_POWER_REQ_SET_EVENTS] =
        REQUEST(set_events, set_events, NO_FEATURE),
    [VIRTIO_POWER_REQ_POWER_OFF] = REQUEST(power_off, request, NO_FEATURE),
    [VIRTIO_POWER_REQ_REBOOT] = REQUEST(reboot, request, NO_FEATURE),
    [VIRTIO_POWER_REQ_HALT] = REQUEST(halt, request, NO_FEATURE),
    [VIRTIO_POWER_REQ_SUSPEND] = {
        suspend, sizeof(struct virtio_power_suspend),
        sizeof(struct virtio_power_suspend_response),
        VIRTIO_POWER_F_SUSPEND, 0,
    },
    [VIRTIO_POWER_REQ_PANIC] = REQUEST(panic, panic, NO_FEATURE),
    [VIRTIO_POWER_REQ_EXIT] =
        REQUEST(exit_request, exit, VIRTIO_POWER_F_EXIT),
    [VIRTIO_POWER_REQ_SLOT_RESET] =
        SLOT_REQUEST(reset_slot, request, NO_FEATURE),
    [VIRTIO_POWER_REQ_SLOT_EJECT] =
        SLOT_REQUEST(eject_slot, slot_eject, VIRTIO_POWER_F_SLOT_HOTPLUG),
    [VIRTIO_POWER_REQ_CPU_RESET] = CPU_REQUEST(reset_cpu),
    [VIRTIO_POWER_REQ_CPU_PARK] = CPU_REQUEST(park_cpu),
    [VIRTIO_POWER_REQ_CPU_UNPARK] = CPU_REQUEST(unpark_cpu),
    [VIRTIO_POWER_REQ_CPU_REFUSE] = CPU_REQUEST(refuse_cpu),
};

/* What is the same for all requests of a type */
static int check(Request *req)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(req->power);
    uint32_t type = req->type;

    if (type >= ARRAY_SIZE(requests) || !requests[type].execute ||
        req->u.hdr.flags ||
        (requests[type].feature != NO_FEATURE &&
         !virtio_vdev_has_feature(vdev, requests[type].feature))) {
        return VIRTIO_POWER_S_UNSUPPORTED;
    }
    if (req->in_size < requests[type].resp_size) {
        return VIRTIO_POWER_S_INVALID;
    }
    if (requests[type].index_of &&
        req->index >= virtio_power_count(req->power, requests[type].index_of)) {
        return VIRTIO_POWER_S_NOT_FOUND;
    }
    return VIRTIO_POWER_S_OK;
}

static int execute(Request *req)
{
    size_t rest;
    int status = check(req);

    if (status != VIRTIO_POWER_S_OK) {
        return status;
    }
    /* The header is not read again: it may not be what it was */
    rest = requests[req->type].size - sizeof(req->u.hdr);
    if (iov_to_buf(req->elem->out_sg, req->elem->out_num, sizeof(req->u.hdr),
                   &req->u.hdr + 1, rest) != rest) {
        return VIRTIO_POWER_S_INVALID;
    }
    return requests[req->type].execute(req);
}

static void respond(Request *req, int status)
{
    VirtQueueElement *elem = req->elem;
    size_t size = sizeof(req->resp.hdr);

    req->resp.hdr.status = cpu_to_le32(status);
    if (status == VIRTIO_POWER_S_OK) {
        size = requests[req->type].resp_size;
        if (req->records_size) {
            iov_from_buf(elem->in_sg, elem->in_num, size,
                         req->records, req->records_size);
        }
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "virtio-power: request %u: status %d\n",
                      req->type, status);
    }
    iov_from_buf(elem->in_sg, elem->in_num, 0, &req->resp, size);
    virtqueue_push(req->power->request_vq, elem, size + req->records_size);
    virtio_notify(VIRTIO_DEVICE(req->power), req->power->request_vq);
}

static void handle_element(Request *req)
{
    VirtQueueElement *elem = req->elem;
    int status;

    if (iov_to_buf(elem->out_sg, elem->out_num, 0, &req->u.hdr,
                   sizeof(req->u.hdr)) != sizeof(req->u.hdr) ||
        req->in_size < sizeof(req->resp.hdr)) {
        virtqueue_detach_element(req->power->request_vq, elem, 0);
        virtio_error(VIRTIO_DEVICE(req->power), "virtio-power: request without"
                     " room for its header or its response");
        return;
    }
    req->type = le32_to_cpu(req->u.hdr.type);
    req->index = le32_to_cpu(req->u.hdr.index);
    status = execute(req);
    trace_virtio_power_request(req->type, req->index, status);
    if (status != DEFERRED) {
        respond(req, status);
    }
}

/* Returns: was there one? */
static bool handle_request(VirtIOPower *power)
{
    Request req = {
        .power = power,
        .machine = power->machine,
        .vpmc = VIRTIO_POWER_MACHINE_GET_CLASS(power->machine),
    };
    /* The guest chooses where the response is, and what a write there does */
    MemReentrancyGuard *guard = virtio_guard_enter(VIRTIO_DEVICE(power));

    req.elem = virtqueue_pop(power->request_vq, sizeof(VirtQueueElement));
    if (!req.elem) {
        virtio_guard_leave(guard);
        return false;
    }
    req.in_size = iov_size(req.elem->in_sg, req.elem->in_num);
    handle_element(&req);
    virtio_guard_leave(guard);
    /* This may wait for CPUs, which must get at the device's registers */
    if (req.act) {
        req.act(&req);
    }
    g_free(req.records);
    g_free(req.elem);
    return true;
}

void virtio_power_do_requests(VirtIOPower *power)
{
    int budget = virtio_queue_get_num(VIRTIO_DEVICE(power),
                                      VIRTIO_POWER_VQ_REQUEST);

    while (virtio_power_is_driven(power) && !power->ending && budget > 0 &&
           handle_request(power)) {
        budget--;
    }
    /* A guest that is faster than this must not keep the main loop */
    if (!budget) {
        qemu_bh_schedule(power->request_bh);
    }
}

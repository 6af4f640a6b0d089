/*
 * virtio-power: suspend
 *
 * QEMU's main loop suspends the machine some time after the request, and wakes
 * it up some time after something has called for it.  Meanwhile the user may
 * stop, save or migrate the machine.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "hw/virtio/virtio-guard.h"
#include "migration/qemu-file-types.h"
#include "virtio-power-internal.h"
#include "trace.h"

/*
 * The clock of the CPUs' timers goes on while they are suspended, but timers
 * on QEMU_CLOCK_VIRTUAL do not run.  This is the same clock with timers that
 * do.
 */
#define WAKE_CLOCK QEMU_CLOCK_VIRTUAL_RT

static void answer(VirtIOPower *power, uint32_t reason)
{
    VirtQueueElement *elem = g_steal_pointer(&power->suspend);
    struct virtio_power_suspend_response resp = {
        .hdr.status = cpu_to_le32(VIRTIO_POWER_S_OK),
        .reason = cpu_to_le32(reason),
    };

    iov_from_buf(elem->in_sg, elem->in_num, 0, &resp, sizeof(resp));
    virtqueue_push(power->request_vq, elem, sizeof(resp));
    virtio_notify(VIRTIO_DEVICE(power), power->request_vq);
    g_free(elem);
}

/* The machine is awake, or has never slept; it may have stopped since */
static void finish(VirtIOPower *power)
{
    uint32_t reason = power->woken;
    MemReentrancyGuard *guard;

    if (!reason || !VIRTIO_DEVICE(power)->vm_running) {
        return;
    }
    trace_virtio_power_woken(reason);
    power->woken = 0;
    guard = virtio_guard_enter(VIRTIO_DEVICE(power));
    virtio_power_make_wake(power, reason);
    if (power->suspend) {
        answer(power, reason);
    }
    virtio_guard_leave(guard);
}

static void forget_wakers(VirtIOPower *power)
{
    timer_del(power->wake_timer);
    power->wake_at = 0;
    power->wake_soon = false;
}

static void arm(VirtIOPower *power)
{
    if (power->wake_soon || virtio_power_user_waits(power)) {
        power->wake_soon = true;
        timer_mod(power->wake_timer, 0);
    } else if (power->wake_at) {
        timer_mod(power->wake_timer, power->wake_at);
    }
}

static void timer_cb(void *opaque)
{
    VirtIOPower *power = opaque;

    qemu_system_wakeup_request(power->wake_soon ? QEMU_WAKEUP_REASON_OTHER :
                                                  QEMU_WAKEUP_REASON_RTC,
                               NULL);
}

void virtio_power_user_wakes(VirtIOPower *power)
{
    /* A machine that is about to sleep, or sleeps and is stopped, as well */
    power->wake_soon = power->suspend || vm_get_suspended();
    if (runstate_check(RUN_STATE_SUSPENDED)) {
        qemu_system_wakeup_request(QEMU_WAKEUP_REASON_OTHER, NULL);
    }
}

static void suspend_notify(Notifier *notifier, void *data)
{
    arm(container_of(notifier, VirtIOPower, suspend_notifier));
}

static void wakeup_notify(Notifier *notifier, void *data)
{
    VirtIOPower *power = container_of(notifier, VirtIOPower, wakeup_notifier);
    WakeupReason *reason = data;

    forget_wakers(power);
    switch (*reason) {
    case QEMU_WAKEUP_REASON_RTC:
    case QEMU_WAKEUP_REASON_PMTIMER:
        power->woken = VIRTIO_POWER_WAKE_TIME;
        break;
    case QEMU_WAKEUP_REASON_INPUT:
        power->woken = VIRTIO_POWER_WAKE_INPUT;
        break;
    default:
        power->woken = VIRTIO_POWER_WAKE_HOST;
    }
    finish(power);
}

void virtio_power_suspend(VirtIOPower *power, VirtQueueElement *elem,
                          uint64_t wake_after)
{
    int64_t now = qemu_clock_get_ns(WAKE_CLOCK);

    power->suspend = elem;
    if (virtio_power_user_waits(power)) {
        power->woken = VIRTIO_POWER_WAKE_HOST;
        finish(power);
        return;
    }
    power->wake_at = wake_after ? now + MIN(wake_after, INT64_MAX - now) : 0;
    qemu_system_suspend_request();
}

void virtio_power_suspend_run(VirtIOPower *power, bool running, RunState state)
{
    if (!running) {
        timer_del(power->wake_timer);
        return;
    }
    finish(power);
    if (state == RUN_STATE_SUSPENDED) {
        arm(power);
    } else if (power->suspend) {
        /* Stopped or migrated before it slept */
        qemu_system_suspend_request();
    }
}

void virtio_power_drop_suspend(VirtIOPower *power)
{
    if (power->suspend) {
        virtqueue_detach_element(power->request_vq, power->suspend, 0);
        g_clear_pointer(&power->suspend, g_free);
    }
}

void virtio_power_suspend_reset(VirtIOPower *power)
{
    forget_wakers(power);
    power->woken = 0;
    /* CPUs that start anew are not asleep */
    if (runstate_check(RUN_STATE_SUSPENDED)) {
        qemu_system_wakeup_request(QEMU_WAKEUP_REASON_OTHER, NULL);
    }
}

void virtio_power_suspend_init(VirtIOPower *power)
{
    power->wake_timer = timer_new_ns(WAKE_CLOCK, timer_cb, power);
    power->suspend_notifier.notify = suspend_notify;
    qemu_register_suspend_notifier(&power->suspend_notifier);
    power->wakeup_notifier.notify = wakeup_notify;
    qemu_register_wakeup_notifier(&power->wakeup_notifier);
    qemu_system_wakeup_enable(QEMU_WAKEUP_REASON_INPUT, true);
    qemu_register_wakeup_support();
}

void virtio_power_suspend_cleanup(VirtIOPower *power)
{
    virtio_power_drop_suspend(power);
    notifier_remove(&power->suspend_notifier);
    notifier_remove(&power->wakeup_notifier);
    timer_free(power->wake_timer);
}

/*
 * Migration
 */

static int put_request(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field, JSONWriter *vmdesc)
{
    VirtIOPower *power = container_of(pv, VirtIOPower, suspend);

    qemu_put_byte(f, !!power->suspend);
    if (power->suspend) {
        qemu_put_virtqueue_element(VIRTIO_DEVICE(power), f, power->suspend);
    }
    return 0;
}

static int get_request(QEMUFile *f, void *pv, size_t size,
                       const VMStateField *field)
{
    VirtIOPower *power = container_of(pv, VirtIOPower, suspend);
    VirtQueueElement *elem;

    /* A state that is not valid may have it twice */
    if (power->suspend) {
        return -EINVAL;
    }
    if (!qemu_get_byte(f)) {
        return 0;
    }
    elem = qemu_get_virtqueue_element(VIRTIO_DEVICE(power), f, sizeof(*elem));
    power->suspend = elem;
    if (iov_size(elem->in_sg, elem->in_num) <
        sizeof(struct virtio_power_suspend_response)) {
        return -EINVAL;
    }
    return 0;
}

static const VMStateInfo vmstate_info_request = {
    .name = "virtio-power/suspend",
    .get = get_request,
    .put = put_request,
};

static bool suspend_needed(void *opaque)
{
    VirtIOPower *power = opaque;

    return power->suspend || power->wake_at || power->wake_soon ||
           power->woken;
}

static int suspend_post_load(void *opaque, int version_id)
{
    VirtIOPower *power = opaque;

    return power->woken > VIRTIO_POWER_WAKE_INPUT || power->wake_at < 0 ?
           -EINVAL : 0;
}

/* The clock of wake_at is saved and restored with all other clocks */
const VMStateDescription vmstate_virtio_power_suspend = {
    .name = "virtio-power-device/suspend",
    .version_id = 1,
    .minimum_version_id = 1,
    .needed = suspend_needed,
    .post_load = suspend_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_INT64(wake_at, VirtIOPower),
        VMSTATE_BOOL(wake_soon, VirtIOPower),
        VMSTATE_UINT32(woken, VirtIOPower),
        VMSTATE_SINGLE(suspend, VirtIOPower, 1, vmstate_info_request,
                       VirtQueueElement *),
        VMSTATE_END_OF_LIST()
    }
};

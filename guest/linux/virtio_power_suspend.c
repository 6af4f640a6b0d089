// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: suspend to RAM
 *
 * The queues of this device work until everything else sleeps. It is reset when
 * the machine is awake again, as all virtio devices are.
 *
 * The clock's interrupt does not wake the machine, so an alarm becomes the time
 * after which the device does.
 */

#include <linux/acpi.h>
#include <linux/rtc.h>
#include <linux/suspend.h>
#include <linux/virtio_config.h>

#include "virtio_power_drv.h"

/* The host takes its time; what goes on when it is awake again does not count */
#define FALL_ASLEEP_US	(60 * USEC_PER_SEC)

static struct vpw_device *the_device;

static bool next_alarm(struct rtc_device *rtc, ktime_t *alarm)
{
	struct timerqueue_node *next;

	mutex_lock(&rtc->ops_lock);
	next = timerqueue_getnext(&rtc->timerqueue);
	if (next)
		*alarm = next->expires;
	mutex_unlock(&rtc->ops_lock);
	return next;
}

/* In ns, 0 for never */
static u64 time_to_alarm(void)
{
	struct rtc_device *rtc;
	struct rtc_time now;
	ktime_t alarm;
	u64 ns = 0;

	if (!IS_ENABLED(CONFIG_RTC_CLASS))
		return 0;
	rtc = rtc_class_open("rtc0");
	if (!rtc)
		return 0;
	if (next_alarm(rtc, &alarm) && !rtc_read_time(rtc, &now))
		ns = max_t(s64, ktime_sub(alarm, rtc_tm_to_ktime(now)), 1);
	rtc_class_close(rtc);
	return ns;
}

static int suspend_prepare(void)
{
	the_device->wake_after = time_to_alarm();
	return 0;
}

/* With interrupts disabled, and only one CPU left */
static int suspend_enter(suspend_state_t state)
{
	struct virtio_power_suspend_response resp;
	struct virtio_power_suspend req = {
		.hdr.type = cpu_to_le32(VIRTIO_POWER_REQ_SUSPEND),
		.wake_after = cpu_to_le64(the_device->wake_after),
	};
	int ret;

	/* A button pressed just now is not to be slept through */
	if (vpw_events_pending(the_device))
		return -EBUSY;
	ret = vpw_call_polled(the_device, &req, sizeof(req), &resp, sizeof(resp),
			      FALL_ASLEEP_US);
	return min(ret, 0);
}

static const struct platform_suspend_ops suspend_ops = {
	.valid = suspend_valid_only_mem,
	.prepare = suspend_prepare,
	.enter = suspend_enter,
};

/* ACPI's platforms have a suspend of their own on x86 */
void vpw_suspend_start(struct vpw_device *vpw)
{
	if (!virtio_has_feature(vpw->vdev, VIRTIO_POWER_F_SUSPEND))
		return;
	if (IS_ENABLED(CONFIG_X86) && !acpi_disabled)
		return;
	the_device = vpw;
	suspend_set_ops(&suspend_ops);
}

void vpw_suspend_stop(struct vpw_device *vpw)
{
	if (!the_device)
		return;
	suspend_set_ops(NULL);
	the_device = NULL;
}

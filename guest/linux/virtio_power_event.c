// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: events
 *
 * The power button is a key for user space to decide upon; others who want the
 * machine to end in good order cannot be told from that. Events about slots and
 * CPUs are only a reason to look at their records.
 */

#include <linux/input.h>
#include <linux/pm_wakeup.h>
#include <linux/reboot.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/virtio_config.h>

#include "virtio_power_drv.h"

#define NUM_EVENTS	16

/* The host's clock and ours may differ by that much */
#define MAX_CLOCK_ERROR_NS	NSEC_PER_SEC

static void press_power_button(struct vpw_device *vpw)
{
	pm_wakeup_event(&vpw->vdev->dev, 0);
	input_report_key(vpw->button, KEY_POWER, 1);
	input_sync(vpw->button);
	input_report_key(vpw->button, KEY_POWER, 0);
	input_sync(vpw->button);
}

static void look_at(struct vpw_device *vpw, struct vpw_unit *units, u32 num,
		    u32 index, bool added)
{
	if (index >= num)
		return;
	if (added)
		WRITE_ONCE(units[index].added, true);
	mod_delayed_work(vpw->wq, &units[index].work, 0);
}

static void handle_event(struct vpw_device *vpw,
			 const struct virtio_power_event *event)
{
	u32 index = le32_to_cpu(event->index);

	switch (le32_to_cpu(event->type)) {
	case VIRTIO_POWER_EVENT_POWER_BUTTON:
		press_power_button(vpw);
		break;
	case VIRTIO_POWER_EVENT_REBOOT_ASKED:
		pm_wakeup_event(&vpw->vdev->dev, 0);
		orderly_reboot();
		break;
	case VIRTIO_POWER_EVENT_SLOT_ADDED:
		look_at(vpw, vpw->slot, vpw->num_slots, index, true);
		break;
	case VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED:
		look_at(vpw, vpw->slot, vpw->num_slots, index, false);
		break;
	case VIRTIO_POWER_EVENT_CPU_ADDED:
		look_at(vpw, vpw->cpu, vpw->num_cpus, index, true);
		break;
	case VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED:
		look_at(vpw, vpw->cpu, vpw->num_cpus, index, false);
		break;
	case VIRTIO_POWER_EVENT_RESUMED:
		queue_work(vpw->wq, &vpw->time_work);
		break;
	}
}

static void add_event_buffer(struct vpw_device *vpw,
			     struct virtio_power_event *buf)
{
	struct scatterlist sg;

	sg_init_one(&sg, buf, sizeof(*buf));
	virtqueue_add_inbuf(vpw->event, &sg, 1, buf, GFP_ATOMIC);
}

/* Returns the buffer, which is the driver's again, or NULL for no event */
static struct virtio_power_event *take_event(struct vpw_device *vpw)
{
	struct virtio_power_event *buf;
	u32 len;

	buf = virtqueue_get_buf(vpw->event, &len);
	if (buf && len >= sizeof(*buf) && !READ_ONCE(vpw->stopping) && !vpw_at_end())
		handle_event(vpw, buf);
	return buf;
}

/* From the interrupt */
void vpw_events_take(struct vpw_device *vpw)
{
	struct virtio_power_event *buf;
	bool any = false;

	while ((buf = take_event(vpw))) {
		add_event_buffer(vpw, buf);
		any = true;
	}
	if (any)
		virtqueue_kick(vpw->event);
}

/* Without interrupts: is there one that has not been taken yet? */
bool vpw_events_pending(struct vpw_device *vpw)
{
	return vpw->event &&
	       virtqueue_poll(vpw->event, virtqueue_enable_cb_prepare(vpw->event));
}

/* With the device having been reset: those that no interrupt has come for */
void vpw_events_drain(struct vpw_device *vpw)
{
	while (take_event(vpw))
		;
}

/* The machine was stopped, and knows nothing of the time in between */
static void time_work(struct work_struct *work)
{
	struct vpw_device *vpw = container_of(work, struct vpw_device, time_work);
	struct virtio_power_request req = {
		.type = cpu_to_le32(VIRTIO_POWER_REQ_GET_TIME),
	};
	struct virtio_power_time resp;
	struct timespec64 host, here;
	s64 error;

	if (vpw_call(vpw, &req, sizeof(req), &resp, sizeof(resp)) !=
	    sizeof(resp))
		return;
	ktime_get_real_ts64(&here);
	host.tv_sec = le64_to_cpu(resp.seconds);
	host.tv_nsec = le32_to_cpu(resp.nanoseconds);
	error = timespec64_to_ns(&host) - timespec64_to_ns(&here);
	if (abs(error) <= MAX_CLOCK_ERROR_NS)
		return;
	if (!do_settimeofday64(&host))
		dev_info(&vpw->vdev->dev,
			 "the machine was away: clock set by %lld ms\n",
			 div_s64(error, NSEC_PER_MSEC));
}

/*
 * Start and stop
 */

static void init_units(struct vpw_device *vpw, struct vpw_unit *units, u32 num,
		       work_func_t func)
{
	u32 i;

	for (i = 0; i < num; i++) {
		units[i].vpw = vpw;
		units[i].index = i;
		INIT_DELAYED_WORK(&units[i].work, func);
	}
}

/* Everything that an event may set into motion; freed with the device */
static int init_targets(struct vpw_device *vpw)
{
	struct device *dev = &vpw->vdev->dev;
	struct input_dev *button = devm_input_allocate_device(dev);

	vpw->slot = devm_kcalloc(dev, vpw->num_slots, sizeof(*vpw->slot), GFP_KERNEL);
	vpw->cpu = devm_kcalloc(dev, vpw->num_cpus, sizeof(*vpw->cpu), GFP_KERNEL);
	if (!vpw->slot || !vpw->cpu || !button)
		return -ENOMEM;
	init_units(vpw, vpw->slot, vpw->num_slots, vpw_slot_work);
	init_units(vpw, vpw->cpu, vpw->num_cpus, vpw_cpu_work);
	INIT_WORK(&vpw->time_work, time_work);

	button->name = "virtio-power button";
	button->phys = "virtio-power/input0";
	button->id.bustype = BUS_VIRTUAL;
	input_set_capability(button, EV_KEY, KEY_POWER);
	vpw->button = button;
	return input_register_device(button);
}

/* With the event queue there, but the device not running */
int vpw_events_init(struct vpw_device *vpw)
{
	unsigned int i, num = min_t(u32, NUM_EVENTS, vpw->event->num_free);
	int err;

	if (!vpw->button) {
		err = init_targets(vpw);
		if (err)
			return err;
	}
	vpw->event_buf = kcalloc(NUM_EVENTS, sizeof(*vpw->event_buf), GFP_KERNEL);
	if (!vpw->event_buf)
		return -ENOMEM;
	for (i = 0; i < num; i++)
		add_event_buffer(vpw, &vpw->event_buf[i]);
	return 0;
}

static u32 wanted_events(struct vpw_device *vpw)
{
	u32 wanted, offered;

	wanted = VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_POWER_BUTTON) |
		 VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_REBOOT_ASKED) |
		 VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_RESUMED);
	if (virtio_has_feature(vpw->vdev, VIRTIO_POWER_F_SLOT_HOTPLUG))
		wanted |= VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_SLOT_ADDED) |
			  VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_SLOT_REMOVAL_ASKED);
	if (virtio_has_feature(vpw->vdev, VIRTIO_POWER_F_CPU_HOTPLUG))
		wanted |= VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_CPU_ADDED) |
			  VIRTIO_POWER_EVENT_BIT(VIRTIO_POWER_EVENT_CPU_REMOVAL_ASKED);
	virtio_cread_le(vpw->vdev, struct virtio_power_config, events, &offered);
	return wanted & offered;
}

/* Ask for events, then look for what has happened before that */
int vpw_events_start(struct vpw_device *vpw)
{
	struct virtio_power_set_events req = {
		.hdr.type = cpu_to_le32(VIRTIO_POWER_REQ_SET_EVENTS),
	};
	struct virtio_power_response resp;
	int ret;

	vpw->events = wanted_events(vpw);
	req.events = cpu_to_le32(vpw->events);
	ret = vpw_call(vpw, &req, sizeof(req), &resp, sizeof(resp));
	if (ret < 0)
		return ret;
	if (virtio_has_feature(vpw->vdev, VIRTIO_POWER_F_SLOT_HOTPLUG))
		vpw_slot_scan(vpw);
	if (virtio_has_feature(vpw->vdev, VIRTIO_POWER_F_CPU_HOTPLUG))
		vpw_cpu_scan(vpw);
	return 0;
}

/* What is under way ends in good order: slots and CPUs are not left halfway */
void vpw_events_stop(struct vpw_device *vpw)
{
	u32 i;

	WRITE_ONCE(vpw->stopping, true);
	virtio_synchronize_cbs(vpw->vdev);
	for (i = 0; i < vpw->num_slots; i++)
		cancel_delayed_work_sync(&vpw->slot[i].work);
	for (i = 0; i < vpw->num_cpus; i++)
		cancel_delayed_work_sync(&vpw->cpu[i].work);
	cancel_work_sync(&vpw->time_work);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: the end of the machine
 *
 * Power-off and restart go before those of the firmware (PSCI, SBI), which come
 * next if the device does not do it. All of this runs when nothing else does.
 */

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/kexec.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>
#include <linux/syscore_ops.h>

#include "virtio_power_drv.h"

/* SBI is at SYS_OFF_PRIO_HIGH, and no two may be at the same place */
#define PRIORITY	(SYS_OFF_PRIO_HIGH + 1)

/* What is needed at the end only knows the machine, and there is one */
static struct vpw_device *the_device;

/* The end comes soon after the answer, but not at once */
static int wait_for_end(struct vpw_device *vpw, int err)
{
	if (err)
		dev_err(&vpw->vdev->dev, "the device cannot end the machine (%d)\n",
			err);
	else
		mdelay(1000);
	return NOTIFY_DONE;
}

static int exit_with_status(struct vpw_device *vpw)
{
	struct virtio_power_exit req = {
		.hdr.type = cpu_to_le32(VIRTIO_POWER_REQ_EXIT),
		.status = cpu_to_le32(vpw->exit_status),
	};
	struct virtio_power_response resp;

	return vpw_call_polled(vpw, &req, sizeof(req), &resp, sizeof(resp),
			       VPW_POLL_US);
}

static int power_off(struct sys_off_data *data)
{
	struct vpw_device *vpw = data->cb_data;

	if (vpw->exit_status >= 0 && exit_with_status(vpw) >= 0)
		return wait_for_end(vpw, 0);
	return wait_for_end(vpw, vpw_request_polled(vpw, VIRTIO_POWER_REQ_POWER_OFF));
}

static int restart(struct sys_off_data *data)
{
	struct vpw_device *vpw = data->cb_data;

	return wait_for_end(vpw, vpw_request_polled(vpw, VIRTIO_POWER_REQ_REBOOT));
}

bool vpw_at_end(void)
{
	return system_state >= SYSTEM_HALT && system_state <= SYSTEM_RESTART;
}

/*
 * Linux from 6.15 on, and 6.12 in later stable releases, resets all virtio
 * devices before the machine ends.  This one has its work yet to do.
 */
static void revive(struct vpw_device *vpw)
{
#ifdef CONFIG_PM_SLEEP
	int err;

	if (!vpw->request || !virtqueue_is_broken(vpw->request))
		return;
	err = virtio_device_restore(vpw->vdev);
	if (err)
		dev_err(&vpw->vdev->dev, "cannot use the device again (%d)\n",
			err);
#endif
}

static int prepare(struct sys_off_data *data)
{
	revive(data->cb_data);
	return NOTIFY_DONE;
}

/* There is no handler for halting; this is the last that the kernel calls */
static void halt_machine(void)
{
	if (system_state != SYSTEM_HALT)
		return;
	revive(the_device);
	dev_emerg(&the_device->vdev->dev, "system halted\n");
	vpw_request_polled(the_device, VIRTIO_POWER_REQ_HALT);
}

#ifdef VPW_STRUCT_SYSCORE
static void syscore_shut_down(void *data)
{
	halt_machine();
}

static const struct syscore_ops syscore_ops = {
	.shutdown = syscore_shut_down,
};

static struct syscore syscore = {
	.ops = &syscore_ops,
};
#else
#define register_syscore register_syscore_ops
#define unregister_syscore unregister_syscore_ops

static struct syscore_ops syscore = {
	.shutdown = halt_machine,
};
#endif

/*
 * With a crash kernel this is only called where "crash_kexec_post_notifiers"
 * wants it. The trace of "ftrace_dump_on_oops" is printed before.
 */
static int panicked(struct notifier_block *nb, unsigned long event, void *data)
{
	struct vpw_device *vpw = container_of(nb, struct vpw_device, panic_nb);
	u32 flags = kexec_crash_loaded() ? VIRTIO_POWER_PANIC_HANDLED : 0;
	struct virtio_power_panic req = {
		.hdr.type = cpu_to_le32(VIRTIO_POWER_REQ_PANIC),
		.flags = cpu_to_le32(flags),
	};
	struct virtio_power_response resp;

	vpw_call_polled(vpw, &req, sizeof(req), &resp, sizeof(resp),
			VPW_POLL_US);
	return NOTIFY_DONE;
}

/* The next kernel's memory is not for our events */
static int rebooting(struct notifier_block *nb, unsigned long event, void *cmd)
{
	struct vpw_device *vpw = container_of(nb, struct vpw_device, reboot_nb);

	if (event == SYS_RESTART && cmd && !strcmp(cmd, "kexec reboot"))
		vpw_queues_fail(vpw);
	return NOTIFY_DONE;
}

static const struct {
	enum sys_off_mode mode;
	int priority;
	int (*handler)(struct sys_off_data *data);
} ends[VPW_ENDS] = {
	{ SYS_OFF_MODE_POWER_OFF_PREPARE, SYS_OFF_PRIO_DEFAULT, prepare },
	{ SYS_OFF_MODE_POWER_OFF, PRIORITY, power_off },
	{ SYS_OFF_MODE_RESTART_PREPARE, SYS_OFF_PRIO_DEFAULT, prepare },
	{ SYS_OFF_MODE_RESTART, PRIORITY, restart },
};

static void unregister_ends(struct vpw_device *vpw, int count)
{
	while (count--)
		unregister_sys_off_handler(vpw->ends[count]);
}

static int register_ends(struct vpw_device *vpw)
{
	int i;

	for (i = 0; i < VPW_ENDS; i++) {
		vpw->ends[i] = register_sys_off_handler(ends[i].mode,
							ends[i].priority,
							ends[i].handler, vpw);
		if (IS_ERR(vpw->ends[i])) {
			unregister_ends(vpw, i);
			return PTR_ERR(vpw->ends[i]);
		}
	}
	return 0;
}

int vpw_off_start(struct vpw_device *vpw)
{
	int err = register_ends(vpw);

	if (err)
		return err;
	the_device = vpw;
	register_syscore(&syscore);
	vpw->panic_nb.notifier_call = panicked;
	vpw->panic_nb.priority = INT_MAX - 2;
	atomic_notifier_chain_register(&panic_notifier_list, &vpw->panic_nb);
	vpw->reboot_nb.notifier_call = rebooting;
	register_reboot_notifier(&vpw->reboot_nb);
	return 0;
}

void vpw_off_stop(struct vpw_device *vpw)
{
	unregister_reboot_notifier(&vpw->reboot_nb);
	atomic_notifier_chain_unregister(&panic_notifier_list, &vpw->panic_nb);
	unregister_syscore(&syscore);
	unregister_ends(vpw, VPW_ENDS);
	the_device = NULL;
}

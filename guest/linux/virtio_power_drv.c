// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver
 *
 * The machine itself as a device: it ends, sleeps, and lets devices and CPUs
 * come and go. See docs/specs/virtio-power.rst for the device.
 */

#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pm_wakeup.h>
#include <linux/suspend.h>
#include <linux/virtio_config.h>

#include "virtio_power_drv.h"

/* Handlers of the end of the machine have no room for two */
static atomic_t in_use;

/*
 * The device's configuration
 */

static int read_config(struct vpw_device *vpw)
{
	virtio_cread_le(vpw->vdev, struct virtio_power_config, num_slots,
			&vpw->num_slots);
	virtio_cread_le(vpw->vdev, struct virtio_power_config, num_cpus,
			&vpw->num_cpus);
	if (vpw->num_cpus && vpw->num_cpus <= VPW_MAX_RECORDS &&
	    vpw->num_slots <= VPW_MAX_RECORDS)
		return 0;
	dev_err(&vpw->vdev->dev, "the device's configuration makes no sense\n");
	return -EINVAL;
}

static void config_work(struct work_struct *work)
{
	struct vpw_device *vpw = container_of(work, struct vpw_device, config_work);
	struct virtio_device *vdev = vpw->vdev;

	if (vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_NEEDS_RESET) {
		dev_err(&vdev->dev,
			"the device has failed; bind the driver again to use it\n");
		vpw_queues_fail(vpw);
	} else {
		vpw_sysfs_changed(vpw);
	}
}

static void vpw_config_changed(struct virtio_device *vdev)
{
	struct vpw_device *vpw = vdev->priv;

	queue_work(vpw->wq, &vpw->config_work);
}

/*
 * Sleep
 */

#ifdef CONFIG_PM_SLEEP
/* While Linux only idles, nothing but an interrupt wakes it up */
static void let_irq_wake(struct vpw_device *vpw, bool wake)
{
	struct device *transport = vpw->vdev->dev.parent;
	int irq;

	if (wake == vpw->irq_wakes || !dev_is_platform(transport))
		return;
	irq = platform_get_irq(to_platform_device(transport), 0);
	if (irq < 0 || irq_set_irq_wake(irq, wake))
		return;
	vpw->irq_wakes = wake;
}

/*
 * For hibernation the device must leave memory alone. Otherwise it goes on until
 * the machine sleeps, which is what it is needed for.
 */
static int vpw_freeze(struct virtio_device *vdev)
{
	struct vpw_device *vpw = vdev->priv;

	if (pm_suspend_target_state == PM_SUSPEND_ON) {
		vpw_queues_fail(vpw);
		vpw_queues_free(vpw);
	} else if (pm_suspend_target_state == PM_SUSPEND_TO_IDLE) {
		let_irq_wake(vpw, device_may_wakeup(&vdev->dev));
	}
	return 0;
}

static int vpw_restore(struct virtio_device *vdev)
{
	struct vpw_device *vpw = vdev->priv;
	int err;

	let_irq_wake(vpw, false);
	/* The virtio core has reset the device */
	vpw_queues_free(vpw);
	err = vpw_queues_start(vpw);
	/* At the end of the machine nothing comes that is to be dealt with */
	if (err || vpw_at_end())
		return err;
	return vpw_events_start(vpw);
}
#endif

/*
 * Start and end
 */

static int start_running(struct vpw_device *vpw)
{
	int err;

	err = vpw_queues_start(vpw);
	if (err)
		return err;
	err = vpw_sysfs_init(vpw);
	if (err)
		goto err_stop;
	err = vpw_events_start(vpw);
	if (err)
		goto err_stop;
	err = vpw_off_start(vpw);
	if (err)
		goto err_stop;
	vpw_suspend_start(vpw);
	return 0;

err_stop:
	vpw_events_stop(vpw);
	cancel_work_sync(&vpw->config_work);
	vpw_queues_fail(vpw);
	vpw_queues_free(vpw);
	return err;
}

static int start(struct vpw_device *vpw, struct virtio_device *vdev)
{
	int err;

	vpw->vdev = vdev;
	vdev->priv = vpw;
	mutex_init(&vpw->call_mutex);
	spin_lock_init(&vpw->lock);
	INIT_WORK(&vpw->config_work, config_work);
	err = read_config(vpw);
	if (err)
		return err;
	vpw->wq = alloc_workqueue("virtio_power", WQ_UNBOUND | WQ_FREEZABLE, 0);
	if (!vpw->wq)
		return -ENOMEM;
	device_init_wakeup(&vdev->dev, true);
	err = start_running(vpw);
	if (err) {
		device_init_wakeup(&vdev->dev, false);
		destroy_workqueue(vpw->wq);
	}
	return err;
}

static int vpw_probe(struct virtio_device *vdev)
{
	struct vpw_device *vpw;
	int err;

	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1))
		return -ENODEV;
	if (atomic_xchg(&in_use, 1)) {
		dev_err(&vdev->dev, "there is such a device already\n");
		return -EBUSY;
	}
	vpw = devm_kzalloc(&vdev->dev, sizeof(*vpw), GFP_KERNEL);
	err = vpw ? start(vpw, vdev) : -ENOMEM;
	if (err) {
		dev_err(&vdev->dev, "cannot use the device (%d)\n", err);
		atomic_set(&in_use, 0);
	}
	return err;
}

/* Devices and CPUs that have been added stay */
static void vpw_remove(struct virtio_device *vdev)
{
	struct vpw_device *vpw = vdev->priv;

	vpw_suspend_stop(vpw);
	vpw_off_stop(vpw);
	vpw_events_stop(vpw);
	cancel_work_sync(&vpw->config_work);
	vpw_queues_fail(vpw);
	vpw_queues_free(vpw);
	vpw_sysfs_free(vpw);
	device_init_wakeup(&vdev->dev, false);
	destroy_workqueue(vpw->wq);
	atomic_set(&in_use, 0);
}

static const struct virtio_device_id vpw_id_table[] = {
	{ VIRTIO_POWER_DEVICE_ID, VIRTIO_DEV_ANY_ID },
	{ }
};
MODULE_DEVICE_TABLE(virtio, vpw_id_table);

static const unsigned int vpw_features[] = {
	VIRTIO_POWER_F_EXIT,
	VIRTIO_POWER_F_SUSPEND,
	VIRTIO_POWER_F_SLOT_HOTPLUG,
#ifdef CONFIG_HOTPLUG_CPU
	VIRTIO_POWER_F_CPU_HOTPLUG,
#endif
};

static struct virtio_driver vpw_driver = {
	.driver.name = "virtio_power",
	.driver.dev_groups = vpw_groups,
	.id_table = vpw_id_table,
	.feature_table = vpw_features,
	.feature_table_size = ARRAY_SIZE(vpw_features),
	.probe = vpw_probe,
	.remove = vpw_remove,
	.config_changed = vpw_config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = vpw_freeze,
	.restore = vpw_restore,
#endif
};
module_virtio_driver(vpw_driver);

MODULE_DESCRIPTION("virtio power: the machine as a device");
MODULE_LICENSE("GPL");

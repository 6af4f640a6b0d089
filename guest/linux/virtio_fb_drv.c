// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver
 *
 * A display whose memory belongs to the host: buffers lie in the device's video
 * memory, and clients draw straight into what is shown. See
 * docs/specs/virtio-fb.rst for the device.
 */

#include <linux/aperture.h>
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/sizes.h>
#include <linux/suspend.h>
#include <linux/virtio_config.h>

#include <drm/drm_atomic_helper.h>
#include <drm/drm_client_setup.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_modeset_helper.h>
#include <drm/drm_print.h>

#include "virtio_fb_drv.h"

DEFINE_DRM_GEM_FOPS(vfb_fops);

/*
 * The host may show its own pointer in place of the cursor plane, so clients
 * must tell the hotspot: those that cannot do not see the plane and draw the
 * cursor themselves (DRIVER_CURSOR_HOTSPOT).
 */
static const struct drm_driver vfb_drm_driver = {
	.driver_features = DRIVER_GEM | DRIVER_MODESET | DRIVER_ATOMIC |
			   DRIVER_CURSOR_HOTSPOT,
	.fops = &vfb_fops,
	.dumb_create = vfb_dumb_create,
	.fbdev_probe = vfb_fbdev_probe,
	.name = "virtio_fb",
	.desc = "virtio framebuffer",
	.date = "20260101",
	.major = 1,
	.minor = 0,
};

/*
 * Configuration
 */

static bool is_known_format(u32 format)
{
	switch (format) {
	case VIRTIO_FB_FORMAT_XRGB8888:
	case VIRTIO_FB_FORMAT_ARGB8888:
	case VIRTIO_FB_FORMAT_RGB565:
	case VIRTIO_FB_FORMAT_XBGR8888:
	case VIRTIO_FB_FORMAT_ABGR8888:
	case VIRTIO_FB_FORMAT_XRGB2101010:
		return true;
	default:
		return false;
	}
}

/* Numbers are those of DRM, but DRM does not like ones that it does not know */
static void read_formats(struct vfb_device *vfb)
{
	u32 i, num, format;

	virtio_cread_le(vfb->vdev, struct virtio_fb_config, num_formats, &num);
	for (i = 0; i < min_t(u32, num, VIRTIO_FB_MAX_FORMATS); i++) {
		virtio_cread_le(vfb->vdev, struct virtio_fb_config, formats[i],
				&format);
		if (is_known_format(format))
			vfb->formats[vfb->num_formats++] = format;
	}
}

static int read_config(struct vfb_device *vfb)
{
	struct virtio_device *vdev = vfb->vdev;

	virtio_cread_le(vdev, struct virtio_fb_config, num_scanouts, &vfb->num_scanouts);
	virtio_cread_le(vdev, struct virtio_fb_config, max_width, &vfb->max_width);
	virtio_cread_le(vdev, struct virtio_fb_config, max_height, &vfb->max_height);
	virtio_cread_le(vdev, struct virtio_fb_config, max_rects, &vfb->max_rects);
	if (virtio_has_feature(vdev, VIRTIO_FB_F_CURSOR)) {
		virtio_cread_le(vdev, struct virtio_fb_config, cursor_width,
				&vfb->cursor_width);
		virtio_cread_le(vdev, struct virtio_fb_config, cursor_height,
				&vfb->cursor_height);
	}
	read_formats(vfb);
	if (!vfb->num_scanouts || vfb->num_scanouts > VIRTIO_FB_MAX_SCANOUTS ||
	    !vfb->max_width || !vfb->max_height || !vfb->max_rects ||
	    !vfb->num_formats) {
		drm_err(&vfb->drm, "the device's configuration makes no sense\n");
		return -EINVAL;
	}
	/* DRM counts in 16 bits */
	vfb->max_width = min_t(u32, vfb->max_width, SZ_16K);
	vfb->max_height = min_t(u32, vfb->max_height, SZ_16K);
	return 0;
}

/*
 * A device that has failed
 */

static void failed_work(struct work_struct *work)
{
	struct vfb_device *vfb = container_of(work, struct vfb_device, failed_work);

	drm_err(&vfb->drm, "the device has failed; bind the driver again to use it\n");
	vfb_queues_fail(vfb);
}

static void vfb_config_changed(struct virtio_device *vdev)
{
	struct vfb_device *vfb = vdev->priv;

	if (vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_NEEDS_RESET)
		schedule_work(&vfb->failed_work);
}

/*
 * Suspend
 */

/* Video memory lives as long as the machine has power */
static int vfb_pm_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	struct vfb_device *vfb = container_of(nb, struct vfb_device, pm_nb);

	if (event != PM_HIBERNATION_PREPARE)
		return NOTIFY_DONE;
	drm_err(&vfb->drm, "cannot hibernate: video memory would be lost\n");
	return notifier_from_errno(-EBUSY);
}

#ifdef CONFIG_PM_SLEEP
static int vfb_freeze(struct virtio_device *vdev)
{
	struct vfb_device *vfb = vdev->priv;
	int err;

	err = drm_mode_config_helper_suspend(&vfb->drm);
	if (err)
		return err;
	vfb_display_cancel(vfb);
	flush_delayed_work(&vfb->fbdev.show);
	cancel_work_sync(&vfb->failed_work);
	vfb_vram_drain(vfb);
	vfb_queues_stop(vfb);
	return 0;
}

static int vfb_restore(struct virtio_device *vdev)
{
	struct vfb_device *vfb = vdev->priv;
	int err;

	err = vfb_queues_init(vfb);
	if (err)
		return err;
	vfb_queues_start(vfb);
	err = vfb_clock_start(vfb);
	if (err)
		return err;
	err = drm_mode_config_helper_resume(&vfb->drm);
	/* Only now: resuming replaces all states, and takes no locks for that */
	vfb_display_changed(vfb);
	return err;
}
#endif

/*
 * Start and end
 */

/* After this nobody is called; buffers of clients may live on, of no use */
static void vfb_stop(struct vfb_device *vfb)
{
	vfb_display_cancel(vfb);
	cancel_work_sync(&vfb->failed_work);
	vfb_vram_drain(vfb);
	vfb_vram_clear_boot(vfb);
	vfb_queues_stop(vfb);
	vfb_display_free(vfb);
}

static void init_device(struct vfb_device *vfb, struct virtio_device *vdev)
{
	vfb->vdev = vdev;
	vdev->priv = vfb;
	spin_lock_init(&vfb->ctrl_lock);
	spin_lock_init(&vfb->mm_lock);
	INIT_LIST_HEAD(&vfb->in_flight);
	init_waitqueue_head(&vfb->room);
	init_waitqueue_head(&vfb->discard_wait);
	INIT_WORK(&vfb->failed_work, failed_work);
	vfb->pm_nb.notifier_call = vfb_pm_notify;
	vfb_clock_init(vfb);
	vfb_display_init(vfb);
	vfb_fbdev_init(vfb);
}

/*
 * The device is the screen of the firmware's framebuffer too, wherever that is:
 * all of them end here. What they have drawn stays until the first mode is set.
 */
static int take_over(struct vfb_device *vfb)
{
	struct device *dev = &vfb->vdev->dev;
	int err;

	err = aperture_remove_all_conflicting_devices(vfb_drm_driver.name);
	if (err)
		return err;
	if (!devm_request_mem_region(dev, vfb->vram_start, vfb->vram_size,
				     vfb_drm_driver.name))
		drm_warn(&vfb->drm, "somebody else uses video memory\n");
	return vfb_vram_start(vfb);
}

/* With the device running */
static int start_display(struct vfb_device *vfb)
{
	int err;

	err = vfb_clock_start(vfb);
	if (err)
		return err;
	err = vfb_kms_init(vfb);
	if (err)
		return err;
	err = vfb_display_read(vfb);
	if (err < 0)
		return err;
	err = take_over(vfb);
	if (err)
		return err;
	err = drm_dev_register(&vfb->drm, 0);
	if (err)
		return err;
	register_pm_notifier(&vfb->pm_nb);
	vfb_panic_init(vfb);
	drm_client_setup(&vfb->drm, NULL);
	vfb_display_start(vfb);
	return 0;
}

static int vfb_probe(struct virtio_device *vdev)
{
	struct vfb_device *vfb;
	int err;

	if (!virtio_has_feature(vdev, VIRTIO_F_VERSION_1))
		return -ENODEV;
	vfb = devm_drm_dev_alloc(&vdev->dev, &vfb_drm_driver, struct vfb_device, drm);
	if (IS_ERR(vfb))
		return PTR_ERR(vfb);
	init_device(vfb, vdev);
	err = read_config(vfb);
	if (err)
		return err;
	err = vfb_vram_init(vfb);
	if (err)
		return err;
	err = vfb_queues_init(vfb);
	if (err)
		return err;
	vfb_queues_start(vfb);
	err = start_display(vfb);
	if (err) {
		drm_err(&vfb->drm, "cannot use the device (%d)\n", err);
		vfb_stop(vfb);
	}
	return err;
}

static void vfb_remove(struct virtio_device *vdev)
{
	struct vfb_device *vfb = vdev->priv;

	vfb_panic_fini(vfb);
	unregister_pm_notifier(&vfb->pm_nb);
	drm_dev_unplug(&vfb->drm);
	drm_atomic_helper_shutdown(&vfb->drm);
	vfb_stop(vfb);
}

static const struct virtio_device_id vfb_id_table[] = {
	{ VIRTIO_FB_DEVICE_ID, VIRTIO_DEV_ANY_ID },
	{ }
};
MODULE_DEVICE_TABLE(virtio, vfb_id_table);

static const unsigned int vfb_features[] = {
	VIRTIO_FB_F_EDID,
	VIRTIO_FB_F_CURSOR,
	VIRTIO_FB_F_DISCARD,
};

static struct virtio_driver vfb_driver = {
	.driver.name = "virtio_fb",
	.id_table = vfb_id_table,
	.feature_table = vfb_features,
	.feature_table_size = ARRAY_SIZE(vfb_features),
	.probe = vfb_probe,
	.remove = vfb_remove,
	.config_changed = vfb_config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = vfb_freeze,
	.restore = vfb_restore,
#endif
};
module_virtio_driver(vfb_driver);

MODULE_DESCRIPTION("virtio framebuffer display");
MODULE_LICENSE("GPL");

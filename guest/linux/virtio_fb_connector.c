// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: connectors, their modes, and what the user does
 * with the window at the other end
 */

#include <linux/math64.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include <drm/drm_atomic_helper.h>
#include <drm/drm_atomic_state_helper.h>
#include <drm/drm_edid.h>
#include <drm/drm_modes.h>
#include <drm/drm_modeset_helper_vtables.h>
#include <drm/drm_print.h>
#include <drm/drm_probe_helper.h>

#include "virtio_fb_drv.h"

/* For a compositor to set the new size by itself, and to see an unplug */
#define RESIZE_TIMEOUT	(3 * HZ / 2)
#define UNPLUG_TIMEOUT	HZ
#define MAX_REMINDERS	6
#define MAX_UNPLUGS	3

static bool is_connected(struct vfb_output *out)
{
	return out->display.flags & cpu_to_le32(VIRTIO_FB_DISPLAY_CONNECTED);
}

/*
 * Modes
 */

static const struct {
	u16 width;
	u16 height;
} common_modes[] = {
	{ 640, 480 }, { 800, 600 }, { 1024, 768 }, { 1152, 864 }, { 1280, 720 },
	{ 1280, 800 }, { 1280, 1024 }, { 1366, 768 }, { 1400, 1050 },
	{ 1440, 900 }, { 1600, 900 }, { 1600, 1200 }, { 1680, 1050 },
	{ 1920, 1080 }, { 1920, 1200 }, { 2048, 1152 }, { 2560, 1440 },
	{ 2560, 1600 }, { 3440, 1440 }, { 3840, 2160 }, { 5120, 2880 },
	{ 7680, 4320 },
};

/* There are no blanking times: any that give the refresh will do */
static bool add_mode(struct vfb_output *out, u32 width, u32 height, u32 type)
{
	u64 rate = le32_to_cpu(out->display.refresh) ?: 60000;
	struct drm_display_mode *mode;

	if (!width || !height || width > SZ_16K || height > SZ_16K)
		return false;
	mode = drm_mode_create(out->crtc.dev);
	if (!mode)
		return false;
	mode->hdisplay = width;
	mode->hsync_start = width + 48;
	mode->hsync_end = width + 80;
	mode->htotal = width + 160;
	mode->vdisplay = height;
	mode->vsync_start = height + 3;
	mode->vsync_end = height + 9;
	mode->vtotal = height + 30;
	mode->clock = DIV_ROUND_CLOSEST_ULL(rate * mode->htotal * mode->vtotal,
					    1000 * 1000);
	mode->flags = DRM_MODE_FLAG_PHSYNC | DRM_MODE_FLAG_NVSYNC;
	mode->type = DRM_MODE_TYPE_DRIVER | type;
	drm_mode_set_name(mode);
	drm_mode_probed_add(&out->connector, mode);
	return true;
}

/*
 * The size that the user wants comes first, however odd; EDID cannot express
 * every one, so it is for those who ask what the screen is.
 */
static int get_modes(struct drm_connector *connector)
{
	struct vfb_output *out = connector_to_output(connector);
	u32 width = le32_to_cpu(out->display.width);
	u32 height = le32_to_cpu(out->display.height);
	int i, num;

	drm_edid_connector_update(connector, out->edid);
	if (out->display.width_mm && out->display.height_mm) {
		connector->display_info.width_mm = le32_to_cpu(out->display.width_mm);
		connector->display_info.height_mm = le32_to_cpu(out->display.height_mm);
	}

	num = add_mode(out, width, height, DRM_MODE_TYPE_PREFERRED);
	for (i = 0; i < ARRAY_SIZE(common_modes); i++)
		if (common_modes[i].width != width ||
		    common_modes[i].height != height)
			num += add_mode(out, common_modes[i].width,
					common_modes[i].height, 0);
	return num;
}

static enum drm_connector_status detect(struct drm_connector *connector, bool force)
{
	struct vfb_output *out = connector_to_output(connector);

	return is_connected(out) && !out->unplugged ?
	       connector_status_connected : connector_status_disconnected;
}

static const struct drm_connector_helper_funcs vfb_connector_helper_funcs = {
	.get_modes = get_modes,
};

static const struct drm_connector_funcs vfb_connector_funcs = {
	.detect = detect,
	.fill_modes = drm_helper_probe_single_connector_modes,
	.reset = drm_atomic_helper_connector_reset,
	.atomic_duplicate_state = drm_atomic_helper_connector_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_connector_destroy_state,
};

static void attach_properties(struct drm_connector *connector)
{
	struct drm_mode_config *config = &connector->dev->mode_config;
	struct vfb_device *vfb = to_vfb(connector->dev);

	drm_connector_attach_edid_property(connector);
	drm_object_attach_property(&connector->base,
				   vfb->mode_update_property, 1);
	drm_object_attach_property(&connector->base,
				   config->suggested_x_property, 0);
	drm_object_attach_property(&connector->base,
				   config->suggested_y_property, 0);
}

/* Tells compositors to follow the preferred mode */
static int create_properties(struct vfb_device *vfb)
{
	if (!vfb->mode_update_property)
		vfb->mode_update_property =
			drm_property_create_range(&vfb->drm, DRM_MODE_PROP_IMMUTABLE,
						  "hotplug_mode_update", 0, 1);
	if (!vfb->mode_update_property)
		return -ENOMEM;
	return drm_mode_create_suggested_offset_properties(&vfb->drm);
}

int vfb_connector_init(struct vfb_device *vfb, struct vfb_output *out)
{
	struct drm_connector *connector = &out->connector;
	struct drm_encoder *encoder = &out->encoder;
	int err;

	err = create_properties(vfb);
	if (err)
		return err;
	err = drmm_encoder_init(&vfb->drm, encoder, NULL,
				DRM_MODE_ENCODER_VIRTUAL, NULL);
	if (err)
		return err;
	encoder->possible_crtcs = drm_crtc_mask(&out->crtc);
	err = drmm_connector_init(&vfb->drm, connector, &vfb_connector_funcs,
				  DRM_MODE_CONNECTOR_VIRTUAL, NULL);
	if (err)
		return err;
	drm_connector_helper_add(connector, &vfb_connector_helper_funcs);
	connector->polled = DRM_CONNECTOR_POLL_HPD;
	attach_properties(connector);
	return drm_connector_attach_encoder(connector, encoder);
}

/*
 * What the device says of its screens
 */

static const struct drm_edid *read_edid(struct vfb_device *vfb, u32 index)
{
	struct virtio_fb_request cmd = vfb_header(VIRTIO_FB_REQ_GET_EDID, index);
	const struct drm_edid *edid = NULL;
	struct virtio_fb_edid *answer;
	u32 size;

	if (!virtio_has_feature(vfb->vdev, VIRTIO_FB_F_EDID))
		return NULL;
	answer = kzalloc(sizeof(*answer), GFP_KERNEL);
	if (!answer)
		return NULL;
	if (!vfb_call(vfb, &cmd, sizeof(cmd), answer, sizeof(*answer))) {
		size = le32_to_cpu(answer->size);
		if (size && size <= sizeof(answer->edid))
			edid = drm_edid_alloc(answer->edid, size);
	}
	kfree(answer);
	return edid;
}

/* Returns whether it has another size than before */
static bool set_display(struct vfb_output *out,
			const struct virtio_fb_display *display,
			const struct drm_edid *edid)
{
	struct drm_device *drm = out->crtc.dev;
	bool resized;

	mutex_lock(&drm->mode_config.mutex);
	resized = is_connected(out) &&
		  (out->display.width != display->width ||
		   out->display.height != display->height);
	out->display = *display;
	swap(out->edid, edid);
	drm_object_property_set_value(&out->connector.base,
				      drm->mode_config.suggested_x_property,
				      le32_to_cpu(display->x));
	drm_object_property_set_value(&out->connector.base,
				      drm->mode_config.suggested_y_property,
				      le32_to_cpu(display->y));
	resized = resized && is_connected(out);
	mutex_unlock(&drm->mode_config.mutex);
	drm_edid_free(edid);
	return resized;
}

/* Returns the scanouts that are resized, as bits, or an error */
int vfb_display_read(struct vfb_device *vfb)
{
	struct virtio_fb_request cmd =
		vfb_header(VIRTIO_FB_REQ_GET_DISPLAY_INFO, 0);
	struct virtio_fb_display_info *info;
	int err, i, resized = 0;

	info = kzalloc(sizeof(*info), GFP_KERNEL);
	if (!info)
		return -ENOMEM;
	err = vfb_call(vfb, &cmd, sizeof(cmd), info, sizeof(*info));
	for (i = 0; !err && i < vfb->num_scanouts; i++)
		if (set_display(vfb->output[i], &info->display[i],
				read_edid(vfb, i)))
			resized |= BIT(i);
	kfree(info);
	return err ?: resized;
}

/*
 * Changes
 *
 * Some compositors set a new preferred mode when they are told that there is
 * one (the property above says so), others read the list of modes again only
 * if the link is bad (wlroots), others when a screen is plugged in (weston).
 * So the link of a resized screen turns bad; if nobody has set the mode after a
 * while, the screen is unplugged until that is seen.  A compositor that has set
 * it in time once is known not to need that, even when it is late; it is only
 * told again, as it can miss one of two changes: its commit of the first mode,
 * after it heard of the second one, makes the link good.
 */

static bool wants_size(struct vfb_output *out)
{
	return is_connected(out) && out->mode.format &&
	       (out->mode.width != le32_to_cpu(out->display.width) ||
		out->mode.height != le32_to_cpu(out->display.height));
}

static void display_work(struct work_struct *work)
{
	struct vfb_device *vfb =
		container_of(work, struct vfb_device, display_work.work);
	int i, resized = vfb_display_read(vfb);
	struct vfb_output *out;

	if (resized < 0)
		return;
	for (i = 0; i < vfb->num_scanouts; i++) {
		if (!(resized & BIT(i)))
			continue;
		out = vfb->output[i];
		out->awaited = wants_size(out);
		out->reminders = MAX_REMINDERS;
		WRITE_ONCE(out->unplugs, MAX_UNPLUGS);
		drm_connector_set_link_status_property(&out->connector,
						       DRM_MODE_LINK_STATUS_BAD);
	}
	drm_kms_helper_hotplug_event(&vfb->drm);
	if (resized)
		mod_delayed_work(system_wq, &vfb->replug_work, RESIZE_TIMEOUT);
}

/* Who has set the new mode by itself once may be late another time. */
static void note_follower(struct vfb_output *out,
			  const struct drm_master *master)
{
	if (out->awaited && !wants_size(out))
		out->follower = master;
	out->awaited = false;
}

/* Tells it again, unplugs or plugs in; returns whether anything is to be seen */
static bool replug(struct vfb_output *out, const struct drm_master *master)
{
	note_follower(out, master);
	if (out->unplugged) {
		out->unplugged = false;
		return true;
	}
	if (!wants_size(out) || !master)
		return false;
	if (master == out->follower && out->reminders) {
		out->reminders--;
		drm_connector_set_link_status_property(&out->connector,
						       DRM_MODE_LINK_STATUS_BAD);
		return true;
	}
	if (!READ_ONCE(out->unplugs))
		return false;
	WRITE_ONCE(out->unplugs, out->unplugs - 1);
	out->unplugged = true;
	return true;
}

/* What was told may have been missed: look again, until there is nothing to do */
static void replug_work(struct work_struct *work)
{
	struct vfb_device *vfb =
		container_of(work, struct vfb_device, replug_work.work);
	const struct drm_master *master = READ_ONCE(vfb->drm.master);
	bool changed = false, unplugged = false;
	int i;

	mutex_lock(&vfb->drm.mode_config.mutex);
	for (i = 0; i < vfb->num_scanouts; i++) {
		changed |= replug(vfb->output[i], master);
		unplugged |= vfb->output[i]->unplugged;
	}
	mutex_unlock(&vfb->drm.mode_config.mutex);
	if (!changed)
		return;
	drm_kms_helper_hotplug_event(&vfb->drm);
	mod_delayed_work(system_wq, &vfb->replug_work,
			 unplugged ? UNPLUG_TIMEOUT : RESIZE_TIMEOUT);
}

/*
 * Called when a scanout is switched off: do not wait any longer, and leave a
 * user alone who has chosen another mode.
 */
void vfb_display_unplug_seen(struct vfb_output *out)
{
	if (!READ_ONCE(out->unplugged))
		return;
	WRITE_ONCE(out->unplugs, 0);
	mod_delayed_work(system_wq, &to_vfb(out->crtc.dev)->replug_work, 1);
}

/* In atomic context; events may come faster than they are handled */
void vfb_display_changed(struct vfb_device *vfb)
{
	WRITE_ONCE(vfb->display_changed, true);
	if (READ_ONCE(vfb->drm.registered))
		queue_delayed_work(system_wq, &vfb->display_work, 0);
}

/* Events that came too early */
void vfb_display_start(struct vfb_device *vfb)
{
	if (READ_ONCE(vfb->display_changed))
		vfb_display_changed(vfb);
}

void vfb_display_init(struct vfb_device *vfb)
{
	INIT_DELAYED_WORK(&vfb->display_work, display_work);
	INIT_DELAYED_WORK(&vfb->replug_work, replug_work);
}

void vfb_display_cancel(struct vfb_device *vfb)
{
	cancel_delayed_work_sync(&vfb->display_work);
	cancel_delayed_work_sync(&vfb->replug_work);
}

void vfb_display_free(struct vfb_device *vfb)
{
	int i;

	for (i = 0; i < vfb->num_scanouts && vfb->output[i]; i++) {
		drm_edid_free(vfb->output[i]->edid);
		vfb->output[i]->edid = NULL;
	}
}

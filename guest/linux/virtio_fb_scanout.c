// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: the requests of a scanout
 *
 * Called by commits, one at a time for each scanout; but for updates, which
 * come whenever a client or the console has drawn.
 */

#include <linux/slab.h>

#include <drm/drm_damage_helper.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_mode.h>
#include <drm/drm_print.h>
#include <drm/drm_rect.h>
#include <drm/drm_vblank.h>

#include "virtio_fb_drv.h"

static void set_rect(struct virtio_fb_rect *to, const struct drm_rect *rect)
{
	to->x = cpu_to_le32(rect->x1);
	to->y = cpu_to_le32(rect->y1);
	to->width = cpu_to_le32(drm_rect_width(rect));
	to->height = cpu_to_le32(drm_rect_height(rect));
}

static u32 max_rects(struct vfb_output *out)
{
	return min_t(u32, to_vfb(out->crtc.dev)->max_rects, VFB_MAX_RECTS);
}

/*
 * Mode
 */

static int set_scanout(struct vfb_output *out, const struct vfb_mode *mode,
		       u64 offset)
{
	struct virtio_fb_set_scanout cmd = {
		.hdr = vfb_header(VIRTIO_FB_REQ_SET_SCANOUT, out->index),
		.offset = cpu_to_le64(offset),
		.format = cpu_to_le32(mode->format),
		.width = cpu_to_le32(mode->width),
		.height = cpu_to_le32(mode->height),
		.stride = cpu_to_le32(mode->stride),
	};
	struct vfb_device *vfb = to_vfb(out->crtc.dev);
	int err;

	err = vfb_call(vfb, &cmd, sizeof(cmd), NULL, 0);
	if (err) {
		drm_err(&vfb->drm, "scanout %u: cannot set %ux%u (%d)\n",
			out->index, mode->width, mode->height, err);
		/* The next commit tries again */
		out->mode = (struct vfb_mode) { };
		return err;
	}
	out->mode = *mode;
	if (!out->index)
		vfb_boot_release(vfb);
	return 0;
}

void vfb_scanout_disable(struct vfb_output *out)
{
	struct virtio_fb_request cmd =
		vfb_header(VIRTIO_FB_REQ_DISABLE_SCANOUT, out->index);
	struct vfb_device *vfb = to_vfb(out->crtc.dev);

	out->mode = (struct vfb_mode) { };
	if (!vfb_call(vfb, &cmd, sizeof(cmd), NULL, 0) && !out->index)
		vfb_boot_release(vfb);
}

/*
 * Page flip
 */

/* Where the images differ; too many rectangles become the one around them */
static u32 fill_damage(struct vfb_output *out, struct virtio_fb_rect *rects,
		       struct drm_plane_state *old, struct drm_plane_state *new)
{
	int x = new->src.x1 >> 16, y = new->src.y1 >> 16;
	struct drm_atomic_helper_damage_iter iter;
	struct drm_rect rect;
	u32 num = 0;

	drm_atomic_helper_damage_iter_init(&iter, old, new);
	drm_atomic_for_each_plane_damage(&iter, &rect) {
		if (num == max_rects(out)) {
			drm_atomic_helper_damage_merged(old, new, &rect);
			drm_rect_translate(&rect, -x, -y);
			set_rect(&rects[0], &rect);
			return 1;
		}
		drm_rect_translate(&rect, -x, -y);
		set_rect(&rects[num++], &rect);
	}
	return num;
}

/* Set the mode if it is another, and get the flip ready for the image */
int vfb_scanout_show(struct vfb_output *out, struct drm_plane_state *old,
		     struct drm_plane_state *new)
{
	struct drm_framebuffer *fb = new->fb;
	struct vfb_mode mode = {
		.format = fb->format->format,
		.width = drm_rect_width(&new->dst),
		.height = drm_rect_height(&new->dst),
		.stride = fb->pitches[0],
	};

	out->offset = vfb_fb_offset(fb, new->src.x1 >> 16, new->src.y1 >> 16);
	/* A flip that was given up still owns its buffer: a new mode ends it */
	if (memcmp(&mode, &out->mode, sizeof(mode)) || READ_ONCE(out->flip.busy)) {
		out->flip_rects = 0;
		return set_scanout(out, &mode, out->offset);
	}
	out->flip_rects = fill_damage(out, out->flip.out.rects, old, new);
	return 0;
}

/* The refresh at which it was shown is the latest one now */
void vfb_send_event(struct vfb_output *out,
		    struct drm_pending_vblank_event *event)
{
	struct drm_device *drm = out->crtc.dev;
	unsigned long flags;

	if (!event)
		return;
	drm_crtc_accurate_vblank_count(&out->crtc);
	spin_lock_irqsave(&drm->event_lock, flags);
	drm_crtc_send_vblank_event(&out->crtc, event);
	spin_unlock_irqrestore(&drm->event_lock, flags);
}

static void flip_done(struct vfb_device *vfb, struct vfb_request *req, int err)
{
	struct vfb_output *out = container_of(req, struct vfb_output, flip.req);
	struct drm_pending_vblank_event *event = out->flip.event;

	if (!err)
		vfb_clock_set(vfb, &out->flip.in.refresh);
	else if (err != -ENODEV)
		drm_err_ratelimited(&vfb->drm, "scanout %u: flip failed (%d)\n",
				    out->index, err);
	/* The event lets the next commit have the request */
	out->flip.event = NULL;
	WRITE_ONCE(out->flip.busy, false);
	vfb_send_event(out, event);
}

/*
 * Show the image from the next refresh on. With no damage, it is but to know
 * when that is: one pixel counts as nothing.
 */
void vfb_scanout_flip(struct vfb_output *out,
		      struct drm_pending_vblank_event *event)
{
	static const struct drm_rect pixel = DRM_RECT_INIT(0, 0, 1, 1);
	struct vfb_device *vfb = to_vfb(out->crtc.dev);
	struct vfb_flip *flip = &out->flip;
	u32 num = out->flip_rects;

	if (READ_ONCE(flip->busy)) {
		vfb_send_event(out, event);
		return;
	}
	if (!num)
		set_rect(&flip->out.rects[num++], &pixel);
	out->flip_rects = 0;
	flip->out.head = (struct virtio_fb_flip) {
		.hdr = vfb_header(VIRTIO_FB_REQ_FLIP, out->index),
		.offset = cpu_to_le64(out->offset),
		.num_rects = cpu_to_le32(num),
	};
	flip->req = (struct vfb_request) {
		.done = flip_done,
		.out = &flip->out,
		.out_len = struct_size(&flip->out, rects, num),
		.in = &flip->in,
		.in_len = sizeof(flip->in),
	};
	flip->event = event;
	flip->busy = true;
	if (vfb_submit(vfb, &flip->req))
		flip_done(vfb, &flip->req, -ENODEV);
}

/*
 * Updates
 */

struct update {
	struct virtio_fb_update head;
	struct virtio_fb_rect rects[VFB_MAX_RECTS];
};

/* What of a clip, in the framebuffer, the scanout shows */
static bool clip_to_source(struct drm_rect *rect, const struct drm_clip_rect *clip,
			   const struct drm_rect *source)
{
	drm_rect_init(rect, clip->x1, clip->y1, clip->x2 - clip->x1,
		      clip->y2 - clip->y1);
	if (!drm_rect_intersect(rect, source))
		return false;
	drm_rect_translate(rect, -source->x1, -source->y1);
	return true;
}

static void include_rect(struct drm_rect *all, const struct drm_rect *rect)
{
	all->x1 = min(all->x1, rect->x1);
	all->y1 = min(all->y1, rect->y1);
	all->x2 = max(all->x2, rect->x2);
	all->y2 = max(all->y2, rect->y2);
}

/* The clips as rectangles; too many become the one around them */
static u32 fill_clips(struct update *update, u32 max, const struct drm_rect *source,
		      const struct drm_clip_rect *clips, u32 num_clips, u32 step)
{
	struct drm_rect rect, all = { .x1 = INT_MAX, .y1 = INT_MAX };
	u32 i, num = 0;

	for (i = 0; i < num_clips; i += step) {
		if (!clip_to_source(&rect, &clips[i], source))
			continue;
		include_rect(&all, &rect);
		if (num < max)
			set_rect(&update->rects[num], &rect);
		num++;
	}
	if (num > max) {
		set_rect(&update->rects[0], &all);
		num = 1;
	}
	return num;
}

/* Called with the primary plane locked; no clips mean all */
void vfb_scanout_update(struct vfb_output *out, const struct drm_clip_rect *clips,
			u32 num_clips, u32 step)
{
	struct drm_plane_state *state = out->crtc.primary->state;
	struct vfb_device *vfb = to_vfb(out->crtc.dev);
	struct drm_rect source;
	struct update *update;
	u32 num = 0;

	drm_rect_fp_to_int(&source, &state->src);
	update = kmalloc(sizeof(*update), GFP_KERNEL);
	if (!update)
		return;
	if (num_clips) {
		num = fill_clips(update, max_rects(out), &source, clips,
				 num_clips, step);
		if (!num)
			goto out_free;
	}
	update->head = (struct virtio_fb_update) {
		.hdr = vfb_header(VIRTIO_FB_REQ_UPDATE, out->index),
		.num_rects = cpu_to_le32(num),
	};
	vfb_send(vfb, update, struct_size(update, rects, num));
out_free:
	kfree(update);
}

/*
 * Cursor: DRM has the corner of the image, the device wants the hotspot
 */

static u32 hotspot(int value, u32 size)
{
	return clamp(value, 0, (int)size - 1);
}

void vfb_cursor_set(struct vfb_output *out, struct drm_plane_state *state)
{
	u32 hot_x = hotspot(state->hotspot_x, state->crtc_w);
	u32 hot_y = hotspot(state->hotspot_y, state->crtc_h);
	struct virtio_fb_set_cursor cmd = {
		.hdr = vfb_header(VIRTIO_FB_REQ_SET_CURSOR, out->index),
		.offset = cpu_to_le64(vfb_fb_offset(state->fb, state->src_x >> 16,
						    state->src_y >> 16)),
		.width = cpu_to_le32(state->crtc_w),
		.height = cpu_to_le32(state->crtc_h),
		.stride = cpu_to_le32(state->fb->pitches[0]),
		.hot_x = cpu_to_le32(hot_x),
		.hot_y = cpu_to_le32(hot_y),
		.x = cpu_to_le32(state->crtc_x + hot_x),
		.y = cpu_to_le32(state->crtc_y + hot_y),
	};
	struct vfb_device *vfb = to_vfb(out->crtc.dev);

	/* Once it is answered, the client may draw the next one */
	out->cursor_shown = !vfb_call(vfb, &cmd, sizeof(cmd), NULL, 0);
}

void vfb_cursor_move(struct vfb_output *out, struct drm_plane_state *state)
{
	u32 hot_x = hotspot(state->hotspot_x, state->crtc_w);
	u32 hot_y = hotspot(state->hotspot_y, state->crtc_h);
	struct virtio_fb_move_cursor cmd = {
		.hdr = vfb_header(VIRTIO_FB_REQ_MOVE_CURSOR, out->index),
		.x = cpu_to_le32(state->crtc_x + hot_x),
		.y = cpu_to_le32(state->crtc_y + hot_y),
	};

	vfb_send(to_vfb(out->crtc.dev), &cmd, sizeof(cmd));
}

void vfb_cursor_hide(struct vfb_output *out)
{
	struct virtio_fb_set_cursor cmd = {
		.hdr = vfb_header(VIRTIO_FB_REQ_SET_CURSOR, out->index),
	};

	if (!out->cursor_shown)
		return;
	out->cursor_shown = false;
	vfb_send(to_vfb(out->crtc.dev), &cmd, sizeof(cmd));
}

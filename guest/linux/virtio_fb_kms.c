// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: planes and CRTCs
 *
 * Every commit ends with a page flip, to the same image if need be: its answer
 * is the commit's event, so a client that draws as fast as it can does so at
 * the rate of the refresh. What DIRTYFB and the console draw does not wait.
 */

#include <drm/drm_atomic.h>
#include <drm/drm_atomic_helper.h>
#include <drm/drm_blend.h>
#include <drm/drm_crtc_helper.h>
#include <drm/drm_damage_helper.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem_atomic_helper.h>
#include <drm/drm_modeset_helper_vtables.h>
#include <drm/drm_plane_helper.h>
#include <drm/drm_print.h>
#include <drm/drm_probe_helper.h>
#include <drm/drm_rect.h>
#include <drm/drm_vblank.h>

#include "virtio_fb_drv.h"

/*
 * Planes
 */

static const struct drm_plane_funcs vfb_plane_funcs = {
	.update_plane = drm_atomic_helper_update_plane,
	.disable_plane = drm_atomic_helper_disable_plane,
	.reset = drm_atomic_helper_plane_reset,
	.atomic_duplicate_state = drm_atomic_helper_plane_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_plane_destroy_state,
};

static int check_plane(struct drm_plane *plane, struct drm_atomic_state *state,
		       bool can_position)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct drm_crtc_state *crtc_state;

	if (!new->crtc) {
		new->visible = false;
		return 0;
	}
	crtc_state = drm_atomic_get_new_crtc_state(state, new->crtc);
	return drm_atomic_helper_check_plane_state(new, crtc_state,
						   DRM_PLANE_NO_SCALING,
						   DRM_PLANE_NO_SCALING,
						   can_position, true);
}

/* The device shows whole pixels, from a 32-bit word on */
static int primary_check(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct drm_crtc_state *crtc_state;
	u64 offset;
	int err;

	err = check_plane(plane, state, false);
	if (err || !new->crtc)
		return err;
	crtc_state = drm_atomic_get_new_crtc_state(state, new->crtc);
	if (!crtc_state->enable)
		return 0;
	if (!new->visible || (new->src.x1 | new->src.y1) & 0xffff)
		return -EINVAL;
	offset = vfb_fb_offset(new->fb, new->src.x1 >> 16, new->src.y1 >> 16);
	if (offset % 4)
		return -EINVAL;
	if (offset + (u64)new->fb->pitches[0] * drm_rect_height(&new->dst) >
	    to_vfb(plane->dev)->vram_size)
		return -EINVAL;
	return 0;
}

/* The CRTC does it when all is known, see crtc_flush() */
static void primary_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
}

static const struct drm_plane_helper_funcs vfb_primary_helper_funcs = {
	.atomic_check = primary_check,
	.atomic_update = primary_update,
};

static int cursor_check(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct vfb_device *vfb = to_vfb(plane->dev);
	int err;

	err = check_plane(plane, state, true);
	if (err || !new->fb)
		return err;
	if (!new->crtc_w || new->crtc_w > vfb->cursor_width ||
	    !new->crtc_h || new->crtc_h > vfb->cursor_height)
		return -EINVAL;
	/* The last line's stride counts in full; it may have been a wide one */
	if (vfb_fb_offset(new->fb, new->src_x >> 16, (new->src_y >> 16) + new->crtc_h) >
	    vfb->vram_size)
		return -EINVAL;
	return 0;
}

static bool same_cursor(const struct drm_plane_state *old,
			const struct drm_plane_state *new)
{
	return old->fb == new->fb && !new->fb_damage_clips &&
	       old->src_x == new->src_x && old->src_y == new->src_y &&
	       old->crtc_w == new->crtc_w && old->crtc_h == new->crtc_h &&
	       old->hotspot_x == new->hotspot_x &&
	       old->hotspot_y == new->hotspot_y;
}

static void cursor_update(struct drm_plane *plane, struct drm_atomic_state *state)
{
	struct drm_plane_state *old = drm_atomic_get_old_plane_state(state, plane);
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct vfb_output *out = plane_to_output(plane);

	if (!new->fb)
		vfb_cursor_hide(out);
	else if (!out->cursor_shown || !same_cursor(old, new))
		vfb_cursor_set(out, new);
	else if (old->crtc_x != new->crtc_x || old->crtc_y != new->crtc_y)
		vfb_cursor_move(out, new);
}

static int cursor_async_check(struct drm_plane *plane, struct drm_atomic_state *state)
{
	/* What cursor_check() has found good */
	return 0;
}

/* The old way to set a cursor, which does not wait for flips */
static void cursor_async_update(struct drm_plane *plane,
				struct drm_atomic_state *state)
{
	struct drm_plane_state *new = drm_atomic_get_new_plane_state(state, plane);
	struct drm_plane_state *cur = plane->state;
	struct vfb_output *out = plane_to_output(plane);
	bool same = same_cursor(cur, new);

	cur->crtc_x = new->crtc_x;
	cur->crtc_y = new->crtc_y;
	cur->crtc_w = new->crtc_w;
	cur->crtc_h = new->crtc_h;
	cur->src_x = new->src_x;
	cur->src_y = new->src_y;
	cur->src_w = new->src_w;
	cur->src_h = new->src_h;
	cur->src = new->src;
	cur->dst = new->dst;
	cur->hotspot_x = new->hotspot_x;
	cur->hotspot_y = new->hotspot_y;
	swap(cur->fb, new->fb);

	if (!out->mode.format)
		return;
	if (out->cursor_shown && same)
		vfb_cursor_move(out, cur);
	else
		vfb_cursor_set(out, cur);
}

static const struct drm_plane_helper_funcs vfb_cursor_helper_funcs = {
	.atomic_check = cursor_check,
	.atomic_update = cursor_update,
	.atomic_async_check = cursor_async_check,
	.atomic_async_update = cursor_async_update,
};

/*
 * CRTC
 */

static enum drm_mode_status crtc_mode_valid(struct drm_crtc *crtc,
					    const struct drm_display_mode *mode)
{
	struct vfb_device *vfb = to_vfb(crtc->dev);

	if (mode->hdisplay > vfb->max_width)
		return MODE_BAD_HVALUE;
	if (mode->vdisplay > vfb->max_height)
		return MODE_BAD_VVALUE;
	if ((u64)mode->hdisplay * mode->vdisplay * 4 > vfb->mm_size)
		return MODE_MEM;
	if (mode->flags & (DRM_MODE_FLAG_INTERLACE | DRM_MODE_FLAG_DBLSCAN))
		return MODE_NO_INTERLACE;
	return MODE_OK;
}

static int crtc_check(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct drm_crtc_state *new = drm_atomic_get_new_crtc_state(state, crtc);
	int err;

	if (!new->enable)
		return 0;
	err = drm_atomic_helper_check_crtc_primary_plane(new);
	if (err)
		return err;
	/* A device that has failed can only be switched off */
	return new->active && !READ_ONCE(to_vfb(crtc->dev)->running) ? -EIO : 0;
}

static void crtc_enable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	/* Modes say what they like, there is but one refresh */
	drm_crtc_vblank_crtc(crtc)->framedur_ns = to_vfb(crtc->dev)->clock.period;
	drm_crtc_vblank_on(crtc);
}

static void crtc_disable(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct vfb_output *out = crtc_to_output(crtc);
	struct drm_crtc_state *new = drm_atomic_get_new_crtc_state(state, crtc);

	/* Between two modes there is no need for a blank screen */
	if (!new->active) {
		vfb_cursor_hide(out);
		vfb_scanout_disable(out);
		vfb_display_unplug_seen(out);
		vfb_send_event(out, new->event);
		new->event = NULL;
	}
	drm_crtc_vblank_off(crtc);
}

static void crtc_flush(struct drm_crtc *crtc, struct drm_atomic_state *state)
{
	struct drm_crtc_state *crtc_state = drm_atomic_get_new_crtc_state(state, crtc);
	struct drm_plane_state *old, *new;
	struct vfb_output *out = crtc_to_output(crtc);

	if (!crtc_state->active)
		return;
	old = drm_atomic_get_old_plane_state(state, crtc->primary);
	new = drm_atomic_get_new_plane_state(state, crtc->primary);
	if (new)
		vfb_scanout_show(out, old, new);
	/* Without an event it is a cursor that moves, which does not wait */
	if (new || crtc_state->event)
		vfb_scanout_flip(out, crtc_state->event);
	crtc_state->event = NULL;
}

static const struct drm_crtc_helper_funcs vfb_crtc_helper_funcs = {
	.mode_valid = crtc_mode_valid,
	.atomic_check = crtc_check,
	.atomic_enable = crtc_enable,
	.atomic_disable = crtc_disable,
	.atomic_flush = crtc_flush,
};

static const struct drm_crtc_funcs vfb_crtc_funcs = {
	.set_config = drm_atomic_helper_set_config,
	.page_flip = drm_atomic_helper_page_flip,
	.reset = drm_atomic_helper_crtc_reset,
	.atomic_duplicate_state = drm_atomic_helper_crtc_duplicate_state,
	.atomic_destroy_state = drm_atomic_helper_crtc_destroy_state,
	.enable_vblank = vfb_enable_vblank,
	.disable_vblank = vfb_disable_vblank,
	.get_vblank_timestamp = vfb_get_vblank_timestamp,
};

/*
 * DIRTYFB
 */

/* An update must not overtake the commit that shows what it is about */
static void wait_for_commit(struct drm_plane_state *state)
{
	if (state->commit)
		wait_for_completion_timeout(&state->commit->hw_done, VFB_TIMEOUT);
}

static void dirty_output(struct vfb_output *out, struct drm_framebuffer *fb,
			 struct drm_clip_rect *clips, unsigned int num_clips,
			 unsigned int step)
{
	struct drm_plane *plane = out->crtc.primary;

	drm_modeset_lock(&plane->mutex, NULL);
	if (plane->state->fb == fb && plane->state->visible) {
		wait_for_commit(plane->state);
		vfb_scanout_update(out, clips, num_clips, step);
	}
	drm_modeset_unlock(&plane->mutex);
}

int vfb_fb_dirty(struct drm_framebuffer *fb, struct drm_file *file,
		 unsigned int flags, unsigned int color,
		 struct drm_clip_rect *clips, unsigned int num_clips)
{
	struct vfb_device *vfb = to_vfb(fb->dev);
	unsigned int i, step = 1;

	/* Pairs of source and destination: the second is what changed */
	if (flags & DRM_MODE_FB_DIRTY_ANNOTATE_COPY && num_clips) {
		step = 2;
		clips++;
		num_clips--;
	}
	for (i = 0; i < vfb->num_scanouts; i++)
		dirty_output(vfb->output[i], fb, clips, num_clips, step);
	return 0;
}

/*
 * Commits
 */

static void commit_tail(struct drm_atomic_state *state)
{
	struct drm_device *drm = state->dev;

	drm_atomic_helper_commit_modeset_disables(drm, state);
	drm_atomic_helper_commit_modeset_enables(drm, state);
	drm_atomic_helper_commit_planes(drm, state, DRM_PLANE_COMMIT_ACTIVE_ONLY);
	drm_atomic_helper_commit_hw_done(state);
	/* Buffers shown before are in use until then */
	drm_atomic_helper_wait_for_flip_done(drm, state);
	drm_atomic_helper_cleanup_planes(drm, state);
}

static const struct drm_mode_config_helper_funcs vfb_mode_config_helpers = {
	.atomic_commit_tail = commit_tail,
};

static const struct drm_mode_config_funcs vfb_mode_config_funcs = {
	.fb_create = vfb_fb_create,
	.atomic_check = drm_atomic_helper_check,
	.atomic_commit = drm_atomic_helper_commit,
};

/*
 * Setup
 */

static struct drm_plane *create_primary(struct vfb_device *vfb, u32 index)
{
	struct vfb_plane *plane;

	plane = drmm_universal_plane_alloc(&vfb->drm, struct vfb_plane, base,
					   BIT(index), &vfb_plane_funcs,
					   vfb->formats, vfb->num_formats, NULL,
					   DRM_PLANE_TYPE_PRIMARY, NULL);
	if (IS_ERR(plane))
		return ERR_CAST(plane);
	plane->index = index;
	drm_plane_helper_add(&plane->base, &vfb_primary_helper_funcs);
	drm_plane_enable_fb_damage_clips(&plane->base);
	return &plane->base;
}

static struct drm_plane *create_cursor(struct vfb_device *vfb, u32 index)
{
	static const u32 formats[] = { DRM_FORMAT_ARGB8888 };
	struct vfb_plane *plane;

	if (!vfb->cursor_width)
		return NULL;
	plane = drmm_universal_plane_alloc(&vfb->drm, struct vfb_plane, base,
					   BIT(index), &vfb_plane_funcs,
					   formats, ARRAY_SIZE(formats), NULL,
					   DRM_PLANE_TYPE_CURSOR, NULL);
	if (IS_ERR(plane))
		return ERR_CAST(plane);
	plane->index = index;
	drm_plane_helper_add(&plane->base, &vfb_cursor_helper_funcs);
	drm_plane_enable_fb_damage_clips(&plane->base);
	return &plane->base;
}

static int create_output(struct vfb_device *vfb, u32 index)
{
	struct drm_plane *primary, *cursor;
	struct vfb_output *out;

	primary = create_primary(vfb, index);
	if (IS_ERR(primary))
		return PTR_ERR(primary);
	cursor = create_cursor(vfb, index);
	if (IS_ERR(cursor))
		return PTR_ERR(cursor);
	out = drmm_crtc_alloc_with_planes(&vfb->drm, struct vfb_output, crtc,
					  primary, cursor, &vfb_crtc_funcs, NULL);
	if (IS_ERR(out))
		return PTR_ERR(out);
	out->index = index;
	drm_crtc_helper_add(&out->crtc, &vfb_crtc_helper_funcs);
	vfb->output[index] = out;
	return vfb_connector_init(vfb, out);
}

static void init_mode_config(struct vfb_device *vfb)
{
	struct drm_mode_config *config = &vfb->drm.mode_config;

	config->max_width = vfb->max_width;
	config->max_height = vfb->max_height;
	config->cursor_width = vfb->cursor_width;
	config->cursor_height = vfb->cursor_height;
	config->preferred_depth = 24;
	/* Buffers are as fast to read as any memory */
	config->prefer_shadow = 0;
	config->funcs = &vfb_mode_config_funcs;
	config->helper_private = &vfb_mode_config_helpers;
}

int vfb_kms_init(struct vfb_device *vfb)
{
	u32 i;
	int err;

	err = drmm_mode_config_init(&vfb->drm);
	if (err)
		return err;
	init_mode_config(vfb);
	for (i = 0; i < vfb->num_scanouts; i++) {
		err = create_output(vfb, i);
		if (err)
			return err;
	}
	err = drm_vblank_init(&vfb->drm, vfb->num_scanouts);
	if (err)
		return err;
	/* Time stamps are exact whether or not there are events */
	vfb->drm.vblank_disable_immediate = true;
	drm_mode_config_reset(&vfb->drm);
	return 0;
}

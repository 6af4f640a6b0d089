/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio-fb display driver: what its files share
 */

#ifndef VIRTIO_FB_DRV_H
#define VIRTIO_FB_DRV_H

#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm.h>
#include <drm/drm_connector.h>
#include <drm/drm_crtc.h>
#include <drm/drm_device.h>
#include <drm/drm_encoder.h>
#include <drm/drm_gem.h>
#include <drm/drm_mm.h>
#include <drm/drm_plane.h>

#define VIRTIO_FB_LE32 __le32
#define VIRTIO_FB_LE64 __le64
#include "virtio-fb-wire.h"

struct address_space;
struct fb_info;
struct drm_fb_helper;
struct drm_fb_helper_surface_size;
struct drm_mode_create_dumb;
struct drm_mode_fb_cmd2;

struct vfb_device;

/* More rectangles than this are merged, whatever the device takes */
#define VFB_MAX_RECTS		64

/* The device answers at once; a flip within a refresh */
#define VFB_TIMEOUT		(10 * HZ)

/*
 * A request on the control queue. Its owner keeps it and its buffers until
 * done() is called, once, in atomic context, with no lock held.
 */
struct vfb_request {
	struct list_head entry;
	void (*done)(struct vfb_device *vfb, struct vfb_request *req, int err);
	void *out;
	void *in;
	u32 out_len;
	u32 in_len;
	bool quiet;	/* needs no response while there is room */
};

/* A piece of video memory */
struct vfb_range {
	struct drm_mm_node node;
	struct vfb_request req;
	struct virtio_fb_discard out ____cacheline_aligned;
	struct virtio_fb_response in ____cacheline_aligned;
};

struct vfb_bo {
	struct drm_gem_object base;
	struct vfb_range *range;
};

/* How a scanout reads video memory; all zero if it is disabled */
struct vfb_mode {
	u32 format;
	u32 width;
	u32 height;
	u32 stride;
};

/* The page flip of a CRTC: DRM has at most one on its way */
struct vfb_flip {
	struct vfb_request req;
	bool busy;
	struct drm_pending_vblank_event *event;
	struct {
		struct virtio_fb_flip head;
		struct virtio_fb_rect rects[VFB_MAX_RECTS];
	} out ____cacheline_aligned;
	struct virtio_fb_refresh_response in ____cacheline_aligned;
};

/* SET_VBLANK of a CRTC, which is asked for in atomic context */
struct vfb_vblank {
	struct vfb_request req;
	bool wanted;
	bool sent;
	bool busy;
	struct virtio_fb_set_vblank out ____cacheline_aligned;
	struct virtio_fb_refresh_response in ____cacheline_aligned;
};

struct vfb_plane {
	struct drm_plane base;
	u32 index;
};

/* A scanout with all that DRM knows of it */
struct vfb_output {
	struct drm_crtc crtc;
	struct drm_encoder encoder;
	struct drm_connector connector;
	u32 index;

	struct virtio_fb_display display;	/* under mode_config.mutex */
	const struct drm_edid *edid;		/* likewise */
	bool unplugged;				/* likewise: for a moment */
	bool awaited;		/* display and replug work: another mode */
	const struct drm_master *follower;	/* likewise: sets it, only compared */
	unsigned int reminders;			/* likewise: may still be given */
	unsigned int unplugs;			/* likewise, ends with one that is seen */

	struct vfb_mode mode;	/* commits only, which DRM puts in order */
	u64 offset;
	u32 flip_rects;
	bool cursor_shown;

	struct vfb_flip flip;
	struct vfb_vblank vblank;

	struct vfb_request last_req;	/* when the kernel panics */
	struct virtio_fb_update last_update;
};

/* When refreshes are, on the guest's clock */
struct vfb_clock {
	spinlock_t lock;	/* also for all of struct vfb_vblank */
	u64 period;		/* ns, never 0 */
	u64 start;		/* of refresh number 0, modulo 2^64 */
	u64 latest;		/* time stamp given to DRM */
	bool known;
	unsigned int num_late;
};

struct vfb_fbdev {
	struct mutex lock;	/* for what follows */
	struct delayed_work flush;
	struct address_space *mapping;
	unsigned int mappings;
	unsigned long first_page;	/* written to through a mapping */
	unsigned long end_page;
	struct fb_info *info;
	struct drm_framebuffer *fb;

	struct delayed_work show;
	spinlock_t damage_lock;	/* for what follows */
	struct drm_clip_rect damage;
	unsigned long shown;	/* jiffies */
};

struct vfb_device {
	struct drm_device drm;
	struct virtio_device *vdev;
	struct vfb_output *output[VIRTIO_FB_MAX_SCANOUTS];

	/* configuration */
	u32 num_scanouts;
	u32 max_width;
	u32 max_height;
	u32 max_rects;
	u32 cursor_width;
	u32 cursor_height;
	u32 num_formats;
	u32 formats[VIRTIO_FB_MAX_FORMATS];

	/* queues */
	struct virtqueue *ctrl;
	struct virtqueue *event;
	struct virtio_fb_event *event_buf;
	spinlock_t ctrl_lock;	/* leaf */
	struct list_head in_flight;
	bool running;
	wait_queue_head_t room;
	struct work_struct failed_work;

	/* video memory */
	void *vram;
	resource_size_t vram_start;
	u64 vram_size;
	u64 mm_size;			/* what is given out of it */
	spinlock_t mm_lock;	/* for what follows, leaf */
	struct drm_mm mm;
	unsigned int unit_shift;	/* of allocations */
	unsigned long *dirty;		/* units that may not be zero */
	bool can_discard;
	unsigned int discarding;
	unsigned int discarded;
	wait_queue_head_t discard_wait;
	struct vfb_range *boot;

	struct vfb_clock clock;

	struct drm_property *mode_update_property;
	bool display_changed;
	struct delayed_work display_work;
	struct delayed_work replug_work;

	struct vfb_fbdev fbdev;
	struct notifier_block pm_nb;
	struct notifier_block panic_nb;
};

#define to_vfb(d)		container_of(d, struct vfb_device, drm)
#define to_vfb_bo(obj)		container_of(obj, struct vfb_bo, base)
#define crtc_to_output(c)	container_of(c, struct vfb_output, crtc)
#define connector_to_output(c)	container_of(c, struct vfb_output, connector)

#define plane_to_output(p) \
	(to_vfb((p)->dev)->output[container_of(p, struct vfb_plane, base)->index])

static inline struct virtio_fb_request vfb_header(u32 type, u32 scanout)
{
	return (struct virtio_fb_request) {
		.type = cpu_to_le32(type),
		.scanout = cpu_to_le32(scanout),
	};
}

/* virtio_fb_vq.c */
int vfb_queues_init(struct vfb_device *vfb);
void vfb_queues_start(struct vfb_device *vfb);
void vfb_queues_stop(struct vfb_device *vfb);
void vfb_queues_fail(struct vfb_device *vfb);
int vfb_submit(struct vfb_device *vfb, struct vfb_request *req);
int vfb_submit_atomic(struct vfb_device *vfb, struct vfb_request *req);
void vfb_submit_panic(struct vfb_device *vfb, struct vfb_request *req);
int vfb_call(struct vfb_device *vfb, const void *out, size_t out_len,
	     void *in, size_t in_len);
int vfb_send(struct vfb_device *vfb, const void *out, size_t out_len);

/* virtio_fb_vram.c */
int vfb_vram_init(struct vfb_device *vfb);
int vfb_vram_start(struct vfb_device *vfb);
void vfb_vram_drain(struct vfb_device *vfb);
void vfb_vram_clear_boot(struct vfb_device *vfb);
struct vfb_range *vfb_range_alloc(struct vfb_device *vfb, u64 size);
void vfb_range_free(struct vfb_device *vfb, struct vfb_range *range);
void vfb_boot_release(struct vfb_device *vfb);

/* virtio_fb_gem.c */
int vfb_dumb_create(struct drm_file *file, struct drm_device *drm,
		    struct drm_mode_create_dumb *args);
struct drm_framebuffer *vfb_fb_create(struct drm_device *drm,
				      struct drm_file *file,
				      const struct drm_mode_fb_cmd2 *cmd);
u64 vfb_fb_offset(struct drm_framebuffer *fb, u32 x, u32 y);

/* virtio_fb_clock.c */
void vfb_clock_init(struct vfb_device *vfb);
int vfb_clock_start(struct vfb_device *vfb);
void vfb_clock_set(struct vfb_device *vfb,
		   const struct virtio_fb_refresh *refresh);
int vfb_enable_vblank(struct drm_crtc *crtc);
void vfb_disable_vblank(struct drm_crtc *crtc);
bool vfb_get_vblank_timestamp(struct drm_crtc *crtc, int *max_error,
			      ktime_t *time, bool in_vblank_irq);

/* virtio_fb_scanout.c */
int vfb_scanout_show(struct vfb_output *out, struct drm_plane_state *old,
		     struct drm_plane_state *new);
void vfb_scanout_flip(struct vfb_output *out,
		      struct drm_pending_vblank_event *event);
void vfb_scanout_disable(struct vfb_output *out);
void vfb_scanout_update(struct vfb_output *out, const struct drm_clip_rect *clips,
			u32 num_clips, u32 step);
void vfb_cursor_set(struct vfb_output *out, struct drm_plane_state *state);
void vfb_cursor_move(struct vfb_output *out, struct drm_plane_state *state);
void vfb_cursor_hide(struct vfb_output *out);
void vfb_send_event(struct vfb_output *out,
		    struct drm_pending_vblank_event *event);

/* virtio_fb_kms.c */
int vfb_kms_init(struct vfb_device *vfb);
int vfb_fb_dirty(struct drm_framebuffer *fb, struct drm_file *file,
		 unsigned int flags, unsigned int color,
		 struct drm_clip_rect *clips, unsigned int num_clips);

/* virtio_fb_connector.c */
int vfb_connector_init(struct vfb_device *vfb, struct vfb_output *out);
void vfb_display_init(struct vfb_device *vfb);
void vfb_display_start(struct vfb_device *vfb);
void vfb_display_cancel(struct vfb_device *vfb);
void vfb_display_free(struct vfb_device *vfb);
void vfb_display_changed(struct vfb_device *vfb);
void vfb_display_unplug_seen(struct vfb_output *out);
int vfb_display_read(struct vfb_device *vfb);

/* virtio_fb_fbdev.c */
void vfb_fbdev_init(struct vfb_device *vfb);
void vfb_panic_init(struct vfb_device *vfb);
void vfb_panic_fini(struct vfb_device *vfb);
int vfb_fbdev_probe(struct drm_fb_helper *helper,
		    struct drm_fb_helper_surface_size *sizes);

#endif

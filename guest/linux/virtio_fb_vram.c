// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: who has which part of video memory
 *
 * Freed ranges go back to the host, and may be used again when the device has
 * answered. It has zeroed them then; the others are zeroed when they are
 * allocated. The boot display keeps its range until a mode is set.
 */

#include <linux/bitmap.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "virtio_fb_drv.h"

static u64 round_to_units(struct vfb_device *vfb, u64 size)
{
	return round_up(size, BIT_ULL(vfb->unit_shift));
}

/*
 * Zeroing
 */

static void range_units(struct vfb_device *vfb, const struct vfb_range *range,
			unsigned long *first, unsigned long *end)
{
	*first = range->node.start >> vfb->unit_shift;
	*end = (range->node.start + range->node.size) >> vfb->unit_shift;
}

static void mark_range(struct vfb_device *vfb, const struct vfb_range *range,
		       bool dirty)
{
	unsigned long first, end;

	lockdep_assert_held(&vfb->mm_lock);
	range_units(vfb, range, &first, &end);
	if (dirty)
		bitmap_set(vfb->dirty, first, end - first);
	else
		bitmap_clear(vfb->dirty, first, end - first);
}

static void clear_units(struct vfb_device *vfb, unsigned long first,
			unsigned long end)
{
	unsigned long from, to;

	for (from = find_next_bit(vfb->dirty, end, first); from < end;
	     from = find_next_bit(vfb->dirty, end, to)) {
		to = find_next_zero_bit(vfb->dirty, end, from);
		memset(vfb->vram + (from << vfb->unit_shift), 0,
		       (to - from) << vfb->unit_shift);
		cond_resched();
	}
}

/* Its new owner will write to it */
static void clear_range(struct vfb_device *vfb, const struct vfb_range *range)
{
	unsigned long first, end;

	range_units(vfb, range, &first, &end);
	clear_units(vfb, first, end);
	spin_lock_irq(&vfb->mm_lock);
	mark_range(vfb, range, true);
	spin_unlock_irq(&vfb->mm_lock);
}

/*
 * Allocation
 */

static int insert_range(struct vfb_device *vfb, struct vfb_range *range,
			u64 size, bool *discarding, unsigned int *discarded)
{
	int err;

	spin_lock_irq(&vfb->mm_lock);
	err = drm_mm_insert_node_in_range(&vfb->mm, &range->node, size, 0, 0, 0,
					  U64_MAX, DRM_MM_INSERT_HIGH);
	*discarding = vfb->discarding;
	*discarded = vfb->discarded;
	spin_unlock_irq(&vfb->mm_lock);
	return err;
}

/*
 * Zeroed; what is being discarded is waited for before there is no room. From
 * the end, so that the boot display, which shows while the machine sleeps, is
 * not part of somebody's picture as long as there is other room.
 */
struct vfb_range *vfb_range_alloc(struct vfb_device *vfb, u64 size)
{
	struct vfb_range *range;
	unsigned int discarded;
	bool discarding;
	int err;

	if (!size || size > vfb->vram_size)
		return ERR_PTR(-ENOSPC);
	range = kzalloc(sizeof(*range), GFP_KERNEL);
	if (!range)
		return ERR_PTR(-ENOMEM);
	size = round_to_units(vfb, size);
	do {
		err = insert_range(vfb, range, size, &discarding, &discarded);
	} while (err == -ENOSPC && discarding &&
		 wait_event_timeout(vfb->discard_wait,
				    READ_ONCE(vfb->discarded) != discarded,
				    VFB_TIMEOUT));
	if (err) {
		kfree(range);
		return ERR_PTR(err);
	}
	clear_range(vfb, range);
	return range;
}

static struct vfb_range *reserve_range(struct vfb_device *vfb, u64 start, u64 end)
{
	struct vfb_range *range;
	int err;

	range = kzalloc(sizeof(*range), GFP_KERNEL);
	if (!range)
		return NULL;
	range->node.start = start;
	range->node.size = end - start;
	spin_lock_irq(&vfb->mm_lock);
	err = drm_mm_reserve_node(&vfb->mm, &range->node);
	spin_unlock_irq(&vfb->mm_lock);
	if (err) {
		kfree(range);
		return NULL;
	}
	return range;
}

static void discard_done(struct vfb_device *vfb, struct vfb_request *req, int err)
{
	struct vfb_range *range = container_of(req, struct vfb_range, req);
	unsigned long flags;

	spin_lock_irqsave(&vfb->mm_lock, flags);
	if (!err)
		mark_range(vfb, range, false);
	drm_mm_remove_node(&range->node);
	vfb->discarding--;
	vfb->discarded++;
	spin_unlock_irqrestore(&vfb->mm_lock, flags);
	kfree(range);
	wake_up_all(&vfb->discard_wait);
}

static void discard_range(struct vfb_device *vfb, struct vfb_range *range)
{
	int err;

	range->out = (struct virtio_fb_discard) {
		.hdr = vfb_header(VIRTIO_FB_REQ_DISCARD, 0),
		.offset = cpu_to_le64(range->node.start),
		.size = cpu_to_le64(range->node.size),
	};
	range->req = (struct vfb_request) {
		.done = discard_done,
		.out = &range->out,
		.out_len = sizeof(range->out),
		.in = &range->in,
		.in_len = sizeof(range->in),
	};
	spin_lock_irq(&vfb->mm_lock);
	vfb->discarding++;
	spin_unlock_irq(&vfb->mm_lock);
	err = vfb_submit(vfb, &range->req);
	if (err)
		discard_done(vfb, &range->req, err);
}

void vfb_range_free(struct vfb_device *vfb, struct vfb_range *range)
{
	if (vfb->can_discard) {
		discard_range(vfb, range);
		return;
	}
	spin_lock_irq(&vfb->mm_lock);
	drm_mm_remove_node(&range->node);
	spin_unlock_irq(&vfb->mm_lock);
	kfree(range);
}

/*
 * Boot display
 */

/* Something else is shown where it was */
void vfb_boot_release(struct vfb_device *vfb)
{
	struct vfb_range *boot = xchg(&vfb->boot, NULL);

	if (boot)
		vfb_range_free(vfb, boot);
}

static u64 boot_size(struct vfb_device *vfb)
{
	u32 stride, height;
	u64 size;

	virtio_cread_le(vfb->vdev, struct virtio_fb_config, boot_stride, &stride);
	virtio_cread_le(vfb->vdev, struct virtio_fb_config, boot_height, &height);
	size = round_to_units(vfb, (u64)stride * height);
	return min(size, vfb->mm_size);
}

/* It will be shown again: leave no one's picture there */
void vfb_vram_clear_boot(struct vfb_device *vfb)
{
	if (!vfb->boot)
		clear_units(vfb, 0, boot_size(vfb) >> vfb->unit_shift);
}

/*
 * Start and end
 */

/* A unit can be allocated and discarded by itself */
static void init_units(struct vfb_device *vfb)
{
	u32 align = 0;

	vfb->unit_shift = PAGE_SHIFT;
	if (!virtio_has_feature(vfb->vdev, VIRTIO_FB_F_DISCARD))
		return;
	virtio_cread_le(vfb->vdev, struct virtio_fb_config, discard_align, &align);
	if (!is_power_of_2(align) || align > SZ_2M)
		return;
	vfb->can_discard = true;
	vfb->unit_shift = max_t(unsigned int, PAGE_SHIFT, ilog2(align));
}

static void fini_vram(struct drm_device *drm, void *unused)
{
	struct vfb_device *vfb = to_vfb(drm);

	if (vfb->boot) {
		drm_mm_remove_node(&vfb->boot->node);
		kfree(vfb->boot);
	}
	drm_mm_takedown(&vfb->mm);
	bitmap_free(vfb->dirty);
	memunmap(vfb->vram);
}

static int map_vram(struct vfb_device *vfb)
{
	struct virtio_shm_region shm;

	if (!virtio_get_shm_region(vfb->vdev, &shm, VIRTIO_FB_SHM_VRAM)) {
		drm_err(&vfb->drm, "the device has no video memory\n");
		return -ENODEV;
	}
	vfb->vram_start = shm.addr;
	vfb->vram_size = shm.len;
	return 0;
}

/*
 * A scanout's last line counts with all of its stride, which matters for those
 * that show the right part of an image only: keep some room behind.
 */
static u64 usable_size(struct vfb_device *vfb)
{
	u64 room = (u64)vfb->max_width * 4;

	if (vfb->vram_size <= room)
		return 0;
	return round_down(vfb->vram_size - room, BIT_ULL(vfb->unit_shift));
}

int vfb_vram_init(struct vfb_device *vfb)
{
	unsigned long units;
	int err;

	err = map_vram(vfb);
	if (err)
		return err;
	init_units(vfb);
	vfb->mm_size = usable_size(vfb);
	if (!vfb->mm_size) {
		drm_err(&vfb->drm, "the device has too little video memory\n");
		return -ENODEV;
	}
	units = vfb->mm_size >> vfb->unit_shift;
	vfb->dirty = bitmap_alloc(units, GFP_KERNEL);
	if (!vfb->dirty)
		return -ENOMEM;
	bitmap_fill(vfb->dirty, units);
	vfb->vram = memremap(vfb->vram_start, vfb->vram_size, MEMREMAP_WB);
	if (!vfb->vram) {
		bitmap_free(vfb->dirty);
		return -ENOMEM;
	}
	drm_mm_init(&vfb->mm, 0, vfb->mm_size);
	return drmm_add_action_or_reset(&vfb->drm, fini_vram, NULL);
}

/* What another driver left is of no use to us */
int vfb_vram_start(struct vfb_device *vfb)
{
	u64 boot = boot_size(vfb);
	struct vfb_range *rest;

	if (boot) {
		vfb->boot = reserve_range(vfb, 0, boot);
		if (!vfb->boot)
			return -ENOMEM;
	}
	if (vfb->can_discard && boot < vfb->mm_size) {
		rest = reserve_range(vfb, boot, vfb->mm_size);
		if (!rest)
			return -ENOMEM;
		vfb_range_free(vfb, rest);
	}
	return 0;
}

/* Wait until the host has what was freed */
void vfb_vram_drain(struct vfb_device *vfb)
{
	wait_event_timeout(vfb->discard_wait, !READ_ONCE(vfb->discarding),
			   VFB_TIMEOUT);
}

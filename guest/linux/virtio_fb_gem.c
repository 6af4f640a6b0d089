// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: buffers and framebuffers
 *
 * Video memory is no RAM of the guest and has no struct pages: clients map
 * buffers as page frames, cached, and pass them on as dma-bufs that can be
 * imported back and mapped, but that no other device can attach to.
 */

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem_framebuffer_helper.h>
#include <drm/drm_mode.h>
#include <drm/drm_modeset_helper.h>
#include <drm/drm_print.h>

#include "virtio_fb_drv.h"

/* Lines begin at cache lines, which blitters like */
#define STRIDE_ALIGN	64

/*
 * Buffers
 */

static void vfb_bo_free(struct drm_gem_object *obj)
{
	struct vfb_bo *bo = to_vfb_bo(obj);

	drm_gem_object_release(obj);
	vfb_range_free(to_vfb(obj->dev), bo->range);
	kfree(bo);
}

static int vfb_bo_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct vfb_device *vfb = to_vfb(obj->dev);

	iosys_map_set_vaddr(map, vfb->vram + to_vfb_bo(obj)->range->node.start);
	return 0;
}

static int vfb_bo_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct vfb_device *vfb = to_vfb(obj->dev);
	unsigned long size = vma->vm_end - vma->vm_start;
	unsigned long first = vma->vm_pgoff - drm_vma_node_start(&obj->vma_node);
	unsigned long pages = obj->size >> PAGE_SHIFT;
	phys_addr_t start = vfb->vram_start + to_vfb_bo(obj)->range->node.start;
	int err, idx;

	if (first > pages || vma_pages(vma) > pages - first)
		return -EINVAL;
	/* Copies on write of what a client draws would never be seen */
	if (is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	if (!drm_dev_enter(obj->dev, &idx))
		return -ENODEV;
	err = remap_pfn_range(vma, vma->vm_start, PHYS_PFN(start) + first, size,
			      vma->vm_page_prot);
	drm_dev_exit(idx);
	return err;
}

/* No fault handler: what is unmapped when the device goes stays so */
static const struct vm_operations_struct vfb_bo_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static const struct drm_gem_object_funcs vfb_bo_funcs = {
	.free = vfb_bo_free,
	.vmap = vfb_bo_vmap,
	.mmap = vfb_bo_mmap,
	.vm_ops = &vfb_bo_vm_ops,
};

static struct vfb_bo *vfb_bo_create(struct drm_device *drm, u64 size)
{
	struct vfb_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->range = vfb_range_alloc(to_vfb(drm), size);
	if (IS_ERR(bo->range)) {
		struct vfb_range *err = bo->range;

		kfree(bo);
		return ERR_CAST(err);
	}
	drm_gem_private_object_init(drm, &bo->base, size);
	bo->base.funcs = &vfb_bo_funcs;
	return bo;
}

/* drm_mode_create_dumb() has made sure that the product fits 32 bits */
int vfb_dumb_create(struct drm_file *file, struct drm_device *drm,
		    struct drm_mode_create_dumb *args)
{
	u64 pitch = (u64)args->width * DIV_ROUND_UP(args->bpp, 8);
	struct vfb_bo *bo;
	int err;

	pitch = round_up(pitch, STRIDE_ALIGN);
	if (pitch > U32_MAX)
		return -EINVAL;
	args->pitch = pitch;
	args->size = PAGE_ALIGN(pitch * args->height);
	bo = vfb_bo_create(drm, args->size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);
	err = drm_gem_handle_create(file, &bo->base, &args->handle);
	drm_gem_object_put(&bo->base);
	return err;
}

/*
 * Framebuffers
 */

static const struct drm_framebuffer_funcs vfb_fb_funcs = {
	.destroy = drm_gem_fb_destroy,
	.create_handle = drm_gem_fb_create_handle,
	.dirty = vfb_fb_dirty,
};

struct drm_framebuffer *vfb_fb_create(struct drm_device *drm,
				      struct drm_file *file,
				      const struct drm_mode_fb_cmd2 *cmd)
{
	if (cmd->pitches[0] % 4 || cmd->offsets[0] % 4) {
		drm_dbg_kms(drm, "stride and offset are not multiples of 4\n");
		return ERR_PTR(-EINVAL);
	}
	return drm_gem_fb_create_with_funcs(drm, file, cmd, &vfb_fb_funcs);
}

/* Where in video memory a pixel is */
u64 vfb_fb_offset(struct drm_framebuffer *fb, u32 x, u32 y)
{
	u64 start = to_vfb_bo(fb->obj[0])->range->node.start;

	return start + fb->offsets[0] + (u64)y * fb->pitches[0] +
	       (u64)x * fb->format->cpp[0];
}

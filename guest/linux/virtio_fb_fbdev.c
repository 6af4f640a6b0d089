// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: console
 *
 * The text console draws into video memory itself. Programs that map /dev/fb0
 * do so too: the first write to a page after an update is a fault, which tells
 * that there is something to show.
 */

#include <linux/fb.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/panic_notifier.h>

#include <drm/drm_client.h>
#include <drm/drm_drv.h>
#include <drm/drm_fb_helper.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_framebuffer.h>
#include <drm/drm_gem.h>
#include <drm/drm_mode.h>
#include <drm/drm_print.h>

#include "virtio_fb_drv.h"

#define FLUSH_DELAY	(HZ / 50)
#define SHOW_PERIOD	(HZ / 60)

static struct vfb_device *info_to_vfb(struct fb_info *info)
{
	struct drm_fb_helper *helper = info->par;

	return to_vfb(helper->dev);
}

/* The console is told when the device goes, and must not keep the module */
static int vfb_fb_open(struct fb_info *info, int user)
{
	return user && !try_module_get(THIS_MODULE) ? -ENODEV : 0;
}

static int vfb_fb_release(struct fb_info *info, int user)
{
	if (user)
		module_put(THIS_MODULE);
	return 0;
}

/*
 * Damage: a scrolling console has some for each run of letters, and nobody sees
 * it in between two refreshes. The first is shown at once. The helper library's
 * work item would be one more change of tasks for each of them.
 */

static void show_damage(struct work_struct *work)
{
	struct vfb_fbdev *fbdev =
		container_of(work, struct vfb_fbdev, show.work);
	struct drm_clip_rect clip;

	spin_lock_irq(&fbdev->damage_lock);
	clip = fbdev->damage;
	fbdev->damage = (struct drm_clip_rect) { };
	fbdev->shown = jiffies;
	spin_unlock_irq(&fbdev->damage_lock);
	if (clip.x1 < clip.x2)
		vfb_fb_dirty(fbdev->fb, NULL, 0, 0, &clip, 1);
}

static void add_damage(struct vfb_fbdev *fbdev, const struct drm_clip_rect *clip)
{
	struct drm_clip_rect *all = &fbdev->damage;
	unsigned long flags, next, delay, now = jiffies;

	spin_lock_irqsave(&fbdev->damage_lock, flags);
	if (all->x1 < all->x2) {
		all->x1 = min(all->x1, clip->x1);
		all->y1 = min(all->y1, clip->y1);
		all->x2 = max(all->x2, clip->x2);
		all->y2 = max(all->y2, clip->y2);
	} else {
		*all = *clip;
	}
	next = fbdev->shown + SHOW_PERIOD;
	delay = time_in_range(now, fbdev->shown, next) ? next - now : 0;
	spin_unlock_irqrestore(&fbdev->damage_lock, flags);
	queue_delayed_work(system_wq, &fbdev->show, delay);
}

/* The console draws, in any context, and within the screen */
static void damage_area(struct fb_info *info, u32 x, u32 y, u32 width, u32 height)
{
	struct drm_clip_rect clip = {
		.x1 = x, .y1 = y, .x2 = x + width, .y2 = y + height,
	};

	if (width && height)
		add_damage(&info_to_vfb(info)->fbdev, &clip);
}

/* A program writes, maybe into what is behind the last line */
static void damage_range(struct fb_info *info, off_t start, size_t size)
{
	struct vfb_fbdev *fbdev = &info_to_vfb(info)->fbdev;
	u32 pitch = info->fix.line_length;
	u64 first = div_u64(start, pitch);
	u64 end = min(div_u64(start + size + pitch - 1, pitch),
		      (u64)fbdev->fb->height);
	struct drm_clip_rect clip = {
		.x1 = 0, .y1 = first, .x2 = fbdev->fb->width, .y2 = end,
	};

	if (size && first < end)
		add_damage(fbdev, &clip);
}

/*
 * Mappings
 */

static void note_page(struct vfb_fbdev *fbdev, unsigned long page)
{
	if (fbdev->first_page == fbdev->end_page) {
		fbdev->first_page = page;
		fbdev->end_page = page + 1;
	}
	fbdev->first_page = min(fbdev->first_page, page);
	fbdev->end_page = max(fbdev->end_page, page + 1);
}

/* Until the pages are taken away again, writes to them go unnoticed */
static void flush_mappings(struct work_struct *work)
{
	struct vfb_fbdev *fbdev =
		container_of(work, struct vfb_fbdev, flush.work);
	struct vfb_device *vfb = container_of(fbdev, struct vfb_device, fbdev);
	loff_t start, size;

	mutex_lock(&fbdev->lock);
	start = (loff_t)fbdev->first_page << PAGE_SHIFT;
	size = (loff_t)(fbdev->end_page - fbdev->first_page) << PAGE_SHIFT;
	fbdev->first_page = 0;
	fbdev->end_page = 0;
	if (size && fbdev->mappings)
		unmap_mapping_range(fbdev->mapping, start, size, 1);
	mutex_unlock(&fbdev->lock);
	if (size)
		damage_range(vfb->fbdev.info, start, size);
}

static vm_fault_t vfb_fb_fault(struct vm_fault *vmf)
{
	struct fb_info *info = vmf->vma->vm_private_data;
	struct drm_fb_helper *helper = info->par;
	struct vfb_device *vfb = info_to_vfb(info);
	struct vfb_fbdev *fbdev = &vfb->fbdev;
	phys_addr_t start;
	vm_fault_t ret;
	int idx;

	if (vmf->pgoff >= info->fix.smem_len >> PAGE_SHIFT ||
	    !drm_dev_enter(&vfb->drm, &idx))
		return VM_FAULT_SIGBUS;
	start = vfb->vram_start + vfb_fb_offset(helper->fb, 0, 0);
	mutex_lock(&fbdev->lock);
	ret = vmf_insert_pfn(vmf->vma, vmf->address, PHYS_PFN(start) + vmf->pgoff);
	note_page(fbdev, vmf->pgoff);
	mutex_unlock(&fbdev->lock);
	queue_delayed_work(system_wq, &fbdev->flush, FLUSH_DELAY);
	drm_dev_exit(idx);
	return ret;
}

static void vfb_fb_vm_open(struct vm_area_struct *vma)
{
	struct vfb_fbdev *fbdev = &info_to_vfb(vma->vm_private_data)->fbdev;

	mutex_lock(&fbdev->lock);
	fbdev->mappings++;
	mutex_unlock(&fbdev->lock);
}

static void vfb_fb_vm_close(struct vm_area_struct *vma)
{
	struct vfb_fbdev *fbdev = &info_to_vfb(vma->vm_private_data)->fbdev;

	mutex_lock(&fbdev->lock);
	if (!--fbdev->mappings)
		fbdev->mapping = NULL;
	mutex_unlock(&fbdev->lock);
}

static const struct vm_operations_struct vfb_fb_vm_ops = {
	.open = vfb_fb_vm_open,
	.close = vfb_fb_vm_close,
	.fault = vfb_fb_fault,
};

static int vfb_fb_mmap(struct fb_info *info, struct vm_area_struct *vma)
{
	struct vfb_fbdev *fbdev = &info_to_vfb(info)->fbdev;
	unsigned long pages = info->fix.smem_len >> PAGE_SHIFT;
	int err = 0;

	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff ||
	    is_cow_mapping(vma->vm_flags))
		return -EINVAL;
	mutex_lock(&fbdev->lock);
	/* All by the same device node, or the pages cannot be found again */
	if (fbdev->mappings && fbdev->mapping != vma->vm_file->f_mapping) {
		err = -EBUSY;
	} else {
		fbdev->mapping = vma->vm_file->f_mapping;
		fbdev->mappings++;
	}
	mutex_unlock(&fbdev->lock);
	if (err)
		return err;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	vma->vm_ops = &vfb_fb_vm_ops;
	vma->vm_private_data = info;
	return 0;
}

/*
 * Panic: the console has drawn, but nothing runs any more that would tell
 */

static void panic_done(struct vfb_device *vfb, struct vfb_request *req, int err)
{
}

static int vfb_panic(struct notifier_block *nb, unsigned long event, void *message)
{
	struct vfb_device *vfb = container_of(nb, struct vfb_device, panic_nb);
	struct vfb_output *out;
	unsigned int i;

	for (i = 0; i < vfb->num_scanouts; i++) {
		out = vfb->output[i];
		out->last_update.hdr = vfb_header(VIRTIO_FB_REQ_UPDATE, i);
		out->last_update.hdr.flags = cpu_to_le32(VIRTIO_FB_FLAG_NO_RESPONSE);
		out->last_req.done = panic_done;
		out->last_req.out = &out->last_update;
		out->last_req.out_len = sizeof(out->last_update);
		vfb_submit_panic(vfb, &out->last_req);
	}
	return NOTIFY_DONE;
}

void vfb_panic_init(struct vfb_device *vfb)
{
	vfb->panic_nb.notifier_call = vfb_panic;
	atomic_notifier_chain_register(&panic_notifier_list, &vfb->panic_nb);
}

void vfb_panic_fini(struct vfb_device *vfb)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &vfb->panic_nb);
}

/*
 * The framebuffer device
 */

FB_GEN_DEFAULT_DEFERRED_SYSMEM_OPS(vfb_fb, damage_range, damage_area);

static void vfb_fb_destroy(struct fb_info *info)
{
	struct drm_fb_helper *helper = info->par;
	struct vfb_fbdev *fbdev;

	if (!helper->dev)
		return;
	fbdev = &to_vfb(helper->dev)->fbdev;
	cancel_delayed_work_sync(&fbdev->flush);
	/* Afterwards there is no more damage */
	drm_fb_helper_fini(helper);
	cancel_delayed_work_sync(&fbdev->show);
	drm_client_framebuffer_delete(helper->buffer);
	drm_client_release(&helper->client);
	drm_fb_helper_unprepare(helper);
	kfree(helper);
}

static const struct fb_ops vfb_fb_ops = {
	.fb_open = vfb_fb_open,
	.fb_release = vfb_fb_release,
	__FB_DEFAULT_DEFERRED_OPS_RDWR(vfb_fb),
	__FB_DEFAULT_DEFERRED_OPS_DRAW(vfb_fb),
	.fb_mmap = vfb_fb_mmap,
	DRM_FB_HELPER_DEFAULT_OPS,
	.fb_destroy = vfb_fb_destroy,
};

int vfb_fbdev_probe(struct drm_fb_helper *helper,
		    struct drm_fb_helper_surface_size *sizes)
{
	struct vfb_device *vfb = to_vfb(helper->dev);
	struct drm_client_buffer *buffer;
	struct fb_info *info = helper->info;
	struct iosys_map map;
	u32 format;
	int err;

	format = drm_driver_legacy_fb_format(helper->dev, sizes->surface_bpp,
					     sizes->surface_depth);
	buffer = drm_client_framebuffer_create(&helper->client,
					       sizes->surface_width,
					       sizes->surface_height, format);
	if (IS_ERR(buffer))
		return PTR_ERR(buffer);
	err = drm_client_buffer_vmap(buffer, &map);
	if (err) {
		drm_client_framebuffer_delete(buffer);
		return err;
	}
	helper->buffer = buffer;
	helper->fb = buffer->fb;
	vfb->fbdev.info = info;
	vfb->fbdev.fb = buffer->fb;

	drm_fb_helper_fill_info(info, helper, sizes);
	info->fbops = &vfb_fb_ops;
	info->flags |= FBINFO_VIRTFB | FBINFO_READS_FAST;
	info->screen_buffer = map.vaddr;
	info->screen_size = buffer->gem->size;
	info->fix.smem_len = buffer->gem->size;
	return 0;
}

void vfb_fbdev_init(struct vfb_device *vfb)
{
	mutex_init(&vfb->fbdev.lock);
	spin_lock_init(&vfb->fbdev.damage_lock);
	INIT_DELAYED_WORK(&vfb->fbdev.flush, flush_mappings);
	INIT_DELAYED_WORK(&vfb->fbdev.show, show_damage);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: whether the disks of a device are in use
 *
 * Disks are the one kind of device whose loss is a loss of data. One that is
 * mounted, swapped to, or part of another disk has been claimed. Those that are
 * not are claimed here, so that nobody begins to use them while they go.
 */

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "virtio_power_drv.h"

struct claim {
	struct list_head entry;
	struct gendisk *disk;
};

/* Types and classes of the block layer are not for modules, their names are */
static bool is_disk(struct device *dev)
{
	return dev->class && !strcmp(dev->class->name, "block") &&
	       dev->type && !strcmp(dev->type->name, "disk");
}

static int claim_disk(struct gendisk *disk, struct list_head *claims)
{
	struct claim *claim;
	int err;

	claim = kmalloc(sizeof(*claim), GFP_KERNEL);
	if (!claim)
		return -ENOMEM;
	err = bd_prepare_to_claim(disk->part0, claims, NULL);
	if (err) {
		kfree(claim);
		return err;
	}
	get_device(disk_to_dev(disk));
	claim->disk = disk;
	list_add(&claim->entry, claims);
	return disk_openers(disk) ? -EAGAIN : 0;
}

static int claim_below(struct device *dev, void *data)
{
	if (is_disk(dev))
		return claim_disk(dev_to_disk(dev), data);
	return device_for_each_child(dev, data, claim_below);
}

/*
 * Claim all disks below a device. The error is EBUSY if somebody uses one, and
 * EAGAIN if somebody has opened one: perhaps only to look at it.
 */
int vpw_disks_claim(struct device *top, struct list_head *claims)
{
	int err;

	err = device_for_each_child(top, claims, claim_below);
	if (err)
		vpw_disks_release(claims);
	return err;
}

/* Who has waited for a claim finds that the disk has gone */
void vpw_disks_release(struct list_head *claims)
{
	struct claim *claim, *next;

	list_for_each_entry_safe(claim, next, claims, entry) {
		bd_abort_claiming(claim->disk->part0, claims);
		put_device(disk_to_dev(claim->disk));
		kfree(claim);
	}
	INIT_LIST_HEAD(claims);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: devices come and go
 *
 * Each filled slot is a platform device: from the device tree or the kernel's
 * command line if it was filled at the start, else from here. What matters is
 * only that there is one at the slot's address.
 */

#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/ioport.h>
#include <linux/of_platform.h>
#include <linux/platform_device.h>

#include "virtio_power_drv.h"

/* Registers of a virtio-mmio transport with its configuration */
#define REGISTERS	0x200

#define BUSY_RETRY	HZ
/* Somebody who has opened a disk only looks at it, or uses it: wait, 3 s */
#define OPEN_RETRY	(HZ / 5)
#define OPEN_TRIES	15

static int is_at(struct device *dev, const void *data)
{
	struct resource *res = platform_get_resource(to_platform_device(dev),
						     IORESOURCE_MEM, 0);

	return res && res->start == *(const u64 *)data;
}

static struct platform_device *find_device(const struct virtio_power_slot *slot)
{
	u64 base = le64_to_cpu(slot->base);
	struct device *dev = bus_find_device(&platform_bus_type, NULL, &base, is_at);

	return dev ? to_platform_device(dev) : NULL;
}

/*
 * Adding
 */

static int fill_in(struct platform_device *pdev,
		   const struct virtio_power_slot *slot, int irq)
{
	u64 base = le64_to_cpu(slot->base);
	struct resource resources[] = {
		DEFINE_RES_MEM(base, REGISTERS),
		DEFINE_RES_IRQ(irq),
	};

#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
	/* virtio-desktop has nothing else */
	pdev->dev.dma_coherent = true;
#endif
	return platform_device_add_resources(pdev, resources,
					     ARRAY_SIZE(resources));
}

static int add_device(struct vpw_device *vpw, const struct virtio_power_slot *slot)
{
	u32 irq = le32_to_cpu(slot->irq), irq_flags = le32_to_cpu(slot->irq_flags);
	struct platform_device *pdev;
	int mapped, err = -ENOMEM;

	if (le64_to_cpu(slot->size) < REGISTERS)
		return -EINVAL;
	mapped = vpw_irq_map(vpw, irq, irq_flags);
	if (mapped < 0)
		return mapped;
	pdev = platform_device_alloc("virtio-mmio", le32_to_cpu(slot->index));
	if (pdev)
		err = fill_in(pdev, slot, mapped);
	if (!err)
		err = platform_device_add(pdev);
	if (err) {
		platform_device_put(pdev);
		vpw_irq_unmap(vpw, irq, irq_flags, mapped);
	}
	return err;
}

/*
 * Removing
 */

/* Blocks until the device's driver has let go of it */
static void drop_device(struct vpw_device *vpw, struct platform_device *pdev,
			const struct virtio_power_slot *slot)
{
	int mapped;

	if (pdev->dev.of_node) {
		of_platform_device_destroy(&pdev->dev, NULL);
		return;
	}
	mapped = platform_get_irq_optional(pdev, 0);
	platform_device_unregister(pdev);
	if (mapped > 0)
		vpw_irq_unmap(vpw, le32_to_cpu(slot->irq),
			      le32_to_cpu(slot->irq_flags), mapped);
}

static int let_go(struct vpw_device *vpw, struct platform_device *pdev,
		  const struct virtio_power_slot *slot)
{
	LIST_HEAD(claims);
	int err;

	if (&pdev->dev == vpw->vdev->dev.parent)
		return -EBUSY;
	err = vpw_disks_claim(&pdev->dev, &claims);
	if (err)
		return err;
	drop_device(vpw, pdev, slot);
	vpw_disks_release(&claims);
	return 0;
}

static int answer(struct vpw_device *vpw, u32 index, u32 verdict)
{
	struct virtio_power_slot_eject req = {
		.hdr.type = cpu_to_le32(VIRTIO_POWER_REQ_SLOT_EJECT),
		.hdr.index = cpu_to_le32(index),
		.verdict = cpu_to_le32(verdict),
	};
	struct virtio_power_response resp;
	int ret;

	ret = vpw_call(vpw, &req, sizeof(req), &resp, sizeof(resp));
	return min(ret, 0);
}

static void look_again(struct vpw_unit *unit, unsigned long delay)
{
	queue_delayed_work(unit->vpw->wq, &unit->work, delay);
}

static void handle_ask(struct vpw_unit *unit, struct platform_device *pdev,
		       const struct virtio_power_slot *slot)
{
	struct vpw_device *vpw = unit->vpw;
	struct device *dev = &vpw->vdev->dev;
	u32 verdict = VIRTIO_POWER_EJECT_GO;
	int err = pdev ? let_go(vpw, pdev, slot) : 0;

	if (err == -EAGAIN && ++unit->tries < OPEN_TRIES) {
		look_again(unit, OPEN_RETRY);
		return;
	}
	if (err) {
		dev_info(dev, "slot %u is in use and stays\n", unit->index);
		verdict = VIRTIO_POWER_EJECT_REFUSE;
	}
	unit->tries = 0;
	err = answer(vpw, unit->index, verdict);
	if (err == -EBUSY)
		look_again(unit, BUSY_RETRY);
	else if (err == -EPERM)
		/* No longer asked for: it may be ours again */
		look_again(unit, 0);
	else if (err)
		dev_warn(dev, "slot %u: the device takes no answer (%d)\n",
			 unit->index, err);
}

/*
 * Both
 */

/* Make Linux agree with the record of a slot */
static void handle_slot(struct vpw_unit *unit, const struct virtio_power_slot *slot)
{
	struct platform_device *pdev = find_device(slot);
	struct device *dev = &unit->vpw->vdev->dev;
	int err;

	switch (le32_to_cpu(slot->state)) {
	case VIRTIO_POWER_SLOT_EMPTY:
		if (pdev && pdev->dev.driver) {
			dev_warn(dev, "slot %u was emptied by force\n", unit->index);
			drop_device(unit->vpw, pdev, slot);
		}
		break;
	case VIRTIO_POWER_SLOT_FILLED:
		err = pdev ? 0 : add_device(unit->vpw, slot);
		if (err)
			dev_err(dev, "slot %u: cannot add the device (%d)\n",
				unit->index, err);
		break;
	case VIRTIO_POWER_SLOT_REMOVAL_ASKED:
		handle_ask(unit, pdev, slot);
		break;
	}
	if (pdev)
		put_device(&pdev->dev);
}

void vpw_slot_work(struct work_struct *work)
{
	struct vpw_unit *unit = container_of(to_delayed_work(work),
					     struct vpw_unit, work);
	struct virtio_power_slot slot;
	int err;

	err = vpw_get_record(unit->vpw, VIRTIO_POWER_REQ_GET_SLOTS, unit->index,
			     &slot, sizeof(slot));
	if (err)
		dev_warn(&unit->vpw->vdev->dev, "cannot read slot %u (%d)\n",
			 unit->index, err);
	else
		handle_slot(unit, &slot);
}

static bool is_news(const struct virtio_power_slot *slot)
{
	struct platform_device *pdev = find_device(slot);
	u32 state = le32_to_cpu(slot->state);
	bool news;

	if (!pdev)
		return state != VIRTIO_POWER_SLOT_EMPTY;
	news = state == VIRTIO_POWER_SLOT_REMOVAL_ASKED ||
	       (state == VIRTIO_POWER_SLOT_EMPTY && pdev->dev.driver);
	put_device(&pdev->dev);
	return news;
}

/* What has happened while nobody was there to be told */
void vpw_slot_scan(struct vpw_device *vpw)
{
	struct virtio_power_table *table;
	size_t len;
	u32 i;

	table = vpw_get_table(vpw, VIRTIO_POWER_REQ_GET_SLOTS, &len);
	if (IS_ERR(table)) {
		dev_warn(&vpw->vdev->dev, "cannot read the table of slots (%ld)\n",
			 PTR_ERR(table));
		return;
	}
	for (i = 0; i < min(vpw->num_slots, le32_to_cpu(table->count)); i++)
		if (is_news(vpw_table_record(table, i)))
			look_again(&vpw->slot[i], 0);
	kfree(table);
}

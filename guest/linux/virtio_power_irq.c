// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: interrupts of slots
 *
 * The device counts interrupts as the machine's controller does. Slots have the
 * same controller as this device, so where there is a device tree the interrupt
 * parent of this device says how to write them.
 */

#include <linux/acpi.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/of.h>
#include <linux/of_irq.h>

#include "virtio_power_drv.h"

#define GIC_SPI		0
#define GIC_FIRST_SPI	32

static u32 type_of(u32 flags)
{
	bool high = flags & VIRTIO_POWER_IRQ_HIGH;

	if (flags & VIRTIO_POWER_IRQ_LEVEL)
		return high ? IRQ_TYPE_LEVEL_HIGH : IRQ_TYPE_LEVEL_LOW;
	return high ? IRQ_TYPE_EDGE_RISING : IRQ_TYPE_EDGE_FALLING;
}

/* ARM's GIC has three cells and counts SPIs from 0, others have two or one */
static int write_fwspec(struct irq_fwspec *fwspec, struct device_node *parent,
			u32 irq, u32 type)
{
	u32 cells;

	if (of_property_read_u32(parent, "#interrupt-cells", &cells))
		return -EINVAL;
	fwspec->fwnode = of_node_to_fwnode(parent);
	fwspec->param_count = cells;
	switch (cells) {
	case 1:
		fwspec->param[0] = irq;
		return 0;
	case 2:
		fwspec->param[0] = irq;
		fwspec->param[1] = type;
		return 0;
	case 3:
	case 4:
		if (irq < GIC_FIRST_SPI)
			return -EINVAL;
		fwspec->param[0] = GIC_SPI;
		fwspec->param[1] = irq - GIC_FIRST_SPI;
		fwspec->param[2] = type;
		return 0;
	default:
		return -EINVAL;
	}
}

static int map_of(struct device_node *node, u32 irq, u32 type)
{
	struct irq_fwspec fwspec = { };
	struct device_node *parent;
	int ret;

	parent = of_irq_find_parent(node);
	if (!parent)
		return -ENODEV;
	ret = write_fwspec(&fwspec, parent, irq, type);
	if (!ret)
		ret = irq_create_fwspec_mapping(&fwspec) ?: -EINVAL;
	of_node_put(parent);
	return ret;
}

#ifdef CONFIG_ACPI
static int map_acpi(struct device *dev, u32 irq, u32 flags)
{
	return acpi_register_gsi(dev, irq,
				 flags & VIRTIO_POWER_IRQ_LEVEL ?
				 ACPI_LEVEL_SENSITIVE : ACPI_EDGE_SENSITIVE,
				 flags & VIRTIO_POWER_IRQ_HIGH ?
				 ACPI_ACTIVE_HIGH : ACPI_ACTIVE_LOW);
}
#else
static int map_acpi(struct device *dev, u32 irq, u32 flags)
{
	return -ENODEV;
}
#endif

/* Linux' number of an interrupt, or an error */
int vpw_irq_map(struct vpw_device *vpw, u32 irq, u32 flags)
{
	struct device *transport = vpw->vdev->dev.parent;

	if (irq == VIRTIO_POWER_NONE)
		return -EINVAL;
	if (transport->of_node)
		return map_of(transport->of_node, irq, type_of(flags));
	return map_acpi(transport, irq, flags);
}

void vpw_irq_unmap(struct vpw_device *vpw, u32 irq, u32 flags, int mapped)
{
	if (flags & VIRTIO_POWER_IRQ_SHARED)
		return;
	if (vpw->vdev->dev.parent->of_node)
		irq_dispose_mapping(mapped);
#ifdef CONFIG_ACPI
	else
		acpi_unregister_gsi(irq);
#endif
}

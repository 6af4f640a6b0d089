// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: CPUs come and go
 *
 * To Linux all CPUs that can ever exist are present, and those that the host
 * has parked could not be started. So the host's CPUs go online and offline.
 */

#include <linux/cpu.h>
#include <linux/of.h>
#include <linux/slab.h>

#include "virtio_power_drv.h"

#define BUSY_RETRY	(HZ / 10)
#define BUSY_TRIES	30

#define UNKNOWN		(-1)

/*
 * Linux has numbers of its own for CPUs. Where there is a device tree it tells
 * which is which, elsewhere they are in the order of the machine's tables.
 */
static bool has_hw_id(unsigned int cpu, u64 hw_id)
{
	struct device_node *node = get_cpu_device(cpu)->of_node;
	u64 reg;
	u32 low;

	/* Of one cell or two */
	if (!of_property_read_u64(node, "reg", &reg))
		return reg == hw_id;
	return !of_property_read_u32(node, "reg", &low) && low == hw_id;
}

static int linux_cpu(const struct virtio_power_cpu *record)
{
	u32 index = le32_to_cpu(record->index);
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct device *dev = get_cpu_device(cpu);

		if (!dev)
			continue;
		if (dev->of_node ? has_hw_id(cpu, le64_to_cpu(record->hw_id)) :
				   cpu == index)
			return cpu;
	}
	return UNKNOWN;
}

static void look_again(struct vpw_unit *unit, unsigned long delay)
{
	queue_delayed_work(unit->vpw->wq, &unit->work, delay);
}

/* Nobody can start the CPU between the look and the answer of the device */
static int park(struct vpw_unit *unit, int cpu)
{
	int err = -EAGAIN;

	cpus_read_lock();
	if (cpu == UNKNOWN || !cpu_online(cpu))
		err = vpw_request(unit->vpw, VIRTIO_POWER_REQ_CPU_PARK, unit->index);
	cpus_read_unlock();
	return err;
}

static void refuse(struct vpw_unit *unit, int err)
{
	dev_info(&unit->vpw->vdev->dev, "CPU %u stays (%d)\n", unit->index, err);
	vpw_request(unit->vpw, VIRTIO_POWER_REQ_CPU_REFUSE, unit->index);
}

static void handle_ask(struct vpw_unit *unit, int cpu)
{
	/* A CPU that is offline already is no error, but above 0 */
	int err = cpu == UNKNOWN ? 0 : remove_cpu(cpu);

	if (err >= 0)
		err = park(unit, cpu);
	if ((err == -EBUSY || err == -EAGAIN) && ++unit->tries < BUSY_TRIES) {
		look_again(unit, BUSY_RETRY);
		return;
	}
	unit->tries = 0;
	if (err)
		refuse(unit, err);
}

/*
 * A CPU that the user of the guest has taken offline stays so; one is started
 * if the host has added it, or if another driver than this one has parked it.
 */
static void handle_present(struct vpw_unit *unit, int cpu, bool added, bool parked)
{
	struct device *dev = &unit->vpw->vdev->dev;
	int err = 0;

	if (parked)
		err = vpw_request(unit->vpw, VIRTIO_POWER_REQ_CPU_UNPARK, unit->index);
	if (!err && cpu != UNKNOWN && (added || parked))
		err = min(add_cpu(cpu), 0);
	if (err)
		dev_warn(dev, "CPU %u cannot be started (%d)\n", unit->index, err);
}

static void handle_cpu(struct vpw_unit *unit, const struct virtio_power_cpu *record)
{
	bool parked = le32_to_cpu(record->state) == VIRTIO_POWER_CPU_PARKED;
	bool added = xchg(&unit->added, false);
	u32 flags = le32_to_cpu(record->flags);
	int cpu = linux_cpu(record);

	unit->present = flags & VIRTIO_POWER_CPU_F_PRESENT;
	if (flags & VIRTIO_POWER_CPU_F_REMOVAL_ASKED)
		handle_ask(unit, cpu);
	else if (flags & VIRTIO_POWER_CPU_F_PRESENT)
		handle_present(unit, cpu, added, parked);
}

void vpw_cpu_work(struct work_struct *work)
{
	struct vpw_unit *unit = container_of(to_delayed_work(work),
					     struct vpw_unit, work);
	struct virtio_power_cpu record;
	int err;

	err = vpw_get_record(unit->vpw, VIRTIO_POWER_REQ_GET_CPUS, unit->index,
			     &record, sizeof(record));
	if (err)
		dev_warn(&unit->vpw->vdev->dev, "cannot read CPU %u (%d)\n",
			 unit->index, err);
	else
		handle_cpu(unit, &record);
}

static void look_for_news(struct vpw_unit *unit,
			  const struct virtio_power_cpu *record)
{
	bool parked = le32_to_cpu(record->state) == VIRTIO_POWER_CPU_PARKED;
	u32 flags = le32_to_cpu(record->flags);
	bool present = flags & VIRTIO_POWER_CPU_F_PRESENT;

	if (unit->vpw->scanned && present && !unit->present)
		unit->added = true;
	unit->present = present;
	if (flags & VIRTIO_POWER_CPU_F_REMOVAL_ASKED || unit->added ||
	    (present && parked))
		look_again(unit, 0);
}

/*
 * What has happened while nobody was there to be told. The first time we cannot
 * know whether a CPU that is off has been added or taken offline.
 */
void vpw_cpu_scan(struct vpw_device *vpw)
{
	struct virtio_power_table *table;
	size_t len;
	u32 i;

	table = vpw_get_table(vpw, VIRTIO_POWER_REQ_GET_CPUS, &len);
	if (IS_ERR(table)) {
		dev_warn(&vpw->vdev->dev, "cannot read the table of CPUs (%ld)\n",
			 PTR_ERR(table));
		return;
	}
	for (i = 0; i < min(vpw->num_cpus, le32_to_cpu(table->count)); i++)
		look_for_news(&vpw->cpu[i], vpw_table_record(table, i));
	vpw->scanned = true;
	kfree(table);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: what the machine tells of itself, in sysfs
 *
 * virtio_power.abi describes the files.
 */

#include <linux/hex.h>
#include <linux/kstrtox.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uuid.h>
#include <linux/virtio_config.h>

#include "virtio_power_drv.h"

static struct vpw_device *to_vpw(struct device *dev)
{
	return dev_to_virtio(dev)->priv;
}

/*
 * machine/: a value in each file
 */

static ssize_t arch_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%u\n", le32_to_cpu(to_vpw(dev)->machine.arch));
}
static DEVICE_ATTR_RO(arch);

/* Those that wrote it promised a final zero */
static ssize_t show_name(char *buf, const u8 *name)
{
	return sysfs_emit(buf, "%.*s\n", VIRTIO_POWER_NAME_SIZE, name);
}

static ssize_t name_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return show_name(buf, to_vpw(dev)->machine.name);
}
static DEVICE_ATTR_RO(name);

static ssize_t version_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return show_name(buf, to_vpw(dev)->machine.version);
}
static DEVICE_ATTR_RO(version);

static ssize_t serial_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return show_name(buf, to_vpw(dev)->machine.serial);
}
static DEVICE_ATTR_ADMIN_RO(serial);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%pUb\n", to_vpw(dev)->machine.uuid);
}
static DEVICE_ATTR_ADMIN_RO(uuid);

static ssize_t generation_show(struct device *dev, struct device_attribute *attr,
			       char *buf)
{
	u32 generation;

	virtio_cread_le(dev_to_virtio(dev), struct virtio_power_config,
			generation, &generation);
	return sysfs_emit(buf, "%u\n", generation);
}
static DEVICE_ATTR_RO(generation);

static ssize_t time_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct virtio_power_request req = {
		.type = cpu_to_le32(VIRTIO_POWER_REQ_GET_TIME),
	};
	struct virtio_power_time resp;
	int ret;

	ret = vpw_call(to_vpw(dev), &req, sizeof(req), &resp, sizeof(resp));
	if (ret < 0)
		return ret;
	return sysfs_emit(buf, "%lld.%09u\n", (s64)le64_to_cpu(resp.seconds),
			  le32_to_cpu(resp.nanoseconds));
}
static DEVICE_ATTR_RO(time);

static ssize_t exit_status_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	int status = READ_ONCE(to_vpw(dev)->exit_status);

	return status < 0 ? 0 : sysfs_emit(buf, "%d\n", status);
}

static ssize_t exit_status_store(struct device *dev, struct device_attribute *attr,
				 const char *buf, size_t count)
{
	u8 status;
	int err;

	if (sysfs_streq(buf, "")) {
		WRITE_ONCE(to_vpw(dev)->exit_status, -1);
		return count;
	}
	err = kstrtou8(buf, 0, &status);
	if (err)
		return err;
	WRITE_ONCE(to_vpw(dev)->exit_status, status);
	return count;
}
static DEVICE_ATTR_ADMIN_RW(exit_status);

static struct attribute *machine_attrs[] = {
	&dev_attr_arch.attr,
	&dev_attr_name.attr,
	&dev_attr_version.attr,
	&dev_attr_serial.attr,
	&dev_attr_uuid.attr,
	&dev_attr_generation.attr,
	&dev_attr_time.attr,
	&dev_attr_exit_status.attr,
	NULL
};

static umode_t machine_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	struct vpw_device *vpw = to_vpw(kobj_to_dev(kobj));

	if (attr == &dev_attr_uuid.attr &&
	    !(vpw->machine.flags & cpu_to_le32(VIRTIO_POWER_MACHINE_UUID)))
		return 0;
	if (attr == &dev_attr_exit_status.attr &&
	    !virtio_has_feature(vpw->vdev, VIRTIO_POWER_F_EXIT))
		return 0;
	return attr->mode;
}

static const struct attribute_group machine_group = {
	.name = "machine",
	.attrs = machine_attrs,
	.is_visible = machine_visible,
};

/* The device has another generation */
void vpw_sysfs_changed(struct vpw_device *vpw)
{
	sysfs_notify(&vpw->vdev->dev.kobj, "machine", "generation");
}

/*
 * tables/: tables as the device tells them
 */

static const u32 table_requests[VPW_NUM_TABLES] = {
	VIRTIO_POWER_REQ_GET_CPUS,
	VIRTIO_POWER_REQ_GET_CONTROLLERS,
	VIRTIO_POWER_REQ_GET_TIMERS,
	VIRTIO_POWER_REQ_GET_SLOTS,
	VIRTIO_POWER_REQ_GET_RANGES,
};

static int read_again(struct vpw_device *vpw, unsigned int n)
{
	struct virtio_power_table *data;
	size_t len;

	data = vpw_get_table(vpw, table_requests[n], &len);
	if (IS_ERR(data))
		return PTR_ERR(data);
	kfree(vpw->table[n].data);
	vpw->table[n].data = data;
	vpw->table[n].len = len;
	return 0;
}

/*
 * Whoever reads from the start gets a table of that moment, and what follows is
 * of the same one, unless somebody else has begun to read meanwhile.
 */
static ssize_t table_read(struct file *file, struct kobject *kobj,
			  struct bin_attribute *attr, char *buf, loff_t off,
			  size_t count)
{
	struct vpw_device *vpw = to_vpw(kobj_to_dev(kobj));
	unsigned int n = (unsigned long)attr->private;
	struct vpw_table *table = &vpw->table[n];
	ssize_t ret = 0;

	mutex_lock(&vpw->table_mutex);
	if (off == 0 || !table->data)
		ret = read_again(vpw, n);
	if (!ret)
		ret = memory_read_from_buffer(buf, count, &off, table->data,
					      table->len);
	mutex_unlock(&vpw->table_mutex);
	return ret;
}

#define TABLE(_name, _n)						\
	static struct bin_attribute table_##_name = {			\
		.attr = { .name = #_name, .mode = 0400 },		\
		.private = (void *)(_n),				\
		.read = table_read,					\
	}

TABLE(cpus, 0UL);
TABLE(controllers, 1UL);
TABLE(timers, 2UL);
TABLE(slots, 3UL);
TABLE(ranges, 4UL);

static struct bin_attribute *table_attrs[] = {
	&table_cpus,
	&table_controllers,
	&table_timers,
	&table_slots,
	&table_ranges,
	NULL
};

static const struct attribute_group table_group = {
	.name = "tables",
	.bin_attrs = table_attrs,
};

const struct attribute_group *vpw_groups[] = {
	&machine_group,
	&table_group,
	NULL
};

/*
 * Start and stop; the files come and go with the binding of the driver
 */

int vpw_sysfs_init(struct vpw_device *vpw)
{
	mutex_init(&vpw->table_mutex);
	vpw->exit_status = -1;
	return vpw_get_record(vpw, VIRTIO_POWER_REQ_GET_MACHINE, 0,
			      &vpw->machine, sizeof(vpw->machine));
}

void vpw_sysfs_free(struct vpw_device *vpw)
{
	unsigned int i;

	for (i = 0; i < VPW_NUM_TABLES; i++)
		kfree(vpw->table[i].data);
}

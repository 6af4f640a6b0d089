// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: tables of the machine
 *
 * Records of a later version are longer. Who knows less of them does not see
 * the rest.
 */

#include <linux/slab.h>

#include "virtio_power_drv.h"

/* For records that have grown */
#define MAX_RECORD_SIZE	512

static int request_table(struct vpw_device *vpw, u32 type, u32 index,
			 struct virtio_power_table *table, size_t len)
{
	struct virtio_power_request req = {
		.type = cpu_to_le32(type),
		.index = cpu_to_le32(index),
	};
	u64 count, size;
	int ret;

	ret = vpw_call(vpw, &req, sizeof(req), table, len);
	if (ret < 0)
		return ret;
	count = le32_to_cpu(table->count);
	size = le32_to_cpu(table->record_size);
	if (ret < sizeof(*table) || count > VPW_MAX_RECORDS ||
	    size > MAX_RECORD_SIZE || count * size > ret - sizeof(*table))
		return -EIO;
	return 0;
}

/* Read one record */
int vpw_get_record(struct vpw_device *vpw, u32 type, u32 index,
		   void *record, size_t size)
{
	size_t len = sizeof(struct virtio_power_table) + MAX_RECORD_SIZE;
	struct virtio_power_table *table;
	int err;

	table = kzalloc(len, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	err = request_table(vpw, type, index, table, len);
	if (!err && (!table->count || le32_to_cpu(table->record_size) < size))
		err = -EIO;
	if (!err)
		memcpy(record, table + 1, size);
	kfree(table);
	return err;
}

/* Read all records, as they are at one moment; to be freed with kfree() */
struct virtio_power_table *vpw_get_table(struct vpw_device *vpw, u32 type,
					 size_t *len)
{
	struct virtio_power_table *table, head;
	u32 total, size;
	int err;

	err = request_table(vpw, type, 0, &head, sizeof(head));
	/* A table without records does not have a first one */
	if (err == -ENOENT)
		memset(&head, 0, sizeof(head));
	else if (err)
		return ERR_PTR(err);
	total = le32_to_cpu(head.total);
	size = le32_to_cpu(head.record_size);
	if (total > VPW_MAX_RECORDS)
		return ERR_PTR(-EIO);
	*len = sizeof(head) + total * size;
	table = kzalloc(*len, GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	if (total)
		err = request_table(vpw, type, 0, table, *len);
	else
		err = 0;
	if (!err && le32_to_cpu(table->count) != total)
		err = -EIO;
	if (err) {
		kfree(table);
		return ERR_PTR(err);
	}
	return table;
}

const void *vpw_table_record(const struct virtio_power_table *table, u32 i)
{
	return (const u8 *)(table + 1) + i * le32_to_cpu(table->record_size);
}

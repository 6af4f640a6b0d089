/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio-power driver: what its files share
 */

#ifndef VIRTIO_POWER_DRV_H
#define VIRTIO_POWER_DRV_H

#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/spinlock.h>
#include <linux/virtio.h>
#include <linux/workqueue.h>

#define VIRTIO_POWER_LE32 __le32
#define VIRTIO_POWER_LE64 __le64
#include "virtio-power-wire.h"

struct attribute_group;
struct input_dev;
struct list_head;
struct sys_off_handler;
struct vpw_call;
struct vpw_device;

/* Of each kind; more than any machine has, for devices that make no sense */
#define VPW_MAX_RECORDS		4096

/* Requests are answered at once, but the host may be short of time */
#define VPW_TIMEOUT		(10 * HZ)
#define VPW_POLL_US		(1 * USEC_PER_SEC)

/* A slot, or a CPU: what the record says is acted upon by a work item */
struct vpw_unit {
	struct vpw_device *vpw;
	struct delayed_work work;
	unsigned int tries;
	u32 index;
	bool added;	/* the host has added it, and nobody has looked yet */
	bool present;	/* as it was when somebody looked */
};

/* What user space has read of a table last */
struct vpw_table {
	void *data;
	size_t len;
};

#define VPW_NUM_TABLES		5

/* Preparing and doing, power-off and restart */
#define VPW_ENDS	4

struct vpw_device {
	struct virtio_device *vdev;
	struct virtqueue *request;
	struct virtqueue *event;

	struct mutex call_mutex;	/* one request of the sleeping kind */
	spinlock_t lock;		/* of the request queue, and running */
	bool running;
	struct vpw_call *polled;	/* kept for the end of the machine */
	struct virtio_power_event *event_buf;
	u32 events;			/* that we ask for */
	bool stopping;

	struct work_struct config_work;
	struct work_struct time_work;
	struct input_dev *button;

	struct sys_off_handler *ends[VPW_ENDS];
	struct notifier_block panic_nb;
	struct notifier_block reboot_nb;
	int exit_status;		/* of the host's process; -1: none */
	u64 wake_after;			/* ns */
	bool irq_wakes;

	struct workqueue_struct *wq;
	struct vpw_unit *slot;
	struct vpw_unit *cpu;
	u32 num_slots;
	u32 num_cpus;
	bool scanned;			/* CPUs, at least once */

	struct virtio_power_machine machine;
	struct mutex table_mutex;	/* what table[] points to */
	struct vpw_table table[VPW_NUM_TABLES];
};

/* virtio_power_vq.c: requests */
int vpw_call(struct vpw_device *vpw, const void *out, size_t out_len,
	     void *in, size_t in_len);
int vpw_request(struct vpw_device *vpw, u32 type, u32 index);
int vpw_call_polled(struct vpw_device *vpw, const void *out, size_t out_len,
		    void *in, size_t in_len, unsigned int max_us);
int vpw_request_polled(struct vpw_device *vpw, u32 type);
int vpw_queues_start(struct vpw_device *vpw);
void vpw_queues_fail(struct vpw_device *vpw);
void vpw_queues_free(struct vpw_device *vpw);

/* virtio_power_table.c: tables as requests */
int vpw_get_record(struct vpw_device *vpw, u32 type, u32 index,
		   void *record, size_t size);
struct virtio_power_table *vpw_get_table(struct vpw_device *vpw, u32 type,
					 size_t *len);
const void *vpw_table_record(const struct virtio_power_table *table, u32 i);

/* virtio_power_event.c: events, power button, time of day */
int vpw_events_init(struct vpw_device *vpw);
int vpw_events_start(struct vpw_device *vpw);
void vpw_events_stop(struct vpw_device *vpw);
void vpw_events_take(struct vpw_device *vpw);
bool vpw_events_pending(struct vpw_device *vpw);
void vpw_events_drain(struct vpw_device *vpw);

/* virtio_power_off.c: the end of the machine */
bool vpw_at_end(void);
int vpw_off_start(struct vpw_device *vpw);
void vpw_off_stop(struct vpw_device *vpw);

/* virtio_power_suspend.c */
#ifdef CONFIG_SUSPEND
void vpw_suspend_start(struct vpw_device *vpw);
void vpw_suspend_stop(struct vpw_device *vpw);
#else
static inline void vpw_suspend_start(struct vpw_device *vpw) { }
static inline void vpw_suspend_stop(struct vpw_device *vpw) { }
#endif

/* virtio_power_slot.c, virtio_power_disk.c, virtio_power_irq.c: hot-plug */
void vpw_slot_work(struct work_struct *work);
void vpw_slot_scan(struct vpw_device *vpw);
int vpw_disks_claim(struct device *top, struct list_head *claims);
void vpw_disks_release(struct list_head *claims);
int vpw_irq_map(struct vpw_device *vpw, u32 irq, u32 flags);
void vpw_irq_unmap(struct vpw_device *vpw, u32 irq, u32 flags, int mapped);

/* virtio_power_cpu.c */
#ifdef CONFIG_HOTPLUG_CPU
void vpw_cpu_work(struct work_struct *work);
void vpw_cpu_scan(struct vpw_device *vpw);
#else
static inline void vpw_cpu_work(struct work_struct *work) { }
static inline void vpw_cpu_scan(struct vpw_device *vpw) { }
#endif

/* virtio_power_sysfs.c */
extern const struct attribute_group *vpw_groups[];
int vpw_sysfs_init(struct vpw_device *vpw);
void vpw_sysfs_changed(struct vpw_device *vpw);
void vpw_sysfs_free(struct vpw_device *vpw);

#endif

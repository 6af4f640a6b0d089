// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-power driver: requests
 *
 * A request either sleeps until its answer, or looks at the used ring without
 * end of its patience: at the end of the machine there are no interrupts, and
 * other CPUs stand still, wherever they were.
 */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include "virtio_power_drv.h"

/* One descriptor for each direction, and as many kept for polling */
#define DESCRIPTORS	2
#define POLLED_ROOM	64
#define POLL_STEP_US	10
#define LOCK_US		(100 * USEC_PER_MSEC)

struct vpw_call {
	struct completion finished;
	refcount_t refs;
	bool in_flight;
	u32 len;
	void *out;
	void *in;
	u8 data[] ____cacheline_aligned;
};

/*
 * Calls
 */

static struct vpw_call *new_call(size_t out_len, size_t in_len)
{
	size_t in_offset = L1_CACHE_ALIGN(out_len);
	struct vpw_call *call;

	call = kzalloc(struct_size(call, data, in_offset + in_len), GFP_KERNEL);
	if (!call)
		return NULL;
	call->out = call->data;
	call->in = call->data + in_offset;
	init_completion(&call->finished);
	refcount_set(&call->refs, 1);
	return call;
}

static void put_call(struct vpw_call *call)
{
	if (refcount_dec_and_test(&call->refs))
		kfree(call);
}

static int status_to_errno(u32 status)
{
	switch (status) {
	case VIRTIO_POWER_S_OK:
		return 0;
	case VIRTIO_POWER_S_UNSUPPORTED:
		return -EOPNOTSUPP;
	case VIRTIO_POWER_S_INVALID:
		return -EINVAL;
	case VIRTIO_POWER_S_NOT_FOUND:
		return -ENOENT;
	case VIRTIO_POWER_S_DENIED:
		return -EPERM;
	case VIRTIO_POWER_S_BUSY:
		return -EBUSY;
	default:
		return -EIO;
	}
}

/* The used length of a call that went well */
static int result_of(struct vpw_call *call, void *in, size_t in_len)
{
	const struct virtio_power_response *hdr = call->in;
	int err;

	if (call->len < sizeof(*hdr) || call->len > in_len)
		return -EIO;
	err = status_to_errno(le32_to_cpu(hdr->status));
	if (err)
		return err;
	memcpy(in, call->in, call->len);
	return call->len;
}

/* With the lock held */
static int add_to_ring(struct vpw_device *vpw, struct vpw_call *call,
		       size_t out_len, size_t in_len, unsigned int keep)
{
	struct scatterlist out, in, *sgs[] = { &out, &in };
	int err;

	if (!vpw->running)
		return -ENODEV;
	if (vpw->request->num_free < DESCRIPTORS + keep)
		return -ENOSPC;
	sg_init_one(&out, call->out, out_len);
	sg_init_one(&in, call->in, in_len);
	call->in_flight = true;
	refcount_inc(&call->refs);
	err = virtqueue_add_sgs(vpw->request, sgs, 1, 1, call, GFP_ATOMIC);
	if (err) {
		call->in_flight = false;
		refcount_dec(&call->refs);
		return err;
	}
	virtqueue_kick(vpw->request);
	return 0;
}

static void finish_call(struct vpw_call *call, u32 len)
{
	call->len = len;
	call->in_flight = false;
	complete(&call->finished);
	put_call(call);
}

static void request_callback(struct virtqueue *vq)
{
	struct vpw_device *vpw = vq->vdev->priv;
	struct vpw_call *call;
	unsigned long flags;
	u32 len;

	do {
		spin_lock_irqsave(&vpw->lock, flags);
		call = vpw->running ? virtqueue_get_buf(vq, &len) : NULL;
		spin_unlock_irqrestore(&vpw->lock, flags);
		if (call)
			finish_call(call, len);
	} while (call);
}

static int submit(struct vpw_device *vpw, struct vpw_call *call,
		  size_t out_len, size_t in_len)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&vpw->lock, flags);
	err = add_to_ring(vpw, call, out_len, in_len, DESCRIPTORS);
	spin_unlock_irqrestore(&vpw->lock, flags);
	return err;
}

/*
 * Send a request and sleep until it is answered. Returns how long the answer
 * is, which may be less than there is room for.
 */
int vpw_call(struct vpw_device *vpw, const void *out, size_t out_len,
	     void *in, size_t in_len)
{
	struct vpw_call *call;
	int ret;

	call = new_call(out_len, in_len);
	if (!call)
		return -ENOMEM;
	memcpy(call->out, out, out_len);
	mutex_lock(&vpw->call_mutex);
	ret = submit(vpw, call, out_len, in_len);
	if (!ret) {
		if (wait_for_completion_timeout(&call->finished, VPW_TIMEOUT))
			ret = result_of(call, in, in_len);
		else
			ret = -ETIMEDOUT;
	}
	mutex_unlock(&vpw->call_mutex);
	if (ret == -ETIMEDOUT)
		dev_err(&vpw->vdev->dev, "the device does not answer\n");
	put_call(call);
	return ret;
}

/* A request that is a header alone */
int vpw_request(struct vpw_device *vpw, u32 type, u32 index)
{
	struct virtio_power_request req = {
		.type = cpu_to_le32(type),
		.index = cpu_to_le32(index),
	};
	struct virtio_power_response resp;
	int ret;

	ret = vpw_call(vpw, &req, sizeof(req), &resp, sizeof(resp));
	return min(ret, 0);
}

/*
 * Polling
 */

/* Who has the lock may have been stopped for ever */
static bool lock_polled(struct vpw_device *vpw)
{
	unsigned int us;

	for (us = 0; us < LOCK_US; us += POLL_STEP_US) {
		if (spin_trylock(&vpw->lock))
			return true;
		udelay(POLL_STEP_US);
	}
	return false;
}

/*
 * Others who wait for an answer will never run again, and to wake them up takes
 * locks that a stopped CPU may have. In a suspend there are none.
 */
static void poll_used(struct vpw_device *vpw, unsigned int max_us)
{
	struct vpw_call *call;
	unsigned int us;
	u32 len;

	for (us = 0; us < max_us; us += POLL_STEP_US) {
		call = virtqueue_get_buf(vpw->request, &len);
		if (call) {
			call->len = len;
			call->in_flight = false;
			if (call == vpw->polled)
				return;
		} else {
			udelay(POLL_STEP_US);
		}
	}
}

/*
 * Send a request and look for the answer for some of the CPU's time. No other
 * CPU runs.
 */
int vpw_call_polled(struct vpw_device *vpw, const void *out, size_t out_len,
		    void *in, size_t in_len, unsigned int max_us)
{
	struct vpw_call *call = vpw->polled;
	unsigned long flags;
	int ret;

	if (WARN_ON_ONCE(out_len > POLLED_ROOM || in_len > POLLED_ROOM))
		return -EINVAL;
	/* Between the freezing of the device and its restoring */
	if (!call)
		return -ENODEV;
	local_irq_save(flags);
	if (!lock_polled(vpw)) {
		local_irq_restore(flags);
		return -EBUSY;
	}
	/* One before that was never answered still belongs to the device */
	ret = call->in_flight ? -EBUSY : 0;
	if (!ret) {
		memcpy(call->out, out, out_len);
		ret = add_to_ring(vpw, call, out_len, in_len, 0);
	}
	if (!ret) {
		poll_used(vpw, max_us);
		if (call->in_flight) {
			ret = -ETIMEDOUT;
		} else {
			refcount_dec(&call->refs);
			ret = result_of(call, in, in_len);
		}
	}
	spin_unlock_irqrestore(&vpw->lock, flags);
	return ret;
}

int vpw_request_polled(struct vpw_device *vpw, u32 type)
{
	struct virtio_power_request req = { .type = cpu_to_le32(type) };
	struct virtio_power_response resp;
	int ret;

	ret = vpw_call_polled(vpw, &req, sizeof(req), &resp, sizeof(resp),
			      VPW_POLL_US);
	return min(ret, 0);
}

/*
 * Start and stop
 */

static void event_callback(struct virtqueue *vq)
{
	vpw_events_take(vq->vdev->priv);
}

int vpw_queues_start(struct vpw_device *vpw)
{
	struct virtqueue_info info[VIRTIO_POWER_NUM_VQS] = {
		[VIRTIO_POWER_VQ_REQUEST] = { "request", request_callback },
		[VIRTIO_POWER_VQ_EVENT] = { "event", event_callback },
	};
	struct virtqueue *vqs[VIRTIO_POWER_NUM_VQS];
	int err;

	vpw->polled = new_call(POLLED_ROOM, POLLED_ROOM);
	if (!vpw->polled)
		return -ENOMEM;
	err = virtio_find_vqs(vpw->vdev, ARRAY_SIZE(vqs), vqs, info, NULL);
	if (err)
		goto err_put;
	vpw->request = vqs[VIRTIO_POWER_VQ_REQUEST];
	vpw->event = vqs[VIRTIO_POWER_VQ_EVENT];
	err = vpw_events_init(vpw);
	if (err)
		goto err_del_vqs;
	spin_lock_irq(&vpw->lock);
	vpw->running = true;
	spin_unlock_irq(&vpw->lock);
	virtio_device_ready(vpw->vdev);
	virtqueue_kick(vpw->event);
	return 0;

err_del_vqs:
	vpw->vdev->config->del_vqs(vpw->vdev);
	vpw->request = NULL;
	vpw->event = NULL;
err_put:
	put_call(vpw->polled);
	vpw->polled = NULL;
	return err;
}

/* What was on its way has failed, what comes will fail */
static void fail_calls(struct vpw_device *vpw)
{
	struct vpw_call *call;

	while ((call = virtqueue_detach_unused_buf(vpw->request)))
		finish_call(call, 0);
}

static void set_stopped(struct vpw_device *vpw)
{
	spin_lock_irq(&vpw->lock);
	vpw->running = false;
	spin_unlock_irq(&vpw->lock);
}

/* Reset the device */
void vpw_queues_fail(struct vpw_device *vpw)
{
	/* One that did not wake up has no queues */
	if (!vpw->request)
		return;
	set_stopped(vpw);
	virtio_reset_device(vpw->vdev);
	virtio_synchronize_cbs(vpw->vdev);
	fail_calls(vpw);
}

/* With the device having been reset */
void vpw_queues_free(struct vpw_device *vpw)
{
	if (!vpw->request)
		return;
	set_stopped(vpw);
	/* Another CPU may still be in the interrupt from before the reset */
	virtio_synchronize_cbs(vpw->vdev);
	fail_calls(vpw);
	vpw_events_drain(vpw);
	while (virtqueue_detach_unused_buf(vpw->event))
		;
	vpw->vdev->config->del_vqs(vpw->vdev);
	vpw->request = NULL;
	vpw->event = NULL;
	kfree(vpw->event_buf);
	vpw->event_buf = NULL;
	put_call(vpw->polled);
	vpw->polled = NULL;
}

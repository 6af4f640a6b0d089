// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: requests and events
 *
 * Requests that nobody waits for come back without an interrupt, so whoever
 * needs room looks at the used ring first; and when the queue is half full,
 * they ask for an answer, which wakes those who found no room.
 */

#include <linux/completion.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include <drm/drm_print.h>
#include <drm/drm_vblank.h>

#include "virtio_fb_drv.h"

/* One descriptor for each direction */
#define DESCRIPTORS	2
#define NUM_EVENTS	16

/*
 * The control queue
 */

static int status_to_errno(u32 status)
{
	switch (status) {
	case VIRTIO_FB_S_OK:
		return 0;
	case VIRTIO_FB_S_UNSUPPORTED:
		return -EOPNOTSUPP;
	case VIRTIO_FB_S_INVALID:
	case VIRTIO_FB_S_MEMORY:
		return -EINVAL;
	case VIRTIO_FB_S_SCANOUT:
		return -ENOENT;
	default:
		return -EIO;
	}
}

static int response_to_errno(const struct vfb_request *req, u32 len)
{
	const struct virtio_fb_response *hdr = req->in;
	int err;

	if (!req->in_len)
		return 0;
	if (len < sizeof(*hdr))
		return -EIO;
	err = status_to_errno(le32_to_cpu(hdr->status));
	return err ?: (len < req->in_len ? -EIO : 0);
}

static struct vfb_request *next_used(struct vfb_device *vfb, u32 *len)
{
	struct vfb_request *req = NULL;
	unsigned long flags;

	spin_lock_irqsave(&vfb->ctrl_lock, flags);
	if (vfb->running) {
		req = virtqueue_get_buf(vfb->ctrl, len);
		if (req)
			list_del(&req->entry);
	}
	spin_unlock_irqrestore(&vfb->ctrl_lock, flags);
	return req;
}

static void take_used(struct vfb_device *vfb)
{
	struct vfb_request *req;
	bool any = false;
	u32 len;

	while ((req = next_used(vfb, &len))) {
		req->done(vfb, req, response_to_errno(req, len));
		any = true;
	}
	if (any)
		wake_up_all(&vfb->room);
}

static void ctrl_callback(struct virtqueue *vq)
{
	take_used(vq->vdev->priv);
}

/* What is kept for requests from atomic context: one for each scanout */
static unsigned int reserved_room(struct vfb_device *vfb)
{
	return vfb->num_scanouts * DESCRIPTORS;
}

static void ask_for_no_response(struct vfb_request *req)
{
	struct virtio_fb_request *hdr = req->out;

	hdr->flags |= cpu_to_le32(VIRTIO_FB_FLAG_NO_RESPONSE);
	req->in_len = 0;
}

static int add_to_ring(struct vfb_device *vfb, struct vfb_request *req)
{
	struct scatterlist out, in, *sgs[] = { &out, &in };
	int err;

	if (req->quiet &&
	    vfb->ctrl->num_free > virtqueue_get_vring_size(vfb->ctrl) / 2)
		ask_for_no_response(req);

	sg_init_one(&out, req->out, req->out_len);
	if (req->in_len)
		sg_init_one(&in, req->in, req->in_len);
	err = virtqueue_add_sgs(vfb->ctrl, sgs, 1, !!req->in_len, req, GFP_ATOMIC);
	if (err)
		return err;
	list_add_tail(&req->entry, &vfb->in_flight);
	virtqueue_kick(vfb->ctrl);
	return 0;
}

static int add_request(struct vfb_device *vfb, struct vfb_request *req,
		       unsigned int keep)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&vfb->ctrl_lock, flags);
	if (!vfb->running)
		err = -ENODEV;
	else if (vfb->ctrl->num_free < DESCRIPTORS + keep)
		err = -ENOSPC;
	else
		err = add_to_ring(vfb, req);
	spin_unlock_irqrestore(&vfb->ctrl_lock, flags);
	return err;
}

static int try_submit(struct vfb_device *vfb, struct vfb_request *req)
{
	take_used(vfb);
	return add_request(vfb, req, reserved_room(vfb));
}

/* Put a request on the queue, wait for room if there is none */
int vfb_submit(struct vfb_device *vfb, struct vfb_request *req)
{
	int err;

	might_sleep();
	wait_event_timeout(vfb->room,
			   (err = try_submit(vfb, req)) != -ENOSPC, VFB_TIMEOUT);
	return err;
}

/* The same with no waiting, for one request a scanout */
int vfb_submit_atomic(struct vfb_device *vfb, struct vfb_request *req)
{
	return add_request(vfb, req, 0);
}

/* All other CPUs stand still, perhaps one of them in the middle of a request */
void vfb_submit_panic(struct vfb_device *vfb, struct vfb_request *req)
{
	unsigned long flags;

	if (!spin_trylock_irqsave(&vfb->ctrl_lock, flags))
		return;
	if (vfb->running)
		add_to_ring(vfb, req);
	spin_unlock_irqrestore(&vfb->ctrl_lock, flags);
}

/*
 * Requests with buffers of their own
 */

struct vfb_call {
	struct vfb_request req;
	struct completion finished;
	refcount_t refs;
	int err;
	u8 data[] ____cacheline_aligned;
};

static void put_call(struct vfb_call *call)
{
	if (refcount_dec_and_test(&call->refs))
		kfree(call);
}

static void call_done(struct vfb_device *vfb, struct vfb_request *req, int err)
{
	struct vfb_call *call = container_of(req, struct vfb_call, req);

	call->err = err;
	complete(&call->finished);
	put_call(call);
}

static struct vfb_call *new_call(const void *out, size_t out_len, size_t in_len)
{
	size_t in_offset = L1_CACHE_ALIGN(out_len);
	struct vfb_call *call;

	call = kzalloc(struct_size(call, data, in_offset + in_len), GFP_KERNEL);
	if (!call)
		return NULL;
	memcpy(call->data, out, out_len);
	call->req.out = call->data;
	call->req.out_len = out_len;
	call->req.in = call->data + in_offset;
	call->req.in_len = in_len;
	call->req.done = call_done;
	init_completion(&call->finished);
	refcount_set(&call->refs, 1);
	return call;
}

/* Send a request and wait for the answer; "in" may be left out */
int vfb_call(struct vfb_device *vfb, const void *out, size_t out_len,
	     void *in, size_t in_len)
{
	struct vfb_call *call;
	int err;

	call = new_call(out, out_len,
			in ? in_len : sizeof(struct virtio_fb_response));
	if (!call)
		return -ENOMEM;
	refcount_inc(&call->refs);
	err = vfb_submit(vfb, &call->req);
	if (err) {
		put_call(call);
	} else if (!wait_for_completion_timeout(&call->finished, VFB_TIMEOUT)) {
		drm_err(&vfb->drm, "the device does not answer\n");
		err = -ETIMEDOUT;
	} else {
		err = call->err;
		if (!err && in)
			memcpy(in, call->req.in, in_len);
	}
	put_call(call);
	return err;
}

/* Send a request whose outcome does not matter */
int vfb_send(struct vfb_device *vfb, const void *out, size_t out_len)
{
	struct vfb_call *call;
	int err;

	call = new_call(out, out_len, sizeof(struct virtio_fb_response));
	if (!call)
		return -ENOMEM;
	call->req.quiet = true;
	err = vfb_submit(vfb, &call->req);
	if (err)
		put_call(call);
	return err;
}

/*
 * The event queue
 */

static void handle_event(struct vfb_device *vfb,
			 const struct virtio_fb_event *event)
{
	unsigned long scanouts = le32_to_cpu(event->scanouts);
	unsigned int i;

	scanouts &= GENMASK(vfb->num_scanouts - 1, 0);
	switch (le32_to_cpu(event->type)) {
	case VIRTIO_FB_EVENT_DISPLAY:
		vfb_display_changed(vfb);
		break;
	case VIRTIO_FB_EVENT_VBLANK:
		vfb_clock_set(vfb, &event->refresh);
		for_each_set_bit(i, &scanouts, vfb->num_scanouts)
			if (vfb->output[i])
				drm_crtc_handle_vblank(&vfb->output[i]->crtc);
		break;
	}
}

static void add_event_buffer(struct vfb_device *vfb, struct virtio_fb_event *buf)
{
	struct scatterlist sg;

	sg_init_one(&sg, buf, sizeof(*buf));
	virtqueue_add_inbuf(vfb->event, &sg, 1, buf, GFP_ATOMIC);
}

static void event_callback(struct virtqueue *vq)
{
	struct vfb_device *vfb = vq->vdev->priv;
	struct virtio_fb_event *buf;
	bool any = false;
	u32 len;

	while ((buf = virtqueue_get_buf(vq, &len))) {
		if (len >= sizeof(*buf))
			handle_event(vfb, buf);
		add_event_buffer(vfb, buf);
		any = true;
	}
	if (any)
		virtqueue_kick(vq);
}

/*
 * Start and stop
 */

int vfb_queues_init(struct vfb_device *vfb)
{
	struct virtqueue_info info[VIRTIO_FB_NUM_VQS] = {
		[VIRTIO_FB_VQ_CONTROL] = { "control", ctrl_callback },
		[VIRTIO_FB_VQ_EVENT] = { "event", event_callback },
	};
	struct virtqueue *vqs[VIRTIO_FB_NUM_VQS];
	int err;

	err = virtio_find_vqs(vfb->vdev, ARRAY_SIZE(vqs), vqs, info, NULL);
	if (err)
		return err;
	vfb->ctrl = vqs[VIRTIO_FB_VQ_CONTROL];
	vfb->event = vqs[VIRTIO_FB_VQ_EVENT];
	if (vfb->ctrl->num_free < 2 * reserved_room(vfb) + DESCRIPTORS) {
		drm_err(&vfb->drm, "the device's control queue is too short\n");
		goto err_del_vqs;
	}
	vfb->event_buf = kcalloc(NUM_EVENTS, sizeof(*vfb->event_buf), GFP_KERNEL);
	if (!vfb->event_buf) {
		err = -ENOMEM;
		goto err_del_vqs;
	}
	return 0;

err_del_vqs:
	vfb->vdev->config->del_vqs(vfb->vdev);
	return err ?: -EINVAL;
}

void vfb_queues_start(struct vfb_device *vfb)
{
	unsigned int i, num = min_t(unsigned int, NUM_EVENTS, vfb->event->num_free);

	for (i = 0; i < num; i++)
		add_event_buffer(vfb, &vfb->event_buf[i]);
	WRITE_ONCE(vfb->running, true);
	virtio_device_ready(vfb->vdev);
	virtqueue_kick(vfb->event);
}

/* Reset the device; what was on its way has failed, what comes will fail */
void vfb_queues_fail(struct vfb_device *vfb)
{
	struct vfb_request *req;
	LIST_HEAD(list);

	spin_lock_irq(&vfb->ctrl_lock);
	vfb->running = false;
	spin_unlock_irq(&vfb->ctrl_lock);

	/* The device uses the buffers until then */
	virtio_reset_device(vfb->vdev);
	virtio_synchronize_cbs(vfb->vdev);

	spin_lock_irq(&vfb->ctrl_lock);
	list_splice_init(&vfb->in_flight, &list);
	spin_unlock_irq(&vfb->ctrl_lock);
	while ((req = list_first_entry_or_null(&list, struct vfb_request, entry))) {
		list_del(&req->entry);
		req->done(vfb, req, -ENODEV);
	}
	wake_up_all(&vfb->room);
}

void vfb_queues_stop(struct vfb_device *vfb)
{
	/* A device that did not wake up has none */
	if (!vfb->ctrl)
		return;
	vfb_queues_fail(vfb);
	while (virtqueue_detach_unused_buf(vfb->ctrl))
		;
	while (virtqueue_detach_unused_buf(vfb->event))
		;
	vfb->vdev->config->del_vqs(vfb->vdev);
	vfb->ctrl = NULL;
	vfb->event = NULL;
	kfree(vfb->event_buf);
	vfb->event_buf = NULL;
}

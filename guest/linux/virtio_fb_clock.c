// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fb display driver: the refresh and its time stamps
 *
 * Refreshes are equally spaced, so their times follow from that of any one of
 * them: DRM gets exact time stamps, and counts refreshes that nobody was told
 * of, while the device tells only those that somebody waits for.
 */

#include <linux/math64.h>

#include <drm/drm_print.h>
#include <drm/drm_vblank.h>

#include "virtio_fb_drv.h"

/* Until the device has told: 60 Hz */
#define DEFAULT_PERIOD	(NSEC_PER_SEC / 60)

/* To find when refreshes are, at start; the quickest answer counts */
#define NUM_PROBES	4

/* So many answers in a row come very late only if the clock has jumped */
#define MAX_LATE	16

/* Where the refresh must have been earlier than believed, or all is new */
static bool believe(struct vfb_clock *clock, s64 late)
{
	if (!clock->known || late < 0)
		return true;
	if (late <= (s64)clock->period / 2) {
		clock->num_late = 0;
		return false;
	}
	return ++clock->num_late >= MAX_LATE;
}

/*
 * "Now less age" is never early, but late by what it took to get here, which
 * varies. So believe what is earlier than expected at once, what is later only
 * little by little, as clocks drift.
 */
void vfb_clock_set(struct vfb_device *vfb,
		   const struct virtio_fb_refresh *refresh)
{
	struct vfb_clock *clock = &vfb->clock;
	u64 seen = ktime_get_ns() - le64_to_cpu(refresh->age);
	u32 period = le32_to_cpu(refresh->period);
	unsigned long flags;
	s64 late;

	spin_lock_irqsave(&clock->lock, flags);
	if (period && period < NSEC_PER_SEC)
		clock->period = period;
	late = seen - (clock->start +
		       le64_to_cpu(refresh->sequence) * clock->period);
	if (believe(clock, late)) {
		clock->start += late;
		clock->known = true;
		clock->num_late = 0;
	} else if (!clock->num_late) {
		clock->start += late / 64;
	}
	spin_unlock_irqrestore(&clock->lock, flags);
}

/* The latest refresh; DRM must not see time go back when we correct it */
bool vfb_get_vblank_timestamp(struct drm_crtc *crtc, int *max_error,
			      ktime_t *time, bool in_vblank_irq)
{
	struct vfb_clock *clock = &to_vfb(crtc->dev)->clock;
	u64 now, since, stamp;
	unsigned long flags;

	spin_lock_irqsave(&clock->lock, flags);
	now = ktime_get_ns();
	div64_u64_rem(now - clock->start, clock->period, &since);
	stamp = max(now - since, clock->latest);
	clock->latest = stamp;
	spin_unlock_irqrestore(&clock->lock, flags);
	*time = ns_to_ktime(stamp);
	return true;
}

/*
 * Events at each refresh. DRM asks for them with its locks held: at most one
 * request is under way, and what was wanted meanwhile follows when it is done.
 */

static void vblank_done(struct vfb_device *vfb, struct vfb_request *req, int err);

static void send_vblank(struct vfb_output *out)
{
	struct vfb_device *vfb = to_vfb(out->crtc.dev);
	struct vfb_vblank *vblank = &out->vblank;

	lockdep_assert_held(&vfb->clock.lock);
	if (vblank->busy || vblank->wanted == vblank->sent)
		return;
	vblank->out = (struct virtio_fb_set_vblank) {
		.hdr = vfb_header(VIRTIO_FB_REQ_SET_VBLANK, out->index),
		.enable = cpu_to_le32(vblank->wanted),
	};
	vblank->req = (struct vfb_request) {
		.done = vblank_done,
		.out = &vblank->out,
		.out_len = sizeof(vblank->out),
		.in = &vblank->in,
		.in_len = sizeof(vblank->in),
	};
	vblank->sent = vblank->wanted;
	vblank->busy = !vfb_submit_atomic(vfb, &vblank->req);
}

static void vblank_done(struct vfb_device *vfb, struct vfb_request *req, int err)
{
	struct vfb_output *out = container_of(req, struct vfb_output, vblank.req);
	unsigned long flags;

	if (!err)
		vfb_clock_set(vfb, &out->vblank.in.refresh);
	spin_lock_irqsave(&vfb->clock.lock, flags);
	out->vblank.busy = false;
	send_vblank(out);
	spin_unlock_irqrestore(&vfb->clock.lock, flags);
}

static void want_vblank(struct drm_crtc *crtc, bool wanted)
{
	struct vfb_output *out = crtc_to_output(crtc);
	struct vfb_device *vfb = to_vfb(crtc->dev);
	unsigned long flags;

	spin_lock_irqsave(&vfb->clock.lock, flags);
	out->vblank.wanted = wanted;
	send_vblank(out);
	spin_unlock_irqrestore(&vfb->clock.lock, flags);
}

int vfb_enable_vblank(struct drm_crtc *crtc)
{
	want_vblank(crtc, true);
	return 0;
}

void vfb_disable_vblank(struct drm_crtc *crtc)
{
	want_vblank(crtc, false);
}

/*
 * Start
 */

void vfb_clock_init(struct vfb_device *vfb)
{
	spin_lock_init(&vfb->clock.lock);
	vfb->clock.period = DEFAULT_PERIOD;
}

/* Also after a reset, which has stopped all events */
int vfb_clock_start(struct vfb_device *vfb)
{
	struct virtio_fb_set_vblank off = {
		.hdr = vfb_header(VIRTIO_FB_REQ_SET_VBLANK, 0),
	};
	struct virtio_fb_refresh_response answer;
	unsigned int i;
	int err;

	vfb->clock.known = false;
	for (i = 0; i < NUM_PROBES; i++) {
		err = vfb_call(vfb, &off, sizeof(off), &answer, sizeof(answer));
		if (err)
			return err;
		vfb_clock_set(vfb, &answer.refresh);
	}

	spin_lock_irq(&vfb->clock.lock);
	for (i = 0; i < vfb->num_scanouts && vfb->output[i]; i++) {
		vfb->output[i]->vblank.sent = false;
		send_vblank(vfb->output[i]);
	}
	spin_unlock_irq(&vfb->clock.lock);
	return 0;
}

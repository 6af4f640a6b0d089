/*
 * virtio-fb: requests of the control queue
 *
 * A request is copied out of guest memory before it is looked at, and checked
 * as a whole before it has any effect.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/iov.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "qemu/units.h"
#include "exec/cpu-common.h"
#include "hw/display/edid.h"
#include "hw/display/virtio-fb.h"
#include "migration/misc.h"
#include "trace.h"

/* Not a status of the protocol: the response comes later */
#define DEFERRED (-1)

/* QEMU's EDIDs have at most two extensions */
#define EDID_MAX_SIZE 384

typedef struct Request {
    VirtIOFB *fb;
    VirtIOFBScanout *scanout;       /* of the header */
    VirtQueueElement *elem;
    size_t size;                    /* of what @u holds, rectangles follow */
    uint32_t resets;                /* VirtIOFB.resets when it was taken */

    union {
        struct virtio_fb_request hdr;
        struct virtio_fb_set_scanout set_scanout;
        struct virtio_fb_update update;
        struct virtio_fb_flip flip;
        struct virtio_fb_set_vblank set_vblank;
        struct virtio_fb_set_cursor set_cursor;
        struct virtio_fb_move_cursor move_cursor;
        struct virtio_fb_discard discard;
    } u;

    union {
        struct virtio_fb_response hdr;
        struct virtio_fb_display_info display_info;
        struct virtio_fb_edid edid;
        struct virtio_fb_refresh_response refresh;
    } resp;
} Request;

/* Changed rectangles of a request */
typedef struct Damage {
    int num_rects;
    pixman_box32_t rects[VIRTIO_FB_MAX_RECTS];
} Damage;

static int get_display_info(Request *req)
{
    VirtIOFB *fb = req->fb;
    uint32_t x = 0;
    int i;

    for (i = 0; i < fb->max_outputs; i++) {
        VirtIOFBScanout *s = &fb->scanout[i];

        if (!s->connected) {
            continue;
        }
        /* Unless the user arranged them, screens stand side by side */
        req->resp.display_info.display[i] = (struct virtio_fb_display) {
            .flags = cpu_to_le32(VIRTIO_FB_DISPLAY_CONNECTED),
            .x = cpu_to_le32(s->ui.xoff ?: x),
            .y = cpu_to_le32(s->ui.yoff),
            .width = cpu_to_le32(s->ui.width),
            .height = cpu_to_le32(s->ui.height),
            .width_mm = cpu_to_le32(s->ui.width_mm),
            .height_mm = cpu_to_le32(s->ui.height_mm),
            .refresh = cpu_to_le32(s->ui.refresh_rate),
        };
        x += s->ui.width;
    }
    return VIRTIO_FB_S_OK;
}

static int get_edid(Request *req)
{
    VirtIOFBScanout *s = req->scanout;
    qemu_edid_info info = {
        .width_mm = s->ui.width_mm,
        .height_mm = s->ui.height_mm,
        .prefx = s->ui.width,
        .prefy = s->ui.height,
        .refresh_rate = s->ui.refresh_rate,
    };

    if (!s->connected) {
        return VIRTIO_FB_S_OK;
    }
    qemu_edid_generate(req->resp.edid.edid, EDID_MAX_SIZE, &info);
    req->resp.edid.size = cpu_to_le32(qemu_edid_size(req->resp.edid.edid));
    return VIRTIO_FB_S_OK;
}

static int set_scanout(Request *req)
{
    VirtIOFBMode mode = {
        .format =
            virtio_fb_find_format(le32_to_cpu(req->u.set_scanout.format)),
        .width = le32_to_cpu(req->u.set_scanout.width),
        .height = le32_to_cpu(req->u.set_scanout.height),
        .stride = le32_to_cpu(req->u.set_scanout.stride),
        .offset = le64_to_cpu(req->u.set_scanout.offset),
    };
    int status = virtio_fb_mode_check(req->fb, &mode);

    if (status != VIRTIO_FB_S_OK) {
        return status;
    }
    if (!virtio_fb_scanout_fits(req->scanout, &mode)) {
        return VIRTIO_FB_S_FAILED;
    }
    virtio_fb_scanout_set(req->scanout, &mode);
    return VIRTIO_FB_S_OK;
}

static int disable_scanout(Request *req)
{
    virtio_fb_scanout_disable(req->scanout);
    return VIRTIO_FB_S_OK;
}

static bool get_rect(const VirtIOFBMode *mode,
                     const struct virtio_fb_rect *rect, pixman_box32_t *box)
{
    uint64_t x = le32_to_cpu(rect->x), width = le32_to_cpu(rect->width);
    uint64_t y = le32_to_cpu(rect->y), height = le32_to_cpu(rect->height);

    if (!width || x + width > mode->width ||
        !height || y + height > mode->height) {
        return false;
    }
    *box = (pixman_box32_t) {
        .x1 = x, .y1 = y, .x2 = x + width, .y2 = y + height,
    };
    return true;
}

/* Rectangles follow the request's structure; none stand for everything */
static int get_damage(Request *req, uint32_t num_rects, Damage *damage)
{
    const VirtIOFBMode *mode = &req->scanout->mode;
    struct virtio_fb_rect rects[VIRTIO_FB_MAX_RECTS];
    size_t size;
    int i;

    if (!req->scanout->enabled) {
        return VIRTIO_FB_S_SCANOUT;
    }
    if (num_rects > VIRTIO_FB_MAX_RECTS) {
        return VIRTIO_FB_S_INVALID;
    }
    size = num_rects * sizeof(rects[0]);
    if (iov_to_buf(req->elem->out_sg, req->elem->out_num, req->size,
                   rects, size) != size) {
        return VIRTIO_FB_S_INVALID;
    }
    for (i = 0; i < num_rects; i++) {
        if (!get_rect(mode, &rects[i], &damage->rects[i])) {
            return VIRTIO_FB_S_INVALID;
        }
    }
    damage->num_rects = num_rects;
    if (!num_rects) {
        damage->num_rects = 1;
        damage->rects[0] = (pixman_box32_t) {
            .x2 = mode->width, .y2 = mode->height,
        };
    }
    return VIRTIO_FB_S_OK;
}

static int update(Request *req)
{
    VirtIOFBScanout *s = req->scanout;
    Damage damage;
    int status = get_damage(req, le32_to_cpu(req->u.update.num_rects),
                            &damage);

    if (status == VIRTIO_FB_S_OK) {
        virtio_fb_scanout_add_damage(s, damage.rects, damage.num_rects);
        if (qemu_console_is_visible(s->con)) {
            virtio_fb_arm(req->fb);
        }
    }
    return status;
}

static int flip(Request *req)
{
    VirtIOFBScanout *s = req->scanout;
    VirtIOFBMode mode = s->mode;
    VirtIOFBFlip *flip;
    Damage damage;
    int status = get_damage(req, le32_to_cpu(req->u.flip.num_rects), &damage);

    if (status != VIRTIO_FB_S_OK) {
        return status;
    }
    mode.offset = le64_to_cpu(req->u.flip.offset);
    status = virtio_fb_mode_check(req->fb, &mode);
    if (status != VIRTIO_FB_S_OK) {
        return status;
    }

    trace_virtio_fb_flip(s->index, mode.offset, damage.num_rects);
    s->flip_pending = true;
    s->flip_offset = mode.offset;
    s->flip_after = virtio_fb_get_sequence(req->fb);
    virtio_fb_scanout_add_damage(s, damage.rects, damage.num_rects);
    flip = container_of(req->elem, VirtIOFBFlip, elem);
    flip->scanout = s->index;
    QTAILQ_INSERT_TAIL(&req->fb->flips, flip, next);
    if (runstate_check(RUN_STATE_SUSPENDED)) {
        virtio_fb_end_flips(req->fb);
    } else {
        virtio_fb_arm(req->fb);
    }
    return DEFERRED;
}

static int set_vblank(Request *req)
{
    VirtIOFB *fb = req->fb;
    uint32_t enable = le32_to_cpu(req->u.set_vblank.enable);

    if (enable > 1) {
        return VIRTIO_FB_S_INVALID;
    }
    req->scanout->vblank = enable;
    if (enable) {
        virtio_fb_arm(fb);
    } else {
        fb->vblank_event &= ~(1u << req->scanout->index);
    }
    virtio_fb_get_refresh(fb, virtio_fb_get_sequence(fb),
                          &req->resp.refresh.refresh);
    return VIRTIO_FB_S_OK;
}

/* Take the cursor's image: the driver may reuse its memory afterwards */
static void copy_cursor(VirtIOFBScanout *s, uint64_t offset, uint32_t stride)
{
    uint8_t *vram = memory_region_get_ram_ptr(&s->fb->vram);
    size_t line = s->cursor_width * 4;
    int y;

    s->cursor_size = s->cursor_height * line;
    s->cursor_image = g_malloc(s->cursor_size);
    for (y = 0; y < s->cursor_height; y++) {
        memcpy(s->cursor_image + y * line,
               vram + offset + (uint64_t)y * stride, line);
    }
}

static int check_cursor(VirtIOFB *fb, const struct virtio_fb_set_cursor *c)
{
    VirtIOFBMode mode = {
        .format = virtio_fb_find_format(VIRTIO_FB_FORMAT_ARGB8888),
        .width = le32_to_cpu(c->width),
        .height = le32_to_cpu(c->height),
        .stride = le32_to_cpu(c->stride),
        .offset = le64_to_cpu(c->offset),
    };

    if (!mode.width && !mode.height) {
        return VIRTIO_FB_S_OK;
    }
    if (mode.width > VIRTIO_FB_MAX_CURSOR ||
        mode.height > VIRTIO_FB_MAX_CURSOR ||
        le32_to_cpu(c->hot_x) >= mode.width ||
        le32_to_cpu(c->hot_y) >= mode.height) {
        return VIRTIO_FB_S_INVALID;
    }
    return virtio_fb_mode_check(fb, &mode);
}

static int set_cursor(Request *req)
{
    const struct virtio_fb_set_cursor *c = &req->u.set_cursor;
    VirtIOFBScanout *s = req->scanout;
    int status = check_cursor(req->fb, c);

    if (status != VIRTIO_FB_S_OK) {
        return status;
    }
    g_clear_pointer(&s->cursor_image, g_free);
    s->cursor_size = 0;
    s->cursor_x = le32_to_cpu(c->x);
    s->cursor_y = le32_to_cpu(c->y);
    if (c->width) {
        s->cursor_width = le32_to_cpu(c->width);
        s->cursor_height = le32_to_cpu(c->height);
        s->cursor_hot_x = le32_to_cpu(c->hot_x);
        s->cursor_hot_y = le32_to_cpu(c->hot_y);
        copy_cursor(s, le64_to_cpu(c->offset), le32_to_cpu(c->stride));
    }
    virtio_fb_scanout_cursor_changed(s, true);
    return VIRTIO_FB_S_OK;
}

static int move_cursor(Request *req)
{
    req->scanout->cursor_x = le32_to_cpu(req->u.move_cursor.x);
    req->scanout->cursor_y = le32_to_cpu(req->u.move_cursor.y);
    virtio_fb_scanout_cursor_changed(req->scanout, false);
    return VIRTIO_FB_S_OK;
}

/* Someone else relies on the memory being there, or on seeing every change */
static bool cannot_discard_now(VirtIOFB *fb)
{
    return fb->cannot_discard || ram_block_discard_is_disabled() ||
           migration_in_incoming_postcopy() || migration_in_bg_snapshot();
}

bool virtio_fb_discard(VirtIOFB *fb, uint64_t offset, uint64_t size)
{
    if (cannot_discard_now(fb)) {
        return false;
    }
    if (ram_block_discard_range(fb->vram.ram_block, offset, size)) {
        /* It has said why; do not let the guest have it said again */
        fb->cannot_discard = true;
        return false;
    }
    memory_region_set_dirty(&fb->vram, offset, size);
    return true;
}

static int discard(Request *req)
{
    VirtIOFB *fb = req->fb;
    uint64_t offset = le64_to_cpu(req->u.discard.offset);
    uint64_t size = le64_to_cpu(req->u.discard.size);

    if (!size || !QEMU_IS_ALIGNED(offset | size, VIRTIO_FB_DISCARD_ALIGN)) {
        return VIRTIO_FB_S_INVALID;
    }
    if (size > fb->vram_size || offset > fb->vram_size - size) {
        return VIRTIO_FB_S_MEMORY;
    }
    return virtio_fb_discard(fb, offset, size) ? VIRTIO_FB_S_OK
                                               : VIRTIO_FB_S_FAILED;
}

static const struct {
    int (*execute)(Request *req);
    size_t size;                    /* of the request without rectangles */
    size_t resp_size;
    bool has_scanout;
    int feature;                    /* -1: none needed */
} requests[] = {
    [VIRTIO_FB_REQ_GET_DISPLAY_INFO] = {
        get_display_info, sizeof(struct virtio_fb_request),
        sizeof(struct virtio_fb_display_info), false, -1,
    },
    [VIRTIO_FB_REQ_GET_EDID] = {
        get_edid, sizeof(struct virtio_fb_request),
        sizeof(struct virtio_fb_edid), true, VIRTIO_FB_F_EDID,
    },
    [VIRTIO_FB_REQ_SET_SCANOUT] = {
        set_scanout, sizeof(struct virtio_fb_set_scanout),
        sizeof(struct virtio_fb_response), true, -1,
    },
    [VIRTIO_FB_REQ_DISABLE_SCANOUT] = {
        disable_scanout, sizeof(struct virtio_fb_request),
        sizeof(struct virtio_fb_response), true, -1,
    },
    [VIRTIO_FB_REQ_UPDATE] = {
        update, sizeof(struct virtio_fb_update),
        sizeof(struct virtio_fb_response), true, -1,
    },
    [VIRTIO_FB_REQ_FLIP] = {
        flip, sizeof(struct virtio_fb_flip),
        sizeof(struct virtio_fb_refresh_response), true, -1,
    },
    [VIRTIO_FB_REQ_SET_VBLANK] = {
        set_vblank, sizeof(struct virtio_fb_set_vblank),
        sizeof(struct virtio_fb_refresh_response), true, -1,
    },
    [VIRTIO_FB_REQ_SET_CURSOR] = {
        set_cursor, sizeof(struct virtio_fb_set_cursor),
        sizeof(struct virtio_fb_response), true, VIRTIO_FB_F_CURSOR,
    },
    [VIRTIO_FB_REQ_MOVE_CURSOR] = {
        move_cursor, sizeof(struct virtio_fb_move_cursor),
        sizeof(struct virtio_fb_response), true, VIRTIO_FB_F_CURSOR,
    },
    [VIRTIO_FB_REQ_DISCARD] = {
        discard, sizeof(struct virtio_fb_discard),
        sizeof(struct virtio_fb_response), false, VIRTIO_FB_F_DISCARD,
    },
};

static int execute(Request *req, uint32_t type, size_t in_size)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(req->fb);
    uint32_t flags = le32_to_cpu(req->u.hdr.flags);
    uint32_t scanout = 0;
    bool no_response = flags & VIRTIO_FB_FLAG_NO_RESPONSE;
    size_t rest;

    if (type >= ARRAY_SIZE(requests) || !requests[type].execute ||
        (flags & ~VIRTIO_FB_FLAG_NO_RESPONSE) ||
        (requests[type].feature >= 0 &&
         !virtio_vdev_has_feature(vdev, requests[type].feature))) {
        return VIRTIO_FB_S_UNSUPPORTED;
    }
    if (requests[type].has_scanout) {
        scanout = le32_to_cpu(req->u.hdr.scanout);
        if (scanout >= req->fb->max_outputs) {
            return VIRTIO_FB_S_SCANOUT;
        }
    }
    req->scanout = &req->fb->scanout[scanout];
    req->size = requests[type].size;
    /* The header is not read again: it may not be what it was */
    rest = req->size - sizeof(req->u.hdr);
    if (iov_to_buf(req->elem->out_sg, req->elem->out_num, sizeof(req->u.hdr),
                   &req->u.hdr + 1, rest) != rest) {
        return VIRTIO_FB_S_INVALID;
    }
    if (no_response &&
        requests[type].resp_size > sizeof(struct virtio_fb_response)) {
        return VIRTIO_FB_S_INVALID;
    }
    if (!no_response && in_size < requests[type].resp_size) {
        return VIRTIO_FB_S_INVALID;
    }
    return requests[type].execute(req);
}

/* Returns: is the driver to be notified? */
static bool finish(Request *req, uint32_t type, int status)
{
    bool no_response = le32_to_cpu(req->u.hdr.flags) &
                       VIRTIO_FB_FLAG_NO_RESPONSE;
    size_t size = sizeof(req->resp.hdr);

    if (req->resets != req->fb->resets) {
        /* The queue is gone by now: this does no more than free the buffer */
        virtqueue_push(req->fb->control_vq, req->elem, 0);
        g_free(container_of(req->elem, VirtIOFBFlip, elem));
        return false;
    }
    if (status == VIRTIO_FB_S_OK) {
        size = requests[type].resp_size;
    } else {
        qemu_log_mask(LOG_GUEST_ERROR, "virtio-fb: request %u: status %d\n",
                      type, status);
    }
    req->resp.hdr.status = cpu_to_le32(status);
    size = no_response ? 0 : size;
    iov_from_buf(req->elem->in_sg, req->elem->in_num, 0, &req->resp, size);
    virtqueue_push(req->fb->control_vq, req->elem, size);
    g_free(container_of(req->elem, VirtIOFBFlip, elem));
    return !no_response;
}

/* Returns: is the driver to be notified?  May use up @budget. */
static bool handle_request(VirtIOFB *fb, VirtQueueElement *elem, int *budget)
{
    VirtIODevice *vdev = VIRTIO_DEVICE(fb);
    Request req;
    size_t in_size = iov_size(elem->in_sg, elem->in_num);
    uint32_t type;
    int status;

    /* All of a response is set, whatever of it a request has to say */
    memset(&req, 0, sizeof(req));
    req.fb = fb;
    req.elem = elem;
    req.resets = fb->resets;
    if (iov_to_buf(elem->out_sg, elem->out_num, 0, &req.u.hdr,
                   sizeof(req.u.hdr)) != sizeof(req.u.hdr) ||
        (!(le32_to_cpu(req.u.hdr.flags) & VIRTIO_FB_FLAG_NO_RESPONSE) &&
         in_size < sizeof(req.resp.hdr))) {
        virtqueue_detach_element(fb->control_vq, elem, 0);
        g_free(container_of(elem, VirtIOFBFlip, elem));
        virtio_error(vdev, "virtio-fb: request without room for its header"
                     " or its response");
        return false;
    }
    type = le32_to_cpu(req.u.hdr.type);
    status = execute(&req, type, in_size);
    if (type == VIRTIO_FB_REQ_SET_SCANOUT) {
        /* User interfaces may redraw everything for each */
        *budget = 0;
    }
    trace_virtio_fb_request(type, le32_to_cpu(req.u.hdr.scanout), status);
    return status == DEFERRED ? false : finish(&req, type, status);
}

void virtio_fb_handle_control(VirtIODevice *vdev, VirtQueue *vq)
{
    VirtIOFB *fb = VIRTIO_FB(vdev);
    MemReentrancyGuard *guard = virtio_fb_enter(fb);
    int budget = virtio_queue_get_num(vdev, virtio_get_queue_index(vq));
    bool notify = false;

    while (budget > 0 && virtio_fb_is_live(fb)) {
        VirtIOFBFlip *flip = NULL;

        virtio_fb_catch_up(fb);
        if (virtio_fb_is_live(fb)) {
            flip = virtqueue_pop(vq, sizeof(VirtIOFBFlip));
        }
        if (!flip) {
            break;
        }
        budget--;
        notify |= handle_request(fb, &flip->elem, &budget);
    }
    if (notify) {
        virtio_fb_notify(fb, vq);
    }
    /* A guest that is faster than this must not keep the main loop */
    if (!budget && virtio_fb_is_live(fb)) {
        qemu_bh_schedule(fb->control_bh);
    }
    virtio_fb_leave(fb, guard);
}

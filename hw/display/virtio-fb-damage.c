/*
 * virtio-fb: what has changed on an output, and who is told of it
 *
 * A user interface may take longer to draw than there is from one refresh to
 * the next: SDL does without a GPU.  It draws in QEMU's main loop, which the
 * guest needs too, and images of formats that user interfaces do not know are
 * converted there.  All of that gets half of the time, and no more than a few
 * milliseconds of conversion at once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/timer.h"
#include "hw/display/virtio-fb.h"
#include "trace.h"

/* More rectangles than this are not worth their own redraw */
#define MAX_DAMAGE_RECTS 16

/* Pixels to convert at once: the usual screens are one part */
#define MAX_CONVERT (4 * 1024 * 1024)

static void bound_region(pixman_region32_t *region)
{
    if (pixman_region32_n_rects(region) > MAX_DAMAGE_RECTS) {
        pixman_region32_reset(region, pixman_region32_extents(region));
    }
}

/*
 * Each update costs a user interface something: SDL shows the whole window
 * again, D-Bus sends a message.  Take one when it is not much larger.
 */
static void simplify_region(pixman_region32_t *region)
{
    const pixman_box32_t *all = pixman_region32_extents(region);
    uint64_t area = 0;
    int i, num_rects;
    pixman_box32_t *rects = pixman_region32_rectangles(region, &num_rects);

    for (i = 0; i < num_rects; i++) {
        area += (uint64_t)(rects[i].x2 - rects[i].x1) *
                (rects[i].y2 - rects[i].y1);
    }
    if (num_rects > 1 &&
        area * 2 >= (uint64_t)(all->x2 - all->x1) * (all->y2 - all->y1)) {
        pixman_region32_reset(region, all);
    }
}

void virtio_fb_scanout_damage_all(VirtIOFBScanout *s)
{
    DisplaySurface *surface = qemu_console_surface(s->con);
    pixman_box32_t all = {
        .x2 = surface_width(surface),
        .y2 = surface_height(surface),
    };

    pixman_region32_reset(&s->damage, &all);
}

void virtio_fb_scanout_add_damage(VirtIOFBScanout *s,
                                  const pixman_box32_t *rects, int num_rects)
{
    pixman_region32_t *damage = s->flip_pending ? &s->flip_damage : &s->damage;
    pixman_region32_t more;

    pixman_region32_init_rects(&more, rects, num_rects);
    pixman_region32_union(damage, damage, &more);
    pixman_region32_fini(&more);
    bound_region(damage);
}

/*
 * Conversion
 */

bool virtio_fb_scanout_converts(VirtIOFBScanout *s)
{
    return s->shown == VIRTIO_FB_SHOWS_DRIVER && s->mode.format->convert;
}

static void convert(VirtIOFBScanout *s, const pixman_box32_t *rects,
                    int num_rects)
{
    const VirtIOFBMode *mode = &s->mode;
    uint8_t *data = memory_region_get_ram_ptr(&s->fb->vram) + mode->offset;
    g_autoptr(pixman_image_t) source =
        pixman_image_create_bits(mode->format->pixman, mode->width,
                                 mode->height, (uint32_t *)data, mode->stride);
    int i;

    for (i = 0; i < num_rects; i++) {
        int x = rects[i].x1, width = rects[i].x2 - x;
        int y = rects[i].y1, height = rects[i].y2 - y;

        trace_virtio_fb_convert(s->index, width, height);
        pixman_image_composite(PIXMAN_OP_SRC, source, NULL,
                               qemu_console_surface(s->con)->image,
                               x, y, 0, 0, x, y, width, height);
    }
}

/*
 * Take the lines where the last part ended: what changes all the time at the
 * top must not keep the rest from being converted.
 */
static void take_part(VirtIOFBScanout *s, pixman_region32_t *part)
{
    int lines = MAX_CONVERT / s->mode.width;

    pixman_region32_intersect_rect(&s->damage, &s->damage, 0, 0,
                                   s->mode.width, s->mode.height);
    while (pixman_region32_not_empty(&s->damage)) {
        if (s->next_line >= s->mode.height) {
            s->next_line = 0;
        }
        pixman_region32_intersect_rect(part, &s->damage, 0, s->next_line,
                                       s->mode.width, lines);
        s->next_line += lines;
        if (pixman_region32_not_empty(part)) {
            break;
        }
    }
    pixman_region32_subtract(&s->damage, &s->damage, part);
}

/*
 * The user interface
 */

static void tell_damage(VirtIOFBScanout *s)
{
    pixman_region32_t part;
    pixman_box32_t *rects;
    int i, num_rects;

    if (!pixman_region32_not_empty(&s->damage)) {
        return;
    }
    bound_region(&s->damage);
    simplify_region(&s->damage);
    pixman_region32_init(&part);
    if (virtio_fb_scanout_converts(s)) {
        take_part(s, &part);
    } else {
        pixman_region32_copy(&part, &s->damage);
        pixman_region32_clear(&s->damage);
    }
    rects = pixman_region32_rectangles(&part, &num_rects);
    if (virtio_fb_scanout_converts(s)) {
        convert(s, rects, num_rects);
    }
    for (i = 0; i < num_rects; i++) {
        dpy_gfx_update(s->con, rects[i].x1, rects[i].y1,
                       rects[i].x2 - rects[i].x1, rects[i].y2 - rects[i].y1);
    }
    pixman_region32_fini(&part);
}

static int64_t now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
}

static void tell_later(VirtIOFBScanout *s)
{
    if (pixman_region32_not_empty(&s->damage) &&
        !timer_pending(s->fb->tell_timer)) {
        timer_mod(s->fb->tell_timer, s->fb->tell_after);
    }
}

void virtio_fb_scanout_flush(VirtIOFBScanout *s)
{
    int64_t start = now(), end;

    virtio_fb_scanout_show_cursor(s);
    if (start >= s->fb->tell_after) {
        tell_damage(s);
        end = now();
        s->fb->tell_after = end + (end - start);
    }
    tell_later(s);
}

void virtio_fb_scanout_flushed(VirtIOFBScanout *s)
{
    /* Other images are the surface itself, whoever has been told */
    if (!virtio_fb_scanout_converts(s) ||
        !pixman_region32_not_empty(&s->damage)) {
        graphic_hw_update_done(s->con);
    }
}

/* All outputs in turn, so that none has to wait for the others' changes */
void virtio_fb_tell(void *opaque)
{
    VirtIOFB *fb = opaque;
    int64_t start = now(), end;
    int i;

    for (i = 0; i < fb->max_outputs; i++) {
        tell_damage(&fb->scanout[i]);
    }
    end = now();
    fb->tell_after = end + (end - start);
    for (i = 0; i < fb->max_outputs; i++) {
        tell_later(&fb->scanout[i]);
        virtio_fb_scanout_flushed(&fb->scanout[i]);
    }
}

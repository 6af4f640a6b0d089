/*
 * Images that a test on the host can compute, too
 *
 * Pattern number p, at pixel (x, y) of the whole image, in 8 bits each:
 *
 *     red   = (x + 7 * p) mod 256
 *     green = (y + 13 * p) mod 256
 *     blue  = (((x / 16) xor (y / 16)) + 29 * p) mod 256
 *
 * Formats with fewer bits take the most significant ones.  Those with more
 * repeat them below.  Bits that are not used are set on every other pixel,
 * (x + y) odd: they must not be seen.
 *
 * The cursor, 64 x 64 pixels with premultiplied alpha, has four quarters: top
 * left pattern 200, top right nothing, bottom left white at alpha 128 (all four
 * components 128), bottom right black.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "draw.h"

static uint32_t pattern_rgb(uint32_t x, uint32_t y, unsigned p)
{
    uint32_t red = (x + 7 * p) & 255;
    uint32_t green = (y + 13 * p) & 255;
    uint32_t blue = (((x / 16) ^ (y / 16)) + 29 * p) & 255;

    return red << 16 | green << 8 | blue;
}

static uint32_t to_ten_bits(uint32_t value)
{
    return value << 2 | value >> 6;
}

/* @unused: for bits that are not used */
static uint32_t to_format(uint32_t rgb, uint32_t format, uint32_t unused)
{
    uint32_t red = rgb >> 16 & 255, green = rgb >> 8 & 255, blue = rgb & 255;

    switch (format) {
    case DRM_FORMAT_RGB565:
        return (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3;
    case DRM_FORMAT_XBGR8888:
    case DRM_FORMAT_ABGR8888:
        return (unused & 255u << 24) | blue << 16 | green << 8 | red;
    case DRM_FORMAT_XRGB2101010:
        return (unused & 3u << 30) | to_ten_bits(red) << 20 |
               to_ten_bits(green) << 10 | to_ten_bits(blue);
    default:
        return (unused & 255u << 24) | rgb;
    }
}

static void put_pixel(struct buffer *buffer, uint32_t x, uint32_t y,
                      uint32_t pixel)
{
    uint8_t *line = buffer->map + (size_t)y * buffer->pitch;

    if (format_bytes(buffer->format) == 2) {
        ((uint16_t *)line)[x] = pixel;
    } else {
        ((uint32_t *)line)[x] = pixel;
    }
}

void draw_pattern(struct buffer *buffer, unsigned p,
                  const struct drm_mode_rect *rect)
{
    int32_t x, y;

    for (y = rect->y1; y < rect->y2; y++) {
        for (x = rect->x1; x < rect->x2; x++) {
            put_pixel(buffer, x, y,
                      to_format(pattern_rgb(x, y, p), buffer->format,
                                (x + y) & 1 ? ~0u : 0));
        }
    }
}

void draw_all(struct buffer *buffer, unsigned p)
{
    struct drm_mode_rect all = { .x2 = buffer->width, .y2 = buffer->height };

    draw_pattern(buffer, p, &all);
}

void draw_cursor(struct buffer *buffer)
{
    uint32_t x, y, half = CURSOR_SIZE / 2;

    for (y = 0; y < buffer->height; y++) {
        for (x = 0; x < buffer->width; x++) {
            uint32_t pixel = 0;

            if (x < half && y < half) {
                pixel = 0xff000000 | pattern_rgb(x, y, 200);
            } else if (x < half && y < CURSOR_SIZE) {
                pixel = 0x80808080;
            } else if (x < CURSOR_SIZE && y >= half && y < CURSOR_SIZE) {
                pixel = 0xff000000;
            }
            put_pixel(buffer, x, y, pixel);
        }
    }
}

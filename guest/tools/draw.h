/*
 * Images that a test on the host can compute, too
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef DRAW_H
#define DRAW_H

#include "kms.h"

/* Edge of the cursor image */
#define CURSOR_SIZE 64

/* Draw pattern number @p into a rectangle of the buffer */
void draw_pattern(struct buffer *buffer, unsigned p,
                  const struct drm_mode_rect *rect);
void draw_all(struct buffer *buffer, unsigned p);
void draw_cursor(struct buffer *buffer);

#endif

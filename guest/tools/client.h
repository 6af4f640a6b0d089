/*
 * The commands of kms-client
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef CLIENT_H
#define CLIENT_H

#include "kms.h"

/* What options of a command say; each command uses some of them */
struct options {
    const char *connector;          /* -c */
    uint32_t width, height;         /* -m WxH */
    uint32_t format;                /* -f */
    unsigned pattern;               /* -p */
    unsigned count;                 /* -n, 0 if not given */
    unsigned size;                  /* -s */
    struct drm_mode_rect rect;      /* -r X,Y,WIDTH,HEIGHT */
    unsigned rate;                  /* -R, 0: as fast as possible */
    bool atomic;                    /* -a */
    bool draw;                      /* -w */
    int num_words;                  /* what is left */
    char **words;
};

int command_info(struct kms *kms, const struct options *options);
int command_pattern(struct kms *kms, const struct options *options);
int command_draw(struct kms *kms, const struct options *options);
int command_cursor(struct kms *kms, const struct options *options);
int command_dpms(struct kms *kms, const struct options *options);
int command_disable(struct kms *kms, const struct options *options);
int command_wait_hotplug(struct kms *kms, const struct options *options);

int command_flip(struct kms *kms, const struct options *options);
int command_damage(struct kms *kms, const struct options *options);
int command_scroll(struct kms *kms, const struct options *options);

int command_atomic(struct kms *kms, const struct options *options);
int command_prime(struct kms *kms, const struct options *options);
int command_exhaust(struct kms *kms, const struct options *options);

/* The head that the options name, showing something; NULL after an error */
struct head *client_head(struct kms *kms, const struct options *options);

/* The same, with an image of the options' pattern that does not show yet */
struct head *client_image(struct kms *kms, const struct options *options,
                          struct drm_mode_modeinfo *mode,
                          struct buffer *buffer);

#endif

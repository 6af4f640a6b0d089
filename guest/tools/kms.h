/*
 * Kernel mode setting by the kernel's own interface, without libdrm: what the
 * commands of kms-client share.
 *
 * Functions that return int give 0, or -1 after they have printed an "error:"
 * line.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef KMS_H
#define KMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kernel's own headers; Debian has a native compiler's in libdrm-dev */
#if __has_include(<drm/drm.h>)
#include <drm/drm.h>
#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>
#else
#include <drm.h>
#include <drm_fourcc.h>
#include <drm_mode.h>
#endif

#define MAX_HEADS 16
#define MAX_CLIPS 64

/* A dumb buffer that is a framebuffer, too, and mapped */
struct buffer {
    uint32_t handle;
    uint32_t fb;
    uint32_t format;
    uint32_t width;
    uint32_t height;
    uint32_t pitch;
    uint64_t size;
    uint8_t *map;
};

/* A connector, and what shows on it */
struct head {
    uint32_t connector;
    char name[32];
    bool connected;
    uint32_t mm_width;
    uint32_t mm_height;
    struct drm_mode_modeinfo *modes;
    uint32_t num_modes;
    uint32_t encoder;
    uint32_t crtc;              /* 0 until it is used */
    uint32_t plane;             /* primary... */
    uint32_t plane_fb;          /* ...its properties "FB_ID" */
    uint32_t plane_clips;       /* ...and "FB_DAMAGE_CLIPS" */
    struct drm_mode_modeinfo mode;
    struct buffer front;
    struct buffer cursor;
};

struct kms {
    int fd;
    char driver[32];
    bool atomic;
    uint32_t crtcs[32];
    uint32_t num_crtcs;
    uint32_t planes[64];
    uint32_t num_planes;
    struct head heads[MAX_HEADS];
    uint32_t num_heads;
};

/* A page flip that has happened */
struct flip_event {
    uint32_t sequence;
    uint64_t ns;
};

/* Properties to be set together */
struct request {
    uint32_t objects[64];
    uint32_t counts[64];
    uint32_t properties[64];
    uint64_t values[64];
    uint32_t num;
};

int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int kms_ioctl(int fd, unsigned long request, void *argument);
uint64_t now_ns(void);

/* @name: a path, a driver, or NULL for the first device there is */
int kms_open(struct kms *kms, const char *name);
int kms_probe(struct kms *kms);
uint64_t kms_cap(const struct kms *kms, uint64_t cap);
struct head *kms_find_head(struct kms *kms, const char *name);

/* Returns the property's number, 0 if there is none */
uint32_t kms_property(const struct kms *kms, uint32_t object, uint32_t type,
                      const char *name, uint64_t *value);
uint32_t kms_plane(const struct kms *kms, uint32_t crtc, uint64_t type);

uint32_t format_from_name(const char *name);
const char *format_name(uint32_t format);
uint32_t format_bytes(uint32_t format);

int buffer_create_dumb(int fd, struct buffer *buffer, uint32_t width,
                       uint32_t height, uint32_t format);
int buffer_create(int fd, struct buffer *buffer, uint32_t width,
                  uint32_t height, uint32_t format);
int buffer_add_fb(int fd, struct buffer *buffer);
void buffer_destroy(int fd, struct buffer *buffer);

/* Width 0: the preferred mode */
int head_choose_mode(struct head *head, uint32_t width, uint32_t height,
                     struct drm_mode_modeinfo *mode);
int head_choose_crtc(struct kms *kms, struct head *head);
int head_set(struct kms *kms, struct head *head, struct buffer *buffer,
             const struct drm_mode_modeinfo *mode);
int head_disable(struct kms *kms, struct head *head);
int head_flip(struct kms *kms, struct head *head, struct buffer *buffer);
int kms_wait_flip(struct kms *kms, struct flip_event *flip);

void request_add(struct request *request, uint32_t object, uint32_t property,
                 uint64_t value);
int request_add_plane(struct kms *kms, struct request *request,
                      struct head *head, const struct buffer *buffer);
int request_add_clips(struct kms *kms, struct request *request,
                      struct head *head, const struct drm_mode_rect *clips,
                      uint32_t num_clips, uint32_t *blob);
int request_commit(struct kms *kms, struct request *request, uint32_t flags);
uint32_t kms_create_blob(struct kms *kms, const void *data, uint32_t size);
void kms_destroy_blob(struct kms *kms, uint32_t blob);

#endif

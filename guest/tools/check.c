/*
 * Commands that check what a driver does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "draw.h"

/*
 * atomic
 */

static int add_mode(struct kms *kms, struct request *request,
                    struct head *head, uint32_t blob)
{
    uint32_t id, active, crtc;

    id = kms_property(kms, head->crtc, DRM_MODE_OBJECT_CRTC, "MODE_ID", NULL);
    active = kms_property(kms, head->crtc, DRM_MODE_OBJECT_CRTC, "ACTIVE",
                          NULL);
    crtc = kms_property(kms, head->connector, DRM_MODE_OBJECT_CONNECTOR,
                        "CRTC_ID", NULL);
    if (!id || !active || !crtc) {
        return fail("the driver is not an atomic one");
    }
    request_add(request, head->crtc, id, blob);
    request_add(request, head->crtc, active, 1);
    request_add(request, head->connector, crtc, head->crtc);
    return 0;
}

/* Tried first, then done */
static int atomic_set(struct kms *kms, struct head *head,
                      const struct drm_mode_modeinfo *mode,
                      const struct buffer *buffer)
{
    struct request request = {};
    uint32_t blob;
    int ret;

    if (head_choose_crtc(kms, head)) {
        return -1;
    }
    blob = kms_create_blob(kms, mode, sizeof(*mode));
    if (!blob || add_mode(kms, &request, head, blob) ||
        request_add_plane(kms, &request, head, buffer)) {
        return -1;
    }
    ret = request_commit(kms, &request, DRM_MODE_ATOMIC_ALLOW_MODESET |
                                        DRM_MODE_ATOMIC_TEST_ONLY) ||
          request_commit(kms, &request, DRM_MODE_ATOMIC_ALLOW_MODESET);
    if (ret) {
        fail("cannot commit %s on %s: %m", mode->name, head->name);
    }
    kms_destroy_blob(kms, blob);
    return ret ? -1 : 0;
}

/* Four rectangles from the top left, each with a pattern of its own */
static int atomic_clips(struct kms *kms, struct head *head, unsigned pattern)
{
    struct drm_mode_rect clips[4];
    struct request request = {};
    struct flip_event event;
    uint32_t blob;
    int i, ret;

    for (i = 0; i < 4; i++) {
        clips[i] = (struct drm_mode_rect) {
            .x1 = 100 * i, .y1 = 50 * i, .x2 = 100 * i + 40, .y2 = 50 * i + 30,
        };
        draw_pattern(&head->front, pattern + i, &clips[i]);
    }
    request_add(&request, head->plane, head->plane_fb, head->front.fb);
    if (request_add_clips(kms, &request, head, clips, 4, &blob)) {
        return -1;
    }
    ret = request_commit(kms, &request, DRM_MODE_PAGE_FLIP_EVENT |
                                        DRM_MODE_ATOMIC_NONBLOCK);
    if (ret) {
        fail("cannot commit damage clips: %m");
    }
    kms_destroy_blob(kms, blob);
    return ret ? -1 : kms_wait_flip(kms, &event);
}

/* Commit number i (from 0) draws patterns p + 1 + 4 i to p + 4 + 4 i */
int command_atomic(struct kms *kms, const struct options *options)
{
    unsigned i, count = options->count ? options->count : 1;
    struct drm_mode_modeinfo mode;
    struct buffer buffer;
    struct head *head = client_image(kms, options, &mode, &buffer);

    if (!head) {
        return -1;
    }
    if (atomic_set(kms, head, &mode, &buffer)) {
        buffer_destroy(kms->fd, &buffer);
        return -1;
    }
    buffer_destroy(kms->fd, &head->front);
    head->front = buffer;
    head->mode = mode;
    for (i = 0; i < count; i++) {
        if (atomic_clips(kms, head, options->pattern + 1 + 4 * i)) {
            return -1;
        }
    }
    printf("atomic connector=%s size=%ux%u commits=%u\n", head->name,
           buffer.width, buffer.height, count);
    return 0;
}

/*
 * prime
 */

static int compare_map(int fd, const struct buffer *buffer)
{
    struct dma_buf_sync sync = {
        .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW,
    };
    uint8_t *map = mmap(NULL, buffer->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                        fd, 0);
    bool same;

    if (map == MAP_FAILED) {
        return fail("cannot map the exported buffer: %m");
    }
    kms_ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    same = memcmp(map, buffer->map, buffer->size) == 0;
    /* And the other way: what is written here is seen there */
    memset(map, 0x5a, 4096);
    sync.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
    kms_ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync);
    same = same && buffer->map[0] == 0x5a && buffer->map[4095] == 0x5a;
    munmap(map, buffer->size);
    return same ? 0 : fail("the exported buffer has other contents");
}

/* By this file, where it is the same handle, and by another one */
static int import_buffer(struct kms *kms, int fd, const struct buffer *buffer)
{
    struct drm_prime_handle import = { .fd = fd };
    struct buffer copy = *buffer;
    struct kms other;
    int ret;

    if (kms_ioctl(kms->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &import)) {
        return fail("cannot import the buffer: %m");
    }
    if (import.handle != buffer->handle) {
        return fail("the imported buffer is another one");
    }
    if (kms_open(&other, kms->driver)) {
        return -1;
    }
    import.handle = 0;
    if (kms_ioctl(other.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &import)) {
        ret = fail("cannot import the buffer by another file: %m");
    } else {
        copy.handle = import.handle;
        copy.fb = 0;
        ret = buffer_add_fb(other.fd, &copy);
    }
    close(other.fd);
    return ret;
}

int command_prime(struct kms *kms, const struct options *options)
{
    uint32_t width = options->width ? options->width : 1000;
    uint32_t height = options->height ? options->height : 700;
    struct drm_prime_handle export = { .flags = DRM_CLOEXEC | DRM_RDWR };
    struct buffer buffer;
    int ret;

    if (buffer_create(kms->fd, &buffer, width, height, options->format)) {
        return -1;
    }
    draw_all(&buffer, options->pattern);
    export.handle = buffer.handle;
    if (kms_ioctl(kms->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &export)) {
        ret = fail("cannot export the buffer: %m");
    } else {
        ret = compare_map(export.fd, &buffer);
        ret = ret ? ret : import_buffer(kms, export.fd, &buffer);
        close(export.fd);
    }
    buffer_destroy(kms->fd, &buffer);
    if (ret == 0) {
        printf("prime size=%ux%u map=same import=same\n", width, height);
    }
    return ret;
}

/*
 * exhaust
 */

static bool is_zero(const struct buffer *buffer)
{
    const uint64_t *word = (const uint64_t *)buffer->map;
    uint64_t i;

    for (i = 0; i < buffer->size / 8; i++) {
        if (word[i]) {
            return false;
        }
    }
    return true;
}

/* Returns how many there are, or -1 */
static int fill_memory(struct kms *kms, struct buffer *buffers, unsigned max,
                       uint32_t width, uint32_t height, int *error)
{
    unsigned count;

    *error = 0;
    for (count = 0; count < max; count++) {
        struct buffer *buffer = &buffers[count];

        if (buffer_create_dumb(kms->fd, buffer, width, height,
                               DRM_FORMAT_XRGB8888)) {
            *error = errno;
            break;
        }
        if (!is_zero(buffer)) {
            fail("buffer number %u has old contents", count);
            return -1;
        }
        memset(buffer->map, 0xa5, buffer->size);
    }
    return count;
}

static void free_buffers(struct kms *kms, struct buffer *buffers,
                         unsigned count)
{
    while (count > 0) {
        buffer_destroy(kms->fd, &buffers[--count]);
    }
}

int command_exhaust(struct kms *kms, const struct options *options)
{
    uint32_t width = options->width ? options->width : 1920;
    uint32_t height = options->height ? options->height : 1080;
    unsigned max = options->count ? options->count : 4096;
    struct buffer *buffers = calloc(max, sizeof(*buffers));
    int first, second = -1, error = 0, error2 = 0;

    if (!buffers) {
        return fail("no memory");
    }
    first = fill_memory(kms, buffers, max, width, height, &error);
    if (first > 0) {
        free_buffers(kms, buffers, first);
        second = fill_memory(kms, buffers, max, width, height, &error2);
    }
    if (second > 0) {
        free_buffers(kms, buffers, second);
    }
    free(buffers);
    if (first < 0 || second < 0) {
        return -1;
    }
    printf("exhaust size=%ux%u first=%d second=%d error=%s\n", width, height,
           first, second, error == ENOSPC && error2 == ENOSPC ? "ENOSPC" :
           error ? strerror(error) : "none");
    return 0;
}

/*
 * Commands that do the same many times, and say how long it took
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "draw.h"

/* For rates: wait until @count periods after @start */
static void wait_turn(uint64_t start, unsigned count, unsigned rate)
{
    struct timespec until;
    uint64_t ns;

    if (rate) {
        ns = start + count * 1000000000ull / rate;
        until.tv_sec = ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

/*
 * flip
 */

struct flip_statistics {
    struct flip_event first;
    struct flip_event last;
    unsigned backwards;         /* sequence numbers or times that went back */
};

static void count_flip(struct flip_statistics *stats, unsigned i,
                       const struct flip_event *flip)
{
    if (i == 0) {
        stats->first = *flip;
    } else if (flip->ns < stats->last.ns ||
               (int32_t)(flip->sequence - stats->last.sequence) <= 0) {
        stats->backwards++;
    }
    stats->last = *flip;
}

static void print_flips(const struct options *options, unsigned count,
                        const struct flip_statistics *stats, uint64_t ns,
                        unsigned shown)
{
    uint32_t refreshes = stats->last.sequence - stats->first.sequence;
    uint64_t flip_ns = stats->last.ns - stats->first.ns;

    printf("flip frames=%u ns=%llu sequences=%s refreshes=%u period_ns=%llu "
           "atomic=%d p=%u\n", count, (unsigned long long)ns,
           /* Without a vertical blank, all numbers are 0 */
           !stats->last.sequence ? "none" :
           stats->backwards ? "broken" : "rising", refreshes,
           (unsigned long long)(refreshes ? flip_ns / refreshes : 0),
           options->atomic, shown);
}

static int flip_atomic(struct kms *kms, struct head *head,
                       struct buffer *buffer, const struct drm_mode_rect *rect)
{
    struct request request = {};
    uint32_t blob = 0;
    int ret;

    request_add(&request, head->plane, head->plane_fb, buffer->fb);
    if (rect->x2 && request_add_clips(kms, &request, head, rect, 1, &blob)) {
        return -1;
    }
    ret = request_commit(kms, &request, DRM_MODE_PAGE_FLIP_EVENT |
                                        DRM_MODE_ATOMIC_NONBLOCK);
    if (ret) {
        fail("cannot commit a flip: %m");
    }
    if (blob) {
        kms_destroy_blob(kms, blob);
    }
    return ret;
}

/* The image that gets out of sight becomes the next one */
static int flip_once(struct kms *kms, struct head *head, struct buffer *back,
                     const struct options *options, struct flip_event *event)
{
    struct buffer shown = *back;

    if (options->atomic ? flip_atomic(kms, head, back, &options->rect)
                        : head_flip(kms, head, back)) {
        return -1;
    }
    if (kms_wait_flip(kms, event)) {
        return -1;
    }
    *back = head->front;
    head->front = shown;
    return 0;
}

/*
 * Flip number i (from 0) shows pattern p + i if each image is drawn (-w), else
 * p and p + 1 in turn.
 */
int command_flip(struct kms *kms, const struct options *options)
{
    struct head *head = client_head(kms, options);
    struct flip_statistics stats = {};
    unsigned i, count = options->count ? options->count : 1;
    unsigned p = options->pattern;
    struct flip_event event;
    struct buffer back;
    uint64_t start;

    if (!head || buffer_create(kms->fd, &back, head->front.width,
                               head->front.height, head->front.format)) {
        return -1;
    }
    draw_all(&back, p);
    draw_all(&head->front, p + 1);
    start = now_ns();
    for (i = 0; i < count; i++) {
        if (options->draw && i > 0) {
            draw_all(&back, p + i);
        }
        if (flip_once(kms, head, &back, options, &event)) {
            break;
        }
        count_flip(&stats, i, &event);
    }
    if (i == count) {
        print_flips(options, count, &stats, now_ns() - start,
                    options->draw ? p + count - 1 : p + (count - 1) % 2);
    }
    buffer_destroy(kms->fd, &back);
    return i == count ? 0 : -1;
}

/*
 * damage
 */

static struct drm_mode_rect damage_rect(const struct buffer *buffer,
                                        unsigned i, int size)
{
    int wide = buffer->width - size, high = buffer->height - size;
    struct drm_mode_rect rect = {
        .x1 = wide > 0 ? i * 97 % wide : 0,
        .y1 = high > 0 ? i * 61 % high : 0,
    };

    rect.x2 = rect.x1 + (wide > 0 ? size : (int)buffer->width);
    rect.y2 = rect.y1 + (high > 0 ? size : (int)buffer->height);
    return rect;
}

/* Change number i (from 0) draws pattern p + i at (97 i, 61 i), wrapped */
int command_damage(struct kms *kms, const struct options *options)
{
    struct head *head = client_head(kms, options);
    unsigned i, count = options->count ? options->count : 1000;
    struct options draw = *options;
    uint64_t start = now_ns();

    if (!head) {
        return -1;
    }
    draw.width = 0;             /* go on with this mode */
    for (i = 0; i < count; i++) {
        draw.rect = damage_rect(&head->front, i, options->size);
        draw.pattern = options->pattern + i;
        if (command_draw(kms, &draw)) {
            return -1;
        }
        wait_turn(start, i + 1, options->rate);
    }
    printf("damage frames=%u ns=%llu size=%u atomic=%d\n", count,
           (unsigned long long)(now_ns() - start), options->size,
           options->atomic);
    return 0;
}

/*
 * scroll
 */

static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, text, size);

        if (done <= 0) {
            return -1;
        }
        text += done;
        size -= done;
    }
    return 0;
}

int command_scroll(struct kms *kms, const struct options *options)
{
    const char *tty = options->num_words ? options->words[0] : "/dev/tty1";
    unsigned i, count = options->count ? options->count : 1000;
    uint64_t start = now_ns();
    char line[80];
    int fd = open(tty, O_WRONLY | O_NOCTTY);

    if (fd < 0) {
        return fail("cannot open %s: %m", tty);
    }
    /* The console draws for whoever is not the display's master */
    kms_ioctl(kms->fd, DRM_IOCTL_DROP_MASTER, NULL);
    for (i = 0; i < count; i++) {
        snprintf(line, sizeof(line), "%8u the quick brown fox jumps over the "
                 "lazy dog 0123456789\r\n", i);
        if (write_all(fd, line, strlen(line))) {
            close(fd);
            return fail("cannot write to %s: %m", tty);
        }
    }
    close(fd);
    printf("scroll lines=%u ns=%llu\n", count,
           (unsigned long long)(now_ns() - start));
    return 0;
}

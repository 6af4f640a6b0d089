/*
 * Commands that show something, or tell what there is
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "draw.h"

/*
 * info
 */

static void print_device(const struct kms *kms)
{
    printf("device driver=%s atomic=%d dumb=%d prefer_shadow=%d prime=%d "
           "cursor=%dx%d monotonic=%d crtcs=%u\n", kms->driver, kms->atomic,
           (int)kms_cap(kms, DRM_CAP_DUMB_BUFFER),
           (int)kms_cap(kms, DRM_CAP_DUMB_PREFER_SHADOW),
           (int)kms_cap(kms, DRM_CAP_PRIME),
           (int)kms_cap(kms, DRM_CAP_CURSOR_WIDTH),
           (int)kms_cap(kms, DRM_CAP_CURSOR_HEIGHT),
           (int)kms_cap(kms, DRM_CAP_TIMESTAMP_MONOTONIC), kms->num_crtcs);
}

static uint32_t edid_size(const struct kms *kms, uint32_t connector)
{
    struct drm_mode_get_blob get = {};
    uint64_t value = 0;

    kms_property(kms, connector, DRM_MODE_OBJECT_CONNECTOR, "EDID", &value);
    get.blob_id = value;
    if (!value || kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETPROPBLOB, &get)) {
        return 0;
    }
    return get.length;
}

static void print_head(const struct kms *kms, const struct head *head,
                       uint32_t index)
{
    uint32_t i, width = 0, height = 0;

    for (i = 0; i < head->num_modes; i++) {
        if (head->modes[i].type & DRM_MODE_TYPE_PREFERRED) {
            width = head->modes[i].hdisplay;
            height = head->modes[i].vdisplay;
            break;
        }
    }
    printf("connector index=%u name=%s status=%s preferred=%ux%u modes=%u "
           "mm=%ux%u edid=%u\n", index, head->name,
           head->connected ? "connected" : "disconnected", width, height,
           head->num_modes, head->mm_width, head->mm_height,
           edid_size(kms, head->connector));
}

static void print_modes(const struct head *head, uint32_t index)
{
    uint32_t i;

    for (i = 0; i < head->num_modes; i++) {
        const struct drm_mode_modeinfo *mode = &head->modes[i];

        printf("mode connector=%u size=%ux%u refresh=%u clock=%u "
               "preferred=%d\n", index, mode->hdisplay, mode->vdisplay,
               mode->vrefresh, mode->clock,
               (mode->type & DRM_MODE_TYPE_PREFERRED) != 0);
    }
}

static void print_plane(const struct kms *kms, uint32_t id)
{
    static const char *const types[] = { "overlay", "primary", "cursor" };
    uint32_t formats[64], i;
    struct drm_mode_get_plane plane = {
        .plane_id = id,
        .format_type_ptr = (uintptr_t)formats,
        .count_format_types = 64,
    };
    uint64_t type = 0;

    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETPLANE, &plane)) {
        return;
    }
    kms_property(kms, id, DRM_MODE_OBJECT_PLANE, "type", &type);
    printf("plane type=%s crtcs=0x%x clips=%d hotspot=%d formats=",
           types[type % 3], plane.possible_crtcs,
           kms_property(kms, id, DRM_MODE_OBJECT_PLANE, "FB_DAMAGE_CLIPS",
                        NULL) != 0,
           kms_property(kms, id, DRM_MODE_OBJECT_PLANE, "HOTSPOT_X",
                        NULL) != 0);
    for (i = 0; i < plane.count_format_types && i < 64; i++) {
        printf("%s%s", i ? "," : "", format_name(formats[i]));
    }
    printf("\n");
}

int command_info(struct kms *kms, const struct options *options)
{
    uint32_t i;

    (void)options;
    if (kms_probe(kms)) {
        return -1;
    }
    print_device(kms);
    for (i = 0; i < kms->num_heads; i++) {
        print_head(kms, &kms->heads[i], i);
        print_modes(&kms->heads[i], i);
    }
    for (i = 0; i < kms->num_planes; i++) {
        print_plane(kms, kms->planes[i]);
    }
    return 0;
}

/*
 * pattern, draw
 */

struct head *client_image(struct kms *kms, const struct options *options,
                          struct drm_mode_modeinfo *mode,
                          struct buffer *buffer)
{
    struct head *head = kms_find_head(kms, options->connector);

    if (!head ||
        head_choose_mode(head, options->width, options->height, mode) ||
        buffer_create(kms->fd, buffer, mode->hdisplay, mode->vdisplay,
                      options->format)) {
        return NULL;
    }
    draw_all(buffer, options->pattern);
    return head;
}

int command_pattern(struct kms *kms, const struct options *options)
{
    struct drm_mode_modeinfo mode;
    struct buffer buffer;
    struct head *head = client_image(kms, options, &mode, &buffer);

    if (!head) {
        return -1;
    }
    if (head_set(kms, head, &buffer, &mode)) {
        buffer_destroy(kms->fd, &buffer);
        return -1;
    }
    printf("pattern connector=%s size=%ux%u pitch=%u format=%s p=%u\n",
           head->name, buffer.width, buffer.height, buffer.pitch,
           format_name(buffer.format), options->pattern);
    return 0;
}

struct head *client_head(struct kms *kms, const struct options *options)
{
    struct head *head = kms_find_head(kms, options->connector);

    if (!head) {
        return NULL;
    }
    /* Without a mode of its own, a command goes on with what there is */
    if ((options->width || !head->front.map) &&
        command_pattern(kms, options)) {
        return NULL;
    }
    return head;
}

static bool rect_is_inside(const struct drm_mode_rect *rect,
                           const struct buffer *buffer)
{
    return rect->x1 >= 0 && rect->x1 < rect->x2 &&
           rect->x2 <= (int32_t)buffer->width &&
           rect->y1 >= 0 && rect->y1 < rect->y2 &&
           rect->y2 <= (int32_t)buffer->height;
}

static int tell_by_dirtyfb(struct kms *kms, struct head *head,
                           const struct drm_mode_rect *rect)
{
    struct drm_clip_rect clip = {
        .x1 = rect->x1, .y1 = rect->y1, .x2 = rect->x2, .y2 = rect->y2,
    };
    struct drm_mode_fb_dirty_cmd dirty = {
        .fb_id = head->front.fb,
        .num_clips = 1,
        .clips_ptr = (uintptr_t)&clip,
    };

    return kms_ioctl(kms->fd, DRM_IOCTL_MODE_DIRTYFB, &dirty) ?
           fail("cannot tell of damage: %m") : 0;
}

static int tell_by_commit(struct kms *kms, struct head *head,
                          const struct drm_mode_rect *rect)
{
    struct request request = {};
    uint32_t blob;
    int ret;

    request_add(&request, head->plane, head->plane_fb, head->front.fb);
    if (request_add_clips(kms, &request, head, rect, 1, &blob)) {
        return -1;
    }
    ret = request_commit(kms, &request, 0);
    if (ret) {
        fail("cannot commit damage: %m");
    }
    kms_destroy_blob(kms, blob);
    return ret;
}

int command_draw(struct kms *kms, const struct options *options)
{
    struct head *head = client_head(kms, options);
    const struct drm_mode_rect *rect = &options->rect;

    if (!head) {
        return -1;
    }
    if (!rect_is_inside(rect, &head->front)) {
        return fail("draw wants a rectangle inside the image");
    }
    draw_pattern(&head->front, options->pattern, rect);
    return options->atomic ? tell_by_commit(kms, head, rect)
                           : tell_by_dirtyfb(kms, head, rect);
}

/*
 * cursor
 */

static int cursor_image(struct kms *kms, struct head *head, bool on)
{
    struct drm_mode_cursor2 cursor = {
        .flags = DRM_MODE_CURSOR_BO,
        .crtc_id = head->crtc,
    };
    struct buffer *buffer = &head->cursor;

    if (on && !buffer->map) {
        /* What the device likes best is what a compositor would use, too */
        uint32_t width = kms_cap(kms, DRM_CAP_CURSOR_WIDTH);
        uint32_t height = kms_cap(kms, DRM_CAP_CURSOR_HEIGHT);

        if (buffer_create(kms->fd, buffer, width, height,
                          DRM_FORMAT_ARGB8888)) {
            return -1;
        }
        draw_cursor(buffer);
    }
    if (on) {
        cursor.width = buffer->width;
        cursor.height = buffer->height;
        cursor.handle = buffer->handle;
    }
    return kms_ioctl(kms->fd, DRM_IOCTL_MODE_CURSOR2, &cursor) ?
           fail("cannot set the cursor: %m") : 0;
}

/* X and Y are of the image's corner, as the kernel has it */
int command_cursor(struct kms *kms, const struct options *options)
{
    struct head *head = client_head(kms, options);
    struct drm_mode_cursor2 move = { .flags = DRM_MODE_CURSOR_MOVE };

    if (!head) {
        return -1;
    }
    if (options->num_words == 1 && strcmp(options->words[0], "off") == 0) {
        return cursor_image(kms, head, false);
    }
    if (options->num_words != 2) {
        return fail("cursor wants X and Y, or off");
    }
    if (!head->cursor.map && cursor_image(kms, head, true)) {
        return -1;
    }
    move.crtc_id = head->crtc;
    move.x = atoi(options->words[0]);
    move.y = atoi(options->words[1]);
    return kms_ioctl(kms->fd, DRM_IOCTL_MODE_CURSOR2, &move) ?
           fail("cannot move the cursor: %m") : 0;
}

/*
 * disable, dpms
 */

int command_disable(struct kms *kms, const struct options *options)
{
    struct head *head = kms_find_head(kms, options->connector);

    return head ? head_disable(kms, head) : -1;
}

int command_dpms(struct kms *kms, const struct options *options)
{
    struct head *head = kms_find_head(kms, options->connector);
    struct drm_mode_connector_set_property set = {};

    if (!head) {
        return -1;
    }
    if (options->num_words != 1) {
        return fail("dpms wants on or off");
    }
    /* The kernel hides this property from who can do atomic, but has it */
    set.connector_id = head->connector;
    set.prop_id = kms_property(kms, head->connector,
                               DRM_MODE_OBJECT_CONNECTOR, "DPMS", NULL);
    set.value = strcmp(options->words[0], "on") == 0 ? DRM_MODE_DPMS_ON
                                                     : DRM_MODE_DPMS_OFF;
    return kms_ioctl(kms->fd, DRM_IOCTL_MODE_SETPROPERTY, &set) ?
           fail("cannot switch %s: %m", head->name) : 0;
}

/*
 * wait-hotplug
 */

/* The message is strings: a header, then KEY=VALUE */
static bool is_drm_hotplug(const char *message, ssize_t size)
{
    bool drm = false, hotplug = false;
    const char *text;

    for (text = message; text < message + size; text += strlen(text) + 1) {
        drm |= strcmp(text, "SUBSYSTEM=drm") == 0;
        hotplug |= strcmp(text, "HOTPLUG=1") == 0;
    }
    return drm && hotplug;
}

int command_wait_hotplug(struct kms *kms, const struct options *options)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    char message[8192];
    ssize_t size;
    int fd;

    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
        return fail("cannot listen to the kernel: %m");
    }
    printf("listening\n");
    do {
        size = recv(fd, message, sizeof(message) - 1, 0);
        if (size < 0 && errno != EINTR) {
            close(fd);
            return fail("cannot hear the kernel: %m");
        }
        message[size < 0 ? 0 : size] = '\0';
    } while (!is_drm_hotplug(message, size));
    close(fd);
    printf("hotplug\n");
    return command_info(kms, options);
}

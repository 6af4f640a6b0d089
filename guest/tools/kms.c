/*
 * Kernel mode setting: device, properties, buffers, heads
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kms.h"

/* Newer than the headers that this may be built with */
#define CLIENT_CAP_CURSOR_PLANE_HOTSPOT 6

int fail(const char *format, ...)
{
    va_list arguments;

    printf("error: ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    return -1;
}

int kms_ioctl(int fd, unsigned long request, void *argument)
{
    int ret;

    do {
        ret = ioctl(fd, request, argument);
    } while (ret == -1 && (errno == EINTR || errno == EAGAIN));
    return ret;
}

uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/*
 * Device
 */

uint64_t kms_cap(const struct kms *kms, uint64_t cap)
{
    struct drm_get_cap get = { .capability = cap };

    return kms_ioctl(kms->fd, DRM_IOCTL_GET_CAP, &get) ? 0 : get.value;
}

static bool set_client_cap(int fd, uint64_t cap)
{
    struct drm_set_client_cap set = { .capability = cap, .value = 1 };

    return kms_ioctl(fd, DRM_IOCTL_SET_CLIENT_CAP, &set) == 0;
}

static bool open_card(struct kms *kms, const char *path)
{
    struct drm_version version = {
        .name = kms->driver,
        .name_len = sizeof(kms->driver) - 1,
    };
    struct drm_mode_card_res res = {};

    memset(kms->driver, 0, sizeof(kms->driver));
    kms->fd = open(path, O_RDWR | O_CLOEXEC);
    if (kms->fd < 0) {
        return false;
    }
    if (kms_ioctl(kms->fd, DRM_IOCTL_VERSION, &version) == 0 &&
        kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETRESOURCES, &res) == 0) {
        return true;
    }
    close(kms->fd);
    return false;
}

static bool find_card(struct kms *kms, const char *name)
{
    char path[32];
    int i;

    if (name && name[0] == '/') {
        return open_card(kms, name);
    }
    for (i = 0; i < 64; i++) {
        snprintf(path, sizeof(path), "/dev/dri/card%d", i);
        if (open_card(kms, path)) {
            if (!name || strcmp(name, kms->driver) == 0) {
                return true;
            }
            close(kms->fd);
        }
    }
    return false;
}

int kms_open(struct kms *kms, const char *name)
{
    memset(kms, 0, sizeof(*kms));
    if (!find_card(kms, name)) {
        return fail("there is no display device %s", name ? name : "");
    }
    set_client_cap(kms->fd, DRM_CLIENT_CAP_UNIVERSAL_PLANES);
    kms->atomic = set_client_cap(kms->fd, DRM_CLIENT_CAP_ATOMIC);
    set_client_cap(kms->fd, CLIENT_CAP_CURSOR_PLANE_HOTSPOT);
    return kms_probe(kms);
}

static const char *connector_type(uint32_t type)
{
    switch (type) {
    case DRM_MODE_CONNECTOR_VIRTUAL:
        return "Virtual";
    case DRM_MODE_CONNECTOR_VGA:
        return "VGA";
    case DRM_MODE_CONNECTOR_HDMIA:
        return "HDMI-A";
    case DRM_MODE_CONNECTOR_DisplayPort:
        return "DP";
    default:
        return "Unknown";
    }
}

/* Asks twice: for the number of modes, which makes the driver look, and them */
static int probe_head(struct kms *kms, struct head *head, uint32_t connector)
{
    struct drm_mode_get_connector get = { .connector_id = connector };
    uint32_t encoders[32];

    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETCONNECTOR, &get)) {
        return fail("cannot ask connector %u: %m", connector);
    }
    free(head->modes);
    head->modes = calloc(get.count_modes + 1, sizeof(*head->modes));
    head->num_modes = get.count_modes;
    get.modes_ptr = (uintptr_t)head->modes;
    get.encoders_ptr = (uintptr_t)encoders;
    get.count_props = 0;
    if (get.count_modes == 0) {
        get.count_modes = 1;    /* else the kernel would probe again */
    }
    if (get.count_encoders == 0 || get.count_encoders > 32 ||
        kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETCONNECTOR, &get)) {
        return fail("cannot ask connector %u again: %m", connector);
    }
    if (get.count_modes < head->num_modes) {
        head->num_modes = get.count_modes;
    }
    head->connector = connector;
    head->connected = get.connection == 1;
    head->mm_width = get.mm_width;
    head->mm_height = get.mm_height;
    head->encoder = encoders[0];
    snprintf(head->name, sizeof(head->name), "%s-%u",
             connector_type(get.connector_type), get.connector_type_id);
    return 0;
}

int kms_probe(struct kms *kms)
{
    uint32_t connectors[MAX_HEADS], i;
    struct drm_mode_card_res res = {
        .crtc_id_ptr = (uintptr_t)kms->crtcs,
        .count_crtcs = 32,
        .connector_id_ptr = (uintptr_t)connectors,
        .count_connectors = MAX_HEADS,
    };
    struct drm_mode_get_plane_res planes = {
        .plane_id_ptr = (uintptr_t)kms->planes,
        .count_planes = 64,
    };

    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETRESOURCES, &res) ||
        kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETPLANERESOURCES, &planes)) {
        return fail("cannot ask for the device's resources: %m");
    }
    kms->num_crtcs = res.count_crtcs;
    kms->num_planes = planes.count_planes;
    kms->num_heads = res.count_connectors;
    if (kms->num_crtcs > 32 || kms->num_planes > 64 ||
        kms->num_heads > MAX_HEADS) {
        return fail("the device has more parts than expected");
    }
    for (i = 0; i < kms->num_heads; i++) {
        if (probe_head(kms, &kms->heads[i], connectors[i])) {
            return -1;
        }
    }
    return 0;
}

/* By name or index; without one, the first that is connected */
struct head *kms_find_head(struct kms *kms, const char *name)
{
    uint32_t i;
    char *end;

    for (i = 0; i < kms->num_heads; i++) {
        struct head *head = &kms->heads[i];

        if (name ? strcmp(name, head->name) == 0 : head->connected) {
            return head;
        }
    }
    if (name) {
        i = strtoul(name, &end, 10);
        if (end != name && *end == '\0' && i < kms->num_heads) {
            return &kms->heads[i];
        }
    }
    fail("there is no connector %s", name ? name : "with a display");
    return NULL;
}

/*
 * Properties
 */

uint32_t kms_property(const struct kms *kms, uint32_t object, uint32_t type,
                      const char *name, uint64_t *value)
{
    uint32_t properties[64], i;
    uint64_t values[64];
    struct drm_mode_obj_get_properties get = {
        .props_ptr = (uintptr_t)properties,
        .prop_values_ptr = (uintptr_t)values,
        .count_props = 64,
        .obj_id = object,
        .obj_type = type,
    };

    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &get)) {
        return 0;
    }
    for (i = 0; i < get.count_props && i < 64; i++) {
        struct drm_mode_get_property property = { .prop_id = properties[i] };

        if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETPROPERTY, &property) == 0 &&
            strcmp(property.name, name) == 0) {
            if (value) {
                *value = values[i];
            }
            return properties[i];
        }
    }
    return 0;
}

static int crtc_index(const struct kms *kms, uint32_t crtc)
{
    uint32_t i;

    for (i = 0; i < kms->num_crtcs; i++) {
        if (kms->crtcs[i] == crtc) {
            return i;
        }
    }
    return -1;
}

/* @type: 0 overlay, 1 primary, 2 cursor */
uint32_t kms_plane(const struct kms *kms, uint32_t crtc, uint64_t type)
{
    int index = crtc_index(kms, crtc);
    uint64_t value;
    uint32_t i;

    for (i = 0; i < kms->num_planes; i++) {
        struct drm_mode_get_plane plane = { .plane_id = kms->planes[i] };

        if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETPLANE, &plane) == 0 &&
            (plane.possible_crtcs & (1u << index)) &&
            kms_property(kms, plane.plane_id, DRM_MODE_OBJECT_PLANE, "type",
                         &value) && value == type) {
            return plane.plane_id;
        }
    }
    return 0;
}

/*
 * Formats
 */

static const struct {
    const char *name;
    uint32_t format;
    uint32_t bytes;
} formats[] = {
    { "XRGB8888", DRM_FORMAT_XRGB8888, 4 },
    { "ARGB8888", DRM_FORMAT_ARGB8888, 4 },
    { "RGB565", DRM_FORMAT_RGB565, 2 },
    { "XBGR8888", DRM_FORMAT_XBGR8888, 4 },
    { "ABGR8888", DRM_FORMAT_ABGR8888, 4 },
    { "XRGB2101010", DRM_FORMAT_XRGB2101010, 4 },
};

uint32_t format_from_name(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return formats[i].format;
        }
    }
    return 0;
}

const char *format_name(uint32_t format)
{
    static char code[5];
    size_t i;

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (formats[i].format == format) {
            return formats[i].name;
        }
    }
    memcpy(code, &format, 4);
    return code;
}

uint32_t format_bytes(uint32_t format)
{
    return format == DRM_FORMAT_RGB565 ? 2 : 4;
}

/*
 * Buffers
 */

/* Silent, errno says why: for those who want to see it fail */
int buffer_create_dumb(int fd, struct buffer *buffer, uint32_t width,
                       uint32_t height, uint32_t format)
{
    struct drm_mode_create_dumb create = {
        .width = width,
        .height = height,
        .bpp = format_bytes(format) * 8,
    };
    struct drm_mode_map_dumb map = {};

    memset(buffer, 0, sizeof(*buffer));
    if (kms_ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create)) {
        return -1;
    }
    buffer->handle = map.handle = create.handle;
    buffer->width = width;
    buffer->height = height;
    buffer->pitch = create.pitch;
    buffer->size = create.size;
    buffer->format = format;
    if (kms_ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &map) == 0) {
        buffer->map = mmap(NULL, create.size, PROT_READ | PROT_WRITE,
                           MAP_SHARED, fd, map.offset);
        if (buffer->map != MAP_FAILED) {
            return 0;
        }
    }
    buffer->map = NULL;
    buffer_destroy(fd, buffer);
    return -1;
}

int buffer_add_fb(int fd, struct buffer *buffer)
{
    struct drm_mode_fb_cmd2 add = {
        .width = buffer->width,
        .height = buffer->height,
        .pixel_format = buffer->format,
        .handles = { buffer->handle },
        .pitches = { buffer->pitch },
    };

    if (kms_ioctl(fd, DRM_IOCTL_MODE_ADDFB2, &add)) {
        return fail("cannot make a framebuffer %ux%u %s: %m", buffer->width,
                    buffer->height, format_name(buffer->format));
    }
    buffer->fb = add.fb_id;
    return 0;
}

int buffer_create(int fd, struct buffer *buffer, uint32_t width,
                  uint32_t height, uint32_t format)
{
    if (buffer_create_dumb(fd, buffer, width, height, format)) {
        return fail("cannot make a buffer %ux%u: %m", width, height);
    }
    if (buffer_add_fb(fd, buffer)) {
        buffer_destroy(fd, buffer);
        return -1;
    }
    return 0;
}

void buffer_destroy(int fd, struct buffer *buffer)
{
    struct drm_mode_destroy_dumb destroy = { .handle = buffer->handle };

    if (buffer->map) {
        munmap(buffer->map, buffer->size);
    }
    if (buffer->fb) {
        kms_ioctl(fd, DRM_IOCTL_MODE_RMFB, &buffer->fb);
    }
    if (buffer->handle) {
        kms_ioctl(fd, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
    }
    memset(buffer, 0, sizeof(*buffer));
}

/*
 * Heads
 */

/* Virtual displays take any timing: little blanking, 60 Hz */
static void make_mode(struct drm_mode_modeinfo *mode, uint32_t width,
                      uint32_t height)
{
    memset(mode, 0, sizeof(*mode));
    mode->hdisplay = width;
    mode->hsync_start = width + 48;
    mode->hsync_end = width + 80;
    mode->htotal = width + 160;
    mode->vdisplay = height;
    mode->vsync_start = height + 3;
    mode->vsync_end = height + 13;
    mode->vtotal = height + 23;
    mode->vrefresh = 60;
    mode->clock = (uint64_t)mode->htotal * mode->vtotal * 60 / 1000;
    mode->type = DRM_MODE_TYPE_USERDEF;
    snprintf(mode->name, sizeof(mode->name), "%ux%u", width, height);
}

int head_choose_mode(struct head *head, uint32_t width, uint32_t height,
                     struct drm_mode_modeinfo *mode)
{
    uint32_t i;

    for (i = 0; i < head->num_modes; i++) {
        *mode = head->modes[i];
        if (width ? mode->hdisplay == width && mode->vdisplay == height
                  : (mode->type & DRM_MODE_TYPE_PREFERRED) != 0) {
            return 0;
        }
    }
    if (width) {
        make_mode(mode, width, height);
        return 0;
    }
    if (head->num_modes) {
        *mode = head->modes[0];
        return 0;
    }
    return fail("connector %s has no mode", head->name);
}

static bool crtc_is_used(const struct kms *kms, uint32_t crtc)
{
    uint32_t i;

    for (i = 0; i < kms->num_heads; i++) {
        if (kms->heads[i].crtc == crtc) {
            return true;
        }
    }
    return false;
}

int head_choose_crtc(struct kms *kms, struct head *head)
{
    struct drm_mode_get_encoder encoder = { .encoder_id = head->encoder };
    uint32_t i;

    if (head->crtc) {
        return 0;
    }
    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_GETENCODER, &encoder)) {
        return fail("cannot ask the encoder of %s: %m", head->name);
    }
    for (i = 0; i < kms->num_crtcs; i++) {
        if ((encoder.possible_crtcs & (1u << i)) &&
            !crtc_is_used(kms, kms->crtcs[i])) {
            head->crtc = kms->crtcs[i];
            head->plane = kms_plane(kms, head->crtc, 1);
            head->plane_fb = kms_property(kms, head->plane,
                                          DRM_MODE_OBJECT_PLANE, "FB_ID",
                                          NULL);
            head->plane_clips = kms_property(kms, head->plane,
                                             DRM_MODE_OBJECT_PLANE,
                                             "FB_DAMAGE_CLIPS", NULL);
            return 0;
        }
    }
    return fail("there is no CRTC for %s", head->name);
}

/* On success the head owns @buffer, and its earlier one is gone */
int head_set(struct kms *kms, struct head *head, struct buffer *buffer,
             const struct drm_mode_modeinfo *mode)
{
    struct drm_mode_crtc set = {
        .set_connectors_ptr = (uintptr_t)&head->connector,
        .count_connectors = 1,
        .fb_id = buffer->fb,
        .mode_valid = 1,
        .mode = *mode,
    };

    if (head_choose_crtc(kms, head)) {
        return -1;
    }
    set.crtc_id = head->crtc;
    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_SETCRTC, &set)) {
        return fail("cannot set %s on %s: %m", mode->name, head->name);
    }
    buffer_destroy(kms->fd, &head->front);
    head->front = *buffer;
    head->mode = *mode;
    return 0;
}

int head_disable(struct kms *kms, struct head *head)
{
    struct drm_mode_crtc set = {};

    if (head_choose_crtc(kms, head)) {
        return -1;
    }
    set.crtc_id = head->crtc;
    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_SETCRTC, &set)) {
        return fail("cannot disable %s: %m", head->name);
    }
    buffer_destroy(kms->fd, &head->front);
    head->crtc = 0;
    return 0;
}

int head_flip(struct kms *kms, struct head *head, struct buffer *buffer)
{
    struct drm_mode_crtc_page_flip flip = {
        .crtc_id = head->crtc,
        .fb_id = buffer->fb,
        .flags = DRM_MODE_PAGE_FLIP_EVENT,
    };

    if (kms_ioctl(kms->fd, DRM_IOCTL_MODE_PAGE_FLIP, &flip)) {
        return fail("cannot flip %s: %m", head->name);
    }
    return 0;
}

/* One flip is waited for at a time, so one event comes with a read() */
int kms_wait_flip(struct kms *kms, struct flip_event *flip)
{
    char data[1024];
    struct drm_event_vblank event;
    ssize_t size;

    do {
        size = read(kms->fd, data, sizeof(data));
    } while (size < 0 && errno == EINTR);
    if (size < (ssize_t)sizeof(event)) {
        return fail("cannot read the end of a flip: %m");
    }
    memcpy(&event, data, sizeof(event));
    if (event.base.type != DRM_EVENT_FLIP_COMPLETE) {
        return fail("unknown event %u instead of a flip's", event.base.type);
    }
    flip->sequence = event.sequence;
    flip->ns = event.tv_sec * 1000000000ull + event.tv_usec * 1000ull;
    return 0;
}

/*
 * Atomic requests
 */

/* A property that does not exist is noticed by the kernel */
void request_add(struct request *request, uint32_t object, uint32_t property,
                 uint64_t value)
{
    uint32_t i = request->num;

    if (i < sizeof(request->objects) / sizeof(request->objects[0])) {
        request->objects[i] = object;
        request->counts[i] = 1;
        request->properties[i] = property;
        request->values[i] = value;
        request->num++;
    }
}

/* All of @buffer on all of the head */
int request_add_plane(struct kms *kms, struct request *request,
                      struct head *head, const struct buffer *buffer)
{
    const struct {
        const char *name;
        uint64_t value;
    } properties[] = {
        { "FB_ID", buffer->fb },
        { "CRTC_ID", head->crtc },
        { "SRC_X", 0 },
        { "SRC_Y", 0 },
        { "SRC_W", (uint64_t)buffer->width << 16 },
        { "SRC_H", (uint64_t)buffer->height << 16 },
        { "CRTC_X", 0 },
        { "CRTC_Y", 0 },
        { "CRTC_W", buffer->width },
        { "CRTC_H", buffer->height },
    };
    size_t i;

    for (i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        uint32_t id = kms_property(kms, head->plane, DRM_MODE_OBJECT_PLANE,
                                   properties[i].name, NULL);

        if (!id) {
            return fail("the plane has no property %s", properties[i].name);
        }
        request_add(request, head->plane, id, properties[i].value);
    }
    return 0;
}

int request_add_clips(struct kms *kms, struct request *request,
                      struct head *head, const struct drm_mode_rect *clips,
                      uint32_t num_clips, uint32_t *blob)
{
    if (!head->plane_clips) {
        return fail("the plane takes no damage clips");
    }
    *blob = kms_create_blob(kms, clips, num_clips * sizeof(*clips));
    if (!*blob) {
        return fail("cannot make a list of damage clips: %m");
    }
    request_add(request, head->plane, head->plane_clips, *blob);
    return 0;
}

/* Silent, errno says why */
int request_commit(struct kms *kms, struct request *request, uint32_t flags)
{
    struct drm_mode_atomic atomic = {
        .flags = flags,
        .count_objs = request->num,
        .objs_ptr = (uintptr_t)request->objects,
        .count_props_ptr = (uintptr_t)request->counts,
        .props_ptr = (uintptr_t)request->properties,
        .prop_values_ptr = (uintptr_t)request->values,
    };

    return kms_ioctl(kms->fd, DRM_IOCTL_MODE_ATOMIC, &atomic);
}

uint32_t kms_create_blob(struct kms *kms, const void *data, uint32_t size)
{
    struct drm_mode_create_blob create = {
        .data = (uintptr_t)data,
        .length = size,
    };

    return kms_ioctl(kms->fd, DRM_IOCTL_MODE_CREATEPROPBLOB, &create) ?
           0 : create.blob_id;
}

void kms_destroy_blob(struct kms *kms, uint32_t blob)
{
    struct drm_mode_destroy_blob destroy = { .blob_id = blob };

    kms_ioctl(kms->fd, DRM_IOCTL_MODE_DESTROYPROPBLOB, &destroy);
}

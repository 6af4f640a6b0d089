/*
 * virtio-fb wire format
 *
 * What a driver and a virtio-fb device exchange, as docs/specs/virtio-fb.rst
 * specifies it.  This file needs nothing but fixed-size integers, so that the
 * device, its tests, guest drivers and other hypervisors share it.
 *
 * All fields are little-endian and naturally aligned, and there is no implicit
 * padding.  Fields named "padding" are written as zero and ignored by the
 * reader.  Offsets and sizes are in bytes of video memory, which is the
 * device's shared memory region VIRTIO_FB_SHM_VRAM; coordinates and dimensions
 * are in pixels, with the origin at the top left.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */

#ifndef VIRTIO_FB_WIRE_H
#define VIRTIO_FB_WIRE_H

/*
 * Before this, define VIRTIO_FB_LE32, VIRTIO_FB_LE64 and uint8_t where types
 * carry a byte order, or where there is no <stdint.h>.
 */
#ifndef VIRTIO_FB_LE32
#include <stdint.h>
#define VIRTIO_FB_LE32 uint32_t
#define VIRTIO_FB_LE64 uint64_t
#endif

typedef VIRTIO_FB_LE32 virtio_fb_le32;
typedef VIRTIO_FB_LE64 virtio_fb_le64;

/*
 * The virtio specification lets experimental devices count down from 65535.
 * This number holds until one is assigned.
 */
#define VIRTIO_FB_DEVICE_ID         65535

/* Shared memory region of the video memory */
#define VIRTIO_FB_SHM_VRAM          0

/* Virtqueues */
#define VIRTIO_FB_VQ_CONTROL        0
#define VIRTIO_FB_VQ_EVENT          1
#define VIRTIO_FB_NUM_VQS           2

/* Feature bits */
#define VIRTIO_FB_F_EDID            0   /* VIRTIO_FB_REQ_GET_EDID */
#define VIRTIO_FB_F_CURSOR          1   /* the two cursor requests */
#define VIRTIO_FB_F_DISCARD         2   /* VIRTIO_FB_REQ_DISCARD */

/* Limits of this version of the interface */
#define VIRTIO_FB_MAX_SCANOUTS      16
#define VIRTIO_FB_MAX_FORMATS       16
#define VIRTIO_FB_EDID_SIZE         1024

/*
 * Pixel formats have the numbers of DRM's fourcc codes.  Names give the
 * components from the most to the least significant bit of a little-endian
 * word of 32 or 16 bits.
 */
#define VIRTIO_FB_FORMAT_XRGB8888       0x34325258 /* "XR24" */
#define VIRTIO_FB_FORMAT_ARGB8888       0x34325241 /* "AR24" */
#define VIRTIO_FB_FORMAT_RGB565         0x36314752 /* "RG16" */
#define VIRTIO_FB_FORMAT_XBGR8888       0x34324258 /* "XB24" */
#define VIRTIO_FB_FORMAT_ABGR8888       0x34324241 /* "AB24" */
#define VIRTIO_FB_FORMAT_XRGB2101010    0x30335258 /* "XR30" */

/* Configuration space, read-only for the driver */
struct virtio_fb_config {
    virtio_fb_le32 num_scanouts;    /* 1 to VIRTIO_FB_MAX_SCANOUTS */
    virtio_fb_le32 max_width;       /* largest width of a scanout */
    virtio_fb_le32 max_height;      /* largest height of a scanout */
    virtio_fb_le32 max_rects;       /* most rectangles in one request */
    virtio_fb_le32 cursor_width;    /* largest width of a cursor image */
    virtio_fb_le32 cursor_height;   /* largest height of a cursor image */
    virtio_fb_le32 discard_align;   /* DISCARD's unit in bytes, power of two */
    /* Boot display: at offset 0, on scanout 0; all zero if there is none */
    virtio_fb_le32 boot_width;
    virtio_fb_le32 boot_height;
    virtio_fb_le32 boot_stride;     /* bytes */
    virtio_fb_le32 boot_format;     /* VIRTIO_FB_FORMAT_* */
    virtio_fb_le32 num_formats;     /* valid entries of formats[] */
    virtio_fb_le32 formats[VIRTIO_FB_MAX_FORMATS]; /* what scanouts can show */
};

/* Requests on VIRTIO_FB_VQ_CONTROL */
enum virtio_fb_request_type {
    VIRTIO_FB_REQ_GET_DISPLAY_INFO  = 1,
    VIRTIO_FB_REQ_GET_EDID          = 2,
    VIRTIO_FB_REQ_SET_SCANOUT       = 3,
    VIRTIO_FB_REQ_DISABLE_SCANOUT   = 4,
    VIRTIO_FB_REQ_UPDATE            = 5,
    VIRTIO_FB_REQ_FLIP              = 6,
    VIRTIO_FB_REQ_SET_VBLANK        = 7,
    VIRTIO_FB_REQ_SET_CURSOR        = 8,
    VIRTIO_FB_REQ_MOVE_CURSOR       = 9,
    VIRTIO_FB_REQ_DISCARD           = 10,
};

/* Starts every request: device-readable */
struct virtio_fb_request {
    virtio_fb_le32 type;            /* VIRTIO_FB_REQ_* */
    virtio_fb_le32 flags;           /* VIRTIO_FB_FLAG_* */
    virtio_fb_le32 scanout;         /* number; 0 where there is no scanout */
    virtio_fb_le32 padding;
};

/*
 * The driver does not wait for this request: the device writes no response,
 * and does not notify the driver when it has used the buffer.  Not for
 * requests whose response carries more than a status.
 */
#define VIRTIO_FB_FLAG_NO_RESPONSE  (1u << 0)

/* Starts every response: device-writable */
struct virtio_fb_response {
    virtio_fb_le32 status;          /* VIRTIO_FB_S_* */
    virtio_fb_le32 padding;
};

enum virtio_fb_status {
    VIRTIO_FB_S_OK          = 0,
    /* Unknown request, flag or format, or a feature not negotiated */
    VIRTIO_FB_S_UNSUPPORTED = 1,
    VIRTIO_FB_S_INVALID     = 2,    /* malformed request, value out of range */
    VIRTIO_FB_S_SCANOUT     = 3,    /* no such scanout, or it is disabled */
    VIRTIO_FB_S_MEMORY      = 4,    /* not inside video memory */
    VIRTIO_FB_S_FAILED      = 5,    /* valid, but the device could not do it */
};

struct virtio_fb_rect {
    virtio_fb_le32 x;
    virtio_fb_le32 y;
    virtio_fb_le32 width;
    virtio_fb_le32 height;
};

/* A refresh of a scanout, as seen when the device wrote this */
struct virtio_fb_refresh {
    virtio_fb_le64 sequence;        /* number of the refresh */
    virtio_fb_le64 age;             /* ns from the refresh to this writing */
    virtio_fb_le32 period;          /* ns from one refresh to the next */
    virtio_fb_le32 padding;
};

/* VIRTIO_FB_REQ_GET_DISPLAY_INFO: struct virtio_fb_request, scanout 0 */
struct virtio_fb_display {
    virtio_fb_le32 flags;           /* VIRTIO_FB_DISPLAY_* */
    virtio_fb_le32 x;               /* suggested place of this scanout... */
    virtio_fb_le32 y;               /* ...on the user's desktop */
    virtio_fb_le32 width;           /* preferred mode, 0 if not connected */
    virtio_fb_le32 height;
    virtio_fb_le32 width_mm;        /* physical size, 0 if unknown */
    virtio_fb_le32 height_mm;
    virtio_fb_le32 refresh;         /* mHz */
};

#define VIRTIO_FB_DISPLAY_CONNECTED (1u << 0)

struct virtio_fb_display_info {     /* response */
    struct virtio_fb_response hdr;
    struct virtio_fb_display display[VIRTIO_FB_MAX_SCANOUTS];
};

/* VIRTIO_FB_REQ_GET_EDID: struct virtio_fb_request */
struct virtio_fb_edid {             /* response */
    struct virtio_fb_response hdr;
    virtio_fb_le32 size;            /* valid bytes of edid[] */
    virtio_fb_le32 padding;
    uint8_t edid[VIRTIO_FB_EDID_SIZE];
};

/* VIRTIO_FB_REQ_SET_SCANOUT, response: struct virtio_fb_response */
struct virtio_fb_set_scanout {
    struct virtio_fb_request hdr;
    virtio_fb_le64 offset;          /* of the first pixel; multiple of 4 */
    virtio_fb_le32 format;          /* one of the configuration's formats[] */
    virtio_fb_le32 width;           /* 1 to max_width */
    virtio_fb_le32 height;          /* 1 to max_height */
    virtio_fb_le32 stride;          /* bytes from line to line, multiple of 4 */
};

/* VIRTIO_FB_REQ_DISABLE_SCANOUT: both header only */

/*
 * VIRTIO_FB_REQ_UPDATE, response: struct virtio_fb_response
 *
 * num_rects times struct virtio_fb_rect follow; with none, all has changed.
 */
struct virtio_fb_update {
    struct virtio_fb_request hdr;
    virtio_fb_le32 num_rects;       /* 0 to max_rects */
    virtio_fb_le32 padding;
};

/*
 * VIRTIO_FB_REQ_FLIP
 *
 * num_rects times struct virtio_fb_rect follow: where the new image differs
 * from the one shown so far; with none, all has changed.
 */
struct virtio_fb_flip {
    struct virtio_fb_request hdr;
    virtio_fb_le64 offset;          /* as in struct virtio_fb_set_scanout */
    virtio_fb_le32 num_rects;       /* 0 to max_rects */
    virtio_fb_le32 padding;
};

/* Response to VIRTIO_FB_REQ_FLIP and VIRTIO_FB_REQ_SET_VBLANK */
struct virtio_fb_refresh_response {
    struct virtio_fb_response hdr;
    struct virtio_fb_refresh refresh;
};

/* VIRTIO_FB_REQ_SET_VBLANK */
struct virtio_fb_set_vblank {
    struct virtio_fb_request hdr;
    virtio_fb_le32 enable;          /* 1: send an event each refresh, 0: stop */
    virtio_fb_le32 padding;
};

/*
 * VIRTIO_FB_REQ_SET_CURSOR, response: struct virtio_fb_response
 *
 * The image has format ARGB8888 with premultiplied alpha.  The device has read
 * it when it responds.  With width and height 0 the cursor is hidden and
 * offset, stride and hotspot have no meaning.
 */
struct virtio_fb_set_cursor {
    struct virtio_fb_request hdr;
    virtio_fb_le64 offset;          /* of the image; multiple of 4 */
    virtio_fb_le32 width;           /* 0 to cursor_width */
    virtio_fb_le32 height;          /* 0 to cursor_height */
    virtio_fb_le32 stride;          /* bytes, multiple of 4 */
    virtio_fb_le32 hot_x;           /* less than width */
    virtio_fb_le32 hot_y;           /* less than height */
    virtio_fb_le32 x;               /* of the hotspot on the scanout, */
    virtio_fb_le32 y;               /* two's complement */
    virtio_fb_le32 padding;
};

/* VIRTIO_FB_REQ_MOVE_CURSOR, response: struct virtio_fb_response */
struct virtio_fb_move_cursor {
    struct virtio_fb_request hdr;
    virtio_fb_le32 x;               /* of the hotspot on the scanout, */
    virtio_fb_le32 y;               /* two's complement */
};

/*
 * VIRTIO_FB_REQ_DISCARD, response: struct virtio_fb_response
 *
 * On success the range reads as zero and takes no memory of the host until it
 * is written again; else it is as it was.
 */
struct virtio_fb_discard {
    struct virtio_fb_request hdr;
    virtio_fb_le64 offset;          /* multiple of discard_align */
    virtio_fb_le64 size;            /* multiple of discard_align, not 0 */
};

/* Buffers of VIRTIO_FB_VQ_EVENT: device-writable, at least this long */
struct virtio_fb_event {
    virtio_fb_le32 type;            /* VIRTIO_FB_EVENT_* */
    virtio_fb_le32 scanouts;        /* bit n: scanout n is concerned */
    struct virtio_fb_refresh refresh; /* VBLANK only, else zero */
};

enum virtio_fb_event_type {
    VIRTIO_FB_EVENT_DISPLAY = 1,    /* display info or EDID changed */
    VIRTIO_FB_EVENT_VBLANK  = 2,    /* refresh, where SET_VBLANK asked for it */
};

#endif /* VIRTIO_FB_WIRE_H */

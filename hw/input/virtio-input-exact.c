/*
 * virtio-input: configuration space that says what a device really has
 *
 * The tables in virtio-input-hid.c are as they were in earlier releases.  They
 * claim buttons that no user can press, for example of a mouse on a touch
 * screen, and guests that look at them guess wrong.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "virtio-input-internal.h"

#define VENDOR              0x0627 /* as in the other tables */
#define VERSION             3

/*
 * Axes do not follow the size of the window, but guests want to know about
 * how long a swipe is: take a desktop's screen, 520 mm by 325 mm.
 */
#define UNITS_PER_MM_X      (INPUT_EVENT_ABS_MAX / 520)
#define UNITS_PER_MM_Y      (INPUT_EVENT_ABS_MAX / 325)

static bool add_bits(VirtIOInput *vinput, uint8_t select, uint8_t subsel,
                     const uint16_t *codes, int n, Error **errp)
{
    virtio_input_config config = { .select = select, .subsel = subsel };
    int i;

    for (i = 0; i < n; i++) {
        config.u.bitmap[codes[i] / 8] |= 1u << codes[i] % 8;
        config.size = MAX(config.size, codes[i] / 8 + 1);
    }
    return virtio_input_add_config(vinput, &config, errp);
}

#define ADD_BITS(vinput, select, subsel, codes, errp) \
    add_bits(vinput, VIRTIO_INPUT_CFG_ ## select, subsel, codes, \
             ARRAY_SIZE(codes), errp)

static bool add_axis(VirtIOInput *vinput, uint16_t code, uint32_t max,
                     uint32_t resolution, Error **errp)
{
    virtio_input_config config = {
        .select = VIRTIO_INPUT_CFG_ABS_INFO,
        .subsel = code,
        .size = sizeof(config.u.abs),
        .u.abs.max = cpu_to_le32(max),
        .u.abs.res = cpu_to_le32(resolution),
    };

    return virtio_input_add_config(vinput, &config, errp);
}

static bool add_identity(VirtIOInput *vinput, const char *name,
                         uint16_t product, Error **errp)
{
    virtio_input_config config = {
        .select = VIRTIO_INPUT_CFG_ID_DEVIDS,
        .size = sizeof(config.u.ids),
        .u.ids = {
            .bustype = cpu_to_le16(BUS_VIRTUAL),
            .vendor = cpu_to_le16(VENDOR),
            .product = cpu_to_le16(product),
            .version = cpu_to_le16(VERSION),
        },
    };

    return virtio_input_idstr_config(vinput, VIRTIO_INPUT_CFG_ID_NAME, name,
                                     errp) &&
           virtio_input_add_config(vinput, &config, errp);
}

static bool add_buttons(VirtIOInput *vinput, Error **errp)
{
    static const uint16_t buttons[] = {
        BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA,
    };

    return ADD_BITS(vinput, EV_BITS, EV_KEY, buttons, errp);
}

static bool add_mouse(VirtIOInputHID *vhid, VirtIOInput *vinput, Error **errp)
{
    static const uint16_t motion[] = {
        REL_X, REL_Y,
        REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL, REL_HWHEEL_HI_RES,
    };

    return add_identity(vinput, vhid->handler->name, 0x0002, errp) &&
           add_buttons(vinput, errp) &&
           add_bits(vinput, VIRTIO_INPUT_CFG_EV_BITS, EV_REL, motion,
                    vhid->wheel_axis ? ARRAY_SIZE(motion) : 2, errp);
}

static bool add_tablet(VirtIOInputHID *vhid, VirtIOInput *vinput, Error **errp)
{
    static const uint16_t axes[] = { ABS_X, ABS_Y };
    static const uint16_t wheels[] = {
        REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL, REL_HWHEEL_HI_RES,
    };

    if (vhid->wheel_axis &&
        !ADD_BITS(vinput, EV_BITS, EV_REL, wheels, errp)) {
        return false;
    }
    return add_identity(vinput, vhid->handler->name, 0x0003, errp) &&
           add_buttons(vinput, errp) &&
           ADD_BITS(vinput, EV_BITS, EV_ABS, axes, errp) &&
           add_axis(vinput, ABS_X, INPUT_EVENT_ABS_MAX, UNITS_PER_MM_X,
                    errp) &&
           add_axis(vinput, ABS_Y, INPUT_EVENT_ABS_MAX, UNITS_PER_MM_Y, errp);
}

static bool add_touch(VirtIOInputHID *vhid, VirtIOInput *vinput, Error **errp)
{
    static const uint16_t buttons[] = { BTN_TOUCH };
    static const uint16_t properties[] = { INPUT_PROP_DIRECT };
    static const uint16_t axes[] = {
        ABS_MT_SLOT, ABS_MT_POSITION_X, ABS_MT_POSITION_Y, ABS_MT_TRACKING_ID,
    };

    return add_identity(vinput, vhid->handler->name, 0x0004, errp) &&
           ADD_BITS(vinput, PROP_BITS, 0, properties, errp) &&
           ADD_BITS(vinput, EV_BITS, EV_KEY, buttons, errp) &&
           ADD_BITS(vinput, EV_BITS, EV_ABS, axes, errp) &&
           add_axis(vinput, ABS_MT_SLOT, INPUT_EVENT_SLOTS_MAX - 1, 0, errp) &&
           add_axis(vinput, ABS_MT_TRACKING_ID, UINT16_MAX, 0, errp) &&
           add_axis(vinput, ABS_MT_POSITION_X, INPUT_EVENT_ABS_MAX,
                    UNITS_PER_MM_X, errp) &&
           add_axis(vinput, ABS_MT_POSITION_Y, INPUT_EVENT_ABS_MAX,
                    UNITS_PER_MM_Y, errp);
}

bool virtio_input_set_exact_config(VirtIOInputHID *vhid, Error **errp)
{
    VirtIOInput *vinput = VIRTIO_INPUT(vhid);

    if (vhid->handler->mask & INPUT_EVENT_MASK_KEY) {
        /* A keyboard's table has always been right */
        return true;
    }

    virtio_input_clear_config(vinput);
    if (vhid->handler->mask & INPUT_EVENT_MASK_MTT) {
        vinput->derive_touch = true;
        vhid->own_handler.mask = INPUT_EVENT_MASK_MTT;
        return add_touch(vhid, vinput, errp);
    }
    if (vhid->wheel_axis) {
        vhid->own_handler.mask |= INPUT_EVENT_MASK_SCROLL;
    }
    return vhid->handler->mask & INPUT_EVENT_MASK_REL
           ? add_mouse(vhid, vinput, errp) : add_tablet(vhid, vinput, errp);
}

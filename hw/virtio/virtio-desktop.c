/*
 * virtio-desktop board layer: slots, shared-memory window, default devices
 *
 * The part of a virtio-desktop machine that knows no architecture.  See
 * docs/specs/virtio-desktop.rst for what a guest can rely on.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/module.h"
#include "qobject/qdict.h"
#include "chardev/char.h"
#include "exec/address-spaces.h"
#include "hw/boards.h"
#include "hw/hotplug.h"
#include "hw/misc/virtio-power.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "hw/sysbus.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-desktop.h"
#include "hw/virtio/virtio-input.h"
#include "net/net.h"
#include "system/block-backend.h"
#include "system/blockdev.h"
#include "system/device_tree.h"
#include "system/reset.h"
#include "system/system.h"
#include "trace.h"

#define FIRST_FREE_SLOT VIRTIO_DESKTOP_NUM_ROLES

#define TYPE_FB "virtio-fb-device"
#define TYPE_NET "virtio-net-device"

/*
 * The slot of a role is its number.  Roles without a type here are filled by
 * code below, as what goes there depends on other options.
 */
static const struct {
    const char *name;
    const char *type;
    const char *description;
} roles[VIRTIO_DESKTOP_NUM_ROLES] = {
    [VIRTIO_DESKTOP_POWER] = {
        "power", TYPE_VIRTIO_POWER, NULL /* not a choice */,
    },
    [VIRTIO_DESKTOP_FB] = {
        "fb", TYPE_FB, "Display in slot 1 (on, off, auto)",
    },
    [VIRTIO_DESKTOP_KEYBOARD] = {
        "keyboard", "virtio-keyboard-device",
        "Keyboard in slot 2 (on, off, auto)",
    },
    [VIRTIO_DESKTOP_POINTER] = {
        "pointer", NULL, "Pointer in slot 3 (tablet, mouse, on, off, auto)",
    },
    [VIRTIO_DESKTOP_TOUCH] = {
        "touch", "virtio-multitouch-device",
        "Touch screen in slot 4 (on, off, auto)",
    },
    [VIRTIO_DESKTOP_NET] = {
        "net", NULL, "Slot 5 is for the first -nic (on, off, auto)",
    },
    [VIRTIO_DESKTOP_DISK] = {
        "disk", NULL, "Slot 6 is for the first -drive (on, off, auto)",
    },
    [VIRTIO_DESKTOP_CONSOLE] = {
        "console", NULL, "Console in slot 7 (on, off, auto)",
    },
};

static bool slot_is_free(VirtioDesktopState *s, int slot)
{
    return !virtio_bus_get_device(&s->slot[slot]->bus);
}

static BusState *slot_bus(VirtioDesktopState *s, int slot)
{
    return BUS(&s->slot[slot]->bus);
}

/* Where a short option's device goes: its role's slot, then the free ones */
static int find_slot(VirtioDesktopState *s, int role)
{
    int slot;

    if (role < VIRTIO_DESKTOP_NUM_ROLES && s->role[role] != ON_OFF_AUTO_OFF &&
        slot_is_free(s, role)) {
        return role;
    }
    for (slot = FIRST_FREE_SLOT; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        if (slot_is_free(s, slot)) {
            return slot;
        }
    }
    return -1;
}

static BusState *find_slot_bus(VirtioDesktopState *s, int role,
                               const char *driver, Error **errp)
{
    int slot = find_slot(s, role);

    if (slot < 0) {
        error_setg(errp, "No free virtio slot for device '%s'", driver);
        error_append_hint(errp, "Slots %d to %d are in use;"
                          " bus=virtio-mmio-bus.N picks a slot by number.\n",
                          FIRST_FREE_SLOT, VIRTIO_DESKTOP_NUM_SLOTS - 1);
        return NULL;
    }
    trace_virtio_desktop_place(driver, slot);
    return slot_bus(s, slot);
}

static VirtioDesktopState *find_board(void)
{
    Object *obj = object_resolve_path_component(qdev_get_machine(), "board");

    return VIRTIO_DESKTOP(obj);
}

/* Is this the -device that a -drive, -hda or -cdrom was turned into? */
static bool is_short_drive(const QDict *opts)
{
    const char *drive = qdict_get_try_str(opts, "drive");
    BlockBackend *blk = drive ? blk_by_name(drive) : NULL;
    DriveInfo *dinfo = blk ? blk_legacy_dinfo(blk) : NULL;

    return dinfo && dinfo->type == IF_VIRTIO;
}

/* MachineClass::get_default_bus: a bus for -device without bus= */
static BusState *virtio_desktop_get_default_bus(MachineState *machine,
                                                DeviceClass *dc,
                                                const QDict *opts,
                                                Error **errp)
{
    int role = VIRTIO_DESKTOP_NUM_ROLES;

    if (g_strcmp0(dc->bus_type, TYPE_VIRTIO_BUS)) {
        return NULL;
    }
    if (is_short_drive(opts)) {
        role = VIRTIO_DESKTOP_DISK;
    }
    return find_slot_bus(find_board(), role,
                         object_class_get_name(OBJECT_CLASS(dc)), errp);
}

static bool role_wanted(VirtioDesktopState *s, int role)
{
    if (s->role[role] == ON_OFF_AUTO_AUTO) {
        return defaults_enabled();
    }
    return s->role[role] == ON_OFF_AUTO_ON;
}

static DeviceState *create_in_role(VirtioDesktopState *s, int role,
                                   const char *type, Error **errp)
{
    g_autofree char *name = g_strdup_printf("%s-device", roles[role].name);
    DeviceState *dev;

    if (!module_object_class_by_name(type)) {
        /* A small build may lack a default device, but not one asked for */
        if (s->role[role] == ON_OFF_AUTO_ON) {
            error_setg(errp, "%s=on needs device '%s', which this QEMU"
                       " does not have", roles[role].name, type);
        }
        return NULL;
    }
    dev = qdev_new(type);
    object_property_add_child(OBJECT(s), name, OBJECT(dev));
    if (role == VIRTIO_DESKTOP_POWER) {
        s->power = VIRTIO_POWER(dev);
        object_property_set_link(OBJECT(dev), "machine", OBJECT(s),
                                 &error_abort);
    }
    trace_virtio_desktop_place(type, role);
    if (!qdev_realize_and_unref(dev, slot_bus(s, role), errp)) {
        return NULL;
    }
    return dev;
}

/* pointer= is on or off as for other roles, or says which kind */
static const char *pointer_type(VirtioDesktopState *s, Error **errp)
{
    OnOffAuto *role = &s->role[VIRTIO_DESKTOP_POINTER];
    bool mouse = !g_strcmp0(s->pointer, "mouse");

    if (!s->pointer || !strcmp(s->pointer, "auto")) {
        *role = ON_OFF_AUTO_AUTO;
    } else if (!strcmp(s->pointer, "off")) {
        *role = ON_OFF_AUTO_OFF;
    } else if (mouse || !strcmp(s->pointer, "tablet") ||
               !strcmp(s->pointer, "on")) {
        *role = ON_OFF_AUTO_ON;
    } else {
        error_setg(errp, "pointer=%s is not one of 'tablet', 'mouse', 'on',"
                   " 'off' and 'auto'", s->pointer);
        return NULL;
    }
    return mouse ? "virtio-mouse-device" : "virtio-tablet-device";
}

static bool create_simple_roles(VirtioDesktopState *s, Error **errp)
{
    ERRP_GUARD();
    const char *pointer = pointer_type(s, errp);
    int role;

    if (!pointer) {
        return false;
    }
    for (role = 0; role < VIRTIO_DESKTOP_NUM_ROLES; role++) {
        const char *type = roles[role].type;

        if (role == VIRTIO_DESKTOP_POINTER) {
            type = pointer;
        }
        if (!type || (role != VIRTIO_DESKTOP_POWER && !role_wanted(s, role))) {
            continue;
        }
        create_in_role(s, role, type, errp);
        if (*errp) {
            return false;
        }
    }
    return true;
}

/*
 * The NIC that QEMU adds when no option names one: it has no model, and is on
 * a hub as those of "-net nic" are.  With net=off it must not come.
 */
static bool is_implicit_nic(const NICInfo *nd)
{
    return !nd->model && nd->netdev &&
           nd->netdev->info->type == NET_CLIENT_DRIVER_HUBPORT;
}

static bool create_nics(VirtioDesktopState *s, Error **errp)
{
    NICInfo *nd;

    while ((nd = qemu_find_nic_info(TYPE_NET, true, "virtio-net")) ||
           (nd = qemu_find_nic_info(TYPE_NET, false, "virtio"))) {
        DeviceState *dev;
        BusState *bus;

        if (s->role[VIRTIO_DESKTOP_NET] == ON_OFF_AUTO_OFF &&
            is_implicit_nic(nd)) {
            nd->instantiated = 1;
            continue;
        }
        bus = find_slot_bus(s, VIRTIO_DESKTOP_NET, TYPE_NET, errp);
        if (!bus) {
            return false;
        }
        dev = qdev_new(TYPE_NET);
        qdev_set_nic_properties(dev, nd);
        if (!qdev_realize_and_unref(dev, bus, errp)) {
            return false;
        }
    }
    return true;
}

/*
 * The bus is there even when the user brings a console of his own, so that
 * "-device virtserialport" needs no "-device virtio-serial".
 */
static bool create_console(VirtioDesktopState *s, Error **errp)
{
    ERRP_GUARD();
    Chardev *chr = console_hd();
    DeviceState *serial, *port;

    if (!role_wanted(s, VIRTIO_DESKTOP_CONSOLE)) {
        return true;
    }
    serial = create_in_role(s, VIRTIO_DESKTOP_CONSOLE, "virtio-serial-device",
                            errp);
    if (!serial || !chr) {
        return !*errp;
    }
    port = qdev_new("virtconsole");
    qdev_prop_set_chr(port, "chardev", chr);
    return qdev_realize_and_unref(port, QLIST_FIRST(&serial->child_bus), errp);
}

bool virtio_desktop_create_devices(VirtioDesktopState *s, Error **errp)
{
    return create_simple_roles(s, errp) &&
           create_nics(s, errp) &&
           create_console(s, errp);
}

void virtio_desktop_add_fdt_nodes(VirtioDesktopState *s, void *fdt,
                                  VirtioDesktopFdtIrq set_irq)
{
    int slot;

    /* Nodes are prepended: go down, so that a guest finds slot 0 first */
    for (slot = VIRTIO_DESKTOP_NUM_SLOTS - 1; slot >= 0; slot--) {
        uint64_t base = s->slot_base + slot * VIRTIO_DESKTOP_SLOT_SIZE;
        g_autofree char *node = g_strdup_printf("/virtio_mmio@%" PRIx64, base);

        if (slot_is_free(s, slot)) {
            continue;
        }
        qemu_fdt_add_subnode(fdt, node);
        qemu_fdt_setprop_string(fdt, node, "compatible", "virtio,mmio");
        qemu_fdt_setprop_sized_cells(fdt, node, "reg",
                                     2, base, 2, VIRTIO_DESKTOP_SLOT_REGS);
        set_irq(fdt, node, slot);
        qemu_fdt_setprop(fdt, node, "dma-coherent", NULL, 0);
    }
}

static int find_display(VirtioDesktopState *s)
{
    int slot;

    for (slot = 0; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        if (object_dynamic_cast(OBJECT(virtio_bus_get_device(
                                           &s->slot[slot]->bus)), TYPE_FB)) {
            return slot;
        }
    }
    return -1;
}

/*
 * What the display shows until its driver comes.  It has to be below /chosen:
 * there guests look for it.
 */
void virtio_desktop_add_fdt_framebuffer(VirtioDesktopState *s, void *fdt)
{
    int slot = find_display(s);
    g_autofree char *node = NULL;
    uint32_t width, height;
    VirtIODevice *vdev;
    hwaddr base;

    if (slot < 0) {
        return;
    }
    vdev = virtio_bus_get_device(&s->slot[slot]->bus);
    width = object_property_get_uint(OBJECT(vdev), "xres", &error_abort);
    height = object_property_get_uint(OBJECT(vdev), "yres", &error_abort);
    virtio_mmio_get_shm(s->slot[slot], 0, &base);

    node = g_strdup_printf("/chosen/framebuffer@%" PRIx64, base);
    qemu_fdt_setprop_cell(fdt, "/chosen", "#address-cells", 2);
    qemu_fdt_setprop_cell(fdt, "/chosen", "#size-cells", 2);
    qemu_fdt_setprop(fdt, "/chosen", "ranges", NULL, 0);
    qemu_fdt_add_subnode(fdt, node);
    qemu_fdt_setprop_string(fdt, node, "compatible", "simple-framebuffer");
    qemu_fdt_setprop_sized_cells(fdt, node, "reg", 2, base,
                                 2, (uint64_t)width * height * 4);
    qemu_fdt_setprop_cell(fdt, node, "width", width);
    qemu_fdt_setprop_cell(fdt, node, "height", height);
    qemu_fdt_setprop_cell(fdt, node, "stride", width * 4);
    qemu_fdt_setprop_string(fdt, node, "format", "x8r8g8b8");
}

/*
 * What of a slot is not a register reads as zero and ignores writes.  So does
 * what of the window is no device's memory: a display can be taken away from a
 * guest that draws, and the device tree of the next start still has it.
 */
static uint64_t rest_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void rest_write(void *opaque, hwaddr addr, uint64_t val, unsigned size)
{
    trace_virtio_desktop_write_ignored(addr, val, size);
}

static const MemoryRegionOps rest_ops = {
    .read = rest_read,
    .write = rest_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid.max_access_size = 8,
    .impl.max_access_size = 8,
};

static bool create_slot(VirtioDesktopState *s, int slot, Error **errp)
{
    DeviceState *dev = qdev_new(TYPE_VIRTIO_MMIO);
    SysBusDevice *sbd = SYS_BUS_DEVICE(dev);
    g_autofree char *name = g_strdup_printf("slot[%d]", slot);

    object_property_add_child(OBJECT(s), name, OBJECT(dev));
    qdev_prop_set_bit(dev, "force-legacy", false);
    object_property_set_link(OBJECT(dev), "shm-window", OBJECT(&s->shm_mr),
                             &error_abort);
    if (!sysbus_realize_and_unref(sbd, errp)) {
        return false;
    }
    sysbus_mmio_map(sbd, 0, s->slot_base + slot * VIRTIO_DESKTOP_SLOT_SIZE);
    sysbus_connect_irq(sbd, 0, s->irq[slot]);
    s->slot[slot] = VIRTIO_MMIO(dev);
    qbus_set_hotplug_handler(slot_bus(s, slot), OBJECT(s));
    return true;
}

static void virtio_desktop_realize(DeviceState *dev, Error **errp)
{
    VirtioDesktopState *s = VIRTIO_DESKTOP(dev);
    MemoryRegion *sysmem = get_system_memory();
    int slot;

    memory_region_init_io(&s->slot_mr, OBJECT(s), &rest_ops, s,
                          "virtio-desktop-slots",
                          VIRTIO_DESKTOP_NUM_SLOTS * VIRTIO_DESKTOP_SLOT_SIZE);
    memory_region_init_io(&s->shm_mr, OBJECT(s), &rest_ops, s,
                          "virtio-desktop-shm", s->shm_size);

    memory_region_transaction_begin();
    memory_region_add_subregion_overlap(sysmem, s->slot_base, &s->slot_mr, -1);
    memory_region_add_subregion(sysmem, s->shm_base, &s->shm_mr);
    for (slot = 0; slot < VIRTIO_DESKTOP_NUM_SLOTS; slot++) {
        if (!create_slot(s, slot, errp)) {
            break;
        }
    }
    memory_region_transaction_commit();
}

static const Property virtio_desktop_properties[] = {
    DEFINE_PROP_UINT64("slot-base", VirtioDesktopState, slot_base, 0),
    DEFINE_PROP_UINT64("shm-base", VirtioDesktopState, shm_base, 0),
    DEFINE_PROP_UINT64("shm-size", VirtioDesktopState, shm_size, 0),
    DEFINE_PROP_ON_OFF_AUTO("fb", VirtioDesktopState,
                            role[VIRTIO_DESKTOP_FB], ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ON_OFF_AUTO("keyboard", VirtioDesktopState,
                            role[VIRTIO_DESKTOP_KEYBOARD], ON_OFF_AUTO_AUTO),
    DEFINE_PROP_STRING("pointer", VirtioDesktopState, pointer),
    DEFINE_PROP_ON_OFF_AUTO("touch", VirtioDesktopState,
                            role[VIRTIO_DESKTOP_TOUCH], ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ON_OFF_AUTO("net", VirtioDesktopState,
                            role[VIRTIO_DESKTOP_NET], ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ON_OFF_AUTO("disk", VirtioDesktopState,
                            role[VIRTIO_DESKTOP_DISK], ON_OFF_AUTO_AUTO),
    DEFINE_PROP_ON_OFF_AUTO("console", VirtioDesktopState,
                            role[VIRTIO_DESKTOP_CONSOLE], ON_OFF_AUTO_AUTO),
};

static void virtio_desktop_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);

    dc->realize = virtio_desktop_realize;
    dc->desc = "virtio-desktop slots and default devices";
    /* Part of its machine, never made by a user */
    dc->user_creatable = false;
    device_class_set_props(dc, virtio_desktop_properties);
    virtio_desktop_hotplug_class_init(oc);
    virtio_desktop_power_class_init(oc);
}

/* The role switches are the machine's options and the board's properties */
static void get_role(Object *machine, Visitor *v, const char *name,
                     void *opaque, Error **errp)
{
    object_property_get(object_resolve_path_component(machine, "board"), name,
                        v, errp);
}

static void set_role(Object *machine, Visitor *v, const char *name,
                     void *opaque, Error **errp)
{
    object_property_set(object_resolve_path_component(machine, "board"), name,
                        v, errp);
}

static void virtio_desktop_machine_reset(MachineState *machine, ResetType type)
{
    /* A snapshot that is about to be loaded says itself what is asked for */
    if (type != RESET_TYPE_SNAPSHOT_LOAD) {
        virtio_desktop_complete_removals(find_board());
    }
    qemu_devices_reset(type);
}

void virtio_desktop_machine_class_init(MachineClass *mc)
{
    ObjectClass *oc = OBJECT_CLASS(mc);
    int role;

    mc->reset = virtio_desktop_machine_reset;
    mc->block_default_type = IF_VIRTIO;
    mc->default_nic = TYPE_NET;
    mc->get_default_bus = virtio_desktop_get_default_bus;
    mc->virtio_mmio_aliases = true;
    mc->virtio_console = 1;
    mc->no_serial = 1;
    mc->no_parallel = 1;
    mc->no_floppy = 1;
    mc->no_cdrom = 1;

    for (role = 0; role < VIRTIO_DESKTOP_NUM_ROLES; role++) {
        if (roles[role].description) {
            object_class_property_add(oc, roles[role].name,
                                      role == VIRTIO_DESKTOP_POINTER ?
                                      "str" : "OnOffAuto",
                                      get_role, set_role, NULL, NULL);
            object_class_property_set_description(oc, roles[role].name,
                                                  roles[role].description);
        }
    }
}

/* Other machines show guests what QEMU's devices have been for long */
static GlobalProperty current_props[] = {
    { TYPE_VIRTIO_INPUT, "x-migrate-events", "on" },
    { TYPE_VIRTIO_INPUT_HID, "x-exact-config", "on" },
};

void virtio_desktop_machine_set_props(MachineClass *mc)
{
    compat_props_add(mc->compat_props, current_props,
                     ARRAY_SIZE(current_props));
}

void virtio_desktop_machine_instance_init(MachineState *machine,
                                          VirtioDesktopState *s)
{
    object_initialize_child(OBJECT(machine), "board", s, TYPE_VIRTIO_DESKTOP);
}

static const TypeInfo virtio_desktop_info = {
    .name = TYPE_VIRTIO_DESKTOP,
    .parent = TYPE_DEVICE,
    .instance_size = sizeof(VirtioDesktopState),
    .class_init = virtio_desktop_class_init,
    .interfaces = (InterfaceInfo[]) {
        { TYPE_HOTPLUG_HANDLER },
        { TYPE_VIRTIO_POWER_MACHINE },
        { }
    },
};

static void virtio_desktop_register_types(void)
{
    type_register_static(&virtio_desktop_info);
}

type_init(virtio_desktop_register_types)

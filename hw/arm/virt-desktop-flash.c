/*
 * virtio-desktop machine, AArch64: firmware flash
 *
 * The two devices exist from the start so that they can be the pflash0= and
 * pflash1= options of the machine; without firmware they go.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/datadir.h"
#include "hw/arm/virt-desktop.h"
#include "hw/block/flash.h"
#include "hw/loader.h"
#include "hw/qdev-properties.h"
#include "hw/sysbus.h"
#include "system/blockdev.h"
#include "system/device_tree.h"

#define FLASH_SECTOR_SIZE (256 * KiB)

static void init_flash(VirtDesktopMachineState *vds, int n)
{
    g_autofree char *name = g_strdup_printf("flash%d", n);
    g_autofree char *option = g_strdup_printf("pflash%d", n);
    DeviceState *dev = qdev_new(TYPE_PFLASH_CFI01);

    qdev_prop_set_uint64(dev, "sector-length", FLASH_SECTOR_SIZE);
    qdev_prop_set_uint32(dev, "num-blocks",
                         VD_FLASH_BANK_SIZE / FLASH_SECTOR_SIZE);
    qdev_prop_set_uint8(dev, "width", 4);
    qdev_prop_set_uint8(dev, "device-width", 2);
    qdev_prop_set_bit(dev, "big-endian", false);
    qdev_prop_set_uint16(dev, "id0", 0x89);
    qdev_prop_set_uint16(dev, "id1", 0x18);
    qdev_prop_set_string(dev, "name", name);
    object_property_add_child(OBJECT(vds), name, OBJECT(dev));
    object_property_add_alias(OBJECT(vds), option, OBJECT(dev), "drive");
    object_property_set_description(OBJECT(vds), option,
                                    n ? "Firmware variables (block device)"
                                      : "Firmware code (block device)");
    /* The child property keeps it */
    object_unref(OBJECT(dev));
    vds->flash[n] = PFLASH_CFI01(dev);
}

void vd_flash_init(VirtDesktopMachineState *vds)
{
    int n;

    for (n = 0; n < VD_NUM_FLASH; n++) {
        init_flash(vds, n);
    }
}

static void remove_flash(VirtDesktopMachineState *vds, int n)
{
    g_autofree char *option = g_strdup_printf("pflash%d", n);

    object_property_del(OBJECT(vds), option);
    object_unparent(OBJECT(vds->flash[n]));
    vds->flash[n] = NULL;
}

static void load_bios(VirtDesktopMachineState *vds, const char *name,
                      Error **errp)
{
    SysBusDevice *flash = SYS_BUS_DEVICE(vds->flash[0]);
    g_autofree char *path = qemu_find_file(QEMU_FILE_TYPE_BIOS, name);

    if (pflash_cfi01_get_blk(vds->flash[0])) {
        error_setg(errp, "-bios and a first pflash drive exclude each other");
    } else if (!path ||
               load_image_mr(path, sysbus_mmio_get_region(flash, 0)) < 0) {
        error_setg(errp, "Could not load firmware '%s'", name);
    }
}

bool vd_flash_create(VirtDesktopMachineState *vds, Error **errp)
{
    const char *bios = MACHINE(vds)->firmware;
    hwaddr base = vd_memmap[VD_FLASH].base;
    hwaddr bank = VD_FLASH_BANK_SIZE;
    g_autofree char *node = NULL;
    bool present = bios;
    int n;

    for (n = 0; n < VD_NUM_FLASH; n++) {
        pflash_cfi01_legacy_drive(vds->flash[n], drive_get(IF_PFLASH, 0, n));
        present |= pflash_cfi01_get_blk(vds->flash[n]) != NULL;
    }
    for (n = 0; n < VD_NUM_FLASH; n++) {
        SysBusDevice *sbd = SYS_BUS_DEVICE(vds->flash[n]);

        if (!present) {
            remove_flash(vds, n);
            continue;
        }
        if (!sysbus_realize(sbd, errp)) {
            return false;
        }
        sysbus_mmio_map(sbd, 0, base + n * bank);
    }
    if (!present) {
        return false;
    }

    node = vd_fdt_add_device(vds, "flash", VD_FLASH);
    qemu_fdt_setprop_string(MACHINE(vds)->fdt, node, "compatible", "cfi-flash");
    qemu_fdt_setprop_sized_cells(MACHINE(vds)->fdt, node, "reg",
                                 2, base, 2, bank,
                                 2, base + bank, 2, bank);
    qemu_fdt_setprop_cell(MACHINE(vds)->fdt, node, "bank-width", 4);
    if (bios) {
        load_bios(vds, bios, errp);
    }
    return true;
}

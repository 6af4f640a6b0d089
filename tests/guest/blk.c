/*
 * virtio-blk: only a disk that says it is for this is written to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "checks.h"
#include "tap.h"
#include "virtio.h"

#define ROLE            6
#define SECTOR          512
#define MARK            "virtio-desktop scratch disk"

/* The host puts data in FROM; the guest writes its complement to TO */
#define FROM            8
#define TO              64
#define SECTORS         8

#define F_RO            5
#define F_FLUSH         9

#define TYPE_IN         0
#define TYPE_OUT        1
#define TYPE_FLUSH      4

#define STATUS_OK       0
#define STATUS_IOERR    1

static struct virtio blk;
static uint64_t capacity;
static bool is_scratch;
static uint8_t data[SECTORS * SECTOR], back[SECTORS * SECTOR];

/* Returns the status, -1 if there is no answer */
static int request(uint32_t type, uint64_t sector, void *buffer,
                   uint32_t size)
{
    struct {
        uint32_t type;
        uint32_t reserved;
        uint64_t sector;
    } header = { type, 0, sector };
    uint8_t status = 0xff;
    struct piece pieces[] = {
        { &header, sizeof(header), false },
        { size ? buffer : &status, size ? size : 1, !size || type == TYPE_IN },
        { &status, 1, true },
    };
    uint32_t length;

    virtq_add(&blk, 0, 0, pieces, size ? 3 : 2);
    virtq_notify(&blk, 0);
    if (virtq_wait(&blk, 0, &length, PATIENCE_MS) != 0) {
        return -1;
    }
    /* volatile: the device has written it behind the compiler's back */
    return *(volatile uint8_t *)&status;
}

int check_blk_read(void)
{
    int slot = virtio_find(VIRTIO_ID_BLOCK, ROLE);

    if (slot < 0) {
        return skip("there is no disk");
    }
    TRY(virtio_open(&blk, slot, BIT(F_RO) | BIT(F_FLUSH), 1));
    capacity = virtio_config(&blk, 0) |
               (uint64_t)virtio_config(&blk, 4) << 32;
    note("the disk in slot %d has %lu sectors", slot, capacity);
    EXPECT(capacity >= 1);
    EXPECT_EQ(request(TYPE_IN, 0, data, SECTOR), STATUS_OK);
    is_scratch = !memcmp(data, MARK, strlen(MARK));
    return PASS;
}

int check_blk_write(void)
{
    unsigned i;

    if (!blk.base) {
        return skip("there is no disk");
    }
    if (!is_scratch || blk.features & BIT(F_RO) || capacity <= TO + SECTORS) {
        return skip("the disk is not for that: no mark, small or read-only");
    }
    EXPECT_EQ(request(TYPE_IN, FROM, data, sizeof(data)), STATUS_OK);
    for (i = 0; i < sizeof(data); i++) {
        data[i] = ~data[i];
    }
    EXPECT_EQ(request(TYPE_OUT, TO, data, sizeof(data)), STATUS_OK);
    EXPECT_EQ(request(TYPE_OUT, capacity - 1, data, SECTOR), STATUS_OK);
    if (blk.features & BIT(F_FLUSH)) {
        EXPECT_EQ(request(TYPE_FLUSH, 0, NULL, 0), STATUS_OK);
    }
    EXPECT_EQ(request(TYPE_IN, TO, back, sizeof(back)), STATUS_OK);
    EXPECT_EQ(memcmp(data, back, sizeof(data)), 0);
    EXPECT_EQ(request(TYPE_IN, capacity - 1, back, SECTOR), STATUS_OK);
    EXPECT_EQ(memcmp(data, back, SECTOR), 0);
    return PASS;
}

int check_blk_errors(void)
{
    if (!blk.base) {
        return skip("there is no disk");
    }
    EXPECT_EQ(request(TYPE_IN, capacity, data, SECTOR), STATUS_IOERR);
    EXPECT_EQ(request(TYPE_IN, 0, data, SECTOR), STATUS_OK);
    return PASS;
}

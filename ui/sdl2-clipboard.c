/*
 * SDL: the guest's clipboard is the host's
 *
 * SDL knows text only, and of the selections only the clipboard proper.  It
 * takes a text, not the promise of one: what the guest offers is fetched at
 * once.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/clipboard.h"
#include "ui/console.h"
#include "ui/input.h"
#include "ui/sdl2.h"

/* What SDL was told last: it tells us of that, too */
static char *own_text;

static void give_to_host(QemuClipboardInfo *info)
{
    const char *data = info->types[QEMU_CLIPBOARD_TYPE_TEXT].data;
    size_t size = info->types[QEMU_CLIPBOARD_TYPE_TEXT].size;
    g_autofree char *text = NULL;

    if (!g_utf8_validate(data, size, NULL)) {
        return;
    }
    text = g_strndup(data, size);
    if (g_strcmp0(text, own_text) && !SDL_SetClipboardText(text)) {
        g_free(own_text);
        own_text = g_steal_pointer(&text);
    }
}

static void clipboard_notify(Notifier *notifier, void *opaque)
{
    QemuClipboardPeer *self = container_of(notifier, QemuClipboardPeer,
                                           notifier);
    QemuClipboardNotify *notify = opaque;
    QemuClipboardInfo *info = notify->info;

    if (notify->type != QEMU_CLIPBOARD_UPDATE_INFO || info->owner == self ||
        info->selection != QEMU_CLIPBOARD_SELECTION_CLIPBOARD ||
        !info->types[QEMU_CLIPBOARD_TYPE_TEXT].available) {
        return;
    }
    if (info->types[QEMU_CLIPBOARD_TYPE_TEXT].data) {
        give_to_host(info);
    } else {
        qemu_clipboard_request(info, QEMU_CLIPBOARD_TYPE_TEXT);
    }
}

static void clipboard_request(QemuClipboardInfo *info, QemuClipboardType type)
{
    char *text;

    if (type != QEMU_CLIPBOARD_TYPE_TEXT) {
        return;
    }
    text = SDL_GetClipboardText();
    if (text) {
        qemu_clipboard_set_data(info->owner, info, type, strlen(text), text,
                                true);
        SDL_free(text);
    }
}

static QemuClipboardPeer clipboard = {
    .name = "sdl2",
    .notifier.notify = clipboard_notify,
    .request = clipboard_request,
};

/* Some program of the host has copied something, or it was us */
void sdl2_clipboard_update(void)
{
    QemuClipboardSelection selection = QEMU_CLIPBOARD_SELECTION_CLIPBOARD;
    g_autoptr(QemuClipboardInfo) info = NULL;
    g_autofree char *text = NULL;
    char *host_text;

    if (!SDL_HasClipboardText()) {
        qemu_clipboard_peer_release(&clipboard, selection);
        return;
    }
    host_text = SDL_GetClipboardText();
    text = g_strdup(host_text);
    SDL_free(host_text);
    if (!text || !g_strcmp0(text, own_text)) {
        return;
    }
    g_free(own_text);
    own_text = g_steal_pointer(&text);
    info = qemu_clipboard_info_new(&clipboard, selection);
    info->types[QEMU_CLIPBOARD_TYPE_TEXT].available = true;
    qemu_clipboard_update(info);
}

void sdl2_clipboard_init(void)
{
    qemu_clipboard_peer_register(&clipboard);
    sdl2_clipboard_update();
}

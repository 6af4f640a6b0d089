/*
 * SDL: text goes from the host's clipboard to the guest's and back, as far as
 * the user allows
 *
 * SDL knows text only, and of the selections only the clipboard proper.  It
 * takes a text, not the promise of one: what the guest offers is fetched at
 * once.
 *
 * A guest can ask for the text at any time, and offer its own.  Neither side
 * hears of the other's unless a window has the focus.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "ui/clipboard.h"
#include "ui/console.h"
#include "ui/input.h"
#include "ui/sdl2.h"

static bool to_guest;
static bool to_host;

/* What was on the host's clipboard last, from whichever side it came */
static char *known_text;

/* All windows of this process are QEMU's */
static bool has_focus(void)
{
    return SDL_GetKeyboardFocus();
}

static void give_to_host(QemuClipboardInfo *info)
{
    const char *data = info->types[QEMU_CLIPBOARD_TYPE_TEXT].data;
    size_t size = info->types[QEMU_CLIPBOARD_TYPE_TEXT].size;
    g_autofree char *text = NULL;

    if (!g_utf8_validate(data, size, NULL)) {
        return;
    }
    text = g_strndup(data, size);
    if (g_strcmp0(text, known_text) && !SDL_SetClipboardText(text)) {
        g_free(known_text);
        known_text = g_steal_pointer(&text);
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
        !info->types[QEMU_CLIPBOARD_TYPE_TEXT].available ||
        !to_host || !has_focus()) {
        return;
    }
    if (info->types[QEMU_CLIPBOARD_TYPE_TEXT].data) {
        give_to_host(info);
    } else {
        qemu_clipboard_request(info, QEMU_CLIPBOARD_TYPE_TEXT);
    }
}

/* Of a guest that was offered it */
static void clipboard_request(QemuClipboardInfo *info, QemuClipboardType type)
{
    char *text = NULL;

    if (type != QEMU_CLIPBOARD_TYPE_TEXT) {
        return;
    }
    if (has_focus()) {
        text = SDL_GetClipboardText();
    } else {
        /* The offer ends with the answer: make a new one with the focus */
        g_clear_pointer(&known_text, g_free);
    }
    qemu_clipboard_set_data(info->owner, info, type, text ? strlen(text) : 0,
                            text, true);
    SDL_free(text);
}

static QemuClipboardPeer clipboard = {
    .name = "sdl2",
    .notifier.notify = clipboard_notify,
    .request = clipboard_request,
};

static void offer_to_guest(void)
{
    g_autoptr(QemuClipboardInfo) info =
        qemu_clipboard_info_new(&clipboard,
                                QEMU_CLIPBOARD_SELECTION_CLIPBOARD);

    info->types[QEMU_CLIPBOARD_TYPE_TEXT].available = true;
    qemu_clipboard_update(info);
}

/*
 * Some program of the host has copied something, or it was us; or a window got
 * the focus, as it is looked only then
 */
void sdl2_clipboard_update(void)
{
    g_autofree char *text = NULL;
    char *host_text;

    if ((!to_guest && !to_host) || !has_focus()) {
        return;
    }
    if (!SDL_HasClipboardText()) {
        g_clear_pointer(&known_text, g_free);
        qemu_clipboard_peer_release(&clipboard,
                                    QEMU_CLIPBOARD_SELECTION_CLIPBOARD);
        return;
    }
    host_text = SDL_GetClipboardText();
    text = g_strdup(host_text);
    SDL_free(host_text);
    if (!text || !g_strcmp0(text, known_text)) {
        return;
    }
    g_free(known_text);
    known_text = g_steal_pointer(&text);
    if (to_guest) {
        offer_to_guest();
    }
}

void sdl2_clipboard_init(const DisplaySDL *options)
{
    DisplayClipboard direction = options->has_clipboard ? options->clipboard :
                                 DISPLAY_CLIPBOARD_OFF;

    to_guest = direction == DISPLAY_CLIPBOARD_TO_GUEST ||
               direction == DISPLAY_CLIPBOARD_BOTH;
    to_host = direction == DISPLAY_CLIPBOARD_TO_HOST ||
              direction == DISPLAY_CLIPBOARD_BOTH;
    if (to_guest || to_host) {
        qemu_clipboard_peer_register(&clipboard);
        sdl2_clipboard_update();
    }
}

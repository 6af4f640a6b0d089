# Text on a picture of the screen, read without knowing the font
#
# Firmware, boot loaders and kernels bring fonts of their own.  All have cells
# of 8 pixels, and equal letters look equal: where the cells of a picture are
# equal to each other just as the letters of a text are, there is the text.  So
# a text to look for needs some length and letters that come again.
#
# SPDX-License-Identifier: GPL-2.0-or-later

CELL_WIDTH = 8
CELL_MASK = (1 << CELL_WIDTH) - 1


def bitmap(picture):
    """Rows of pixels as numbers, bit x is set where pixel x is bright."""
    digits = bytes(ord('1') if value > 127 else ord('0')
                   for value in range(256))
    rows = []
    for y in range(picture.height):
        bits = picture.row(y).translate(digits)[::-1]
        rows.append(int(bits[0::3], 2) | int(bits[1::3], 2) |
                    int(bits[2::3], 2))
    return rows


def repetitions(text):
    """Pairs of places, each letter's place with that of the one before."""
    last = {}
    pairs = []
    for place, letter in enumerate(text):
        if letter in last:
            pairs.append((last[letter], place))
        last[letter] = place
    return pairs


def candidates(rows, pairs, width):
    """Where all cells are equal that shall be, as numbers of pixels."""
    different = some = 0
    every = -1
    for row in rows:
        for a, b in pairs:
            different |= (row >> a * CELL_WIDTH) ^ (row >> b * CELL_WIDTH)
        some |= row
        every &= row
    # Bit x: nothing differs in the CELL_WIDTH pixels from there, and those of
    # the first letter are bright and dark ones.  Most of a screen is empty.
    same = ~different & ((1 << width) - 1)
    for shift in 1, 2, 4:
        same &= same >> shift
        some |= some >> shift
        every &= every >> shift
    same &= some & ~every
    x = 0
    while same >> x:
        x += ((same >> x) & -(same >> x)).bit_length() - 1
        yield x
        x += 1


def is_text(rows, x, text):
    """All different letters look different, and a space is empty."""
    look = {}
    for place, letter in enumerate(text):
        shift = x + place * CELL_WIDTH
        look[letter] = tuple((row >> shift) & CELL_MASK for row in rows)
    if len(set(look.values())) != len(look):
        return False
    return all((len(set(cell)) == 1 and cell[0] in (0, CELL_MASK)) ==
               (letter == ' ') for letter, cell in look.items())


def find_text(picture, text, cell_height=16):
    """The first place of @text on @picture, as (x, y), or None."""
    rows = bitmap(picture)
    pairs = repetitions(text)
    assert len(pairs) > 3, f'{text!r} has too few letters that come again'
    width = picture.width - (len(text) - 1) * CELL_WIDTH
    for y in range(picture.height - cell_height + 1):
        cells = rows[y:y + cell_height]
        if any(cells):
            for x in candidates(cells, pairs, width):
                if is_text(cells, x, text):
                    return x, y
    return None

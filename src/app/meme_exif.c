/* SPDX-License-Identifier: MIT */
/*
 * A reader of one EXIF tag.
 *
 * Owns    the walk over JPEG segments to APP1, and over IFD0 in it.
 * Never   follows an offset out of its segment, an IFD after the first, or a loop:
 *         both walks only go forward and end with the data.
 * Spec    JPEG: ITU-T T.81 annex B. EXIF 2.3 sections 4.5 to 4.6; TIFF 6.0.
 */
#include "app/meme_exif.h"

#include <stdbool.h>
#include <string.h>

/* The TIFF structure inside the segment. Reads outside of it give zero, which no check below accepts. */
struct tiff {
    const uint8_t *data;
    size_t bytes;
    bool big_endian;
};

static uint32_t read_u16(const struct tiff *t, size_t at)
{
    if (at > t->bytes || t->bytes - at < 2)
        return 0;
    uint32_t a = t->data[at], b = t->data[at + 1];
    return t->big_endian ? a << 8 | b : b << 8 | a;
}

static uint32_t read_u32(const struct tiff *t, size_t at)
{
    uint32_t a = read_u16(t, at), b = read_u16(t, at + 2);
    return t->big_endian ? a << 16 | b : b << 16 | a;
}

static int tiff_orientation(const uint8_t *data, size_t bytes)
{
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };
    if (bytes < 8 || (memcmp(data, "II", 2) != 0 && memcmp(data, "MM", 2) != 0))
        return 1;
    struct tiff t = {data, bytes, data[0] == 'M'};
    if (read_u16(&t, 2) != 42)
        return 1;
    size_t ifd = read_u32(&t, 4), count = read_u16(&t, ifd);
    for (size_t i = 0; i < count; i++) {
        size_t entry = ifd + 2 + i * ENTRY_BYTES;
        if (read_u16(&t, entry) != TAG_ORIENTATION)
            continue;
        uint32_t value = read_u16(&t, entry + 8);
        bool valid = read_u16(&t, entry + 2) == TYPE_SHORT && value >= 1 && value <= 8;
        return valid ? (int)value : 1;
    }
    return 1;
}

int meme_exif_orientation(const uint8_t *jpeg, size_t bytes)
{
    enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1 };
    static const char exif[6] = "Exif\0"; /* six bytes: the string and two zeros */
    size_t at = 2;
    if (bytes < 4 || jpeg[0] != 0xff || jpeg[1] != SOI)
        return 1;
    while (bytes - at >= 4 && jpeg[at] == 0xff) {
        uint8_t marker = jpeg[at + 1];
        if (marker == 0xff) { /* fill byte, T.81 B.1.1.2 */
            at++;
            continue;
        }
        size_t length = (size_t)jpeg[at + 2] << 8 | jpeg[at + 3]; /* counts itself, not the marker */
        if (marker == SOS || marker == EOI || length < 2 || length > bytes - at - 2)
            return 1;
        const uint8_t *payload = jpeg + at + 4;
        if (marker == APP1 && length >= 2 + sizeof exif && memcmp(payload, exif, sizeof exif) == 0)
            return tiff_orientation(payload + sizeof exif, length - 2 - sizeof exif);
        at += 2 + length;
    }
    return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the inspector: what it makes of any frames and of any capture file.
 *
 * The first byte chooses: bit 0 set, the rest is a capture file; else it is
 * frames, each behind two bytes of length (of which the highest bit says IP
 * instead of Ethernet, the next that the sender was us), which are recorded and
 * told as text and HTML, so that conversations, streams and messages are reached.
 */
#include <stdio.h>
#include <stdlib.h>

#include <weft/inspect.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Everything that can be had of a recording, thrown away. */
static void tell(const struct weft_recording *recording)
{
    const struct weft_inspect_options all = {.all = true, .hex = true, .colour = true};
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);

    if (!stream)
        abort();
    if (weft_anatomy_text(stream, recording, &all) || weft_anatomy_html(stream, recording, NULL))
        abort();
    (void)fclose(stream);
    free(text);
}

static void read_capture(const uint8_t *data, size_t bytes)
{
    struct weft_recording *recording;
    struct weft_capture *capture;
    struct weft_frame frame;
    FILE *stream = bytes ? fmemopen((void *)data, bytes, "rb") : NULL;

    if (!stream || weft_capture_open_stream(stream, &capture, NULL, 0) != 0)
        return;
    if (weft_recording_new(NULL, &recording) != 0)
        abort();
    for (unsigned n = 0; n < 50 && weft_capture_next(capture, &frame) > 0; n++)
        if (weft_recording_add_frame(recording, &frame) != 0)
            abort();
    weft_capture_close(capture);
    tell(recording);
    weft_recording_free(recording);
}

static void read_frames(const uint8_t *data, size_t bytes)
{
    struct weft_recording *recording;
    weft_time now = 0;

    if (weft_recording_new(NULL, &recording) != 0)
        abort();
    for (unsigned n = 0; n < 20 && bytes >= 2; n++) {
        unsigned head = get_be16(data);
        size_t len = head & 0x3fff;

        data += 2;
        bytes -= 2;
        len = len < bytes ? len : bytes;
        struct weft_frame frame = {.time = now += 700,
                                   .type = head & 0x8000 ? WEFT_LINK_IP : WEFT_LINK_ETHERNET,
                                   .direction = head & 0x4000 ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                                   .iface = 1,
                                   .bytes = data,
                                   .len = (uint32_t)len,
                                   .wire_len = (uint32_t)len};
        if (weft_recording_add_frame(recording, &frame) != 0)
            abort();
        data += len;
        bytes -= len;
    }
    tell(recording);
    weft_recording_free(recording);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    if (data[0] & 1)
        read_capture(data + 1, bytes - 1);
    else
        read_frames(data + 1, bytes - 1);
    return 0;
}

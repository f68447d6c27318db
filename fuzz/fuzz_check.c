/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the wire checker: any frames, seen from anywhere.
 *
 * The first byte says what the checker knows (bits 1 to 3: the vantage, 4: whole, 5: wire, 6: only what goes
 * out); then frames as in fuzz_inspect.c, each behind two bytes of length (of which the highest bit says IP instead
 * of Ethernet, the next that the sender was near). What it finds must be told well.
 */
#include <stdlib.h>
#include <string.h>

#include <weft/check.h>

#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void found(void *ctx, const struct weft_check_finding *finding)
{
    uint64_t *findings = ctx;

    if (finding->info != weft_check_rule_at(finding->rule) || finding->packet == 0 ||
        finding->earlier > finding->packet || strlen(finding->text) < 10)
        abort();
    (*findings)++;
}

static void show_frames(struct weft_check *check, const uint8_t *data, size_t bytes)
{
    weft_time now = 0;

    while (bytes >= 2) {
        unsigned head = get_be16(data);
        size_t len = head & 0x3fff;

        data += 2;
        bytes -= 2;
        len = len < bytes ? len : bytes;
        struct weft_frame frame = {.time = now += len % 7 ? 700 : 400000,
                                   .type = head & 0x8000 ? WEFT_LINK_IP : WEFT_LINK_ETHERNET,
                                   .direction = head & 0x4000 ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                                   .iface = 1,
                                   .bytes = data,
                                   .len = (uint32_t)len,
                                   .wire_len = (uint32_t)len};
        weft_check_frame(check, &frame);
        data += len;
        bytes -= len;
    }
    weft_check_finish(check, now + WEFT_SEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint64_t findings = 0;
    struct weft_check_config config = {
        .max_connections = 4, .max_content = 1 << 14, .found = found, .ctx = &findings};
    struct weft_check_summary summary;
    struct weft_check *check;

    if (bytes == 0)
        return 0;
    config.vantage = (data[0] >> 1 & 7) % 5;
    config.whole = data[0] & 16;
    config.wire = data[0] & 32;
    config.only_out = data[0] & 64;
    if (weft_check_new(&config, &check) != 0)
        abort();
    show_frames(check, data + 1, bytes - 1);
    weft_check_summarize(check, &summary);
    if (summary.errors + summary.warnings + summary.notes != findings)
        abort();
    weft_check_free(check);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Bodies in, digests out.
 */
#include "app/sink.h"

#include "app/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_BYTES 65536 /* at once; ours, a few super-segments */

static void answer(struct weft_http_req *req, struct sha256 *sha)
{
    uint64_t bytes = sha->bytes;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1], text[160];
    int len;

    sha256_finish(sha, digest);
    for (unsigned i = 0; i < SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    len = snprintf(text, sizeof(text), "{\"bytes\": %" PRIu64 ", \"sha256\": \"%s\"}\n", bytes, hex);
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Content-Type", "application/json");
    weft_http_answer_bytes(req, text, (size_t)len);
}

static void readable(struct weft_http_req *req, void *user)
{
    struct sha256 *sha = user;
    uint8_t buf[READ_BYTES];
    ptrdiff_t got;

    while ((got = weft_http_req_read(req, buf, sizeof(buf))) > 0)
        sha256_add(sha, buf, (size_t)got);
    if (got == 0)
        answer(req, sha);
}

static void done(struct weft_http_req *req, void *user, int error)
{
    (void)req, (void)error;
    free(user);
}

void sink_handle(struct weft_http_req *req, void *user)
{
    static const struct weft_http_watch watch = {.readable = readable, .done = done};
    struct sha256 *sha = malloc(sizeof(*sha));

    (void)user;
    if (!sha) {
        weft_http_answer_error(req, 503, "no memory");
        return;
    }
    sha256_init(sha);
    weft_http_req_watch(req, &watch, sha);
    readable(req, sha);
}

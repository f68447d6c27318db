/* SPDX-License-Identifier: MIT */
/*
 * The bytes that a side has sent (check/model.h), as many as there is room for.
 *
 * A ring whose place is the offset modulo its size, so that it holds the
 * offsets [end - size, end). It grows by doubling while what is not
 * acknowledged would fall out of it, up to the limits of the configuration.
 */
#include "check/model.h"

#define FIRST_SIZE 4096u

/* The longest piece from `offset` on that lies in the ring in one stretch. */
static uint32_t stretch(const struct check_content *content, int64_t offset, uint32_t len)
{
    uint32_t to_end = content->size - ((uint32_t)offset & (content->size - 1));

    return len < to_end ? len : to_end;
}

static void store(struct check_content *content, int64_t offset, const uint8_t *bytes, uint32_t len)
{
    while (len > 0) {
        uint32_t at = (uint32_t)offset & (content->size - 1), n = stretch(content, offset, len);

        if (bytes)
            memcpy(content->bytes + at, bytes, n);
        memset(content->known + at, bytes != NULL, n);
        bytes = bytes ? bytes + n : NULL;
        offset += n;
        len -= n;
    }
}

static bool allocate(struct weft_check *check, struct check_content *content, uint32_t size)
{
    if (check->contents + size > check->config.max_contents || size > check->config.max_content)
        return false;
    content->bytes = malloc(2 * (size_t)size);
    if (!content->bytes)
        return false;
    content->known = content->bytes + size;
    memset(content->known, 0, size);
    content->size = size;
    check->contents += size;
    return true;
}

void check_content_free(struct weft_check *check, struct check_content *content)
{
    free(content->bytes);
    check->contents -= content->size;
    *content = (struct check_content){0};
}

/* What is kept moves to a ring of twice the size. */
static bool grow(struct weft_check *check, struct check_content *content)
{
    struct check_content bigger = {.end = content->end};
    int64_t from = content->end - content->size;

    if (!allocate(check, &bigger, content->size ? content->size * 2 : FIRST_SIZE))
        return false;
    for (int64_t offset = from; offset < content->end; offset++) {
        uint32_t old = (uint32_t)offset & (content->size - 1), at = (uint32_t)offset & (bigger.size - 1);

        bigger.bytes[at] = content->bytes[old];
        bigger.known[at] = content->known[old];
    }
    check_content_free(check, content);
    *content = bigger;
    return true;
}

/* Moves the ring's end; what is passed over is not known. */
static void advance(struct check_content *content, int64_t end)
{
    int64_t skipped = end - content->end;

    store(content, end - (skipped < content->size ? skipped : content->size), NULL,
          (uint32_t)(skipped < content->size ? skipped : content->size));
    content->end = end;
}

void check_content_put(struct weft_check *check, struct check_content *content, int64_t offset,
                       const uint8_t *bytes, uint32_t len, int64_t keep_from)
{
    int64_t end = offset + len;

    if (len == 0)
        return;
    if (content->size == 0)
        content->end = offset;
    while (content->size == 0 || (end - content->size > keep_from && end > content->end))
        if (!grow(check, content))
            break;
    if (content->size == 0)
        return;
    if (end > content->end)
        advance(content, end);
    for (int64_t first = content->end - content->size; offset < first && len > 0; offset++, bytes++, len--)
        ;
    for (uint32_t i = 0; i < len; i++) { /* the first that was seen stays */
        uint32_t at = (uint32_t)(offset + i) & (content->size - 1);

        if (!content->known[at])
            content->bytes[at] = bytes[i];
        content->known[at] = 1;
    }
}

int64_t check_content_compare(const struct check_content *content, int64_t offset, const uint8_t *bytes,
                              uint32_t len)
{
    for (uint32_t i = 0; i < len && content->size; i++) {
        int64_t o = offset + i;
        uint32_t at = (uint32_t)o & (content->size - 1);

        if (o >= content->end - content->size && o < content->end && content->known[at] &&
            content->bytes[at] != bytes[i])
            return o;
    }
    return -1;
}

/* SPDX-License-Identifier: MIT */
/*
 * WebP, decoded.
 *
 * Owns    every call of libwebp. Animations are refused, because which frame was
 *         meant is not ours to guess.
 */
#include "app/meme_webp.h"

#include "app/meme_limits.h"

#include <webp/decode.h>

static bool fail_status(VP8StatusCode status, struct meme_error *err)
{
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return meme_fail(err, MEME_OUT_OF_MEMORY, "not enough memory to decode the WebP");
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return meme_fail(err, MEME_UNSUPPORTED_IMAGE, "the WebP uses a feature that is not supported");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return meme_fail(err, MEME_CORRUPT_IMAGE, "the WebP cannot be decoded: the file ends too early");
    default:
        return meme_fail(err, MEME_CORRUPT_IMAGE, "the WebP cannot be decoded: its data is damaged");
    }
}

/*
 * What libwebp allocates for a whole picture, besides the output that it scales by
 * rows: lossless keeps every pixel as 32 bits, lossy only the alpha plane, eight.
 */
static uint64_t work_bytes(const WebPBitstreamFeatures *f)
{
    uint64_t pixels = (uint64_t)f->width * (uint64_t)f->height;
    if (f->format == 1)
        return f->has_alpha ? pixels * 5 : 0; /* the alpha plane may be lossless itself */
    return pixels * 4;
}

/* Scales so that the longer side is max_side, never below one pixel. */
static void ask_for_size(WebPDecoderConfig *config, uint32_t max_side)
{
    uint32_t width = (uint32_t)config->input.width, height = (uint32_t)config->input.height;
    uint32_t longer = width > height ? width : height;
    if (longer <= max_side)
        return;
    uint32_t w = (uint32_t)((uint64_t)width * max_side / longer),
             h = (uint32_t)((uint64_t)height * max_side / longer);
    config->options.use_scaling = 1;
    config->options.scaled_width = w > 0 ? (int)w : 1;
    config->options.scaled_height = h > 0 ? (int)h : 1;
}

static bool take_rows(const WebPDecBuffer *out, uint32_t max_side, struct meme_rows *rows,
                      struct meme_error *err)
{
    if (!meme_rows_init(rows, (uint32_t)out->width, (uint32_t)out->height, max_side, err))
        return false;
    for (int y = 0; y < out->height; y++)
        meme_rows_put(rows, out->u.RGBA.rgba + (size_t)y * (size_t)out->u.RGBA.stride);
    return true;
}

bool meme_webp_decode(const uint8_t *data, size_t bytes, const struct meme_options *opt,
                      struct meme_rows *rows, struct meme_error *err)
{
    WebPDecoderConfig config;
    *rows = (struct meme_rows){0};
    if (!WebPInitDecoderConfig(&config))
        return meme_fail(err, MEME_INTERNAL, "libwebp does not fit its headers");
    VP8StatusCode status = WebPGetFeatures(data, bytes, &config.input);
    if (status != VP8_STATUS_OK)
        return fail_status(status, err);
    if (config.input.has_animation)
        return meme_fail(err, MEME_UNSUPPORTED_IMAGE, "the WebP is animated; send a still picture");
    if (!meme_limits_check("WebP", (uint64_t)config.input.width, (uint64_t)config.input.height, &opt->limits,
                           err) ||
        !meme_limits_check_work("WebP", work_bytes(&config.input), &opt->limits, err))
        return false;

    ask_for_size(&config, opt->max_output_side);
    config.output.colorspace = MODE_RGBA;
    status = WebPDecode(data, bytes, &config);
    bool ok = status == VP8_STATUS_OK ? take_rows(&config.output, opt->max_output_side, rows, err)
                                      : fail_status(status, err);
    WebPFreeDecBuffer(&config.output);
    return ok;
}

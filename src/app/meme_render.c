/* SPDX-License-Identifier: MIT */
/*
 * A meme from its request. See meme_render.h.
 */
#include "app/meme_render.h"

#include "app/meme_image.h"
#include "app/meme_jpeg.h"
#include "app/meme_request.h"
#include "app/meme_text.h"

bool meme_render_image(const uint8_t *image, size_t image_bytes, const char *top, const char *bottom,
                       const struct meme_options *opt, uint8_t **jpeg, size_t *jpeg_bytes,
                       struct meme_error *err)
{
    cairo_surface_t *surface;
    *jpeg = NULL;
    *jpeg_bytes = 0;
    if (!meme_image_decode(image, image_bytes, opt, &surface, err))
        return false;
    bool ok = meme_text_draw(surface, top, bottom, opt->font, err) &&
              meme_jpeg_encode(surface, opt->jpeg_quality, jpeg, jpeg_bytes, err);
    cairo_surface_destroy(surface);
    return ok;
}

bool meme_render(const void *body, size_t body_bytes, const struct meme_options *opt, uint8_t **jpeg,
                 size_t *jpeg_bytes, struct meme_error *err)
{
    struct meme_request request;
    *jpeg = NULL;
    *jpeg_bytes = 0;
    if (!meme_request_parse(body, body_bytes, &opt->limits, &request, err))
        return false;
    bool ok = meme_render_image(request.image, request.image_bytes, request.top, request.bottom, opt, jpeg,
                                jpeg_bytes, err);
    meme_request_fini(&request);
    return ok;
}

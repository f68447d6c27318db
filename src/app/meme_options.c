/* SPDX-License-Identifier: MIT */
/*
 * The defaults of the meme service. meme_options.h says where each comes from.
 */
#include "app/meme_options.h"

struct meme_options meme_options_default(void)
{
    return (struct meme_options){
        .limits =
            {
                .max_body_bytes = 24u << 20,
                .max_image_bytes = 16u << 20,
                .max_side = 16384,
                .max_pixels = 50000000,
                .max_work_bytes = 256u << 20,
                .max_text_chars = 400,
            },
        .max_output_side = 2048,
        .jpeg_quality = 90,
        .font = NULL,
    };
}

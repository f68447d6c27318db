/* SPDX-License-Identifier: MIT */
/* The sentence that says why a call failed and what to do about it. */
#ifndef WEFT_LINK_WHY_H
#define WEFT_LINK_WHY_H

#include <stddef.h>

/* Writes the sentence, cut to `why_size` bytes with its NUL. `why` NULL: nobody asked. */
void link_why(char *why, size_t why_size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

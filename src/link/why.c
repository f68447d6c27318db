/* SPDX-License-Identifier: MIT */
/* Sentences for people, by the rules of vsnprintf. */
#include "link/why.h"

#include <stdarg.h>
#include <stdio.h>

void link_why(char *why, size_t why_size, const char *format, ...)
{
    va_list args;

    if (!why || why_size == 0)
        return;
    va_start(args, format);
    vsnprintf(why, why_size, format, args);
    va_end(args);
}

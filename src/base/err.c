/* SPDX-License-Identifier: MIT */
/* Names, texts and errno values of the errors (weft/err.h): a table that the one list makes. */
#include <weft/err.h>

#include <errno.h>
#include <stddef.h>

struct error_info {
    const char *name, *text;
    int errno_value;
};

/* The entry of an error code, or NULL for 0 and for what is none. */
static const struct error_info *find_info(int error)
{
    static const struct error_info infos[] = {
#define ERROR_INFO(name, errno_name, text) {#name, text, errno_name},
        WEFT_ERRORS(ERROR_INFO)
#undef ERROR_INFO
    };

    if (error <= WEFT_ERR_FIRST_ || error >= WEFT_ERR_END_)
        return NULL;
    return &infos[error - WEFT_ERR_FIRST_ - 1];
}

const char *weft_strerror(int error)
{
    const struct error_info *info = find_info(error);

    if (error == 0)
        return "success";
    return info ? info->text : "unknown error";
}

const char *weft_errname(int error)
{
    const struct error_info *info = find_info(error);

    if (error == 0)
        return "OK";
    return info ? info->name : "?";
}

int weft_errno(int error)
{
    const struct error_info *info = find_info(error);

    if (error == 0)
        return 0;
    return info ? info->errno_value : EIO;
}

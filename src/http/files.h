/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the file server share:
 *
 *     files.c       from a request to an answer
 *     files_open.c  from a path to a descriptor, and never out of the root
 *     files_list.c  a directory as a page
 *     mime.c        types
 */
#ifndef WEFT_HTTP_FILES_H
#define WEFT_HTTP_FILES_H

#include <sys/stat.h>

#include <weft/http.h>

struct http_file;

struct weft_http_files {
    int root;         /* O_PATH descriptor */
    bool has_openat2; /* the kernel has it, and lets us */
    bool listing, dotfiles;
    uint32_t max_entries;
    char *prefix, *index;
    char *cache_control;     /* NULL: none */
    struct http_file *stock; /* records of files that are closed */
};

/* --- files_open.c --- */

/*
 * Opens what a decoded path below the root names, for reading; the path may be
 * empty or end with '/'. Gives its status through `stat`. Returns a
 * descriptor, or a negative errno: ENOENT for all that is not to be seen.
 */
int http_files_open(const struct weft_http_files *files, const char *path, struct stat *stat);

/* Finds out whether openat2 can be used. */
bool http_files_has_openat2(int root);

/* --- files_list.c --- */

/* Answers with a page that shows a directory; takes `fd`. `path` is the whole decoded path, with '/' at its end. */
void http_files_list(const struct weft_http_files *files, struct weft_http_req *req, int fd,
                     const char *path);

/* Percent-encodes a path, all but '/' and what RFC 3986 3.3 lets stand. Returns the length; writes nothing beyond `size`,
 * and a NUL if there is room. */
size_t http_files_encode(const char *path, char *out, size_t size);

#endif

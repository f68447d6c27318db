/* SPDX-License-Identifier: MIT */
/*
 * Files of a directory over HTTP.
 *
 * Owns    what a request for a file is answered with.
 * Never   reads ahead: each piece is read when the socket has room for it, into
 *         the block that is then lent to it.
 *
 * A file that is changed while it is being sent may be sent half old and half
 * new; one that is cut short cuts its answer short, which the client sees.
 */
#define _GNU_SOURCE /* O_PATH */

#include "http/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/mime.h"
#include "http/server.h"

/* One file on its way. */
struct http_file {
    struct weft_http_entity entity; /* first */
    struct weft_http_files *files;
    struct http_file *next_free;
    int fd;
    char etag[3 * 16 + 8];
};

/* A change within the clock's own grain could go unseen for as long as this after a file was modified: two seconds,
 * as the coarsest file systems have it. */
#define GRAIN_SECONDS 2

static ptrdiff_t read_file(struct weft_http_entity *entity, uint64_t off, void *buf, size_t len)
{
    const struct http_file *file = (const struct http_file *)entity;
    ssize_t got;

    do
        got = pread(file->fd, buf, len, (off_t)off);
    while (got < 0 && errno == EINTR);
    return got > 0 ? got : WEFT_E_IO;
}

static void close_file(struct weft_http_entity *entity)
{
    struct http_file *file = (struct http_file *)entity;

    close(file->fd);
    file->next_free = file->files->stock;
    file->files->stock = file;
}

static struct http_file *take_file(struct weft_http_files *files)
{
    struct http_file *file = files->stock;

    if (file)
        files->stock = file->next_free;
    else
        file = malloc(sizeof(*file));
    return file;
}

/*
 * RFC 9110 8.8.3: what changes with every change of the content. A file that
 * has only just been modified may be modified again with the same time: its
 * tag is weak (8.8.1) until that cannot be any more.
 */
static void write_etag(struct http_file *file, const struct stat *stat, int64_t now)
{
    bool is_fresh = now != WEFT_HTTP_NO_DATE && now - stat->st_mtim.tv_sec < GRAIN_SECONDS;

    snprintf(file->etag, sizeof(file->etag), "%s\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
             is_fresh ? "W/" : "", (uint64_t)stat->st_ino, (uint64_t)stat->st_size,
             (uint64_t)stat->st_mtim.tv_sec * 1000000000u + (uint64_t)stat->st_mtim.tv_nsec);
}

/* Takes `fd`. */
static void answer_file(struct weft_http_files *files, struct weft_http_req *req, int fd,
                        const struct stat *stat, const char *name)
{
    struct http_file *file = take_file(files);

    if (!file) {
        close(fd);
        weft_http_answer_error(req, 503, NULL);
        return;
    }
    file->files = files;
    file->fd = fd;
    write_etag(file, stat, http_server_clock(req->conn->server));
    file->entity = (struct weft_http_entity){
        .etag = file->etag,
        .modified = stat->st_mtim.tv_sec,
        .length = (uint64_t)stat->st_size,
        .type = http_mime_type(name),
        .read_at = read_file,
        .close = close_file,
    };
    weft_http_answer(req, 200);
    if (files->cache_control)
        weft_http_answer_field(req, "Cache-Control", files->cache_control);
    weft_http_answer_field(req, "X-Content-Type-Options", "nosniff");
    weft_http_answer_entity(req, &file->entity);
}

static void answer_errno(struct weft_http_req *req, int error)
{
    switch (error) {
    case -ENOENT:
        weft_http_answer_error(req, 404, NULL);
        break;
    case -EACCES:
    case -EPERM:
        weft_http_answer_error(req, 403, NULL);
        break;
    case -EMFILE:
    case -ENFILE:
    case -ENOMEM:
        weft_http_answer_error(req, 503, "too many files are open");
        break;
    default:
        weft_http_answer_error(req, 500, "the file cannot be opened");
    }
}

/* To the same path with '/' at its end, so that relative links in what is shown mean what they should. */
static void redirect_to_directory(struct weft_http_req *req)
{
    const char *path = weft_http_req_path(req), *query = weft_http_req_query(req);
    size_t size = strlen(path) * 3 + (query ? strlen(query) : 0) + 3;
    char *location = malloc(size);
    size_t len;

    if (!location) {
        weft_http_answer_error(req, 503, NULL);
        return;
    }
    len = http_files_encode(path, location, size);
    snprintf(location + len, size - len, "/%s%s", query ? "?" : "", query ? query : "");
    weft_http_answer(req, 301);
    weft_http_answer_field(req, "Location", location);
    weft_http_answer_bytes(req, NULL, 0);
    free(location);
}

/* `path` is below the root and ends with '/' or is empty. Takes `fd`, the directory. */
static void answer_directory(struct weft_http_files *files, struct weft_http_req *req, int fd,
                             const char *path)
{
    size_t size = strlen(path) + strlen(files->index) + 1;
    char *index = malloc(size);
    struct stat stat;
    int found = -ENOMEM;

    if (index) {
        snprintf(index, size, "%s%s", path, files->index);
        found = http_files_open(files, index, &stat);
        free(index);
    }
    if (found >= 0 && S_ISDIR(stat.st_mode)) {
        close(found);
        found = -ENOENT;
    }
    if (found == -ENOENT && files->listing) {
        http_files_list(files, req, fd, weft_http_req_path(req));
        return;
    }
    close(fd);
    if (found >= 0)
        answer_file(files, req, found, &stat, files->index);
    else
        answer_errno(req, found);
}

void weft_http_files_handle(struct weft_http_req *req, void *user)
{
    struct weft_http_files *files = user;
    const char *path = weft_http_req_path(req);
    size_t prefix = strlen(files->prefix), len = strlen(path);
    struct stat stat;
    int fd;

    if (strncmp(path, files->prefix, prefix) != 0) {
        weft_http_answer_error(req, 404, NULL);
        return;
    }
    path += prefix;
    len -= prefix;
    fd = http_files_open(files, path, &stat);
    if (fd < 0) {
        answer_errno(req, fd);
    } else if (S_ISREG(stat.st_mode)) {
        answer_file(files, req, fd, &stat, path);
    } else if (len && path[len - 1] != '/') {
        close(fd);
        redirect_to_directory(req);
    } else {
        answer_directory(files, req, fd, path);
    }
}

/* --- Life --- */

static int explain(int error, const char *root, char *why, size_t why_size)
{
    if (why && why_size)
        snprintf(why, why_size, "%s cannot be served: %s", root, strerror(error));
    switch (error) {
    case ENOENT:
        return WEFT_E_NOTFOUND;
    case EACCES:
    case EPERM:
        return WEFT_E_PERM;
    case ENOTDIR:
        return WEFT_E_INVAL;
    case ENOMEM:
        return WEFT_E_NOMEM;
    default:
        return WEFT_E_IO;
    }
}

static bool copy_texts(struct weft_http_files *files, const struct weft_http_files_config *config)
{
    files->prefix = strdup(config->prefix ? config->prefix : "/");
    files->index = strdup(config->index ? config->index : "index.html");
    files->cache_control = config->cache_control ? strdup(config->cache_control) : NULL;
    return files->prefix && files->index && (files->cache_control || !config->cache_control);
}

int weft_http_files_new(const struct weft_http_files_config *config, struct weft_http_files **out, char *why,
                        size_t why_size)
{
    struct weft_http_files *files = calloc(1, sizeof(*files));

    if (!files)
        return explain(ENOMEM, config->root, why, why_size);
    files->root = open(config->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (files->root < 0 || !copy_texts(files, config)) {
        int error = files->root < 0 ? errno : ENOMEM;

        weft_http_files_free(files);
        return explain(error, config->root, why, why_size);
    }
    files->has_openat2 = http_files_has_openat2(files->root);
    files->listing = config->listing;
    files->dotfiles = config->dotfiles;
    files->max_entries = config->max_entries ? config->max_entries : 10000;
    *out = files;
    return 0;
}

void weft_http_files_free(struct weft_http_files *files)
{
    if (!files)
        return;
    while (files->stock) {
        struct http_file *file = files->stock;

        files->stock = file->next_free;
        free(file);
    }
    if (files->root >= 0)
        close(files->root);
    free(files->prefix);
    free(files->index);
    free(files->cache_control);
    free(files);
}

/* SPDX-License-Identifier: MIT */
/*
 * From a path to a descriptor.
 *
 * Owns    the promise that nothing outside the root is opened.
 * Never   trusts a path, though it has been decoded and freed of dot segments.
 *
 * openat2(2) keeps the kernel itself from leaving the root: symbolic links
 * work as long as they stay inside. Where it is missing, each part of the path
 * is opened by itself and no link is followed at all.
 */
#define _GNU_SOURCE /* O_PATH */

#include "http/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

/* A FIFO or a terminal must neither stop us nor take hold of us. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* When a part of the path was renamed meanwhile, the kernel cannot tell and asks to try again. Ours. */
#define OPEN_TRIES 16

static int open_beneath(int root, const char *path, unsigned flags)
{
    struct open_how how = {.flags = flags, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    unsigned tries = 0;
    long fd;

    do
        fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
    while (fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < OPEN_TRIES);
    return fd < 0 ? -errno : (int)fd;
}

bool http_files_has_openat2(int root)
{
    int fd = open_beneath(root, ".", O_PATH | O_CLOEXEC);

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static int open_one(int dir, const char *name, int flags)
{
    int fd = openat(dir, name, flags | O_NOFOLLOW);

    return fd < 0 ? -errno : fd;
}

/* Part by part; the last with the flags of a file. */
static int open_in_steps(int root, const char *path)
{
    char name[256];
    int dir = root, fd;

    for (;;) {
        size_t len = strcspn(path, "/");
        bool is_last = !path[len] || !path[len + 1];

        if (len >= sizeof(name))
            fd = -ENAMETOOLONG;
        else {
            memcpy(name, path, len);
            name[len] = '\0';
            fd = open_one(dir, len ? name : ".", is_last ? OPEN_FLAGS : O_PATH | O_CLOEXEC | O_DIRECTORY);
        }
        if (dir != root)
            close(dir);
        if (fd < 0 || is_last)
            return fd;
        dir = fd;
        path += len + 1;
    }
}

/* Every part may be shown: it is not empty, not "..", and hidden only if hidden ones are served. */
static bool may_be_seen(const struct weft_http_files *files, const char *path)
{
    while (*path) {
        size_t len = strcspn(path, "/");

        if (len == 0 || (path[0] == '.' && !files->dotfiles))
            return false;
        if ((len == 1 && path[0] == '.') || (len == 2 && path[0] == '.' && path[1] == '.'))
            return false;
        path += len;
        path += *path == '/';
    }
    return true;
}

/* What tells too much of what lies outside, or of how, is not there at all. */
static int hide(int error)
{
    switch (error) {
    case -ENOTDIR:
    case -ELOOP:
    case -EXDEV:
    case -ENAMETOOLONG:
    case -ENXIO:
    case -EINVAL:
        return -ENOENT;
    default:
        return error;
    }
}

int http_files_open(const struct weft_http_files *files, const char *path, struct stat *stat)
{
    size_t len = strlen(path);
    int fd;

    if (!may_be_seen(files, path))
        return -ENOENT;
    if (files->has_openat2)
        fd = open_beneath(files->root, len ? path : ".", OPEN_FLAGS);
    else
        fd = open_in_steps(files->root, path);
    if (fd < 0)
        return hide(fd);
    if (fstat(fd, stat) == 0 &&
        (S_ISDIR(stat->st_mode) || (S_ISREG(stat->st_mode) && (!len || path[len - 1] != '/'))))
        return fd;
    close(fd);
    return -ENOENT;
}

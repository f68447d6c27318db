/* SPDX-License-Identifier: MIT */
/*
 * unshare(2), with and without root.
 */
#include "cli/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = write(fd, text, strlen(text));
    close(fd);
    return n == (ssize_t)strlen(text);
}

/* user_namespaces(7): one user and one group of the outside, ours, are root inside; setgroups must be
 * given up before an unprivileged process may write its gid_map. */
static bool map_to_root(uid_t uid, gid_t gid)
{
    char map[32];

    if (!write_file("/proc/self/setgroups", "deny"))
        return false;
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
    if (!write_file("/proc/self/gid_map", map))
        return false;
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
    return write_file("/proc/self/uid_map", map);
}

/* The kernel's side would ask for IPv6 routers and neighbours, which only clutters what there is to
 * see. Where it cannot be switched off, it stays. */
static void quieten(void)
{
    write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

int netns_enter_own(const struct cli *cli)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(CLONE_NEWNET) == 0) {
        quieten();
        return CLI_OK;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return cli_failed(
            cli,
            "a network namespace of its own is not allowed here (%s); run it as root, or let users\n"
            "  have namespaces: sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000",
            strerror(errno));
    if (!map_to_root(uid, gid))
        return cli_failed(cli, "the user namespace could not be set up: %s; run it as root", strerror(errno));
    quieten();
    return CLI_OK;
}

void netns_shell_command(int pid, bool was_root, char *buf, size_t size)
{
    if (was_root)
        snprintf(buf, size, "nsenter --net --target %d", pid);
    else
        snprintf(buf, size, "nsenter --user --net --preserve-credentials --target %d", pid);
}

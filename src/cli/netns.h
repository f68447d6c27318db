/* SPDX-License-Identifier: MIT */
/*
 * A network namespace of our own, so that nothing on this machine's network is
 * disturbed.
 */
#ifndef WEFT_CLI_NETNS_H
#define WEFT_CLI_NETNS_H

#include "cli/cli.h"

/*
 * Moves this process into a new network namespace, in which it may set up
 * devices: by itself as root, else in a user namespace in which it appears to be root.
 * To be called before any thread exists. Returns CLI_OK, or CLI_FAILED when it has said
 * what keeps it from doing so and what to do.
 */
int netns_enter_own(const struct cli *cli);

/* The command that opens a shell in the namespace of process `pid`; for messages. Writes at most `size` bytes. */
void netns_shell_command(int pid, bool was_root, char *buf, size_t size);

#endif

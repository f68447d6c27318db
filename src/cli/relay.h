/* SPDX-License-Identifier: MIT */
/*
 * A door into a network namespace: connections to a port on this machine's
 * loopback are carried, by the kernel's own TCP on both sides, to an address
 * that only the namespace reaches. It lets a browser of this machine see what weft
 * serves in there.
 *
 * Owns    a process of its own, and one more for each connection; they end by
 *         relay_stop, or with the process that started them.
 */
#ifndef WEFT_CLI_RELAY_H
#define WEFT_CLI_RELAY_H

#include <sys/types.h>
#include <weft/types.h>

/*
 * Listens on 127.0.0.1, on `port` or, when that is taken, on any free one. To
 * be called in the namespace that the door opens to. Gives the port through
 * `port`. Returns the descriptor or -1.
 */
int relay_listen(uint16_t *port);

/*
 * Starts the process that accepts on `listener` and connects to `target` from
 * the namespace that the caller is in now. Closes `listener` here. To be
 * called before any thread exists. Returns the process, for relay_stop, or -1.
 */
pid_t relay_start(int listener, const struct weft_endpoint *target);

/* Ends that process and those of its connections, and waits until they are gone. */
void relay_stop(pid_t relay);

#endif

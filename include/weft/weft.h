/* SPDX-License-Identifier: MIT */
/*
 * weft: an Internet stack in user space.
 *
 * Conventions of all headers
 *
 *   Names       public names begin with weft_ or WEFT_. RFC terms are used as
 *               the RFCs use them.
 *   Units       stand in the name or in the comment. Times are microseconds
 *               (weft_time), sizes bytes, ports and numbers host byte order;
 *               addresses are kept as they stand on the wire.
 *   Results     0 is success, a positive number is a count, a negative number
 *               is one of WEFT_E_… (err.h). A function that *gives* something
 *               through a pointer leaves it alone when it fails.
 *   Ownership   a function *borrows* what a pointer shows unless it says that
 *               it *takes* it. What it takes it takes even when it fails. What
 *               it *gives* is then the caller's.
 *   NULL        is not allowed for a pointer unless the comment says so.
 *   Zero        in a configuration means the default, which the comment tells.
 *   Threads     everything belongs to one thread at a time unless the comment
 *               says otherwise. There is no hidden shared state.
 *   Memory      the packet path never allocates from the system. When a
 *               configured size is used up, calls say so and packets are
 *               dropped and counted; nothing crashes.
 *   Symbols     what these headers declare, and nothing else, is visible in the
 *               library (the visibility pragmas, and src/weft.map).
 *   Hostility   whatever arrives from a network is normal input: it is
 *               counted, traced and dropped by rule.
 */
#ifndef WEFT_H
#define WEFT_H

#include <weft/congestion.h>
#include <weft/err.h>
#include <weft/link.h>
#include <weft/loop.h>
#include <weft/pkt.h>
#include <weft/sim.h>
#include <weft/socket.h>
#include <weft/stack.h>
#include <weft/stats.h>
#include <weft/tcp_ao.h>
#include <weft/trace.h>
#include <weft/types.h>

#endif

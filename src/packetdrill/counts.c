/* SPDX-License-Identifier: MIT */
/*
 * Counters of the stack for those who ask from outside packetdrill: a line
 * "NAME VALUE" for each in the file that $WEFT_COUNTS names, under the names
 * that nstat(8) has for them, so that a stand-in for it can answer a script.
 *
 * Owns    which of weft's counters bear which of Linux' names.
 */
#include "packetdrill/plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    bool is_drop;
    unsigned number;
} counters[] = {
    {"TcpActiveOpens", false, WEFT_COUNT_TCP_ACTIVE_OPENS},
    {"TcpPassiveOpens", false, WEFT_COUNT_TCP_PASSIVE_OPENS},
    {"TcpRetransSegs", false, WEFT_COUNT_TCP_RETRANS_SEGS},
    {"TcpExtTCPFastOpenActive", false, WEFT_COUNT_TCP_FAST_OPENS_ACTIVE},
    {"TcpExtTCPFastOpenPassive", false, WEFT_COUNT_TCP_FAST_OPENS_PASSIVE},
    {"TcpExtTCPLossProbes", false, WEFT_COUNT_TCP_TAIL_PROBES},
    {"TcpExtOutOfWindowIcmps", true, WEFT_DROP_ICMP_NOT_IN_FLIGHT},
};

#define COUNT (sizeof(counters) / sizeof(counters[0]))

static uint64_t value_of(const struct weft_stats *stats, unsigned i)
{
    return counters[i].is_drop ? stats->drop[counters[i].number] : stats->count[counters[i].number];
}

void counts_update(struct plugin *p)
{
    const char *path = getenv("WEFT_COUNTS");
    const struct weft_stats *stats = weft_stats(p->stack);
    uint64_t sum = 0;
    FILE *out;

    for (unsigned i = 0; path && i < COUNT; i++)
        sum += value_of(stats, i);
    if (sum == p->counted)
        return;
    p->counted = sum;
    out = fopen(path, "w");
    if (!out)
        return;
    for (unsigned i = 0; i < COUNT; i++)
        fprintf(out, "%s %" PRIu64 "\n", counters[i].name, value_of(stats, i));
    fclose(out);
}

/* SPDX-License-Identifier: MIT */
/* Segments that are authenticated: RFC 5925. Whether a MAC is right nobody can tell who has no key. */
#include "check/model.h"

void check_rules_auth(const struct check_view *v)
{
    const struct wire_tcp_opts *opts = &v->seg->opts;
    const struct check_syn *syn = &v->me->syn;

    if (opts->has_ao && opts->has_md5)
        check_report(v, CHECK_AO_MD5, 0, "the segment has AO and MD5");
    if (check_is_syn(v->seg) || !syn->seen)
        return;
    if (opts->has_ao && !syn->has_ao)
        check_report(v, CHECK_AO_PLACE, syn->packet, "the segment has AO, and its sender's SYN had none");
    /* Who has lost its connection has lost its numbers, too: its resets cannot have AO (RFC 5925 7.7). */
    if (!opts->has_ao && syn->has_ao && !check_is_rst(v->seg))
        check_report(v, CHECK_AO_MISSING, syn->packet, "the segment has no AO, and its sender's SYN had");
}

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Writes the grid of packet scripts: each event in each state at each position,
with and without timestamps.

    tests/script/grid.py OUT_DIR [STAMP_FILE]

What must happen is derived here from RFC 9293 3.10.7, RFC 5961 and RFC 1337, by
the tables below; nothing is recorded from what the stack does. A script is
OUT_DIR/STATE[-ts]/EVENT-POSITION.pkt.

States     as in RFC 9293 3.3.2; SYN-RECEIVED after a passive and after an
           active (simultaneous) opening
Events     RST, SYN, FIN, data, data with URG, a segment without ACK, an ACK;
           the user's OPEN, SEND, RECEIVE, CLOSE, ABORT
Positions  of a sequence number: below, exact, inside, last, beyond the window;
           of an acknowledgement: ancient, old, same, new, unsent
"""

import shutil
import sys
from pathlib import Path

WINDOW = 10000
PEER_WINDOW = 2000


class State:
    """A connection that has been brought into a state: how, and the numbers it then has."""

    def __init__(self, name, lines, una, nxt, rcv, takes_data=False, had_fin=False, passive=True):
        self.name, self.lines = name, lines
        self.una, self.nxt, self.rcv = una, nxt, rcv
        self.takes_data = takes_data  # what the peer sends is for somebody
        self.had_fin = had_fin        # the peer's FIN has been taken: rcv is behind it
        self.passive = passive
        self.key = name.lower()


class Writer:
    """Segments in script notation, with timestamps or without."""

    def __init__(self, ts):
        self.ts = ts
        self.opt = " <nop,nop,TS val * ecr *>" if ts else ""
        self.syn = " <mss 1000,nop,nop,TS val * ecr *,nop,wscale 0>" if ts else " <mss 1000>"
        self.our_syn_ack = " <mss 1460,nop,nop,TS val * ecr *,nop,wscale 0>" if ts else " <mss 1460>"

    def peer(self, flags, seq, length=0, ack=None, rest="", win=PEER_WINDOW):
        opts = self.opt if "R" not in flags else ""
        if "S" in flags:
            opts = self.syn
        acks = f" ack {ack}" if ack is not None else ""
        return f"+0  < {flags} {seq}:{seq + length}({length}){acks} win {win}{rest}{opts}"

    def we(self, flags, seq, length=0, ack=None, opts=None):
        acks = f" ack {ack}" if ack is not None else ""
        if opts is None:
            opts = " <...>" if "R" in flags and self.ts else self.opt
        return f"+0  > {flags} {seq}:{seq + length}({length}){acks}{opts}"


def opening(w):
    return ["+0  listen", w.peer("S", 0), w.we("S.", 0, 0, 1, w.our_syn_ack)]


def established(w):
    """With 100 bytes sent and acknowledged, so that older numbers exist."""
    return opening(w) + ["+.1", "+0  accept", "+0  write 100", w.we("P.", 1, 100, 1), w.peer(".", 1, 0, 101)]


def states(w):
    """Every state, each as a State. The '+.1' of established() goes with the ACK that ends the handshake."""
    est = [line for line in established(w)]
    at = est.index("+.1")
    est[at] = "+.1 " + w.peer(".", 1, 0, 1)[4:]
    fin_wait_1 = est + ["+0  shutdown wr", w.we("F.", 101, 0, 1)]
    fin_wait_2 = fin_wait_1 + [w.peer(".", 1, 0, 102)]
    close_wait = est + [w.peer("F.", 1, 0, 101), w.we(".", 101, 0, 2)]
    closing = fin_wait_1 + [w.peer("F.", 1, 0, 101), w.we(".", 102, 0, 2)]
    last_ack = close_wait + ["+0  shutdown wr", w.we("F.", 101, 0, 2)]
    time_wait = fin_wait_2 + [w.peer("F.", 1, 0, 102), w.we(".", 102, 0, 2)]
    our_syn = " <...>"
    simultaneous = ["+0  connect", w.we("S", 0, 0, None, our_syn), w.peer("S", 0), w.we("S.", 0, 0, 1, our_syn)]
    return [
        State("SYN-RECEIVED", opening(w), 0, 1, 1, takes_data=True),
        State("SYN-RECEIVED", simultaneous, 0, 1, 1, takes_data=True, passive=False),
        State("ESTABLISHED", est, 101, 101, 1, takes_data=True),
        State("FIN-WAIT-1", fin_wait_1, 101, 102, 1, takes_data=True),
        State("FIN-WAIT-2", fin_wait_2, 102, 102, 1, takes_data=True),
        State("CLOSE-WAIT", close_wait, 101, 101, 2, had_fin=True),
        State("CLOSING", closing, 101, 102, 2, had_fin=True),
        State("LAST-ACK", last_ack, 101, 102, 2, had_fin=True),
        State("TIME-WAIT", time_wait, 102, 102, 2, had_fin=True),
    ]


POSITIONS = {"below": -1, "exact": 0, "inside": 10, "last": WINDOW - 1, "beyond": WINDOW}


def offset_of(position, s):
    """From RCV.NXT. The right edge of the window stays where it was when a FIN has been taken: one number does not
    move it (receiver's silly window avoidance)."""
    return POSITIONS[position] - (s.rcv - 1 if position == "last" else 0)


class Case:
    def __init__(self, name, what, requires, lines):
        self.name, self.what, self.requires, self.lines = name, what, requires, lines


# --- What shows that nothing has changed, or that all is over --------------------


def lives(w, s):
    """The connection goes on, and RCV.NXT is where it was."""
    if s.name == "SYN-RECEIVED":
        lines = [w.peer(".", s.rcv, 0, 1), "+0  state ESTABLISHED"]
        return lines + (["+0  accept"] if s.passive else [])
    if s.takes_data:
        return [w.peer("P.", s.rcv, 1, s.nxt if s.name != "FIN-WAIT-1" else s.una), w.we(".", s.nxt, 0, s.rcv + 1)]
    return [w.peer("F.", s.rcv - 1, 0, s.una), w.we(".", s.nxt, 0, s.rcv)]


def unchanged(w, s):
    return [f"+0  state {s.name}"] + lives(w, s)


def is_over(w, s, state="CLOSED"):
    """Nobody is there any more: an ACK is answered by RST."""
    return [f"+0  state {state}", w.peer(".", s.rcv, 0, s.nxt), f"+0  > R {s.nxt}:{s.nxt}(0)"]


def challenge(w, s):
    return w.we(".", s.nxt, 0, s.rcv)


# --- Second: RST ------------------------------------------------------------------


def rst_cases(w, s):
    errors = {"SYN-RECEIVED": "CONNREFUSED", "ESTABLISHED": "CONNRESET", "FIN-WAIT-1": "CONNRESET",
              "FIN-WAIT-2": "CONNRESET", "CLOSE-WAIT": "CONNRESET", "CLOSING": "OK", "LAST-ACK": "OK"}
    for position in POSITIONS:
        offset = offset_of(position, s)
        for flags in ("R", "R."):
            segment = w.peer(flags, s.rcv + offset, 0, s.nxt if "." in flags else None)
            name = f"rst{'-ack' if '.' in flags else ''}-{position}"
            if s.name == "TIME-WAIT":
                yield Case(name, "an RST does not end TIME-WAIT (RFC 1337 3, fix F1)", "RFC1337-3",
                           [segment] + unchanged(w, s))
            elif position in ("below", "beyond"):
                yield Case(name, "an RST outside the window is dropped without a word", "RFC9293-3.10.7.4, RFC5961-3.2",
                           [segment] + unchanged(w, s))
            elif position == "exact":
                over = is_over(w, s, "LISTEN" if s.name == "SYN-RECEIVED" and s.passive else "CLOSED")
                told = [] if s.name == "SYN-RECEIVED" and s.passive else [f"+0  error = {errors[s.name]}"]
                yield Case(name, "an RST with the exact number ends the connection", "RFC9293-3.10.7.4, MUST-12",
                           [segment] + told + over)
            else:
                yield Case(name, "an RST elsewhere in the window is challenged", "RFC9293-3.10.7.4, RFC5961-3.2, MAY-12",
                           [segment, challenge(w, s)] + unchanged(w, s))


# --- Fourth: SYN -------------------------------------------------------------------


def syn_cases(w, s):
    for position in POSITIONS:
        offset = offset_of(position, s)
        segment = w.peer("S", s.rcv + offset)
        name = f"syn-{position}"
        if s.name == "TIME-WAIT":
            if w.ts or position == "exact":
                continue  # left to the implementation, or to scripts of their own
            if position == "below":
                yield Case(name, "an old SYN is acknowledged", "RFC9293-3.10.7.4, MUST-13",
                           [segment, challenge(w, s)] + unchanged(w, s))
            else:
                yield Case(name, "a SYN above the old numbers opens anew, with a larger number of ours",
                           "MAY-2, RFC1122-4.2.2.13",
                           [segment, w.we("S.", 0, 0, s.rcv + offset + 1, w.our_syn_ack), "+0  expect isn_step > 102",
                            "+0  state SYN-RECEIVED"])
        elif s.name == "SYN-RECEIVED" and s.passive and position == "below":
            # RFC 9293 asks for an ACK; one that has our SYN serves a peer that never saw it.
            yield Case(name, "the same SYN again is acknowledged, with ours", "RFC9293-3.10.7.4",
                       [segment, w.we("S.", 0, 0, 1, w.our_syn_ack)] + unchanged(w, s))
        elif s.name == "SYN-RECEIVED" and s.passive and position != "beyond":
            yield Case(name, "a SYN in the window returns a passive opening to LISTEN", "RFC9293-3.10.7.4, MUST-11",
                       [segment, "+0  > nothing", "+0  state LISTEN"])
        else:
            yield Case(name, "a SYN is challenged, wherever it lies", "RFC9293-3.10.7.4, RFC5961-4.2, MAY-12",
                       [segment, challenge(w, s)] + unchanged(w, s))


# --- Fifth: ACK ----------------------------------------------------------------------


def no_ack_cases(w, s):
    for position in ("exact", "inside"):
        segment = w.peer("P", s.rcv + POSITIONS[position], 10)
        yield Case(f"no-ack-{position}", "a segment without ACK is dropped", "RFC9293-3.10.7.4",
                   [segment] + unchanged(w, s))


def ack_cases(w, s):
    ahead = w.peer(".", s.rcv, 0, s.nxt + 1)
    if s.name == "SYN-RECEIVED":
        for name, ack in (("same", 0), ("unsent", 2)):
            yield Case(f"ack-{name}", "an ACK that is not of our SYN is answered by RST", "RFC9293-3.10.7.4",
                       [w.peer(".", 1, 0, ack), f"+0  > R {ack}:{ack}(0)"] + unchanged(w, s))
        yield Case("ack-new", "the ACK of our SYN completes the handshake", "RFC9293-3.10.7.4", lives(w, s))
        return
    if s.name != "TIME-WAIT":
        yield Case("ack-unsent", "an ACK of what was not sent is answered and dropped", "RFC9293-3.10.7.4",
                   [ahead, challenge(w, s)] + unchanged(w, s))
        old = s.una - 1
        yield Case("ack-old", "an old ACK is ignored", "RFC9293-3.10.7.4", [w.peer(".", s.rcv, 0, old)] + unchanged(w, s))
        ancient = s.una - PEER_WINDOW - 1
        yield Case("ack-ancient", "an ACK older than the largest window is answered and dropped", "RFC5961-5.2, MAY-12",
                   [w.peer(".", s.rcv, 0, ancient), challenge(w, s)] + unchanged(w, s))
        oldest = s.una - PEER_WINDOW
        yield Case("ack-oldest", "the oldest ACK that may be is ignored", "RFC5961-5.2",
                   [w.peer(".", s.rcv, 0, oldest)] + unchanged(w, s))
    after = {"FIN-WAIT-1": "FIN-WAIT-2", "CLOSING": "TIME-WAIT", "LAST-ACK": "CLOSED"}
    if s.name in after:
        lines = [w.peer(".", s.rcv, 0, s.nxt)]
        if after[s.name] == "CLOSED":
            lines += is_over(w, s)
        else:
            lines += [f"+0  state {after[s.name]}"]
        yield Case("ack-new", f"the ACK of our FIN: {after[s.name]}", "RFC9293-3.10.7.4, RFC9293-3.6", lines)


# --- Seventh and eighth: text and FIN --------------------------------------------------


def text_cases(w, s):
    """Where text is for somebody: exact, with a part that is old, out of order, over the edge, outside."""
    ack_field = s.una if s.name == "FIN-WAIT-1" else s.nxt
    state = "ESTABLISHED" if s.name == "SYN-RECEIVED" else s.name
    accept = ["+0  accept"] if s.name == "SYN-RECEIVED" and s.passive else []
    for event, flags, urg in (("data", "P.", ""), ("urgent", "PU.", " urg 10")):
        def segment(offset, length):
            return w.peer(flags, s.rcv + offset, length, ack_field, urg)

        def acks(n):
            return w.we(".", s.nxt, 0, s.rcv + n)

        def reads(n):
            """Reading stops before the last urgent octet (RFC 6093, SIOCATMARK)."""
            return [f"+0  read {n}"] if event == "data" else [f"+0  read {n - 1}", "+0  read 1"]

        read = accept + reads(10) + ["+0  read = AGAIN"]
        yield Case(f"{event}-exact", "text in order is taken and acknowledged", "RFC9293-3.10.7.4, MUST-5",
                   [segment(0, 10), acks(10), f"+0  state {state}"] + read)
        if s.name == "SYN-RECEIVED":
            continue
        yield Case(f"{event}-overlap", "of text that is partly old the new part is taken", "RFC9293-3.10.7.4, SHLD-31",
                   [segment(0, 5), acks(5), segment(-5 + 5, 10), acks(10)] + read)
        yield Case(f"{event}-old", "old text is acknowledged and not taken again", "RFC9293-3.10.7.4",
                   [segment(0, 10), acks(10), segment(0, 10), acks(10)] + read)
        yield Case(f"{event}-inside", "text behind a hole is held, and a duplicate ACK goes at once",
                   "SHLD-31, MAY-13, RFC5681-4.2",
                   [segment(10, 10), acks(0), "+0  read = AGAIN", segment(0, 10), acks(20)] + reads(20))
        yield Case(f"{event}-last", "of text over the edge only what fits is held", "RFC9293-3.10.7.4",
                   [segment(WINDOW - 5, 10), acks(0), segment(0, WINDOW - 5), acks(WINDOW),
                    f"+0  read {WINDOW}", "+0  > " + w.we(".", s.nxt, 0, s.rcv + WINDOW)[6:], "+0  read = AGAIN"])
        yield Case(f"{event}-beyond", "text beyond the window is answered and dropped", "RFC9293-3.10.7.4",
                   [segment(WINDOW, 10), acks(0)] + unchanged(w, s))


def late_text_cases(w, s):
    """Behind the peer's FIN there is no text: RFC 9293 says that it should not occur and is ignored."""
    ack_field = s.una
    for event, flags, urg in (("data", "P.", ""), ("urgent", "PU.", " urg 10")):
        for position in ("exact", "inside"):
            yield Case(f"{event}-{position}", "text behind the peer's FIN is ignored", "RFC9293-3.10.7.4",
                       [w.peer(flags, s.rcv + POSITIONS[position], 10, ack_field, urg), "+.01 > ..."] +
                       (["+0  read = 0"] if s.name != "TIME-WAIT" else []) + unchanged(w, s))
        for position in ("below", "beyond"):
            offset = {"below": -10, "beyond": WINDOW}[position]
            yield Case(f"{event}-{position}", "text outside the window is acknowledged and dropped", "RFC9293-3.10.7.4",
                       [w.peer(flags, s.rcv + offset, 5, ack_field, urg), challenge(w, s)] + unchanged(w, s))


def fin_cases(w, s):
    if s.had_fin:
        yield Case("fin-below", "the same FIN again is acknowledged", "RFC9293-3.10.7.4",
                   [w.peer("F.", s.rcv - 1, 0, s.una), challenge(w, s)] + unchanged(w, s))
        yield Case("fin-beyond", "a FIN outside the window is acknowledged and dropped", "RFC9293-3.10.7.4",
                   [w.peer("F.", s.rcv + WINDOW, 0, s.una), challenge(w, s)] + unchanged(w, s))
        return
    after = {"SYN-RECEIVED": "CLOSE-WAIT", "ESTABLISHED": "CLOSE-WAIT", "FIN-WAIT-1": "CLOSING", "FIN-WAIT-2": "TIME-WAIT"}
    ack_field = s.una if s.name == "FIN-WAIT-1" else s.nxt
    taken = [w.we(".", s.nxt, 0, s.rcv + 1), f"+0  state {after[s.name]}"]
    accept = ["+0  accept"] if s.name == "SYN-RECEIVED" and s.passive else []
    told = ["+0  read = 0", "+0  events peer_closed"] if s.name != "FIN-WAIT-2" else ["+0  read = 0"]
    yield Case("fin-exact", f"the peer's FIN: {after[s.name]}", "RFC9293-3.10.7.4, RFC9293-3.6",
               [w.peer("F.", s.rcv, 0, ack_field)] + taken + accept + told)
    if s.name == "FIN-WAIT-1":
        yield Case("fin-with-ack", "the peer's FIN with the ACK of ours: TIME-WAIT", "RFC9293-3.10.7.4",
                   [w.peer("F.", s.rcv, 0, s.nxt), w.we(".", s.nxt, 0, s.rcv + 1), "+0  state TIME-WAIT"])
    if s.name == "SYN-RECEIVED":
        return
    yield Case("fin-with-data", "text and FIN in one segment", "RFC9293-3.10.7.4",
               [w.peer("FP.", s.rcv, 10, ack_field), w.we(".", s.nxt, 0, s.rcv + 11), f"+0  state {after[s.name]}",
                "+0  read 10", "+0  read = 0"])
    yield Case("fin-inside", "a FIN behind a hole waits for what is missing", "RFC9293-3.10.7.4, SHLD-31",
               [w.peer("F.", s.rcv + 10, 0, ack_field), w.we(".", s.nxt, 0, s.rcv), f"+0  state {s.name}",
                w.peer("P.", s.rcv, 10, ack_field), w.we(".", s.nxt, 0, s.rcv + 11), f"+0  state {after[s.name]}",
                "+0  read 10", "+0  read = 0"])
    yield Case("fin-beyond", "a FIN outside the window is acknowledged and dropped", "RFC9293-3.10.7.4",
               [w.peer("F.", s.rcv + WINDOW, 0, ack_field), challenge(w, s)] + unchanged(w, s))


# --- User calls -------------------------------------------------------------------------------


def call_cases(w, s):
    """RFC 9293 3.10.1 to 3.10.5, on a socket that is in this state."""
    if s.name == "SYN-RECEIVED" and s.passive:
        return  # there is no socket yet
    yield Case("call-open", "a connection cannot be opened again", "RFC9293-3.10.1",
               [f"+0  connect = {'ALREADY' if s.name == 'SYN-RECEIVED' else 'ISCONN'}", f"+0  state {s.name}"])
    if s.name == "SYN-RECEIVED":
        yield Case("call-send", "SEND waits for the connection", "RFC9293-3.10.2", ["+0  write 10 = AGAIN"] + lives(w, s))
    elif s.name in ("ESTABLISHED", "CLOSE-WAIT"):
        yield Case("call-send", "SEND sends", "RFC9293-3.10.2", ["+0  write 10", w.we("P.", s.nxt, 10, s.rcv)])
    else:
        yield Case("call-send", "SEND after CLOSE is refused: connection closing", "RFC9293-3.10.2",
                   ["+0  write 10 = PIPE"] + unchanged(w, s))
    result = "0" if s.had_fin else "AGAIN"
    yield Case("call-receive", "RECEIVE with nothing there", "RFC9293-3.10.3", [f"+0  read = {result}"] + unchanged(w, s))
    if s.name in ("ESTABLISHED", "CLOSE-WAIT"):
        after = "FIN-WAIT-1" if s.name == "ESTABLISHED" else "LAST-ACK"
        yield Case("call-close", f"CLOSE: FIN, and {after}", "RFC9293-3.10.4",
                   ["+0  close", w.we("F.", s.nxt, 0, s.rcv), f"+0  state {after}"])
    elif s.name == "SYN-RECEIVED":
        yield Case("call-close", "CLOSE waits for ESTABLISHED", "RFC9293-3.10.4",
                   ["+0  close", w.peer(".", 1, 0, 1), w.we("F.", 1, 0, 1), "+0  state FIN-WAIT-1"])
    else:
        yield Case("call-close", "CLOSE again changes nothing", "RFC9293-3.10.4", ["+0  close", f"+0  state {s.name}"])
    resets = s.name not in ("CLOSING", "LAST-ACK", "TIME-WAIT")
    over = is_over(w, s) if s.name != "TIME-WAIT" else ["+0  state TIME-WAIT"]  # its record stays, for 2MSL
    yield Case("call-abort", "ABORT: " + ("RST" if resets else "without a word, for both sides have closed"),
               "RFC9293-3.10.5", ["+0  abort"] + ([w.we("R.", s.nxt, 0, s.rcv)] if resets else []) + over)


# --- States without a connection ---------------------------------------------------------


def closed_cases(w):
    """RFC 9293 3.10.7.1."""
    for flags, length in (("S", 0), ("F", 0), ("P", 10), ("U", 5), ("FSP", 5)):
        span = length + ("S" in flags) + ("F" in flags)
        yield Case(f"{flags.lower()}-no-ack", "answered by RST with an ACK of the segment", "RFC9293-3.10.7.1",
                   [w.peer(flags, 5, length), f"+0  > R. 0:0(0) ack {5 + span}"])
    for flags, length in (("S.", 0), (".", 0), ("F.", 0), ("P.", 10), ("PU.", 5)):
        yield Case(f"{flags.lower().replace('.', '')}-ack", "answered by RST with the number acknowledged",
                   "RFC9293-3.10.7.1", [w.peer(flags, 5, length, 77), "+0  > R 77:77(0)"])
    for flags in ("R", "R.", "RS", "RF."):
        yield Case(f"{flags.lower().replace('.', '-ack')}", "an RST is never answered", "RFC9293-3.10.7.1",
                   [w.peer(flags, 5, 0, 77 if "." in flags else None), "+1  > nothing"])


def listen_cases(w):
    """RFC 9293 3.10.7.2."""
    listen = ["+0  listen"]
    for flags in ("R", "R.", "RS", "RS."):
        yield Case(flags.lower().replace(".", "-ack"), "an RST is ignored", "RFC9293-3.10.7.2",
                   listen + [w.peer(flags, 5, 0, 77 if "." in flags else None), "+1  > nothing", "+0  state LISTEN"])
    for flags, length in ((".", 0), ("S.", 0), ("F.", 0), ("P.", 10)):
        yield Case(flags.lower().replace(".", "") + "-ack", "an ACK is answered by RST", "RFC9293-3.10.7.2",
                   listen + [w.peer(flags, 5, length, 77), "+0  > R 77:77(0)", "+0  state LISTEN"])
    for flags, length in (("F", 0), ("P", 10), ("U", 10)):
        yield Case(flags.lower() + "-no-ack", "what is neither RST, ACK nor SYN is dropped", "RFC9293-3.10.7.2",
                   listen + [w.peer(flags, 5, length), "+1  > nothing", "+0  state LISTEN"])
    for flags, length in (("S", 0), ("SP", 10), ("SF", 0)):
        yield Case(flags.lower() + "-syn", "a SYN opens; what comes with it may wait", "RFC9293-3.10.7.2",
                   listen + [w.peer(flags, 5, length), w.we("S.", 0, 0, 6, w.our_syn_ack), "+0  state SYN-RECEIVED"])


def syn_sent_cases(w):
    """RFC 9293 3.10.7.3."""
    opens = ["+0  connect", w.we("S", 0, 0, None, " <...>")]
    still = ["+0  state SYN-SENT", w.peer("S.", 0, 0, 1), w.we(".", 1, 0, 1), "+0  state ESTABLISHED"]
    for ack in (0, 2):
        for flags in ("S.", ".", "F.", "P."):
            yield Case(f"{flags.lower().replace('.', '')}-ack-{ack}", "an ACK that is not of our SYN is answered by RST",
                       "RFC9293-3.10.7.3", opens + [w.peer(flags, 0, 10 if "P" in flags else 0, ack), f"+0  > R {ack}:{ack}(0)"] + still)
        for flags in ("R.", "RS."):
            yield Case(f"{flags.lower().replace('.', '')}-ack-{ack}", "an RST that does not acknowledge our SYN is dropped",
                       "RFC9293-3.10.7.3, RFC5961-3", opens + [w.peer(flags, 0, 0, ack)] + still)
    yield Case("r-ack-1", "an RST that acknowledges our SYN refuses the connection", "RFC9293-3.10.7.3, MUST-12",
               opens + [w.peer("R.", 0, 0, 1), "+0  state CLOSED", "+0  error = CONNREFUSED", "+0  events failed", "+9  > nothing"])
    yield Case("r-no-ack", "an RST without ACK is dropped", "RFC9293-3.10.7.3", opens + [w.peer("R", 0)] + still)
    for flags in (".", "F.", "P."):
        yield Case(f"{flags.lower().replace('.', '')}-ack-1", "without SYN or RST it is dropped", "RFC9293-3.10.7.3",
                   opens + [w.peer(flags, 0, 10 if "P" in flags else 0, 1)] + still)
    for flags in ("F", "P", "U"):
        yield Case(f"{flags.lower()}-no-ack", "without SYN or RST it is dropped", "RFC9293-3.10.7.3",
                   opens + [w.peer(flags, 0, 10 if flags == "P" else 0)] + still)
    yield Case("call-open", "a connection cannot be opened again", "RFC9293-3.10.1", opens + ["+0  connect = ALREADY"] + still)
    yield Case("call-send", "SEND waits for the connection", "RFC9293-3.10.2", opens + ["+0  write 10 = AGAIN"] + still)
    yield Case("call-receive", "RECEIVE waits for the connection", "RFC9293-3.10.3", opens + ["+0  read = AGAIN"] + still)
    yield Case("call-close", "CLOSE deletes the connection without a word", "RFC9293-3.10.4",
               opens + ["+0  close", "+0  state CLOSED", w.peer("S.", 0, 0, 1), "+0  > R 1:1(0)"])
    yield Case("call-abort", "so does ABORT", "RFC9293-3.10.5",
               opens + ["+0  abort", "+0  state CLOSED", w.peer("S.", 0, 0, 1), "+0  > R 1:1(0)"])
    yield Case("s-ack-1", "SYN and ACK of ours: ESTABLISHED", "RFC9293-3.10.7.3",
               opens + still + ["+0  events writable"])
    yield Case("s-no-ack", "a SYN alone opens from both sides", "RFC9293-3.10.7.3, RFC9293-3.5, MUST-10",
               opens + [w.peer("S", 0), w.we("S.", 0, 0, 1, " <...>"), "+0  state SYN-RECEIVED", w.peer(".", 1, 0, 1),
                        "+0  state ESTABLISHED"])


# --- Writing ---------------------------------------------------------------------------------


def write(folder, state, case, preamble):
    text = [f"# {state}: {case.what}.", f"requires: {case.requires}", f"config receive_buffer {WINDOW}", ""]
    path = folder / f"{case.name}.pkt"
    if path.exists():
        sys.exit(f"grid.py: {path} is made twice")
    path.write_text("\n".join(text + preamble + case.lines) + "\n")


def synchronized_cases(w, s):
    makers = [rst_cases, syn_cases, no_ack_cases, ack_cases, fin_cases, call_cases, late_text_cases if s.had_fin else text_cases]
    for maker in makers:
        yield from maker(w, s)


def main():
    out = Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    for ts in (False, True):
        w = Writer(ts)
        suffix = "-ts" if ts else ""
        for name, cases in (("CLOSED", closed_cases(w)), ("LISTEN", listen_cases(w)), ("SYN-SENT", syn_sent_cases(w))):
            folder = out / (name.lower() + suffix)
            folder.mkdir(parents=True)
            for case in cases:
                write(folder, name, case, [])
        for s in states(w):
            folder = out / (s.key + ("" if s.passive else "-active") + suffix)
            folder.mkdir(parents=True)
            for case in synchronized_cases(w, s):
                write(folder, s.name, case, s.lines)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text("made\n")


if __name__ == "__main__":
    main()

/* SPDX-License-Identifier: MIT */
/* Recordings, the joining of frames and events, and what the anatomy makes of the sample exchange. */
#include "inspect_sample.h"

#include "inspect/anatomy.h"

/* --- Recording --------------------------------------------------------------------------- */

static struct weft_frame small_frame(bool outgoing, uint8_t mark, weft_time time)
{
    static uint8_t bytes[256][60];

    bytes[mark][59] = mark;
    return (struct weft_frame){.time = time,
                               .type = WEFT_LINK_ETHERNET,
                               .direction = outgoing ? WEFT_DIRECTION_OUT : WEFT_DIRECTION_IN,
                               .iface = 1,
                               .bytes = bytes[mark],
                               .len = 60,
                               .wire_len = 60};
}

static void add(struct weft_recording *r, bool outgoing, uint8_t mark, weft_time time)
{
    struct weft_frame frame = small_frame(outgoing, mark, time);

    assert_int_equal(weft_recording_add_frame(r, &frame), 0);
}

static void trace_event(struct weft_recording *r, unsigned event, uint64_t arg, weft_time time)
{
    struct weft_trace_record record = {.time = time, .event = (uint16_t)event, .iface = 1, .arg = {arg}};

    assert_int_equal(weft_recording_add_events(r, &record, 1), 0);
}

/* The order as a text: a letter for each frame (its mark), a dot for each event. */
static void expect_order(const struct weft_recording *r, const char *expected)
{
    struct inspect_item *items;
    uint32_t count;
    char text[64] = "";

    assert_int_equal(inspect_order(r, &items, &count), 0);
    assert_true(count < sizeof(text));
    for (uint32_t i = 0; i < count; i++)
        text[i] = items[i].frame ? (char)items[i].frame->frame.bytes[59] : '.';
    assert_string_equal(text, expected);
    free(items);
}

static void frames_stand_where_the_trace_has_them(void **state)
{
    struct weft_recording *r;

    (void)state;
    assert_int_equal(weft_recording_new(NULL, &r), 0);
    /* The link saw: two in, one out, one in. The stack had the second out queued before it read the last in. */
    add(r, false, 'a', 10);
    add(r, false, 'b', 10);
    add(r, true, 'X', 11);
    add(r, false, 'c', 12);
    add(r, true, 'Y', 12);
    trace_event(r, WEFT_TRACE_FRAME_IN, 1, 10);
    trace_event(r, WEFT_TRACE_TCP_IN, 0, 10);
    trace_event(r, WEFT_TRACE_FRAME_OUT, 1, 11);
    trace_event(r, WEFT_TRACE_FRAME_IN, 2, 11);
    trace_event(r, WEFT_TRACE_FRAME_OUT, 2, 11);
    trace_event(r, WEFT_TRACE_TCP_TIMER_SET, 0, 11);
    trace_event(r, WEFT_TRACE_FRAME_IN, 3, 12);
    expect_order(r, "a.XbY.c");
    weft_recording_free(r);
}

static void frames_without_a_trace_stand_by_their_time(void **state)
{
    struct weft_recording *r;

    (void)state;
    assert_int_equal(weft_recording_new(NULL, &r), 0);
    add(r, false, 'a', 10);
    add(r, false, 'b', 20);
    add(r, false, 'c', 30);
    expect_order(r, "abc");
    trace_event(r, WEFT_TRACE_TCP_WRITE, 0, 15);
    trace_event(r, WEFT_TRACE_FRAME_IN, 3, 30);  /* the records of the first two were lost */
    trace_event(r, WEFT_TRACE_FRAME_OUT, 9, 40); /* a frame that was not recorded */
    expect_order(r, "a.bc.");
    weft_recording_free(r);
}

static void a_pause_does_not_break_the_joining(void **state)
{
    struct weft_recording *r;
    struct weft_frame frame = small_frame(false, 'b', 20);

    (void)state;
    assert_int_equal(weft_recording_new(NULL, &r), 0);
    add(r, false, 'a', 10);
    weft_recording_switch(r, false);
    assert_int_equal(weft_recording_add_frame(r, &frame), 0);
    trace_event(r, WEFT_TRACE_FRAME_IN, 2, 20);
    weft_recording_switch(r, true);
    add(r, false, 'c', 30);
    trace_event(r, WEFT_TRACE_FRAME_IN, 3, 30);
    trace_event(r, WEFT_TRACE_TCP_IN, 0, 30);
    expect_order(r, "ac.");
    weft_recording_free(r);
}

static void limits_stop_it_and_are_told(void **state)
{
    struct weft_recording_config config = {.max_frames = 3, .max_events = 2};
    struct weft_recording_summary sum;
    struct weft_trace_record records[5] = {{.event = WEFT_TRACE_TCP_WRITE}};
    struct weft_recording *r;
    struct weft_frame frame = small_frame(false, 'a', 0);

    (void)state;
    assert_int_equal(weft_recording_new(&config, &r), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(weft_recording_add_frame(r, &frame), 0);
    weft_recording_summarize(r, &sum);
    assert_null(sum.limit);
    assert_int_equal(weft_recording_add_frame(r, &frame), WEFT_E_LIMIT);
    assert_int_equal(weft_recording_add_events(r, records, 5), WEFT_E_LIMIT);
    weft_recording_summarize(r, &sum);
    assert_int_equal(sum.frames, 3);
    assert_int_equal(sum.frames_missed, 1);
    assert_int_equal(sum.events_missed, 5);
    assert_string_equal(sum.limit, "the number of frames");
    weft_recording_free(r);
    config = (struct weft_recording_config){.max_bytes = 1000};
    assert_int_equal(weft_recording_new(&config, &r), 0);
    while (weft_recording_add_frame(r, &frame) == 0)
        continue;
    weft_recording_summarize(r, &sum);
    assert_true(sum.bytes <= 1000 && sum.frames > 0);
    weft_recording_free(r);
}

/* A link that is recorded passes frames on as they are, both ways. */
static void a_link_is_recorded(void **state)
{
    struct weft_pipe_config config = {.type = WEFT_LINK_ETHERNET};
    struct weft_pool *pool = test_pool_new(0, 0, 0);
    struct weft_link *near, *far, *recorded, *second;
    struct weft_pktq out = {0}, in = {0};
    struct weft_recording *r;
    struct weft_pkt *pkt = weft_pkt_new(pool);

    (void)state;
    assert_int_equal(weft_recording_new(NULL, &r), 0);
    assert_int_equal(weft_link_pipe(&config, &near, &far), 0);
    assert_int_equal(weft_recording_attach(r, near, 1, &recorded), 0);
    memset(weft_pkt_push(pkt, 60), 7, 60);
    weft_pktq_push(&out, pkt);
    assert_int_equal(weft_link_send(recorded, &out, 100), 1);
    assert_int_equal(weft_link_recv(far, pool, &in, 8, 100), 1);
    assert_int_equal(weft_link_send(far, &in, 150), 1);
    assert_int_equal(weft_link_recv(recorded, pool, &in, 8, 200), 1);
    weft_link_end_round(recorded, 200);
    weft_pktq_purge(&in);
    assert_int_equal(r->frame_count, 2);
    assert_int_equal(r->frame[0].frame.direction, WEFT_DIRECTION_OUT);
    assert_int_equal(r->frame[1].frame.direction, WEFT_DIRECTION_IN);
    assert_int_equal(r->frame[1].frame.time, 200);
    assert_int_equal(r->frame[1].frame.len, 60);
    assert_int_equal(r->frame[1].frame.bytes[59], 7);
    weft_link_close(recorded);
    weft_link_close(far);
    assert_int_equal(weft_link_pipe(&config, &near, &far), 0);
    assert_int_equal(weft_recording_attach(r, near, 1, &second), WEFT_E_LIMIT); /* the index is taken */
    weft_link_close(far);
    weft_recording_free(r);
    test_pool_free(pool);
}

/* --- The sample exchange -------------------------------------------------------------------- */

static int set_up(void **state)
{
    struct weft_recording *r = sample_recording();
    struct anatomy *a;

    assert_int_equal(anatomy_new(r, &a), 0);
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    struct anatomy *a = *state;
    struct weft_recording *r = (struct weft_recording *)a->recording;

    anatomy_free(a);
    weft_recording_free(r);
    return 0;
}

static const struct anatomy_entry *frame_numbered(const struct anatomy *a, uint32_t number)
{
    for (uint32_t i = 0; i < a->entry_count; i++)
        if (a->entry[i].number == number)
            return &a->entry[i];
    fail_msg("there is no frame %u", number);
    return NULL;
}

static bool has_event(const struct anatomy *a, const struct anatomy_entry *entry, unsigned event)
{
    for (uint32_t i = 0; i < entry->event_count; i++)
        if (a->event[entry->first_event + i]->event == event)
            return true;
    return false;
}

static void expect_states(const struct anatomy_entry *entry, unsigned before, unsigned after)
{
    assert_true(entry->has_state);
    assert_int_equal(entry->state_before, before);
    assert_int_equal(entry->state_after, after);
}

static void events_belong_to_their_frames(void **state)
{
    const struct anatomy *a = *state;
    const struct anatomy_entry *syn = frame_numbered(a, 4), *syn_ack = frame_numbered(a, 5),
                               *ack = frame_numbered(a, 6);

    assert_string_equal(syn->kind_text, "SYN");
    assert_true(syn->to_right);
    assert_true(has_event(a, syn, WEFT_TRACE_TCP_OPEN));
    expect_states(syn, WEFT_TCP_LISTEN, WEFT_TCP_SYN_RECEIVED);
    assert_true(has_event(a, syn_ack, WEFT_TRACE_TCP_OUT));       /* came before its frame */
    assert_true(has_event(a, syn_ack, WEFT_TRACE_TCP_TIMER_SET)); /* came behind it */
    assert_false(has_event(a, syn, WEFT_TRACE_TCP_OUT));
    expect_states(syn_ack, WEFT_TCP_SYN_RECEIVED, WEFT_TCP_SYN_RECEIVED);
    expect_states(ack, WEFT_TCP_SYN_RECEIVED, WEFT_TCP_ESTABLISHED);
    assert_true(has_event(a, ack, WEFT_TRACE_TCP_TIMER_CANCEL));
}

static void what_happens_between_frames_stands_alone(void **state)
{
    const struct anatomy *a = *state;
    unsigned timers = 0, calls = 0, reads = 0;

    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct anatomy_entry *entry = &a->entry[i];

        if (entry->kind == ANATOMY_TIMER) {
            timers++;
            assert_true(has_event(a, entry, WEFT_TRACE_TCP_TIMER_FIRED));
            assert_true(has_event(a, entry + 1, WEFT_TRACE_TCP_OUT)); /* what it led to */
            assert_int_equal(entry[1].kind, ANATOMY_FRAME);
        }
        calls += entry->kind == ANATOMY_APPLICATION && has_event(a, entry, WEFT_TRACE_TCP_CALL);
        reads += entry->kind == ANATOMY_APPLICATION && has_event(a, entry, WEFT_TRACE_TCP_READ);
        if (entry->kind == ANATOMY_APPLICATION && has_event(a, entry, WEFT_TRACE_TCP_CALL))
            expect_states(entry, WEFT_TCP_CLOSE_WAIT, WEFT_TCP_LAST_ACK);
    }
    assert_int_equal(timers, 1);
    assert_int_equal(calls, 1);
    assert_int_equal(reads, 2);
}

static void every_event_is_told_once(void **state)
{
    const struct anatomy *a = *state;
    uint32_t told = 0;

    for (uint32_t i = 0; i < a->entry_count; i++)
        told += a->entry[i].event_count;
    assert_int_equal(told, a->recording->event_count);
    assert_int_equal(a->summary.frames, a->recording->frame_count);
}

static void states_and_timers_are_spans(void **state)
{
    static const unsigned states[] = {WEFT_TCP_SYN_RECEIVED, WEFT_TCP_ESTABLISHED, WEFT_TCP_CLOSE_WAIT,
                                      WEFT_TCP_LAST_ACK, WEFT_TCP_CLOSED};
    const struct anatomy *a = *state;
    const struct anatomy_timer *first = &a->timer[0], *delayed = &a->timer[2];

    assert_int_equal(a->state_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(a->state[i].state, states[i]);
        assert_int_equal(a->state[i].to_entry, i < 4 ? a->state[i + 1].from_entry : UINT32_MAX);
    }
    assert_int_equal(first->timer, WEFT_TIMER_RTO);
    assert_int_equal(first->end, ANATOMY_CANCELLED);
    assert_int_equal(a->entry[first->from_entry].number, 5);
    assert_int_equal(a->entry[first->to_entry].number, 6);
    assert_int_equal(delayed->timer, WEFT_TIMER_DELACK);
    assert_int_equal(delayed->end, ANATOMY_FIRED);
    assert_int_equal(delayed->to - delayed->from, 40005);
}

static void streams_hold_what_was_said(void **state)
{
    const struct anatomy *a = *state;
    const struct anatomy_flow *flow = &a->flow[0];
    const struct anatomy_message *request = &a->message[0], *response = &a->message[1];
    const uint8_t *picture = flow->stream[1].bodies + response->body_from;

    assert_int_equal(a->flow_count, 1);
    assert_int_equal(flow->here_port, 80);
    assert_false(flow->here_is_client);
    assert_int_equal(flow->retransmissions, 1);
    assert_int_equal(a->message_count, 2);
    assert_false(request->is_response);
    assert_true(request->is_complete && response->is_complete);
    assert_int_equal(request->body_len, SAMPLE_UPLOAD);
    assert_int_equal(response->body_len, SAMPLE_BODY);
    assert_int_equal(response->status, 200);
    assert_string_equal(request->content_type, "application/json");
    assert_string_equal(response->content_type, "image/jpeg");
    assert_memory_equal(flow->stream[0].bytes, "POST /meme HTTP/1.1\r\n", 21);
    assert_memory_equal(picture, "\xff\xd8\xff\xe0", 4);
    assert_int_equal(a->entry[request->first_entry].number, 7);
    assert_true(a->entry[request->first_entry].tcp.notes & WEFT_SEGMENT_HTTP_BEGIN);
    assert_true(a->entry[response->last_entry].tcp.notes & WEFT_SEGMENT_HTTP_END);
}

static void sums_are_right(void **state)
{
    const struct anatomy *a = *state;

    assert_int_equal(a->summary.background, 1);
    assert_int_equal(a->summary.handshake, 85);
    assert_int_equal(a->summary.retransmissions, 1);
    assert_int_equal(a->summary.round_trips, 4); /* ARP, SYN, request, FIN */
    assert_int_equal(a->summary.problems, 0);
    assert_int_equal(a->start, 5 * WEFT_SEC + 400); /* the background does not count */
}

static void runs_are_folded_and_news_are_not(void **state)
{
    const struct anatomy *a = *state;
    struct anatomy_run run = {0};

    for (uint32_t i = 0; i < a->entry_count; i++) {
        const struct anatomy_entry *entry = &a->entry[i];

        if (entry->fold == ANATOMY_FOLDED_RUN && (i == 0 || entry[-1].fold != ANATOMY_FOLDED_RUN) &&
            !run.frames)
            run = anatomy_run_at(a, i);
        if (entry->kind != ANATOMY_FRAME || entry->fold == ANATOMY_SHOWN)
            continue;
        assert_int_equal(entry->tcp.notes &
                             (WEFT_SEGMENT_RETRANSMISSION | WEFT_SEGMENT_HTTP_BEGIN | WEFT_SEGMENT_HTTP_END),
                         0);
        assert_int_equal(entry->tcp.flags & (SAMPLE_SYN | SAMPLE_FIN | SAMPLE_RST), 0);
    }
    assert_int_equal(run.data_segments, 12);
    assert_int_equal(run.payload, 12 * SAMPLE_MSS);
    assert_int_equal(a->entry[0].fold, ANATOMY_FOLDED_BACKGROUND);
}

static void sequence_numbers_in_events_are_relative(void **state)
{
    const struct anatomy *a = *state;
    const struct anatomy_entry *entry = frame_numbered(a, 7);
    char buf[WEFT_TRACE_TEXT];

    for (uint32_t i = 0; i < entry->event_count; i++) {
        const struct weft_trace_record *event = a->event[entry->first_event + i];

        if (event->event == WEFT_TRACE_TCP_RCV)
            assert_non_null(strstr(anatomy_event_text(a, entry, event, buf), "nxt 1449,"));
    }
}

/* --- Odd recordings ----------------------------------------------------------------------------- */

static void a_recording_may_be_empty_or_have_one_half_only(void **state)
{
    struct weft_recording *r;
    struct anatomy *a;

    (void)state;
    assert_int_equal(weft_recording_new(NULL, &r), 0);
    assert_int_equal(anatomy_new(r, &a), 0);
    assert_int_equal(a->entry_count, 0);
    anatomy_free(a);
    trace_event(r, WEFT_TRACE_TCP_TIMER_FIRED, 0, 5);
    trace_event(r, WEFT_TRACE_TCP_OUT, 0, 5);
    assert_int_equal(anatomy_new(r, &a), 0);
    assert_int_equal(a->entry_count, 1);
    assert_int_equal(a->entry[0].event_count, 2);
    anatomy_free(a);
    add(r, true, 'x', 6);
    assert_int_equal(anatomy_new(r, &a), 0);
    assert_int_equal(a->entry_count, 2);
    anatomy_free(a);
    weft_recording_free(r);
}

/* Any records in any order: the anatomy is made, and every text of it can be had. */
static void noise_makes_an_anatomy(void **state)
{
    struct test_rng rng = test_rng_start("noise_makes_an_anatomy");

    (void)state;
    for (unsigned round = 0; round < 150; round++) {
        struct weft_recording *r;
        struct anatomy *a;
        struct sample s = {.now = 1};
        FILE *sink = fopen("/dev/null", "w");

        assert_int_equal(weft_recording_new(NULL, &r), 0);
        s.recording = r;
        for (unsigned i = 0; i < 60; i++) {
            s.now += test_rng_below(&rng, 3000);
            if (test_rng_below(&rng, 3)) {
                struct weft_trace_record record = {
                    .time = s.now,
                    .event = (uint16_t)test_rng_below(&rng, WEFT_TRACE_EVENT_COUNT + 1),
                    .iface = (uint16_t)test_rng_below(&rng, 3),
                    .conn = test_rng_below(&rng, 4)};

                for (unsigned n = 0; n < WEFT_TRACE_ARGS; n++)
                    record.arg[n] = test_rng_u64(&rng) >> test_rng_below(&rng, 64);
                assert_int_equal(weft_recording_add_events(r, &record, 1), 0);
            } else {
                static const uint8_t text[] =
                    "GET / HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
                uint32_t from = test_rng_below(&rng, 20);
                struct sample_segment segment = {.outgoing = test_rng_below(&rng, 2),
                                                 .flags = (uint8_t)test_rng_below(&rng, 64),
                                                 .seq = test_rng_below(&rng, 200),
                                                 .ack = test_rng_below(&rng, 200),
                                                 .payload = text + from,
                                                 .len = test_rng_below(&rng, (uint32_t)sizeof(text) - from)};

                sample_tcp(&s, &segment, test_rng_below(&rng, 20));
            }
        }
        assert_int_equal(anatomy_new(r, &a), 0);
        anatomy_free(a);
        assert_int_equal(weft_anatomy_text(sink, r, &(struct weft_inspect_options){.all = round & 1}), 0);
        assert_int_equal(weft_anatomy_html(sink, r, NULL), 0);
        fclose(sink);
        weft_recording_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_stand_where_the_trace_has_them),
        cmocka_unit_test(frames_without_a_trace_stand_by_their_time),
        cmocka_unit_test(a_pause_does_not_break_the_joining),
        cmocka_unit_test(limits_stop_it_and_are_told),
        cmocka_unit_test(a_link_is_recorded),
        cmocka_unit_test_setup_teardown(events_belong_to_their_frames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_happens_between_frames_stands_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_event_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(states_and_timers_are_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_hold_what_was_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_are_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_are_folded_and_news_are_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sequence_numbers_in_events_are_relative, set_up, tear_down),
        cmocka_unit_test(a_recording_may_be_empty_or_have_one_half_only),
        cmocka_unit_test(noise_makes_an_anatomy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

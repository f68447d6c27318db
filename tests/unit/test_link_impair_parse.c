/* SPDX-License-Identifier: MIT */
/* Impairments as text: what is read, and what is refused with which words. */
#include "support.h"

#include <weft/err.h>
#include <weft/link.h>

static struct weft_impair_config parse(const char *text)
{
    struct weft_impair_config config;
    char why[200] = "";

    if (weft_impair_parse(text, &config, why, sizeof(why)) != 0)
        fail_msg("%s: %s", text, why);
    return config;
}

static void every_word_is_read(void **state)
{
    struct weft_impair_config c = parse("loss=5%,delay=10ms,jitter=2ms,rate=100mbit,queue=100,reorder=2%,"
                                        "reorder-delay=1ms,duplicate=1%,corrupt=0.1%,seed=7");

    (void)state;
    assert_true(c.seed == 7);
    assert_true(c.out.loss == 0.05 && c.out.reorder == 0.02 && c.out.duplicate == 0.01 &&
                c.out.corrupt == 0.001);
    assert_true(c.out.delay == 10 * WEFT_MSEC && c.out.jitter == 2 * WEFT_MSEC &&
                c.out.reorder_delay == WEFT_MSEC);
    assert_true(c.out.rate == 100000000 && c.out.queue == 100);
    assert_memory_equal(&c.in, &c.out, sizeof(c.in));
}

static void a_direction_before_a_word_limits_it(void **state)
{
    struct weft_impair_config c = parse("delay=1ms,in:loss=1%,out:delay=5ms");

    (void)state;
    assert_true(c.in.loss == 0.01 && c.out.loss == 0);
    assert_true(c.in.delay == WEFT_MSEC && c.out.delay == 5 * WEFT_MSEC);
}

static void units_and_decimals_are_exact(void **state)
{
    (void)state;
    assert_true(parse("delay=1us").out.delay == 1);
    assert_true(parse("delay=0.001ms").out.delay == 1);
    assert_true(parse("delay=1.000001s").out.delay == 1000001);
    assert_true(parse("delay=0").out.delay == 0);
    assert_true(parse("delay=0s").out.delay == 0);
    assert_true(parse("rate=1bit").out.rate == 1);
    assert_true(parse("rate=100000000bit").out.rate == 100000000);
    assert_true(parse("rate=0.064mbit").out.rate == 64000);
    assert_true(parse("rate=1.5gbit").out.rate == 1500000000);
    assert_true(parse("loss=100%").out.loss == 1);
    assert_true(parse("loss=0%").out.loss == 0);
    assert_true(parse("loss=0.000001%").out.loss == 1e-8);
    assert_true(parse("seed=18446744073709551615").seed == UINT64_MAX);
    assert_true(parse("rate=1mbit,queue=1000000").out.queue == 1000000);
}

/* A text that is refused, and a part of the sentence that says why. */
struct mistake {
    const char *text, *says;
};

static void mistakes_are_named(void **state)
{
    static const struct mistake mistakes[] = {
        {"", "\"\": a word is name=value"},
        {"loss=5%,", "\"\": a word is name=value"},
        {"loss", "\"loss\": a word is name=value"},
        {"loss=", "\"loss=\": a share of the packets"},
        {"loss=5", "\"loss=5\": a share"},
        {"loss=101%", "0% to 100%"},
        {"loss=100.000001%", "0% to 100%"},
        {"loss=-1%", "a share"},
        {"loss=5%%", "a share"},
        {"loss=5 %", "a share"},
        {"loss=1.%", "a share"},
        {"loss=.5%", "a share"},
        {"loss=0.0000001%", "a share"},
        {"delay=10", "a time"},
        {"delay=10min", "a time"},
        {"delay=0.5us", "whole microseconds"},
        {"delay=1000000000000s", "a time"},
        {"delay=99999999999999999999ms", "a time"},
        {"jitter=1e3us", "a time"},
        {"rate=0", "bits per second"},
        {"rate=100", "bits per second"},
        {"rate=100MBit", "bits per second"},
        {"rate=0.5bit", "bits per second"},
        {"rate=1mbit,queue=0", "from 1 to 1000000"},
        {"rate=1mbit,queue=1000001", "from 1 to 1000000"},
        {"rate=1mbit,queue=1.5", "from 1 to 1000000"},
        {"queue=10", "queue needs a rate"},
        {"in:rate=1mbit,queue=10", "queue needs a rate in the same direction (out)"},
        {"reorder-delay=1ms", "reorder-delay needs reorder"},
        {"out:reorder=1%,reorder-delay=1ms", "same direction (in)"},
        {"seed=", "a number below 2^64"},
        {"seed=-1", "a number below 2^64"},
        {"seed=18446744073709551616", "a number below 2^64"},
        {"in:seed=1", "both directions share the seed"},
        {"lose=5%", "\"lose=5%\": there is no such impairment"},
        {"Loss=5%", "there is no such impairment"},
        {"up:loss=5%", "there is no such impairment"},
        {"in:out:loss=5%", "there is no such impairment"},
        {" loss=5%", "there is no such impairment"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct weft_impair_config config = {.seed = 99};
        char why[300] = "";

        if (weft_impair_parse(mistakes[i].text, &config, why, sizeof(why)) != WEFT_E_INVAL)
            fail_msg("not refused: %s", mistakes[i].text);
        if (!strstr(why, mistakes[i].says))
            fail_msg("%s: says \"%s\", not \"%s\"", mistakes[i].text, why, mistakes[i].says);
        assert_true(config.seed == 99); /* left alone */
    }
}

static void nobody_needs_to_ask_why(void **state)
{
    struct weft_impair_config config;
    char why[8] = "";

    (void)state;
    assert_int_equal(weft_impair_parse("x", &config, NULL, 0), WEFT_E_INVAL);
    assert_int_equal(weft_impair_parse("x", &config, why, 0), WEFT_E_INVAL);
    assert_string_equal(why, "");
    assert_int_equal(weft_impair_parse("xxxxxxxxxxxxx", &config, why, sizeof(why)), WEFT_E_INVAL);
    assert_string_equal(why, "\"xxxxxx");
}

static void noise_is_refused_or_read(void **state)
{
    static const char alphabet[] = "indelayjtrouqcpsb:=,.%0123456789 -";
    struct test_rng rng = test_rng_start("noise_is_refused_or_read");

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        char text[] = "in:loss=5%,delay=10ms,rate=100mbit,queue=100,seed=7", why[40];
        struct weft_impair_config config;

        for (unsigned n = 1 + test_rng_below(&rng, 4); n > 0; n--)
            text[test_rng_below(&rng, sizeof(text) - 1)] = alphabet[test_rng_below(&rng, sizeof(alphabet))];
        if (weft_impair_parse(text, &config, why, sizeof(why)) == 0)
            assert_true(config.in.loss >= 0 && config.in.loss <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_read),           cmocka_unit_test(a_direction_before_a_word_limits_it),
        cmocka_unit_test(units_and_decimals_are_exact), cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(nobody_needs_to_ask_why),      cmocka_unit_test(noise_is_refused_or_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

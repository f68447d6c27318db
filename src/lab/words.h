/* SPDX-License-Identifier: MIT */
/*
 * Words of a scenario: "rate=10mbit", "no-sack". A table says what each means;
 * reading and writing both come from it, so that what is written is read again
 * as it was.
 *
 * Never   knows what the words are about.
 */
#ifndef WEFT_LAB_WORDS_H
#define WEFT_LAB_WORDS_H

#include <stdio.h>

#include <weft/types.h>

/* What a value is, and the type of the member that it goes to. */
enum lab_kind {
    LAB_SWITCH,  /* bool: the word alone, or =yes, =no */
    LAB_TIME,    /* weft_time: 20ms, 1.5s, 500us, 2m, 1h */
    LAB_RATE,    /* uint64_t: 10mbit, 64kbit, 1gbit, 800bit */
    LAB_SIZE,    /* uint64_t: 1500, 64k, 10M, 1G (powers of 1024) */
    LAB_SIZE32,  /* uint32_t, likewise */
    LAB_COUNT,   /* uint32_t */
    LAB_COUNT8,  /* uint8_t */
    LAB_COUNT16, /* uint16_t */
    LAB_CHANCE,  /* double, 0 to 1: 5%, 0.1% */
    LAB_CHOICE,  /* int: the place of the value in `choices` */
    LAB_CHOICE8, /* uint8_t, likewise */
    LAB_PICK,    /* const char *: the value itself, one of `choices` */
    LAB_MASK,    /* uint32_t: values of `choices` joined by "+", as bits */
};

struct lab_word {
    const char *name; /* NULL ends a table */
    enum lab_kind kind;
    size_t offset;
    uint64_t min, max; /* of LAB_TIME to LAB_COUNT16; both 0: any */
    const char *const *choices;
    const char *help;
};

#define LAB_WHY 200 /* room for a sentence that says what is wrong */

/* Reads one word into `base`. Returns 0 or WEFT_E_INVAL; `why` then says why. */
int lab_word_read(const struct lab_word *table, void *base, const char *word, char why[LAB_WHY]);

/* Writes a blank and a word for each member that `base` has other than `defaults`; `prefix` goes before each name. */
void lab_words_write(const struct lab_word *table, const void *base, const void *defaults, const char *prefix,
                     FILE *out);

/* Bytes of the member. */
size_t lab_word_size(enum lab_kind kind);

/* The same values in one form, for messages and expectations too. */
bool lab_read_time(const char *text, weft_time *out);
bool lab_read_rate(const char *text, uint64_t *out);
bool lab_read_size(const char *text, uint64_t *out);
bool lab_read_number(const char *text, double *out); /* "12", "0.5", "5%" (0.05) */
void lab_write_time(FILE *out, weft_time value);
void lab_write_rate(FILE *out, uint64_t value);
void lab_write_size(FILE *out, uint64_t value);

/* Prints the table for a person: name, form of the value, what it means. */
void lab_words_help(const struct lab_word *table, FILE *out);

#endif

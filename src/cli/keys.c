/* SPDX-License-Identifier: MIT */
/*
 * --keys: a file with keys of TCP-AO and TCP MD5, one to a line.
 *
 *     ao PEER SEND-ID RECV-ID ALGORITHM KEY
 *     md5 PEER KEY
 *
 * Owns    the keys while the command runs; they never stand on a command line,
 *         where everybody on the host could read them.
 * Never   shows a key: a message names the line.
 */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEYS_MAX     64
#define LINE_MAX_LEN 400

struct entry {
    bool is_md5;
    struct weft_tcp_ao_key ao; /* of MD5 only `peer` counts, and the key */
    uint8_t bytes[WEFT_TCP_AO_KEY_MAX];
};

struct cli_keys {
    unsigned n;
    struct entry entry[KEYS_MAX];
};

_Static_assert(WEFT_TCP_AO_KEY_MAX <= WEFT_TCP_MD5_KEY_MAX, "a key that is read must fit either use");

/* Where in the file something is wrong. */
struct place {
    const struct cli *cli;
    const char *path;
    unsigned line;
};

static int wrong(const struct place *place, const char *what)
{
    return cli_failed(place->cli, "--keys: %s:%u: %s", place->path, place->line, what);
}

/* Cuts the next word off `*rest`; NULL when there is none. */
static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " \t");
    size_t len = strcspn(word, " \t");

    if (len == 0)
        return NULL;
    *rest = word + len;
    if (**rest)
        *(*rest)++ = '\0';
    return word;
}

static bool read_id(const char *word, uint8_t *id)
{
    char *end;
    unsigned long value;

    if (!word || !isdigit((unsigned char)*word))
        return false;
    value = strtoul(word, &end, 10);
    *id = (uint8_t)value;
    return !*end && value <= 255;
}

static bool read_algorithm(const char *word, struct weft_tcp_ao_key *key)
{
    static const struct {
        const char *name;
        enum weft_tcp_ao_algorithm algorithm;
        bool exclude_options;
    } known[] = {
        /* RFC 5926 3.1.1.3: as user interfaces SHOULD call them. */
        {"sha1", WEFT_TCP_AO_SHA1, false},
        {"aes128", WEFT_TCP_AO_AES128, false},
        {"sha1-without-options", WEFT_TCP_AO_SHA1, true},
        {"aes128-without-options", WEFT_TCP_AO_AES128, true},
    };

    for (unsigned i = 0; word && i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(word, known[i].name) != 0)
            continue;
        key->algorithm = known[i].algorithm;
        key->exclude_options = known[i].exclude_options;
        return true;
    }
    return false;
}

static bool read_hex(const char *text, struct entry *entry)
{
    size_t len = strlen(text);

    if (len == 0 || len % 2 != 0 || len / 2 > sizeof(entry->bytes) ||
        strspn(text, "0123456789abcdefABCDEF") != len)
        return false;
    for (size_t i = 0; i < len / 2; i++) {
        char octet[3] = {text[2 * i], text[2 * i + 1], '\0'};

        entry->bytes[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    entry->ao.key_len = len / 2;
    return true;
}

/* RFC 5926 3.1: ASCII strings MUST be taken, and binary ones in hexadecimal SHOULD. What is left of the line is it. */
static bool read_key(char *rest, struct entry *entry)
{
    size_t len;

    rest += strspn(rest, " \t");
    len = strlen(rest);
    while (len > 0 && (rest[len - 1] == ' ' || rest[len - 1] == '\t'))
        rest[--len] = '\0';
    if (strncmp(rest, "0x", 2) == 0)
        return read_hex(rest + 2, entry);
    if (len == 0 || len > sizeof(entry->bytes))
        return false;
    memcpy(entry->bytes, rest, len);
    entry->ao.key_len = len;
    return true;
}

static int read_line(const struct place *place, char *text, struct entry *entry)
{
    char *rest = text;
    const char *kind = next_word(&rest);
    const char *peer = next_word(&rest);

    entry->is_md5 = strcmp(kind, "md5") == 0;
    if (!entry->is_md5 && strcmp(kind, "ao") != 0)
        return wrong(place, "a line begins with 'ao' or 'md5'");
    if (!peer || weft_prefix_parse(peer, &entry->ao.peer) != 0)
        return wrong(place, "the second word is not an address or a network such as 10.77.0.0/24");
    if (!entry->is_md5) {
        if (!read_id(next_word(&rest), &entry->ao.send_id) || !read_id(next_word(&rest), &entry->ao.recv_id))
            return wrong(place,
                         "the third and fourth word are not numbers from 0 to 255: what we send, and what "
                         "the peer sends, as KeyID");
        if (!read_algorithm(next_word(&rest), &entry->ao))
            return wrong(place, "the fifth word is not sha1, aes128, sha1-without-options or "
                                "aes128-without-options");
    }
    if (!read_key(rest, entry))
        return wrong(place, "the key is not 1 to 80 characters, nor 0x and 2 to 160 hexadecimal digits");
    return CLI_OK;
}

/* Others could read a key that lies in such a file; what is no file, such as a pipe, is nobody else's. */
static int check_mode(const struct place *place, FILE *file)
{
    struct stat st;

    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) == 0)
        return CLI_OK;
    return cli_failed(place->cli, "--keys: %s can be read by others; `chmod 600` it", place->path);
}

static int read_lines(struct place *place, FILE *file, struct cli_keys *keys)
{
    char text[LINE_MAX_LEN];
    int status = check_mode(place, file);

    while (status == CLI_OK && fgets(text, sizeof(text), file)) {
        size_t len = strcspn(text, "\r\n");

        place->line++;
        if (!text[len] && len + 1 == sizeof(text))
            return wrong(place, "the line is too long");
        text[len] = '\0';
        if (strspn(text, " \t") == len || text[strspn(text, " \t")] == '#')
            continue;
        if (keys->n == KEYS_MAX)
            return wrong(place, "more than 64 keys");
        status = read_line(place, text, &keys->entry[keys->n++]);
    }
    if (status == CLI_OK && keys->n == 0)
        return wrong(place, "there is no key in it");
    return status;
}

int cli_keys_read(const struct cli *cli, const char *path, struct cli_keys **out)
{
    struct place place = {cli, path, 0};
    struct cli_keys *keys;
    FILE *file;
    int status;

    *out = NULL;
    if (!path)
        return CLI_OK;
    file = fopen(path, "re");
    if (!file)
        return cli_failed(cli, "--keys: %s: %s", path, strerror(errno));
    keys = calloc(1, sizeof(*keys));
    status = keys ? read_lines(&place, file, keys) : cli_failed(cli, "no memory");
    fclose(file);
    if (status == CLI_OK)
        *out = keys;
    else
        cli_keys_free(keys);
    return status;
}

void cli_keys_free(struct cli_keys *keys)
{
    if (!keys)
        return;
    explicit_bzero(keys, sizeof(*keys));
    free(keys);
}

int cli_keys_set(const struct cli *cli, const struct cli_keys *keys, struct weft_stack *stack)
{
    for (unsigned i = 0; keys && i < keys->n; i++) {
        const struct entry *entry = &keys->entry[i];
        int err = entry->is_md5
                      ? weft_stack_set_md5_key(stack, &entry->ao.peer, 0, entry->bytes, entry->ao.key_len)
                      : 0;

        if (err)
            return cli_failed(cli, "--keys: a key of MD5: %s", weft_strerror(err));
    }
    return CLI_OK;
}

int cli_keys_prepare(void *user, struct weft_sock *sock)
{
    const struct cli_keys *keys = user;

    for (unsigned i = 0; i < keys->n; i++) {
        struct weft_tcp_ao_key key = keys->entry[i].ao;
        int err;

        key.key = keys->entry[i].bytes;
        err = keys->entry[i].is_md5 ? 0 : weft_sock_ao_add_key(sock, &key);
        if (err)
            return err;
    }
    return 0;
}

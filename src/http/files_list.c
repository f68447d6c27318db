/* SPDX-License-Identifier: MIT */
/*
 * A directory as a page: names, sizes, times; nothing from elsewhere, no
 * script, no links followed.
 *
 * Owns    the page.
 * Never   lets a name out without escaping it: as text for HTML, as a path for
 *         a URL.
 */
#include "http/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/text.h"

/* --- Text that grows --- */

/* The page, in the block that will be lent to the socket. Once memory was missing, nothing is added any more. */
struct page {
    struct weft_block *block; /* `size` counts what is written */
    size_t room;
    bool is_bad;
};

/* No page is larger: ten thousand names of the greatest length, escaped. Ours. */
#define PAGE_MAX (32u << 20)

static void add(struct page *page, const char *text, size_t len)
{
    size_t have = page->block ? page->block->size : 0;

    if (page->is_bad || len > PAGE_MAX - have) {
        page->is_bad = true;
        return;
    }
    if (!page->block || have + len > page->room) {
        size_t room = (have + len) * 2;
        struct weft_block *block = realloc(page->block, sizeof(*block) + room);

        if (!block) {
            page->is_bad = true;
            return;
        }
        block->size = (uint32_t)have;
        page->block = block;
        page->room = room;
    }
    memcpy((char *)(page->block + 1) + have, text, len);
    page->block->size += (uint32_t)len;
}

static void add_text(struct page *page, const char *text)
{
    add(page, text, strlen(text));
}

/* As HTML text or a quoted attribute. */
static void add_escaped(struct page *page, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            add_text(page, "&amp;");
            break;
        case '<':
            add_text(page, "&lt;");
            break;
        case '>':
            add_text(page, "&gt;");
            break;
        case '"':
            add_text(page, "&quot;");
            break;
        case '\'':
            add_text(page, "&#39;");
            break;
        default:
            add(page, text, 1);
        }
    }
}

/* RFC 3986 3.3 pchar without the quote characters, for the sake of attributes. */
static bool may_stand(char c)
{
    return http_is(c, HTTP_UNRESERVED) || (c && strchr("/!$&()*+,;=:@", c));
}

size_t http_files_encode(const char *path, char *out, size_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;

    for (; *path; path++) {
        char text[3] = {'%', hex[(unsigned char)*path >> 4], hex[*path & 15]};
        size_t n = may_stand(*path) ? 1 : 3;

        if (len + n < size)
            memcpy(out + len, n == 1 ? path : text, n);
        len += n;
    }
    if (len < size)
        out[len] = '\0';
    return len;
}

static void free_page(struct weft_block *block)
{
    free(block);
}

/* --- The entries --- */

struct entry {
    char *name;
    bool is_dir;
    int64_t size, modified;
};

struct entries {
    struct entry *entry;
    size_t count, room;
    bool is_cut;
};

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->is_dir != y->is_dir)
        return x->is_dir ? -1 : 1;
    return strcmp(x->name, y->name);
}

static bool add_entry(struct entries *entries, int dir, const char *name)
{
    struct stat stat;
    struct entry *entry;

    if (fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    if (entries->count == entries->room) {
        size_t room = entries->room ? entries->room * 2 : 64;

        entry = realloc(entries->entry, room * sizeof(*entry));
        if (!entry)
            return false;
        entries->entry = entry;
        entries->room = room;
    }
    entry = &entries->entry[entries->count];
    *entry = (struct entry){strdup(name), S_ISDIR(stat.st_mode), S_ISREG(stat.st_mode) ? stat.st_size : -1,
                            stat.st_mtim.tv_sec};
    entries->count += entry->name != NULL;
    return entry->name != NULL;
}

static bool read_entries(const struct weft_http_files *files, DIR *dir, struct entries *entries)
{
    struct dirent *found;

    while ((found = readdir(dir)) != NULL) {
        const char *name = found->d_name;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (name[0] == '.' && !files->dotfiles))
            continue;
        if (entries->count == files->max_entries) {
            entries->is_cut = true;
            break;
        }
        if (!add_entry(entries, dirfd(dir), name))
            return false;
    }
    if (entries->count)
        qsort(entries->entry, entries->count, sizeof(struct entry), compare);
    return true;
}

static void free_entries(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->entry[i].name);
    free(entries->entry);
}

/* --- The page --- */

static const char style[] =
    "<style>:root{color-scheme:light dark}"
    "body{font:15px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.2rem;font-weight:600;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}"
    "td{padding:.15rem .75rem .15rem 0;border-bottom:1px solid #8883}"
    "td:nth-child(n+2){white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums;opacity:.7}"
    "a{text-decoration:none;overflow-wrap:anywhere}a:hover{text-decoration:underline}"
    "tr.d a{font-weight:600}</style>";

/* Bytes as people read them: "999", "12.3 K", "4.0 G". */
static const char *format_size(int64_t size, char out[32])
{
    static const char units[] = " KMGTPE";
    unsigned unit = 0;
    double value = (double)size;

    if (size < 0)
        return "";
    while (value >= 1000 && unit < sizeof(units) - 2) {
        value /= 1024;
        unit++;
    }
    if (unit)
        snprintf(out, 32, "%.1f %c", value, units[unit]);
    else
        snprintf(out, 32, "%lld", (long long)size);
    return out;
}

/* "./" keeps a name with a colon from being taken for a scheme (RFC 3986 4.2). */
static void add_row(struct page *page, const char *name, bool is_dir, const char *size, const char *time)
{
    char encoded[256 * 3 + 1];

    http_files_encode(name, encoded, sizeof(encoded));
    add_text(page, is_dir ? "<tr class=d><td><a href=\"./" : "<tr><td><a href=\"./");
    add_escaped(page, encoded);
    add_text(page, is_dir ? "/\">" : "\">");
    add_escaped(page, name);
    add_text(page, is_dir ? "/</a>" : "</a>");
    add_text(page, "<td>");
    add_text(page, size);
    add_text(page, "<td>");
    add_text(page, time);
    add_text(page, "\n");
}

static void write_page(struct page *page, const struct entries *entries, const char *path)
{
    char size[32], time[WEFT_HTTP_DATE_STRLEN];

    add_text(page, "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>"
                   "<meta name=viewport content=\"width=device-width\">\n<title>");
    add_escaped(page, path);
    add_text(page, "</title>\n");
    add_text(page, style);
    add_text(page, "\n<h1>");
    add_escaped(page, path);
    add_text(page, "</h1>\n<table>\n");
    if (strcmp(path, "/") != 0)
        add_text(page, "<tr class=d><td><a href=\"../\">../</a><td><td>\n");
    for (size_t i = 0; i < entries->count; i++) {
        const struct entry *entry = &entries->entry[i];

        add_row(page, entry->name, entry->is_dir, format_size(entry->size, size),
                weft_http_date_format(entry->modified, time));
    }
    add_text(page, "</table>\n");
    if (entries->is_cut)
        add_text(page, "<p>There are more; they are not shown.\n");
}

static void answer_page(struct weft_http_req *req, struct page *page)
{
    if (page->is_bad) {
        free(page->block);
        weft_http_answer_error(req, 503, "no memory for a listing");
        return;
    }
    *page->block = (struct weft_block){
        .refs = 1, .size = page->block->size, .data = (uint8_t *)(page->block + 1), .release = free_page};
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Content-Type", "text/html; charset=utf-8");
    weft_http_answer_field(req, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    weft_http_answer_block(req, page->block, 0, page->block->size);
    weft_block_unref(page->block);
}

void http_files_list(const struct weft_http_files *files, struct weft_http_req *req, int fd, const char *path)
{
    DIR *dir = fdopendir(fd);
    struct entries entries = {0};
    struct page page = {0};

    if (!dir) {
        close(fd);
        weft_http_answer_error(req, 503, "the directory cannot be read now");
        return;
    }
    if (read_entries(files, dir, &entries))
        write_page(&page, &entries, path);
    else
        page.is_bad = true;
    free_entries(&entries);
    closedir(dir);
    answer_page(req, &page);
}

/* SPDX-License-Identifier: MIT */
/*
 * Dates of HTTP (RFC 9110 5.6.7): seconds since 1970 to IMF-fixdate, and back
 * from each of the three forms that a recipient must accept.
 */
#include <weft/http.h>

#include <string.h>

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const days[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                    "Thursday", "Friday", "Saturday"};

#define DAY_SECONDS 86400

/* Days since 1970-01-01 of the first of March of a year: the leap day is then the last of its year. */
static int64_t days_to_march(int64_t year)
{
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 - 719468;
}

/* Days from the first of March to the first of the month that is `month` months later. */
static int64_t days_of_months(int64_t month)
{
    return (153 * month + 2) / 5;
}

/* month and day from 1 */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t since_march = (month + 9) % 12;

    return days_to_march(month <= 2 ? year - 1 : year) + days_of_months(since_march) + day - 1;
}

static void date_of(int64_t day_number, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t y = day_number / 365 + 1970;
    int64_t since_march;

    while (days_to_march(y) > day_number)
        y--;
    while (days_to_march(y + 1) <= day_number)
        y++;
    day_number -= days_to_march(y);
    since_march = (5 * day_number + 2) / 153;
    *day = day_number - days_of_months(since_march) + 1;
    *month = (since_march + 2) % 12 + 1;
    *year = *month <= 2 ? y + 1 : y;
}

static char *put_digits(char *at, int64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

static char *put_text(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

const char *weft_http_date_format(int64_t seconds, char buf[WEFT_HTTP_DATE_STRLEN])
{
    int64_t day_number, of_day, year, month, day;
    char *at = buf;

    day_number = (seconds >= 0 ? seconds : seconds - (DAY_SECONDS - 1)) / DAY_SECONDS;
    of_day = seconds - day_number * DAY_SECONDS;
    date_of(day_number, &year, &month, &day);
    at = put_text(at, days[((day_number + 4) % 7 + 7) % 7], 3);
    at = put_text(at, ", ", 2);
    at = put_digits(at, day, 2);
    *at++ = ' ';
    at = put_text(at, months[month - 1], 3);
    *at++ = ' ';
    at = put_digits(at, year, 4);
    *at++ = ' ';
    at = put_digits(at, of_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, of_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, of_day % 60, 2);
    put_text(at, " GMT", 5);
    return buf;
}

/* Reads on from `at`; once something was not as expected, `bad` stays and nothing is read any more. */
struct scan {
    const char *at;
    bool bad;
};

static void scan_text(struct scan *scan, const char *text)
{
    size_t len = strlen(text);

    if (scan->bad || strncmp(scan->at, text, len) != 0)
        scan->bad = true;
    else
        scan->at += len;
}

static int64_t scan_digits(struct scan *scan, unsigned digits)
{
    int64_t value = 0;

    for (unsigned i = 0; i < digits && !scan->bad; i++) {
        if (*scan->at < '0' || *scan->at > '9')
            scan->bad = true;
        else
            value = value * 10 + (*scan->at++ - '0');
    }
    return value;
}

/* From 1; 0 when it is none. */
static int64_t scan_month(struct scan *scan)
{
    for (unsigned i = 0; i < 12 && !scan->bad; i++)
        if (strncmp(scan->at, months[i], 3) == 0) {
            scan->at += 3;
            return i + 1;
        }
    scan->bad = true;
    return 0;
}

struct moment {
    int64_t year, month, day, hour, minute, second;
};

static void scan_time(struct scan *scan, struct moment *m)
{
    m->hour = scan_digits(scan, 2);
    scan_text(scan, ":");
    m->minute = scan_digits(scan, 2);
    scan_text(scan, ":");
    m->second = scan_digits(scan, 2);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" after the day's name */
static void scan_imf(struct scan *scan, struct moment *m)
{
    scan_text(scan, ", ");
    m->day = scan_digits(scan, 2);
    scan_text(scan, " ");
    m->month = scan_month(scan);
    scan_text(scan, " ");
    m->year = scan_digits(scan, 4);
    scan_text(scan, " ");
    scan_time(scan, m);
    scan_text(scan, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" after the day's name */
static void scan_rfc850(struct scan *scan, struct moment *m, int64_t now)
{
    int64_t this_year, month, day;

    scan_text(scan, ", ");
    m->day = scan_digits(scan, 2);
    scan_text(scan, "-");
    m->month = scan_month(scan);
    scan_text(scan, "-");
    m->year = scan_digits(scan, 2);
    scan_text(scan, " ");
    scan_time(scan, m);
    scan_text(scan, " GMT");
    /* RFC 9110 5.6.7: what seems more than 50 years ahead is the latest such year in the past. */
    date_of(now / DAY_SECONDS, &this_year, &month, &day);
    m->year += this_year / 100 * 100;
    if (m->year > this_year + 50)
        m->year -= 100;
}

/* "Sun Nov  6 08:49:37 1994" after the day's name */
static void scan_asctime(struct scan *scan, struct moment *m)
{
    scan_text(scan, " ");
    m->month = scan_month(scan);
    scan_text(scan, " ");
    if (!scan->bad && *scan->at == ' ') {
        scan_text(scan, " ");
        m->day = scan_digits(scan, 1);
    } else {
        m->day = scan_digits(scan, 2);
    }
    scan_text(scan, " ");
    scan_time(scan, m);
    scan_text(scan, " ");
    m->year = scan_digits(scan, 4);
}

/* Which of the forms follows is told by how the day's name is written. */
static void scan_date(struct scan *scan, struct moment *m, int64_t now)
{
    for (unsigned i = 0; i < 7; i++) {
        size_t len = strlen(days[i]);

        if (strncmp(scan->at, days[i], len) == 0) {
            scan->at += len;
            scan_rfc850(scan, m, now);
            return;
        }
        if (strncmp(scan->at, days[i], 3) == 0) {
            scan->at += 3;
            if (*scan->at == ',')
                scan_imf(scan, m);
            else
                scan_asctime(scan, m);
            return;
        }
    }
    scan->bad = true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

static bool is_possible(const struct moment *m)
{
    /* A minute may have a leap second, RFC 9110 5.6.7. */
    return m->day >= 1 && m->day <= days_in_month(m->year, m->month) && m->hour <= 23 && m->minute <= 59 &&
           m->second <= 60;
}

int weft_http_date_parse(const char *text, int64_t now, int64_t *out)
{
    struct scan scan = {.at = text};
    struct moment m = {0};

    scan_date(&scan, &m, now);
    if (scan.bad || *scan.at || !is_possible(&m))
        return WEFT_E_BADFORMAT;
    *out = days_of(m.year, m.month, m.day) * DAY_SECONDS + m.hour * 3600 + m.minute * 60 + m.second;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* What can be wrong with a message: the tables. See fault.h. */
#include "http/fault.h"

#include <stdint.h>

static const struct {
    uint16_t status;
    const char *text, *source;
} faults[HTTP_FAULT_COUNT] = {[HTTP_FAULT_NONE] = {200, "nothing is wrong", "RFC 9110"},
#define HTTP_FAULT_ROW_(name, status, text, source) [HTTP_FAULT_##name] = {status, text, source},
                              HTTP_FAULTS(HTTP_FAULT_ROW_)
#undef HTTP_FAULT_ROW_
};

unsigned http_fault_status(enum http_fault fault)
{
    return faults[fault].status;
}

const char *http_fault_text(enum http_fault fault)
{
    return faults[fault].text;
}

const char *http_fault_source(enum http_fault fault)
{
    return faults[fault].source;
}

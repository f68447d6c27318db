/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes packet scripts: any text is refused or read, and what is read is run.
 * Running it is a conversation with a stack whose invariants are checked, so
 * this is also one more way to talk to TCP.
 */
#include <stdio.h>
#include <stdlib.h>

#include <weft/script.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static FILE *nowhere;
    struct weft_script *script;
    char why[300];

    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    if (!nowhere)
        abort();
    if (weft_script_parse("/nowhere/fuzz", (const char *)data, bytes, &script, why, sizeof(why)) != 0)
        return 0;
    weft_script_run(script, NULL, nowhere);
    weft_script_free(script);
    return 0;
}

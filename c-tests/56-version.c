/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The version of the header, in numbers and as text, and that of the library in use.
 * modes: preload shared static api api-static
 */
#include <clone3.h>
#include "tap.h"

#if CLONE3_VERSION_MAJOR * 1000000 + CLONE3_VERSION_MINOR * 1000 + CLONE3_VERSION_PATCH < 1000
#error "the preprocessor cannot compare the version"
#endif

int main(void)
{
    char numbers[40];
    begin(10);
    snprintf(numbers, sizeof numbers, "%d.%d.%d", CLONE3_VERSION_MAJOR, CLONE3_VERSION_MINOR,
             CLONE3_VERSION_PATCH);
    ok(strcmp(CLONE3_VERSION, numbers) == 0, "CLONE3_VERSION is made of its three numbers (%s)", CLONE3_VERSION);
    ok(strcmp(clone3_version(), CLONE3_VERSION) == 0,
       "clone3_version() is that of the header that the library was built with (%s)", clone3_version());
    return done();
}

/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The program that fuzzed children become: it stops, to be looked at. */
#include <signal.h>
#include <unistd.h>

int main(void)
{
    kill(getpid(), SIGSTOP);
    return 0;
}

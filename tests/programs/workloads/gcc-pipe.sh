#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A parallel build by gcc -pipe, whose compiler and assembler run side by side.
# The object files are the same, byte by byte.
set -eu

for number in {1..16}; do
    cat > "part$number.c" <<END
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int part$number(int seed)
{
    int values[64];
    for (int i = 0; i < 64; i++)
        values[i] = (seed * (i + $number) * 7919) % 1009;
    qsort(values, 64, sizeof *values, compare);
    return values[$number];
}
END
    echo "int part$number(int);" >> parts.h
    echo "sum += part$number(3);" >> calls.h
done
printf '#include <stdio.h>\n#include "parts.h"\nint main(void)\n{\n    int sum = 0;\n#include "calls.h"\n    printf("%%d\\n", sum);\n    return 0;\n}\n' > main.c
printf 'CFLAGS = -pipe -O2\nobjects = $(patsubst %%.c,%%.o,$(sort $(wildcard *.c)))\nall: $(objects)\n\t@$(CC) -pipe -o all $(objects)\n%%.o: %%.c\n\t@$(CC) $(CFLAGS) -c -o $@ $<\n' > Makefile
make -s -j2 CC=gcc
./all
sha256sum ./*.o all
# An error gets through, and leaves nothing behind.
echo 'int main(void) { return missing; }' > wrong.c
gcc -pipe -c wrong.c 2>/dev/null || echo "wrong.c: $?"
[ ! -e wrong.o ] && echo "and no object of it"

/* SPDX-License-Identifier: Apache-2.0 */
/* What must never run: says so in the witness file. As "tool" it is what may run, unless its first argument is "forbid". */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#ifndef TOOL
#define TOOL 0
#endif
#define WITNESS "/tmp/exec-witness"

int
main(int argc, char **argv)
{
	int fd;

	if (TOOL && (argc < 2 || strcmp(argv[1], "forbid") != 0))
		return 0;
	fd = open(WITNESS, O_WRONLY | O_APPEND);
	if (fd >= 0 && write(fd, "RAN\n", 4) == 4)
		return 0;
	return 1;
}

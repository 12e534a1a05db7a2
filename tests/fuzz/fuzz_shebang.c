/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of a script: what is found lies in the line, and is no blank. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "exec/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char head[SP_PROGRAM_HEAD] = "", name[SP_PROGRAM_HEAD], arg[SP_PROGRAM_HEAD];

	memcpy(head, data, size < sizeof(head) ? size : sizeof(head));
	if (!sp_program_shebang(head, name, arg))
		return 0;
	assert(name[0] != '\0' && name[strcspn(name, " \t\n")] == '\0');
	assert(memmem(head, sizeof(head), name, strlen(name)) != NULL);
	assert(strchr(arg, '\n') == NULL && arg[0] != ' ' && arg[0] != '\t');
	assert(arg[0] == '\0' || memmem(head, sizeof(head), arg, strlen(arg)) != NULL);
	return 0;
}

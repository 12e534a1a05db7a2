/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the far end of scp. */
#include <string.h>

#include "proto/scp.h"
#include "proto/shell_quote.h"

/* One word of options. False: one of them is unknown, or there twice where it matters. */
static bool
request_letters(const char *word, struct sp_scp_request *q, bool *has_way)
{
	for (const char *p = word + 1; *p != '\0'; p++) {
		switch (*p) {
		case 't':
		case 'f':
			if (*has_way)
				return false;
			*has_way = true;
			q->is_source = *p == 'f';
			break;
		case 'r':
			q->is_recursive = true;
			break;
		case 'p':
			q->has_times = true;
			break;
		case 'd':
			q->is_directory = true;
			break;
		case 'v':
			q->is_verbose = true;
			break;
		case 'q':
			q->is_quiet = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

int
sp_scp_request_parse(size_t argc, const char *const argv[], struct sp_scp_request *ret_q, const char **ret_problem)
{
	bool has_way = false;
	size_t i;

	memset(ret_q, 0, sizeof(*ret_q));
	*ret_problem = "scp is asked for something else than `scp -t|-f [-r] [-p] [-d] [-v] [-q] PATH`";
	if (argc < 3 || strcmp(argv[0], "scp") != 0)
		return SP_ERR_INVALID;
	for (i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++)
		if (argv[i][1] == '\0' || !request_letters(argv[i], ret_q, &has_way))
			return SP_ERR_INVALID;
	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	if (!has_way || i >= argc)
		return SP_ERR_INVALID;
	if (argc - i > 1) {
		*ret_problem = "scp -O is given one path at a time here";
		return SP_ERR_INVALID;
	}
	if (argv[i][0] == '\0')
		return SP_ERR_INVALID;
	ret_q->path = argv[i];
	*ret_problem = NULL;
	return 0;
}

int
sp_scp_request_write(const struct sp_scp_request *q, const char *path, struct sp_buf *out)
{
	sp_buf_putf(out, "scp%s%s%s%s%s%s -- ", q->is_verbose ? " -v" : "", q->is_recursive ? " -r" : "",
	    q->has_times ? " -p" : "", q->is_quiet ? " -q" : "", q->is_directory ? " -d" : "", q->is_source ? " -f" : " -t");
	sp_shell_quote(out, path);
	return sp_buf_error(out);
}

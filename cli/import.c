/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport import: what another program was told, as settings of ours. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/opkssh.h"

#define SP_CLI_IMPORT_MAX ((size_t)4 * 1024 * 1024)
#define SP_CLI_IMPORT_ETC "/etc/opk"
#define SP_CLI_IMPORT_WHY 1024

static int
sp_cli_import_usage(void)
{
	fputs("usage: sallyport import opkssh [--dir DIR] [--output FILE]\n", stderr);
	return 2;
}

static int
sp_cli_import_write(const struct sp_buf *b, const char *path)
{
	const uint8_t *p = sp_buf_data(b);
	size_t n = sp_buf_len(b);
	int fd = path == NULL ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ssize_t done;

	while (fd >= 0 && n > 0) {
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			break;
		p += done;
		n -= (size_t)done;
	}
	if (fd < 0 || n > 0 || (path != NULL && close(fd) != 0)) {
		fprintf(stderr, "sallyport: %s: %s\n", path == NULL ? "standard output" : path, strerror(errno));
		return 2;
	}
	return 0;
}

static int
sp_cli_import_opkssh(const char *dir, const char *output)
{
	struct sp_buf *out = sp_buf_new(SP_CLI_IMPORT_MAX), *notes = sp_buf_new(SP_CLI_IMPORT_MAX);
	char why[SP_CLI_IMPORT_WHY] = "";
	unsigned left = 0;
	int status = 2, r = out == NULL || notes == NULL ? SP_ERR_NOMEM : 0;

	if (r == 0)
		r = sp_opkssh_import(dir, out, notes, &left, why, sizeof(why));
	if (r != 0)
		fprintf(stderr, "sallyport: %s\n", why[0] != '\0' ? why : sp_err_str(r));
	else
		status = sp_cli_import_write(out, output);
	if (status == 0) {
		(void)fwrite(sp_buf_data(notes), 1, sp_buf_len(notes), stderr);
		fprintf(stderr, "sallyport: %u rows were not taken. Rules in sallyport-policy(5) say what who logs in may do.\n", left);
		status = left == 0 ? 0 : 1;
	}
	sp_buf_free(out);
	sp_buf_free(notes);
	return status;
}

int
sp_cli_import(int argc, char **argv)
{
	static const struct option options[] = {{"dir", required_argument, NULL, 'd'}, {"output", required_argument, NULL, 'o'},
	    {NULL, 0, NULL, 0}};
	const char *dir = SP_CLI_IMPORT_ETC, *output = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "d:o:", options, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'o')
			output = optarg;
		else
			return sp_cli_import_usage();
	}
	if (argc - optind != 1 || strcmp(argv[optind], "opkssh") != 0)
		return sp_cli_import_usage();
	return sp_cli_import_opkssh(dir, output);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport host-ca: the line by which a laptop's ssh knows the hosts that are reached with ssh -J. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "lib/hosts.h"

#define SP_CLI_HOST_CA SP_STATEDIR "/host-ca.pub"
#define SP_CLI_HOST_CA_MAX 4096 /* bytes of the key's line */

static void
sp_cli_host_ca_each(void *ctx, const char *name, uint32_t address)
{
	unsigned *n = ctx;

	(void)address;
	printf("%s%s", (*n)++ > 0 ? "," : "@cert-authority ", name);
}

/* Those that can be forwarded to. */
static int
sp_cli_host_ca_names(void)
{
	struct sp_hosts_scan scan;
	unsigned n = 0;
	int r;

	sp_hosts_scan_init(&scan, NULL, 0);
	scan.each = sp_cli_host_ca_each;
	scan.ctx = &n;
	r = sp_hosts_scan_file(&scan, SP_HOSTS_PATH, 0);
	if (r != 0 || n == 0)
		fprintf(stderr, "sallyport: no connection can be forwarded to (forward: true)%s%s\n", r == 0 ? "" : ": ",
		    r == 0 ? "" : sp_err_str(r));
	return r == 0 && n > 0 ? 0 : 2;
}

int
sp_cli_host_ca(int argc, char **argv)
{
	char line[SP_CLI_HOST_CA_MAX];
	unsigned n = 0;
	FILE *f;

	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' || argv[i][strcspn(argv[i], " \t\r\n,")] != '\0') {
			fputs("usage: sallyport host-ca [NAME...]\n", stderr);
			return 2;
		}
	f = fopen(SP_CLI_HOST_CA, "re");
	if (f == NULL || fgets(line, sizeof(line), f) == NULL || strchr(line, '\n') == NULL) {
		perror("sallyport: " SP_CLI_HOST_CA);
		if (f != NULL)
			(void)fclose(f);
		return 2;
	}
	(void)fclose(f);
	for (int i = 1; i < argc; i++)
		sp_cli_host_ca_each(&n, argv[i], 0);
	if (argc == 1 && sp_cli_host_ca_names() != 0)
		return 2;
	printf(" %s", line);
	return 0;
}

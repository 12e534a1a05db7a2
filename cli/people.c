/* SPDX-License-Identifier: Apache-2.0 */
/* sallyport people: who has an account on this bastion without being in /etc/passwd; see sallyport-people(8). */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/people_import.h"
#include "cli/people_local.h"
#include "cli/people_store.h"

#define PEOPLE_DATABASE "people.db"
#define PEOPLE_TABLE "people"
#define PEOPLE_WHY 512

struct people_args {
	const char *command, *name;
	const char *state;
	const char *iss, *sub, *full, *home, *rename, *groups;
	uint32_t id;
	bool with_removed, without_home;
	char table[PATH_MAX];
	struct sp_people_store *store;
};

static int
people_usage(void)
{
	fputs("usage: sallyport people add NAME --issuer URL --subject ID [--full-name TEXT] [--groups NAME,...]\n"
	      "                                 [--home DIR] [--no-create-home] [--uid N]\n"
	      "       sallyport people change NAME [--name NEW] [--full-name TEXT] [--groups NAME,...] [--home DIR]\n"
	      "       sallyport people disable | enable | remove NAME\n"
	      "       sallyport people group NAME [--gid N]\n"
	      "       sallyport people list [--all]\n"
	      "       sallyport people import FILE [--no-create-home]\n"
	      "       sallyport people range [FIRST-LAST]\n"
	      "       sallyport people enumerate yes | no\n"
	      "       sallyport people write\n", stderr);
	return 2;
}

static int
people_error(const struct people_args *a, int r)
{
	fprintf(stderr, "sallyport: %s\n",
	    r == SP_ERR_NOMEM || sp_people_store_error(a->store)[0] == '\0' ? sp_err_str(r) : sp_people_store_error(a->store));
	return r == SP_ERR_EXISTS || r == SP_ERR_NOT_FOUND || r == SP_ERR_INVALID || r == SP_ERR_CONFLICT || r == SP_ERR_LIMIT ||
		       r == SP_ERR_FORMAT
		   ? 1
		   : 2;
}

static int
people_number(const char *text, uint32_t *ret_v)
{
	unsigned long v;
	char *end = NULL;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || v == 0 || v > UINT32_MAX)
		return SP_ERR_INVALID;
	*ret_v = (uint32_t)v;
	return 0;
}

static uint32_t
people_avoid(uint32_t id, void *ctx)
{
	char why[PEOPLE_WHY];
	uint32_t after = id;
	int r = sp_people_local_check("/etc", "", id, why, sizeof(why), &after);

	(void)ctx;
	return r == 0 ? id : r == SP_ERR_EXISTS ? after : 0;
}

/* Nobody of this machine's own has the name or the id. */
static int
people_is_free(const char *name, uint32_t id, int *status)
{
	char why[PEOPLE_WHY] = "";
	uint32_t after;
	int r = sp_people_local_check("/etc", name, id, why, sizeof(why), &after);

	if (r == 0)
		return 0;
	fprintf(stderr, "sallyport: %s\n", why);
	*status = r == SP_ERR_EXISTS ? 1 : 2;
	return r;
}

static int
people_make_home(const struct people_args *a, const char *home, uint32_t id, int *status)
{
	char why[PEOPLE_WHY] = "";
	int r = a->without_home ? 0 : sp_people_local_home(home, id, why, sizeof(why));

	if (r == 0)
		return 0;
	fprintf(stderr, "sallyport: %s\n", why);
	*status = r == SP_ERR_EXISTS ? 1 : 2;
	return r;
}

/* The table of what is in the database now; whoever comes last writes what is newest. */
static int
people_write(const struct people_args *a)
{
	int r = sp_people_store_begin(a->store);

	if (r == 0)
		r = sp_people_store_end(a->store, sp_people_store_write(a->store, a->table));
	return r == 0 ? 0 : people_error(a, r);
}

/* Ends a change. status is set if its reason has been told. */
static int
people_done(const struct people_args *a, int r, int status)
{
	r = sp_people_store_end(a->store, r);
	if (r != 0)
		return status != 0 ? status : people_error(a, r);
	return people_write(a);
}

/* Whoever is added and not found cannot log in, and nobody would know why. */
static void
people_tell_if_unknown(const struct people_args *a, uint32_t id)
{
	const struct group *gr = strcmp(a->state, SP_STATEDIR) == 0 ? getgrnam(a->name) : NULL;

	if (strcmp(a->state, SP_STATEDIR) == 0 && (gr == NULL || gr->gr_gid != id))
		fprintf(stderr, "sallyport: this machine does not find %s: sallyport-enable puts sallyport into the lines passwd: and "
				"group: of /etc/nsswitch.conf\n", a->name);
}

static int
people_add(const struct people_args *a, enum sp_people_kind kind)
{
	char home[SP_PEOPLE_TEXT_MAX + 1];
	struct sp_people_row row = { .kind = kind, .name = a->name, .full = a->full != NULL ? a->full : "", .home = "", .iss = "",
		.sub = "", .id = a->id };
	int r = sp_people_store_begin(a->store), status = 0;
	uint32_t id = 0;

	if (r != 0)
		return people_error(a, r);
	if (kind == SP_PEOPLE_PERSON) {
		(void)snprintf(home, sizeof(home), "/home/%.31s", a->name);
		row.home = a->home != NULL ? a->home : home;
		row.iss = a->iss;
		row.sub = a->sub;
	}
	r = sp_people_store_add(a->store, &row, &id);
	if (r == 0)
		r = people_is_free(a->name, id, &status);
	if (r == 0 && a->groups != NULL)
		r = sp_people_store_join(a->store, id, a->groups);
	if (r == 0 && kind == SP_PEOPLE_PERSON)
		r = people_make_home(a, row.home, id, &status);
	r = people_done(a, r, status);
	if (r == 0)
		printf("%s %u\n", a->name, id);
	if (r == 0)
		people_tell_if_unknown(a, id);
	return r;
}

static int
people_change(const struct people_args *a)
{
	enum sp_people_kind kind = SP_PEOPLE_PERSON;
	int r = sp_people_store_begin(a->store), status = 0;
	uint32_t id = 0;

	if (r != 0)
		return people_error(a, r);
	r = sp_people_store_find(a->store, a->name, &id, &kind);
	if (r == 0 && kind == SP_PEOPLE_GROUP && (a->full != NULL || a->home != NULL || a->groups != NULL)) {
		fputs("sallyport: a group has a name and nothing else to change\n", stderr);
		status = 1;
		r = SP_ERR_INVALID;
	}
	if (r == 0 && a->rename != NULL)
		r = sp_people_store_rename(a->store, id, a->rename);
	if (r == 0 && a->rename != NULL)
		r = people_is_free(a->rename, id, &status);
	if (r == 0 && a->full != NULL)
		r = sp_people_store_describe(a->store, id, a->full);
	if (r == 0 && a->groups != NULL)
		r = sp_people_store_join(a->store, id, a->groups);
	if (r == 0 && a->home != NULL)
		r = sp_people_store_move(a->store, id, a->home);
	if (r == 0 && a->home != NULL)
		r = people_make_home(a, a->home, id, &status);
	return people_done(a, r, status);
}

static int
people_set_state(const struct people_args *a, enum sp_people_state state)
{
	enum sp_people_kind kind = SP_PEOPLE_PERSON;
	int r = sp_people_store_begin(a->store), status = 0;
	uint32_t id = 0;

	if (r != 0)
		return people_error(a, r);
	r = sp_people_store_find(a->store, a->name, &id, &kind);
	if (r == 0 && kind == SP_PEOPLE_GROUP && state != SP_PEOPLE_REMOVED) {
		fprintf(stderr, "sallyport: %s is a group\n", a->name);
		status = 1;
		r = SP_ERR_INVALID;
	}
	if (r == 0)
		r = sp_people_store_set_state(a->store, id, state);
	return people_done(a, r, status);
}

static int
people_print(const struct sp_people_row *row, void *ctx)
{
	(void)ctx;
	sp_people_import_print(row, stdout);
	return 0;
}

static int
people_list(const struct people_args *a)
{
	int r = sp_people_store_walk(a->store, a->with_removed, people_print, NULL);

	return r == 0 ? 0 : people_error(a, r);
}

struct people_importing {
	const struct people_args *a;
	int status;
};

static int
people_imported(const struct sp_people_row *row, void *ctx)
{
	struct people_importing *x = ctx;
	int r = people_is_free(row->name, row->id, &x->status);

	if (r == 0 && row->kind == SP_PEOPLE_PERSON)
		r = people_make_home(x->a, row->home, row->id, &x->status);
	return r;
}

static int
people_import(const struct people_args *a)
{
	struct people_importing x = { a, 0 };
	unsigned line = 0;
	FILE *f = strcmp(a->name, "-") == 0 ? stdin : fopen(a->name, "re");
	int r;

	if (f == NULL) {
		fprintf(stderr, "sallyport: cannot open %s: %s\n", a->name, strerror(errno));
		return 2;
	}
	r = sp_people_store_begin(a->store);
	if (r == 0)
		r = sp_people_import(a->store, f, people_imported, &x, &line);
	if (line != 0)
		fprintf(stderr, "sallyport: %s:%u:\n", a->name, line);
	if (f != stdin)
		(void)fclose(f);
	return people_done(a, r, x.status);
}

static int
people_range(const struct people_args *a)
{
	char first_text[16];
	uint32_t first = 0, last = 0;
	size_t n = a->name == NULL ? 0 : strcspn(a->name, "-");
	int r;

	if (a->name == NULL) {
		r = sp_people_store_range(a->store, &first, &last);
		if (r == 0)
			printf("%u-%u\n", first, last);
		return r == 0 ? 0 : people_error(a, r);
	}
	(void)snprintf(first_text, sizeof(first_text), "%.*s", (int)(n < 15 ? n : 15), a->name);
	if (a->name[n] != '-' || people_number(first_text, &first) != 0 || people_number(a->name + n + 1, &last) != 0)
		return people_usage();
	r = sp_people_store_begin(a->store);
	return r != 0 ? people_error(a, r) : people_done(a, sp_people_store_set_range(a->store, first, last), 0);
}

static int
people_enumerate(const struct people_args *a)
{
	int r;

	if (a->name == NULL || (strcmp(a->name, "yes") != 0 && strcmp(a->name, "no") != 0))
		return people_usage();
	r = sp_people_store_begin(a->store);
	return r != 0 ? people_error(a, r)
		      : people_done(a, sp_people_store_set_enumerate(a->store, strcmp(a->name, "yes") == 0), 0);
}

static int
people_run(const struct people_args *a)
{
	const char *c = a->command;

	if (strcmp(c, "list") == 0 && a->name == NULL)
		return people_list(a);
	if (strcmp(c, "write") == 0 && a->name == NULL)
		return people_write(a);
	if (strcmp(c, "range") == 0)
		return people_range(a);
	if (strcmp(c, "enumerate") == 0)
		return people_enumerate(a);
	if (a->name == NULL)
		return people_usage();
	if (strcmp(c, "add") == 0)
		return a->iss == NULL || a->sub == NULL ? people_usage() : people_add(a, SP_PEOPLE_PERSON);
	if (strcmp(c, "group") == 0)
		return people_add(a, SP_PEOPLE_GROUP);
	if (strcmp(c, "import") == 0)
		return people_import(a);
	if (strcmp(c, "change") == 0)
		return people_change(a);
	if (strcmp(c, "disable") == 0)
		return people_set_state(a, SP_PEOPLE_DISABLED);
	if (strcmp(c, "enable") == 0)
		return people_set_state(a, SP_PEOPLE_ACTIVE);
	if (strcmp(c, "remove") == 0)
		return people_set_state(a, SP_PEOPLE_REMOVED);
	return people_usage();
}

enum { OPT_ISSUER = 256, OPT_SUBJECT, OPT_FULL, OPT_HOME, OPT_NO_HOME, OPT_ID, OPT_NAME, OPT_GROUPS, OPT_ALL, OPT_STATE };

/* Which option goes with which command. */
static bool
people_takes(const char *command, int option)
{
	static const struct {
		const char *command;
		int options[8];
	} takes[] = {
		{ "add", { OPT_ISSUER, OPT_SUBJECT, OPT_FULL, OPT_HOME, OPT_NO_HOME, OPT_ID, OPT_GROUPS } },
		{ "change", { OPT_NAME, OPT_FULL, OPT_GROUPS, OPT_HOME, OPT_NO_HOME } },
		{ "group", { OPT_ID } },
		{ "import", { OPT_NO_HOME } },
		{ "list", { OPT_ALL } },
	};

	if (option == OPT_STATE)
		return true;
	for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++)
		for (size_t j = 0; strcmp(takes[i].command, command) == 0 && j < 8; j++)
			if (takes[i].options[j] == option)
				return true;
	return false;
}

static int
people_option(struct people_args *a, int option)
{
	if (!people_takes(a->command, option))
		return SP_ERR_INVALID;
	switch (option) {
	case OPT_ISSUER:
		a->iss = optarg;
		return 0;
	case OPT_SUBJECT:
		a->sub = optarg;
		return 0;
	case OPT_FULL:
		a->full = optarg;
		return 0;
	case OPT_HOME:
		a->home = optarg;
		return 0;
	case OPT_NO_HOME:
		a->without_home = true;
		return 0;
	case OPT_ID:
		return people_number(optarg, &a->id);
	case OPT_NAME:
		a->rename = optarg;
		return 0;
	case OPT_GROUPS:
		a->groups = optarg;
		return 0;
	case OPT_ALL:
		a->with_removed = true;
		return 0;
	default:
		a->state = optarg;
		return 0;
	}
}

static int
people_args(int argc, char **argv, struct people_args *a)
{
	static const struct option options[] = { { "issuer", required_argument, NULL, OPT_ISSUER },
		{ "subject", required_argument, NULL, OPT_SUBJECT }, { "full-name", required_argument, NULL, OPT_FULL },
		{ "home", required_argument, NULL, OPT_HOME }, { "no-create-home", no_argument, NULL, OPT_NO_HOME },
		{ "uid", required_argument, NULL, OPT_ID }, { "gid", required_argument, NULL, OPT_ID },
		{ "name", required_argument, NULL, OPT_NAME }, { "groups", required_argument, NULL, OPT_GROUPS },
		{ "all", no_argument, NULL, OPT_ALL }, { "state-dir", required_argument, NULL, OPT_STATE }, { NULL, 0, NULL, 0 } };
	int option;

	if (argc < 2)
		return SP_ERR_INVALID;
	a->command = argv[1];
	a->state = SP_STATEDIR;
	while ((option = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1)
		if (people_option(a, option) != 0)
			return SP_ERR_INVALID;
	argc -= 1 + optind;
	argv += 1 + optind;
	a->name = argc > 0 ? argv[0] : NULL;
	return argc > 1 ? SP_ERR_INVALID : 0;
}

int
sp_cli_people(int argc, char **argv)
{
	struct people_args a = { .command = "" };
	char database[PATH_MAX];
	int r, status;

	if (people_args(argc, argv, &a) != 0)
		return people_usage();
	(void)snprintf(database, sizeof(database), "%s/" PEOPLE_DATABASE, a.state);
	(void)snprintf(a.table, sizeof(a.table), "%s/" PEOPLE_TABLE, a.state);
	r = sp_people_store_open(database, &a.store);
	if (r == 0)
		sp_people_store_set_avoid(a.store, people_avoid, NULL);
	status = r == 0 ? people_run(&a) : people_error(&a, r);
	sp_people_store_close(a.store);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main for fuzz targets without libFuzzer, so that `make check` runs every
 * corpus with any compiler: each file of the directories (or files) given, whole
 * and, up to SP_STANDALONE_CUT_MAX bytes, cut at every byte. Without arguments
 * the target fuzz_X takes $SP_FUZZ_CORPUS/X. An empty corpus is a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SP_STANDALONE_CUT_MAX 2048
#define SP_STANDALONE_FILE_MAX ((size_t)16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy of exactly n bytes for each run, so that a sanitizer sees a read past the end. */
static int
run_bytes(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	if (copy == NULL)
		return -1;
	if (n > 0)
		memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return 0;
}

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(SP_STANDALONE_FILE_MAX);
	size_t n = 0;
	int r = -1;

	if (f == NULL || data == NULL) {
		perror(path);
	} else {
		n = fread(data, 1, SP_STANDALONE_FILE_MAX, f);
		r = ferror(f) ? -1 : run_bytes(data, n);
		for (size_t cut = 0; r == 0 && n <= SP_STANDALONE_CUT_MAX && cut < n; cut++)
			r = run_bytes(data, cut);
	}
	if (f != NULL)
		(void)fclose(f);
	free(data);
	return r;
}

static int
run_path(const char *path, unsigned *ran)
{
	struct stat st;
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (stat(path, &st) != 0) {
		perror(path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		(*ran)++;
		return run_file(path);
	}
	d = opendir(path);
	if (d == NULL) {
		perror(path);
		return -1;
	}
	while (r == 0 && (e = readdir(d)) != NULL) {
		char sub[4096];

		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		r = run_path(sub, ran);
	}
	(void)closedir(d);
	return r;
}

int
main(int argc, char *argv[])
{
	const char *corpus = getenv("SP_FUZZ_CORPUS"), *name = strrchr(argv[0], '/');
	unsigned ran = 0;
	int r = 0;

	for (int i = 1; r == 0 && i < argc; i++)
		r = run_path(argv[i], &ran);
	if (argc < 2) {
		char path[4096];

		name = name == NULL ? argv[0] : name + 1;
		if (strncmp(name, "lt-", 3) == 0)
			name += 3;
		if (corpus == NULL || strncmp(name, "fuzz_", 5) != 0) {
			(void)fprintf(stderr, "usage: %s file|directory ...\n", argv[0]);
			return 2;
		}
		(void)snprintf(path, sizeof(path), "%s/%s", corpus, name + 5);
		r = run_path(path, &ran);
	}
	if (r == 0 && ran == 0) {
		(void)fprintf(stderr, "%s: the corpus is empty\n", argv[0]);
		r = -1;
	}
	(void)printf("%u inputs\n", ran);
	return r == 0 ? 0 : 1;
}

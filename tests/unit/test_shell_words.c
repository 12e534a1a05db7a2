/* SPDX-License-Identifier: Apache-2.0 */
/* From the words of a person to those of a program: what is declared, and nothing else. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "policy/image.h"
#include "session-agent/shell_proxy.h"

static const char *const command[] = {"/usr/bin/systemctl", "{verb}", "--job={verb}", "{unit}", "{other}"};
static const struct sp_policy_parameter parameters[] = {
    {.name = "verb", .pattern = "start|stop", .value = ""},
    {.name = "unit", .pattern = "[^\\n]+", .is_optional = true, .value = "default"},
};
static const struct sp_policy_pair environment[] = {{"SHELL", "/usr/bin/zsh"}};

/* The words, each followed by |; or ! and the message. */
static const char *
words(const struct sp_policy_connection *c, const char *const argv[])
{
	static char text[1024];
	struct sp_shell_words w;
	char message[256];
	size_t i;
	int r = sp_shell_words(c, argv, &w, message, sizeof(message));

	if (r != 0) {
		snprintf(text, sizeof(text), "!%s", message);
	} else {
		snprintf(text, sizeof(text), "%s%s:", w.is_interactive ? "interactive " : "", w.path);
		for (i = 0; w.argv[i] != NULL; i++)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s|", w.argv[i]);
	}
	sp_shell_words_clear(&w);
	return text;
}

#define WORDS(...) WORDS_(__VA_ARGS__, NULL)
#define WORDS_(c, ...) words(c, (const char *const[]){"run", "x", __VA_ARGS__})

static void
test_command(void **state)
{
	const struct sp_policy_connection c = {.name = "x", .kind = SP_POLICY_KIND_COMMAND, .ncommand = 5, .command = command,
	    .nparameters = 2, .parameters = parameters};
	const struct sp_policy_connection none = {.name = "x", .kind = SP_POLICY_KIND_COMMAND};
	char longest[SP_POLICY_PARAMETER_MAX + 2];

	(void)state;
	/* {other} is no parameter (the compiler would refuse it): it stands for itself. */
	assert_string_equal(WORDS(&c, "verb=start"), "/usr/bin/systemctl:/usr/bin/systemctl|start|--job=start|default|{other}|");
	assert_string_equal(WORDS(&c, "stop", "a b; $(c) {verb}"),
	    "/usr/bin/systemctl:/usr/bin/systemctl|stop|--job=stop|a b; $(c) {verb}|{other}|");
	assert_string_equal(WORDS(&c, "unit=x=y", "stop"), "/usr/bin/systemctl:/usr/bin/systemctl|stop|--job=stop|x=y|{other}|");
	assert_int_equal(WORDS(&c)[0], '!');
	assert_int_equal(WORDS(&c, "restart")[0], '!');
	assert_int_equal(WORDS(&c, "start ")[0], '!');
	assert_int_equal(WORDS(&c, "start\n")[0], '!');
	assert_int_equal(WORDS(&c, "xstart")[0], '!');
	assert_int_equal(WORDS(&c, "verb=start", "verb=stop")[0], '!');
	assert_int_equal(WORDS(&c, "start", "u", "more")[0], '!');
	assert_int_equal(WORDS(&c, "start", "unit=")[0], '!');
	assert_int_equal(WORDS(&c, "start", "unit=\xff")[0], '!');
	assert_int_equal(WORDS(&none)[0], '!');
	memset(longest, 'x', sizeof(longest));
	longest[SP_POLICY_PARAMETER_MAX + 1] = 0;
	assert_int_equal(WORDS(&c, "start", longest)[0], '!');
	longest[SP_POLICY_PARAMETER_MAX] = 0;
	assert_int_equal(WORDS(&c, "start", longest)[0], '/');
}

static void
test_shell(void **state)
{
	const struct sp_policy_connection c = {.name = "x", .kind = SP_POLICY_KIND_SHELL};
	const struct sp_policy_connection zsh = {.name = "x", .kind = SP_POLICY_KIND_SHELL, .nenvironment = 1,
	    .environment = environment};

	(void)state;
	assert_string_equal(WORDS(&c), "interactive /bin/bash:-bash|");
	assert_string_equal(WORDS(&zsh), "interactive /usr/bin/zsh:-zsh|");
	assert_string_equal(WORDS(&c, "-c", "make test"), "/bin/bash:bash|-c|make test|");
	assert_string_equal(WORDS(&c, "-c", "echo $0 $1", "a", "b"), "/bin/bash:bash|-c|echo $0 $1|a|b|");
	assert_int_equal(WORDS(&c, "-c")[0], '!');
	assert_int_equal(WORDS(&c, "-i")[0], '!');
	assert_int_equal(WORDS(&c, "make")[0], '!');
	assert_int_equal(WORDS(&c, "--rcfile", "x")[0], '!');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_command), cmocka_unit_test(test_shell)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

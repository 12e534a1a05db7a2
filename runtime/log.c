/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/text.h"

#define SP_LOG_PREFIX_MAX 256

/* The one log of this process. */
static struct {
	const char *ident;
	int max_priority;
	bool to_stderr;
	char prefix[SP_LOG_PREFIX_MAX];
} sp_log_state = {.ident = "sallyport", .max_priority = LOG_INFO, .to_stderr = true};

void
sp_log_open(const char *ident, int max_priority, int to_stderr)
{
	sp_log_state.ident = ident;
	sp_log_state.max_priority = max_priority;
	sp_log_state.to_stderr = to_stderr != 0;
	if (!sp_log_state.to_stderr)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
}

void
sp_log_set_prefix(const char *prefix)
{
	(void)snprintf(sp_log_state.prefix, sizeof(sp_log_state.prefix), "%s", prefix == NULL ? "" : prefix);
}

static void
sp_log_stderr(int priority, const char *text, size_t n)
{
	char line[SP_LOG_LINE_MAX + SP_LOG_PREFIX_MAX + 128];
	int len;

	if (isatty(STDERR_FILENO))
		len = snprintf(line, sizeof(line), "%s[%d]: %.*s\n", sp_log_state.ident, (int)getpid(), (int)n, text);
	else
		len = snprintf(line, sizeof(line), "<%d>%.*s\n", priority, (int)n, text);
	if (len <= 0)
		return;
	if ((size_t)len >= sizeof(line)) {
		len = sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	/* One write, so that lines of several processes do not mix; a log that is gone stops nothing. */
	while (write(STDERR_FILENO, line, (size_t)len) < 0 && errno == EINTR)
		;
}

void
sp_log(int priority, const char *fmt, ...)
{
	char text[SP_LOG_LINE_MAX];
	int saved = errno, n;
	struct sp_buf *line;
	va_list ap;

	if (LOG_PRI(priority) > sp_log_state.max_priority)
		return;
	va_start(ap, fmt);
	errno = saved; /* for %m */
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line = sp_buf_new(SP_LOG_LINE_MAX + SP_LOG_PREFIX_MAX * 4);
	if (line != NULL && n >= 0) {
		size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;

		(void)sp_text_escape(line, sp_log_state.prefix, strlen(sp_log_state.prefix), SP_LOG_PREFIX_MAX);
		(void)sp_text_escape(line, text, len, SP_LOG_LINE_MAX);
		if (sp_log_state.to_stderr)
			sp_log_stderr(LOG_PRI(priority), (const char *)sp_buf_data(line), sp_buf_len(line));
		else
			syslog(LOG_PRI(priority), "%.*s", (int)sp_buf_len(line), (const char *)sp_buf_data(line));
	}
	sp_buf_free(line);
	errno = saved;
}

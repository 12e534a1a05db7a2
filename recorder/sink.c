/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/live.h"
#include "recorder/recorder.h"

void
sp_sinks_names(const char *ret_names[SP_SINKS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; sp_sinks[i] != NULL && n < SP_SINKS_MAX; i++) {
		if (sp_sinks[i]->is_on == NULL)
			ret_names[n++] = sp_sinks[i]->name;
	}
	ret_names[n] = NULL;
}

int
sp_sinks_open(struct sp_recorder *rec, bool (*is_named)(const char *name, const void *ctx), const void *ctx)
{
	struct sp_sink_list *list = &rec->sinks;
	int r = 0;

	for (size_t i = 0; r == 0 && sp_sinks[i] != NULL && list->n < SP_SINKS_MAX; i++) {
		const struct sp_sink *s = sp_sinks[i];

		if (!(s->is_on == NULL ? is_named(s->name, ctx) : s->is_on(rec)))
			continue;
		r = s->open(rec, &list->at[list->n].state);
		if (r == 0)
			list->at[list->n++].sink = s;
	}
	return r;
}

void
sp_sinks_close(struct sp_recorder *rec)
{
	struct sp_sink_list *list = &rec->sinks;

	for (; list->n > 0; list->n--) {
		if (list->at[list->n - 1].sink->close != NULL)
			list->at[list->n - 1].sink->close(list->at[list->n - 1].state);
	}
}

int
sp_sinks_make(struct sp_recorder *rec, const char *session, const char *user, const struct sp_event *ev,
    struct sp_report_list *list)
{
	struct sp_report *rep;
	int r = 0;

	for (size_t i = 0; r == 0 && i < rec->sinks.n; i++) {
		r = sp_report_new(session, user, ev, rec->sinks.at[i].sink->put, &rep);
		if (rep == NULL)
			continue;
		rep->sink = i;
		STAILQ_INSERT_TAIL(list, rep, next);
	}
	return r;
}

void
sp_sinks_take(struct sp_recorder *rec, struct sp_live *l, struct sp_report_list *list)
{
	struct sp_report *r;

	while ((r = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		rec->sinks.at[r->sink].sink->take(rec->sinks.at[r->sink].state, l, r);
	}
}

void
sp_sinks_say(struct sp_recorder *rec, struct sp_live *l, uint32_t type, bool is_success, const char *fmt, ...)
{
	char text[SP_REPORT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < rec->sinks.n; i++) {
		struct sp_report *r = sp_report_of(type, is_success, "%s", text);

		if (r != NULL)
			rec->sinks.at[i].sink->take(rec->sinks.at[i].state, l, r);
	}
}

bool
sp_sinks_have_gate(const struct sp_recorder *rec)
{
	for (size_t i = 0; i < rec->sinks.n; i++) {
		if (rec->sinks.at[i].sink->has_gate)
			return true;
	}
	return false;
}

void
sp_sinks_settled(struct sp_recorder *rec, struct sp_live *l)
{
	if (!sp_sinks_owe(rec, l))
		sp_gate_open(rec, sp_live_id(l));
	sp_live_settle(l);
}

void
sp_sinks_pump(struct sp_recorder *rec, struct sp_live *l, bool at_end)
{
	for (size_t i = 0; i < rec->sinks.n; i++) {
		if (rec->sinks.at[i].sink->pump != NULL)
			rec->sinks.at[i].sink->pump(rec->sinks.at[i].state, l, at_end);
	}
}

bool
sp_sinks_owe(const struct sp_recorder *rec, struct sp_live *l)
{
	for (size_t i = 0; i < rec->sinks.n; i++) {
		if (rec->sinks.at[i].sink->owes != NULL && rec->sinks.at[i].sink->owes(rec->sinks.at[i].state, l))
			return true;
	}
	return false;
}

void
sp_sinks_fall_back(struct sp_recorder *rec, struct sp_live *l)
{
	for (size_t i = 0; i < rec->sinks.n; i++) {
		if (rec->sinks.at[i].sink->fall_back != NULL)
			rec->sinks.at[i].sink->fall_back(rec->sinks.at[i].state, l);
	}
}

void
sp_sinks_retry(struct sp_recorder *rec)
{
	for (size_t i = 0; i < rec->sinks.n; i++) {
		if (rec->sinks.at[i].sink->retry != NULL)
			rec->sinks.at[i].sink->retry(rec->sinks.at[i].state);
	}
}

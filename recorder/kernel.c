/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder/kernel.h"

#include "recorder/emitter.h"
#include "recorder/live.h"

static bool
sp_kernel_is_on(const struct sp_recorder *rec)
{
	return rec->has_audit;
}

static int
sp_kernel_open(struct sp_recorder *rec, void **ret_state)
{
	*ret_state = rec->emitters; /* which are there with `audit: off` too: somebody may connect */
	return 0;
}

static void
sp_kernel_take(void *state, struct sp_live *l, struct sp_report *r)
{
	if (l == NULL)
		sp_emitters_say(state, r);
	else
		STAILQ_INSERT_TAIL(sp_live_reports(l), r, next);
}

static void
sp_kernel_pump(void *state, struct sp_live *l, bool at_end)
{
	sp_emitters_pump(state, l, at_end);
}

static bool
sp_kernel_owes(void *state, struct sp_live *l)
{
	return sp_emitters_owe(state, l);
}

static void
sp_kernel_fall_back(void *state, struct sp_live *l)
{
	sp_emitters_fall_back(state, l);
}

const struct sp_sink sp_kernel_sink = {
	.name = "audit",
	.is_on = sp_kernel_is_on,
	.put = sp_report_put_audit,
	.has_gate = true,
	.open = sp_kernel_open,
	.take = sp_kernel_take,
	.pump = sp_kernel_pump,
	.owes = sp_kernel_owes,
	.fall_back = sp_kernel_fall_back,
};

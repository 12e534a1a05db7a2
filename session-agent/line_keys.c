/* SPDX-License-Identifier: Apache-2.0 */
#include "session-agent/line_keys.h"

#include <string.h>

#define KEY_CTRL(c) ((c)&0x1f)
#define KEY_ESC 0x1b
#define KEY_DEL 0x7f

static bool
keys_is(const struct sp_line_keys *k, const char *sequence)
{
	return k->n == strlen(sequence) && memcmp(k->sequence, sequence, k->n) == 0;
}

static void
keys_keep(struct sp_line_keys *k, uint8_t b)
{
	if (k->n < sizeof(k->sequence))
		k->sequence[k->n++] = b;
}

/* Within a paste everything is text but the mark of its end. */
static enum sp_line_key
keys_pasted(struct sp_line_keys *k, uint8_t b)
{
	static const char end[] = "\033[201~";

	if (b != (uint8_t)end[k->n])
		k->n = 0;
	if (b == (uint8_t)end[k->n]) {
		k->n++;
		if (end[k->n] == '\0') {
			k->n = 0;
			k->is_pasting = false;
		}
		return SP_LINE_KEY_NOTHING; /* what only looked like it shows as a difference between keys and screen */
	}
	if (b == '\r' || b == '\n')
		return SP_LINE_KEY_NEWLINE;
	return b < 0x20 || b == KEY_DEL ? SP_LINE_KEY_EDIT : SP_LINE_KEY_TEXT;
}

static enum sp_line_key
keys_sequence(struct sp_line_keys *k, uint8_t b, bool takes_paste)
{
	if (k->state == SP_LINE_KEYS_ESC) {
		k->state = b == '[' ? SP_LINE_KEYS_CSI : b == 'O' ? SP_LINE_KEYS_SS3 : SP_LINE_KEYS_GROUND;
		k->n = 0;
		return k->state == SP_LINE_KEYS_GROUND ? SP_LINE_KEY_EDIT : SP_LINE_KEY_NOTHING;
	}
	if (k->state == SP_LINE_KEYS_CSI && b < 0x40) {
		keys_keep(k, b);
		return SP_LINE_KEY_NOTHING;
	}
	keys_keep(k, b);
	k->state = SP_LINE_KEYS_GROUND;
	if (takes_paste && keys_is(k, "200~")) {
		k->is_pasting = true;
		k->n = 0;
		return SP_LINE_KEY_NOTHING;
	}
	return SP_LINE_KEY_EDIT;
}

static enum sp_line_key
keys_control(struct sp_line_keys *k, uint8_t b)
{
	switch (b) {
	case '\r':
	case '\n':
	case KEY_CTRL('O'):
		return SP_LINE_KEY_SUBMIT;
	case KEY_CTRL('C'):
		return SP_LINE_KEY_STOP;
	case KEY_CTRL('H'):
	case KEY_DEL:
		return SP_LINE_KEY_ERASE;
	case KEY_CTRL('U'):
		return SP_LINE_KEY_KILL;
	case KEY_CTRL('L'):
		return SP_LINE_KEY_NOTHING;
	case KEY_ESC:
		k->state = SP_LINE_KEYS_ESC;
		return SP_LINE_KEY_NOTHING; /* what follows says more */
	case KEY_CTRL('V'):
		k->state = SP_LINE_KEYS_QUOTED;
		return SP_LINE_KEY_EDIT;
	case KEY_CTRL('X'):
		k->state = SP_LINE_KEYS_CONTROL_X;
		return SP_LINE_KEY_EDIT;
	default:
		return SP_LINE_KEY_EDIT;
	}
}

enum sp_line_key
sp_line_keys_next(struct sp_line_keys *k, uint8_t b, bool takes_paste)
{
	enum sp_line_keys_state before = k->state;
	enum sp_line_key key;

	if (k->is_pasting)
		return keys_pasted(k, b);
	if (b == '\r' || b == '\n' || b == KEY_CTRL('O')) {
		/* Also after ESC (vi's command mode) and ^V: that a shell would take it otherwise is not sure. */
		k->state = SP_LINE_KEYS_GROUND;
		return SP_LINE_KEY_SUBMIT;
	}
	if (before == SP_LINE_KEYS_QUOTED) {
		k->state = SP_LINE_KEYS_GROUND;
		return SP_LINE_KEY_EDIT;
	}
	if (before == SP_LINE_KEYS_CONTROL_X && (b == KEY_CTRL('E') || b == 'e')) {
		k->state = SP_LINE_KEYS_GROUND;
		return SP_LINE_KEY_UNSEEN;
	}
	if (before != SP_LINE_KEYS_GROUND && before != SP_LINE_KEYS_CONTROL_X && b >= 0x20 && b != KEY_DEL)
		return keys_sequence(k, b, takes_paste);
	k->state = SP_LINE_KEYS_GROUND;
	key = b < 0x20 || b == KEY_DEL ? keys_control(k, b) : SP_LINE_KEY_TEXT;
	/* The end of a sequence that is none of those known here: only giving up and beginning another are what they
	 * were. */
	if (before != SP_LINE_KEYS_GROUND && key != SP_LINE_KEY_STOP && b != KEY_ESC)
		return SP_LINE_KEY_EDIT;
	return key;
}

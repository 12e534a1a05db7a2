/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keys do to the line that a shell lets its user edit, as far as bash, zsh, dash and the terminal's own line
 * discipline agree on it. Of anything else is only said that the line was edited. Bytes in, one at a time.
 */
#ifndef SALLYPORT_SESSION_AGENT_LINE_KEYS_H
#define SALLYPORT_SESSION_AGENT_LINE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SP_LINE_KEYS_SEQUENCE 8 /* bytes kept of a sequence: longer ones are none that is looked for */

enum sp_line_keys_state {
	SP_LINE_KEYS_GROUND = 0,
	SP_LINE_KEYS_ESC,
	SP_LINE_KEYS_CSI,
	SP_LINE_KEYS_SS3,
	SP_LINE_KEYS_QUOTED, /* after ^V */
	SP_LINE_KEYS_CONTROL_X
};

struct sp_line_keys {
	enum sp_line_keys_state state;
	uint8_t sequence[SP_LINE_KEYS_SEQUENCE];
	size_t n;
	bool is_pasting; /* between the marks of a bracketed paste */
};

enum sp_line_key {
	SP_LINE_KEY_TEXT = 0, /* the byte is put at the cursor */
	SP_LINE_KEY_NEWLINE,  /* a line break within the line (pasted) */
	SP_LINE_KEY_ERASE,    /* the character before the cursor */
	SP_LINE_KEY_KILL,     /* all that is before the cursor */
	SP_LINE_KEY_STOP,     /* ^C: the line is given up */
	SP_LINE_KEY_NOTHING,  /* the line stays what it is: drawn again, a mark of a paste */
	SP_LINE_KEY_EDIT,     /* anything else */
	SP_LINE_KEY_SUBMIT,   /* Enter: CR, LF, ^O */
	SP_LINE_KEY_UNSEEN    /* runs what was not on the screen before: ^X^E (an editor's text), ^Xe (a macro) */
};

/* takes_paste: the host has asked for the marks of pastes; otherwise they are keys like any others. */
enum sp_line_key sp_line_keys_next(struct sp_line_keys *k, uint8_t b, bool takes_paste);

#endif

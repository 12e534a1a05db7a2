/* SPDX-License-Identifier: Apache-2.0 */
/* Every maximum of the policy language and of the statements it judges. */
#ifndef SALLYPORT_POLICY_LIMITS_H
#define SALLYPORT_POLICY_LIMITS_H

#define SP_POLICY_FILES_MAX 256	       /* *.yaml in a policy directory */
#define SP_POLICY_FILE_MAX (1024 * 1024) /* bytes of one file */
#define SP_POLICY_DEPTH_MAX 16	       /* nesting of YAML collections */
#define SP_POLICY_NODES_MAX 200000     /* YAML nodes of one file */
#define SP_POLICY_DIAGS_MAX 100	       /* diagnostics kept */
#define SP_POLICY_IMAGE_MAX (16 * 1024 * 1024) /* bytes */
#define SP_POLICY_NAME_MAX 64	       /* bytes of a group's, connection's or rule's name */
#define SP_POLICY_STRING_MAX 4096      /* bytes of any string */
#define SP_POLICY_LIST_MAX 1024	       /* items of any list within a rule, group or connection */
#define SP_POLICY_EXEC_WORDS_MAX 32    /* words of a program that prints a credential */
#define SP_POLICY_GROUPS_MAX 1024
#define SP_POLICY_CONNECTIONS_MAX 4096
#define SP_POLICY_RULES_MAX 4096
#define SP_POLICY_TESTS_MAX 4096
#define SP_POLICY_PREDICATE_DEPTH_MAX 8 /* any/not/all within each other */
#define SP_POLICY_APPROVERS_MAX 16	/* approve.count */
#define SP_POLICY_WITHIN_MAX (7 * 24 * 3600) /* seconds a request can be open */

#define SP_SUBJECT_JSON_MAX (256 * 1024) /* bytes of an identity */
#define SP_SUBJECT_VALUES_MAX 4096	 /* strings in all claims of a subject */

#define SP_SQL_TEXT_MAX (1024 * 1024) /* bytes of one message; longer is refused */
#define SP_SQL_STATEMENTS_MAX 1000    /* statements in one message */
#define SP_SQL_DEPTH_MAX 2000	      /* depth of the parse tree that is walked */
#define SP_SQL_ITEMS_MAX 4096	      /* relations, functions, settings or outputs of one statement */
#define SP_SQL_NAME_MAX 63	      /* bytes of an identifier: PostgreSQL cuts longer ones */

#define SP_SHELL_TEXT_MAX (64 * 1024) /* bytes of a command line; longer is refused */
#define SP_SHELL_DEPTH_MAX 24	      /* substitutions, groups, wrappers and lines within lines; deeper is refused */
#define SP_SHELL_COMMANDS_MAX 1024    /* simple commands of a line; more are refused */
#define SP_SHELL_WORDS_MAX 8192	      /* words of a line, here-documents and what wrappers repeat included */
#define SP_SHELL_BYTES_MAX (1024 * 1024) /* bytes of all words */
#define SP_SHELL_REASONS_MAX 64	      /* reasons kept why a line is unresolved */

#define SP_POLICY_PARAMETER_MAX 1024 /* bytes of a parameter's value */
#define SP_POLICY_JUMPS_MAX 8	     /* jump hosts before a target */
#define SP_POLICY_SECRETS_MAX 16     /* secrets that one command can be given */

#endif

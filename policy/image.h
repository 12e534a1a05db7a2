/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled policy: one contiguous, position-independent run of bytes that
 * control seals into a memfd and sessions map read-only. Opening reads every
 * field with its bounds checked (the bytes come from another process) and
 * builds a small index whose strings point into the bytes.
 *
 *   "SPPOLICY" | u32 format | u64 version | u32 length of what follows
 *   groups | connections | rules                    (policy/image_write.c)
 *
 * An opened image is immutable and may be read by many at once.
 */
#ifndef SALLYPORT_POLICY_IMAGE_H
#define SALLYPORT_POLICY_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "policy/limits.h"

struct sp_policy_image;
struct sp_policy_rule;
struct sp_policy_subject;

enum sp_policy_kind {
	SP_POLICY_KIND_POSTGRES = 1,
	SP_POLICY_KIND_MYSQL,
	SP_POLICY_KIND_KUBERNETES,
	SP_POLICY_KIND_SSH,
	SP_POLICY_KIND_HTTP,
	SP_POLICY_KIND_SHELL,
	SP_POLICY_KIND_COMMAND
};
enum sp_policy_tls {
	SP_POLICY_TLS_VERIFY_FULL = 1, /* the default */
	SP_POLICY_TLS_VERIFY_CA,
	SP_POLICY_TLS_DISABLE	       /* only for a loopback address or Unix socket; the compiler refuses it elsewhere */
};
enum sp_policy_durability {
	SP_POLICY_DURABILITY_PROCESS = 1,
	SP_POLICY_DURABILITY_DISK
};
enum sp_policy_secret {
	SP_POLICY_SECRET_NONE = 1,
	SP_POLICY_SECRET_FILE,	     /* value: absolute path */
	SP_POLICY_SECRET_CREDENTIAL, /* value: name of a service manager credential */
	SP_POLICY_SECRET_VAULT,	     /* value: path in the vault */
	SP_POLICY_SECRET_EXEC	     /* value: absolute path of a program that prints it, and its arguments: each after a newline */
};
enum sp_policy_effect {
	SP_POLICY_DENY = 0, /* the zero value, so that nothing forgotten ever allows */
	SP_POLICY_APPROVE,
	SP_POLICY_ALLOW
};
enum sp_policy_label {
	SP_POLICY_PROVEN = 1, /* parsed protocol */
	SP_POLICY_ENFORCED,   /* kernel boundary */
	SP_POLICY_ADVISORY    /* text seen on a terminal */
};
enum sp_policy_transform {
	SP_POLICY_MASK_REDACT = 1,
	SP_POLICY_MASK_PARTIAL,
	SP_POLICY_MASK_HASH,
	SP_POLICY_MASK_NULL
};

enum sp_policy_login {
	SP_POLICY_LOGIN_PASSWORD = 1, /* or nothing: see secret */
	SP_POLICY_LOGIN_KEY,	      /* ssh: secret is a private key */
	SP_POLICY_LOGIN_CERTIFICATE   /* ssh: a certificate for this session by the CA whose private key secret is */
};

struct sp_policy_pair {
	const char *name;
	const char *value;
};

/* kind command: a word of the command that the person gives, as NAME=VALUE or in order. */
struct sp_policy_parameter {
	const char *name;    /* letters, digits, _ */
	const char *pattern; /* PCRE2, UTF; the whole value must match (anchor it at both ends) */
	bool is_optional;
	const char *value; /* of an optional one that is not given */
};

/* A secret that can be put into the environment of what runs. */
struct sp_policy_named_secret {
	const char *name; /* of the environment variable */
	enum sp_policy_secret secret;
	const char *value;
};

/* What is done with the lines typed at a prompt of a target host; a later one holds more. */
enum sp_policy_lines {
	SP_POLICY_LINES_FREE = 0,
	SP_POLICY_LINES_RECORD, /* each is an event of the record */
	SP_POLICY_LINES_GATE	/* and is decided before Enter goes on */
};

/* What holds for a session as a whole. */
struct sp_policy_terms {
	uint32_t idle_seconds; /* 0: never */
	uint32_t max_seconds;
	bool records_input;
	enum sp_policy_lines lines; /* kind ssh */
	const char *banner; /* "" if none */
};

/* One connection; strings are valid as long as the image. No string is NULL; an absent one is "". */
struct sp_policy_connection {
	const char *name;
	enum sp_policy_kind kind;
	const char *host; /* name, address (without brackets) or an absolute directory of a Unix socket; "" if none */
	uint16_t port;	  /* 0: none */
	const char *database;
	enum sp_policy_tls tls;
	const char *tls_ca;	     /* absolute path of a PEM file; "" for the system's */
	const char *tls_server_name; /* the host unless tls.server_name says otherwise */
	const char *login_user;
	enum sp_policy_secret secret;
	const char *secret_value;
	enum sp_policy_durability durability;
	uint32_t idle_seconds; /* end an idle session after; 0: never */
	uint32_t max_seconds;  /* end any session after; 0: never */
	size_t nlabels;
	const struct sp_policy_pair *labels;
	size_t ntools;
	const char *const *tools; /* commands that may be run on it (postgres: psql unless set) */
	bool records_input;	  /* what is typed, password prompts left out */
	enum sp_policy_lines lines; /* ssh */
	const char *banner;
	bool is_forwarded; /* ssh -L (postgres) or -J (ssh) reaches it by its name, which lib/hosts.h takes */
	/* ssh: at least one way to know the host is given (the compiler sees to it); any of them will do */
	enum sp_policy_login login;
	size_t nhost_keys;
	const char *const *host_keys; /* "ssh-ed25519 AAAA…" */
	size_t nhost_authorities;
	const char *const *host_authorities; /* the same, of CAs that certify it */
	const char *known_hosts;	     /* absolute path of a known_hosts file */
	bool is_sshfp;			     /* DNS, with DNSSEC */
	const char *jump;		     /* name of the ssh connection to go through; "" if none. No loops */
	const char *principal;		     /* CERTIFICATE: login_user unless set */
	uint32_t certificate_seconds;	     /* CERTIFICATE: how long it is valid; secret is the CA's private key */
	size_t nsource_addresses;	     /* CERTIFICATE: where it may be used from; none: anywhere */
	const char *const *source_addresses; /* networks */
	/* shell, command */
	const char *run_as; /* account; "" for the person */
	bool is_privileged; /* run_as may be root, one of the system's own or in a group that is as good as root */
	const char *directory; /* to start in; "" for the home directory */
	size_t ncommand;       /* command: its words, the first an absolute path; {name} stands for a parameter's value */
	const char *const *command;
	size_t nparameters;
	const struct sp_policy_parameter *parameters;
	size_t nenvironment;
	const struct sp_policy_pair *environment;
	size_t nsecrets;
	const struct sp_policy_named_secret *secrets; /* put into what runs when a rule says so (sp_decision.secrets) */
};

/* What must be masked in the answers to what a rule matched. */
struct sp_policy_mask {
	size_t ncolumns;
	const char *const *columns; /* "column", "table.column" or "schema.table.column", each part a glob */
	size_t ndetectors;
	const char *const *detectors; /* names as in mask/mask.h */
	size_t nregexes;
	const struct sp_policy_pair *regexes; /* name, pattern */
	enum sp_policy_transform transform;
};

/* What becomes of a file in which a scan has found something, from the laxest on. */
enum sp_policy_found {
	SP_POLICY_FOUND_RECORD = 1, /* it is put on record, and the file passes */
	SP_POLICY_FOUND_REFUSE,
	SP_POLICY_FOUND_QUARANTINE /* refused, and a copy is kept for reviewers */
};

/* What is looked for in the contents of files that a rule lets through. */
struct sp_policy_scan {
	size_t ndetectors;
	const char *const *detectors; /* names as in mask/mask.h */
	size_t nregexes;
	const struct sp_policy_pair *regexes; /* name, pattern */
	enum sp_policy_found found;
	bool passes_unreadable; /* files that are no text pass unread */
};

struct sp_policy_approve {
	size_t nby;
	const char *const *by; /* names of groups, any of which may approve */
	uint32_t count;	       /* distinct people */
	uint32_t within;       /* seconds until a request expires */
};

/* Opens len bytes at data, which must stay mapped and unchanged. FORMAT, INCOMPLETE, LIMIT, UNSUPPORTED (format), NOMEM. */
int sp_policy_image_open(const void *data, size_t len, struct sp_policy_image **ret_image) SP_MUST_CHECK;
void sp_policy_image_free(struct sp_policy_image *image);
uint64_t sp_policy_image_version(const struct sp_policy_image *image);

size_t sp_policy_image_connections(const struct sp_policy_image *image);
const struct sp_policy_connection *sp_policy_image_connection(const struct sp_policy_image *image, size_t i);
/* By name; NULL if there is none. */
const struct sp_policy_connection *sp_policy_image_find(const struct sp_policy_image *image, const char *name);

/* Whether the subject is in the group; false for a group that does not exist. */
bool sp_policy_image_in_group(const struct sp_policy_image *image, const struct sp_policy_subject *subject,
    const char *group);

/* By name; NULL if there is none. */
const struct sp_policy_rule *sp_policy_image_rule(const struct sp_policy_image *image, const char *name);
size_t sp_policy_image_rules(const struct sp_policy_image *image);
const struct sp_policy_rule *sp_policy_image_rule_at(const struct sp_policy_image *image, size_t i);
const char *sp_policy_rule_name(const struct sp_policy_rule *rule);
enum sp_policy_effect sp_policy_rule_effect(const struct sp_policy_rule *rule);
const char *sp_policy_rule_message(const struct sp_policy_rule *rule); /* "" if none */
const struct sp_policy_approve *sp_policy_rule_approve(const struct sp_policy_rule *rule); /* NULL unless effect approve */
const struct sp_policy_mask *sp_policy_rule_mask(const struct sp_policy_rule *rule);	    /* NULL if none */

/* "allow" "approve" "deny"; "proven" "enforced" "advisory"; "redact" …; "postgres" …. Never NULL. */
const char *sp_policy_effect_str(enum sp_policy_effect e);
const char *sp_policy_found_str(enum sp_policy_found found);
const char *sp_policy_label_str(enum sp_policy_label l);
const char *sp_policy_transform_str(enum sp_policy_transform t);
const char *sp_policy_kind_str(enum sp_policy_kind k);

#endif

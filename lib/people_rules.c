/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/people_rules.h"

#include <string.h>

#define RULES_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RULES_WORD_MAX 17 /* the longest of the names, and its NUL */

/*
 * Users and groups of Debian's base-passwd and of what is as good as root: sudoers, polkit and devices go by these
 * names, whatever number stands behind them.
 */
static const char rules_taken[][RULES_WORD_MAX] = {
	"root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data", "backup",
	"list", "irc", "gnats", "nobody", "nogroup", "wheel", "sudo", "admin", "adm", "tty", "disk", "kmem", "mem", "dialout",
	"fax", "voice", "cdrom", "floppy", "tape", "audio", "operator", "src", "shadow", "utmp", "video", "sasl", "plugdev",
	"staff", "users", "input", "sgx", "kvm", "render", "crontab", "docker", "podman", "lxc", "lxd", "incus",
	"incus-admin", "libvirt", "libvirt-qemu", "netdev", "bluetooth", "scanner", "lpadmin", "ssl-cert", "ssh", "sshd",
	"messagebus", "polkitd", "uuidd", "tcpdump", "wireshark", "postgres", "mysql", "ntp", "halt", "shutdown", "ftp",
	"lock", "dip", "nss", "tss", "toor", "wireguard", "microk8s", "vboxusers", "vboxsf", "google-sudoers", "aad-admins"
};

static const char rules_prefixes[][RULES_WORD_MAX] = { "systemd-", "sallyport" };

static const struct {
	uint32_t first, last;
} rules_ranges[] = { { SP_PEOPLE_ID_FLOOR, 59999 }, { 65536, 524287 }, { 1879048192u, SP_PEOPLE_ID_CEILING } };

static bool
rules_is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
rules_is_taken(const char *name, size_t n)
{
	for (size_t i = 0; i < RULES_COUNT(rules_taken); i++)
		if (rules_taken[i][0] == name[0] && strlen(rules_taken[i]) == n && memcmp(rules_taken[i], name, n) == 0)
			return true;
	for (size_t i = 0; i < RULES_COUNT(rules_prefixes); i++) {
		size_t len = strlen(rules_prefixes[i]);

		if (n >= len && memcmp(rules_prefixes[i], name, len) == 0)
			return true;
	}
	return false;
}

bool
sp_people_rules_is_name(const char *name, size_t n)
{
	if (n == 0 || n > SP_PEOPLE_NAME_MAX || name[0] < 'a' || name[0] > 'z' || name[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!rules_is_alnum(name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return !rules_is_taken(name, n);
}

bool
sp_people_rules_is_range(uint32_t first, uint32_t last)
{
	for (size_t i = 0; first <= last && i < RULES_COUNT(rules_ranges); i++)
		if (first >= rules_ranges[i].first && last <= rules_ranges[i].last)
			return true;
	return false;
}

bool
sp_people_rules_is_id(uint32_t id)
{
	return sp_people_rules_is_range(id, id);
}

bool
sp_people_rules_is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || s[i] == ':')
			return false;
	return n <= SP_PEOPLE_TEXT_MAX;
}

bool
sp_people_rules_is_path(const char *s, size_t n)
{
	return n > 0 && s[0] == '/' && sp_people_rules_is_text(s, n);
}

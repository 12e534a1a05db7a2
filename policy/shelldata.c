/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of names: variables, words of other shells, programs that run others. */
#include <string.h>

#include "policy/shellread.h"

bool
sp_shell_in(const char *const *list, const char *s, size_t len)
{
	for (size_t i = 0; list[i] != NULL; i++)
		if (strlen(list[i]) == len && memcmp(list[i], s, len) == 0)
			return true;
	return false;
}

bool
sp_shell_is_keyword(const char *s)
{
	static const char *const words[] = {"!", "{", "}", "[[", "]]", "((", "-", "always", "case", "coproc", "do", "done",
	    "elif", "else", "end", "esac", "fi", "for", "foreach", "function", "if", "in", "namespace", "nocorrect", "noglob",
	    "repeat", "select", "then", "until", "while", NULL};

	return sp_shell_in(words, s, strlen(s));
}

/* For a program: it changes at most the language, the time zone or the size of its output. */
bool
sp_shell_is_harmless_env(const char *name, size_t len)
{
	static const char *const names[] = {"LANG", "LANGUAGE", "TZ", "TERM", "COLUMNS", "LINES", "NO_COLOR", "CLICOLOR",
	    "DEBIAN_FRONTEND", "DEBIAN_PRIORITY", "SYSTEMD_COLORS", "RAILS_ENV", "NODE_ENV", "RACK_ENV", NULL};

	return sp_shell_in(names, name, len) || (len > 3 && memcmp(name, "LC_", 3) == 0);
}

/* For the shell: a name of its own in no shell, and of no program's environment. */
bool
sp_shell_is_harmless_variable(const char *name, size_t len)
{
	static const char *const special[] = {"aliases", "argv", "auto_resume", "builtins", "cdpath", "commands", "dirstack",
	    "fignore", "fpath", "funcstack", "functions", "galiases", "histchars", "history", "historywords", "jobdirs",
	    "jobstates", "jobtexts", "keymaps", "mailpath", "manpath", "module_path", "modules", "nameddirs", "options",
	    "parameters", "patchars", "path", "pipestatus", "prompt", "psvar", "reswords", "saliases", "signals", "status",
	    "termcap", "terminfo", "userdirs", "usergroups", "watch", "widgets", "http_proxy", "https_proxy", "ftp_proxy",
	    "all_proxy", "no_proxy", "rsync_proxy", "_", NULL};
	static const char *const prefixes[] = {"dis_", "zle_", "zsh_", "ld_"};

	if (len == 0 || len > SP_SHELL_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && (i == 0 || name[i] < '0' || name[i] > '9') && name[i] != '_')
			return sp_shell_is_harmless_env(name, len);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (len >= strlen(prefixes[i]) && memcmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return false;
	return !sp_shell_in(special, name, len);
}

/* Programs that run others because their user, a file or a setting of theirs says so. */
bool
sp_shell_can_escape(const char *base)
{
	static const char *const names[] = {"ansible", "ansible-playbook", "apt", "apt-get", "aptitude", "arj",
	    "bsdtar", "bundle", "c++", "cargo", "cc", "clang", "cmake", "composer", "cpan", "cpio", "crontab", "dc",
	    "dialog", "dmsetup", "dnf", "docker", "dpkg", "dvips", "easy_install", "ed", "emacs", "emacsclient",
	    "ex", "exiftool", "ftp", "g++", "gcc", "gem", "ghostscript", "gimp", "git", "gmake", "go", "gradle",
	    "gs", "gtester", "helm", "htop", "iftop", "info", "irb", "java", "journalctl", "kubectl", "latex", "ld",
	    "ldconfig", "less", "lftp", "links", "loginctl", "logrotate", "lynx", "m4", "mail", "mailx", "make",
	    "man", "mariadb", "mc", "memcached", "more", "most", "mount", "mutt", "mvn", "mysql", "nano", "nc",
	    "ncat", "netcat", "nex", "ninja", "nmap", "npm", "npx", "nvim", "openssl", "pacman", "pdb", "pdflatex",
	    "pdftex", "pg", "pico", "pip", "pip3", "podman", "psql", "puppet", "rake", "redis-cli", "restic", "rpm",
	    "rpmbuild", "rsync", "rview", "rvim", "salt", "scp", "sftp", "slsh", "snap", "socat", "sqlite3",
	    "ssh-keygen", "systemctl", "tar", "tcpdump", "telnet", "terraform", "tex", "top", "tshark", "unzip",
	    "vagrant", "vi", "view", "vigr", "vim", "vimdiff", "vimtutor", "vipw", "visudo", "w3m", "wireshark",
	    "yarn", "yum", "zip", "zypper", NULL};

	return sp_shell_in(names, base, strlen(base));
}

const char *const *
sp_shell_running_options(const char *base)
{
	static const char *const tar[] = {"--to-command", "--checkpoint-action", "-I", "--use-compress-program", "-F",
	    "--info-script", "--new-volume-script", "--rsh-command", "--rmt-command", NULL};
	static const char *const rsync[] = {"-e", "--rsh", "--rsync-path", "--remote-option", "-M", NULL};
	static const char *const git[] = {"-c", "--exec-path", "--config-env", "--upload-pack", "--receive-pack", "-x", "--exec",
	    "--upload-archive", "--extcmd", "--open-files-in-pager", "-O", "-u", "--ext-diff", "-C", "--git-dir",
	    "--work-tree", NULL};
	static const char *const zip[] = {"-T", "-TT", "--unzip-command", NULL};
	static const char *const sort[] = {"--compress-program", NULL};
	static const char *const scp[] = {"-o", "-S", "-F", "-D", "-J", NULL};
	static const char *const man[] = {"-P", "--pager", "-H", "--html", "-C", "--config-file", "--preprocessor", "-p", NULL};
	static const char *const make[] = {"-f", "-C", "-I", "--file", "--makefile", "--directory", "--eval", "-E", "SHELL=",
	    NULL};
	static const char *const tcpdump[] = {"-z", NULL};
	static const char *const nmap[] = {"--script", "--datadir", "--interactive", NULL};
	static const char *const keygen[] = {"-D", "-w", NULL};
	static const char *const vim[] = {"-c", "--cmd", "-S", "-s", "-u", "-U", "+", "-w", "-W", "-e", "-E", NULL};
	static const char *const less[] = {"+", "-k", "--lesskey-file", "--lesskey-src", "--lesskey-content", NULL};
	static const char *const nc[] = {"-e", "-c", "--exec", "--sh-exec", "--lua-exec", NULL};
	static const char *const dpkg[] = {"--pre-invoke", "--post-invoke", "--admindir", "--root", "--instdir", NULL};
	static const char *const apt[] = {"-o", "-c", "--option", "--config-file", NULL};
	static const char *const rpm[] = {"--eval", "-E", "--define", "-D", "--pipe", "--load", "--macros", "--rcfile", NULL};
	static const char *const mysql[] = {"-e", "--execute", "--pager", "--init-command", "--defaults-file",
	    "--defaults-extra-file", NULL};
	static const char *const psql[] = {"-c", "--command", "-f", "--file", NULL};
	static const char *const cc[] = {"-wrapper", "-B", "-fplugin", "-specs", "--specs", "-fuse-ld", NULL};
	static const char *const split[] = {"--filter", NULL};
	static const char *const install[] = {"--strip-program", NULL};
	static const char *const openssl[] = {"-engine", "-provider", "-config", NULL};
	static const char *const crontab[] = {"-e", NULL};
	static const char *const systemctl[] = {"edit", "-H", "--host", NULL};
	static const char *const grep[] = {"--pager", NULL};
	static const struct {
		const char *name;
		const char *const *options;
	} table[] = {{"tar", tar}, {"gtar", tar}, {"bsdtar", tar}, {"rsync", rsync}, {"git", git}, {"zip", zip}, {"sort", sort},
	    {"gsort", sort}, {"scp", scp}, {"sftp", scp}, {"man", man}, {"make", make}, {"gmake", make},
	    {"tcpdump", tcpdump}, {"nmap", nmap}, {"ssh-keygen", keygen}, {"vim", vim}, {"vi", vim}, {"nvim", vim},
	    {"view", vim}, {"vimdiff", vim}, {"rvim", vim}, {"rview", vim}, {"ex", vim}, {"less", less}, {"more", less},
	    {"nc", nc}, {"ncat", nc}, {"netcat", nc}, {"dpkg", dpkg}, {"apt", apt}, {"apt-get", apt}, {"rpm", rpm},
	    {"mysql", mysql}, {"mariadb", mysql}, {"psql", psql}, {"gcc", cc}, {"g++", cc}, {"cc", cc}, {"c++", cc},
	    {"clang", cc}, {"split", split}, {"install", install}, {"openssl", openssl}, {"crontab", crontab},
	    {"systemctl", systemctl}, {"ag", grep}, {"ack", grep}, {"rg", grep}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, base) == 0)
			return table[i].options;
	return NULL;
}

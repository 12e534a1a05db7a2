/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of sallyport(8): one file each, listed in the table of sallyport.c. */
#ifndef SALLYPORT_CLI_COMMAND_H
#define SALLYPORT_CLI_COMMAND_H

/*
 * argv[0] is the subcommand's name. Each returns an exit status: 0 done, 1 what was asked for is not so
 * (a record that does not verify, a policy with errors), 2 usage or the question could not be answered.
 */
int sp_cli_policy(int argc, char **argv);
int sp_cli_sessions(int argc, char **argv);
int sp_cli_replay(int argc, char **argv);
int sp_cli_verify(int argc, char **argv);
int sp_cli_export(int argc, char **argv);
int sp_cli_search(int argc, char **argv);
int sp_cli_watch(int argc, char **argv);
int sp_cli_end(int argc, char **argv);
int sp_cli_pause(int argc, char **argv);
int sp_cli_resume(int argc, char **argv);
int sp_cli_revoke(int argc, char **argv);
int sp_cli_unrevoke(int argc, char **argv);
int sp_cli_revoked(int argc, char **argv);
int sp_cli_quarantine(int argc, char **argv);
int sp_cli_host_ca(int argc, char **argv);
int sp_cli_import(int argc, char **argv);
int sp_cli_people(int argc, char **argv);
int sp_cli_status(int argc, char **argv);

#endif

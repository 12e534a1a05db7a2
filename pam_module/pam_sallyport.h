/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PAM module's own limits. A guest in sshd: it only sends small questions to
 * sallyportd over a Unix socket and waits a bounded time for the answer. No
 * crypto, no network but one of its own (pam_module/apart.h), no thread, signal, timer, exit, stdio or environment.
 */
#ifndef SALLYPORT_PAM_MODULE_PAM_SALLYPORT_H
#define SALLYPORT_PAM_MODULE_PAM_SALLYPORT_H

#define SP_PAM_SOCKET SP_RUNDIR "/pam.sock"
#define SP_PAM_TIMEOUT_DEFAULT 5 /* seconds for a whole call, connection included */
#define SP_PAM_TIMEOUT_MAX 5
#define SP_PAM_AUTH_INFO_MAX 131072 /* bytes of SSH_AUTH_INFO_0; sshd itself cannot pass more to a command */
#define SP_PAM_ITEM_MAX 1024	    /* bytes of a PAM item */
#define SP_PAM_MESSAGE_MAX 4096	    /* bytes of a message for the person */
#define SP_PAM_LOGIN_ID_MAX 64
#define SP_PAM_VARIABLE "SALLYPORT_SESSION"
#define SP_PAM_DATA "sallyport_login_id"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* recorder.sock: sallyportd attaches sessions, operators ask, reviewers say what they look at. */
#ifndef SALLYPORT_RECORDER_SERVICE_H
#define SALLYPORT_RECORDER_SERVICE_H

#include "recorder/recorder.h"

#define SP_SERVICE_CLIENTS_MAX 64

struct sp_service;

/* Listens at path. trusted: the uid that may do everything (0). SYSTEM, NOMEM, INVALID. */
int sp_service_new(struct sp_recorder *rec, const char *path, uid_t trusted, struct sp_service **ret_s) SP_MUST_CHECK;
void sp_service_free(struct sp_service *s);

#endif

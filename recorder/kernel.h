/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's audit system as a sink, on unless `audit: off`. When it cannot be
 * told of a session, that session does not start, or does not go on (emitter.h).
 */
#ifndef SALLYPORT_RECORDER_KERNEL_H
#define SALLYPORT_RECORDER_KERNEL_H

#include "recorder/sink.h"

extern const struct sp_sink sp_kernel_sink;

#endif

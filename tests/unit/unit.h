/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka program includes first, in the order cmocka wants it. */
#ifndef SALLYPORT_TESTS_UNIT_H
#define SALLYPORT_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

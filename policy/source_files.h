/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a source, for check.c, which runs their `tests:`. */
#ifndef SALLYPORT_POLICY_SOURCE_FILES_H
#define SALLYPORT_POLICY_SOURCE_FILES_H

#include "policy/source.h"
#include "policy/yaml.h"

size_t sp_policy_source_files(const struct sp_policy_source *s);
const struct sp_yaml_node *sp_policy_source_root(const struct sp_policy_source *s, size_t i);
struct sp_diags *sp_policy_source_own_diags(struct sp_policy_source *s);

#endif

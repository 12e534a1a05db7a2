/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/json.h"

#include <stdbool.h>
#include <string.h>

#define SP_JSON_INT_MAX ((json_int_t)1 << 53)

/* Depth is bounded before the recursive parser sees the bytes. */
static bool
sp_json_is_shallow(const char *p, size_t n)
{
	unsigned depth = 0;
	bool is_string = false;

	for (size_t i = 0; i < n; i++) {
		if (is_string) {
			if (p[i] == '\\')
				i++;
			else if (p[i] == '"')
				is_string = false;
		} else if (p[i] == '"') {
			is_string = true;
		} else if (p[i] == '{' || p[i] == '[') {
			if (++depth > SP_JSON_DEPTH_MAX)
				return false;
		} else if ((p[i] == '}' || p[i] == ']') && depth > 0) {
			depth--;
		}
	}
	return true;
}

int
sp_json_object(const void *p, size_t n, size_t max, struct sp_reason *why, json_t **ret_object)
{
	json_error_t e;
	json_t *v;

	if (n > max)
		return sp_reason_set(why, SP_ERR_LIMIT, "JSON of %zu bytes, at most %zu are taken", n, max);
	if (!sp_json_is_shallow(p, n))
		return sp_reason_set(why, SP_ERR_LIMIT, "JSON nested deeper than %d levels", SP_JSON_DEPTH_MAX);
	v = json_loadb(p, n, JSON_REJECT_DUPLICATES, &e);
	if (v == NULL)
		return sp_reason_set(why, SP_ERR_FORMAT, "JSON: %s at byte %d", e.text, e.position);
	if (!json_is_object(v)) {
		json_decref(v);
		return sp_reason_set(why, SP_ERR_FORMAT, "JSON: the top level is no object");
	}
	*ret_object = v;
	return 0;
}

int
sp_json_string(const json_t *object, const char *name, struct sp_reason *why, const char **ret_s)
{
	const json_t *v = json_object_get(object, name);

	if (v != NULL && !json_is_string(v))
		return sp_reason_set(why, SP_ERR_FORMAT, "%s is no string", name);
	*ret_s = v == NULL ? NULL : json_string_value(v);
	return 0;
}

int
sp_json_integer(const json_t *object, const char *name, struct sp_reason *why, json_int_t *ret_v)
{
	const json_t *v = json_object_get(object, name);

	if (v == NULL)
		return sp_reason_set(why, SP_ERR_NOT_FOUND, "%s is missing", name);
	if (!json_is_integer(v))
		return sp_reason_set(why, SP_ERR_FORMAT, "%s is no integer", name);
	if (json_integer_value(v) < 0 || json_integer_value(v) >= SP_JSON_INT_MAX)
		return sp_reason_set(why, SP_ERR_FORMAT, "%s is out of range", name);
	*ret_v = json_integer_value(v);
	return 0;
}

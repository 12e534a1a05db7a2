/* SPDX-License-Identifier: Apache-2.0 */
/* Made by policy/pgschema.py from pg_query.proto; not edited by hand.  */
#include "policy/pgschema.h"

static const struct sp_pg_field sp_pg_node[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_GROUPING_FUNC},
	{11, SP_PG_MESSAGE_FIELD, SP_PG_NAMED_ARG_EXPR},
	{16, SP_PG_MESSAGE_FIELD, SP_PG_BOOL_EXPR},
	{17, SP_PG_MESSAGE_FIELD, SP_PG_SUB_LINK},
	{27, SP_PG_MESSAGE_FIELD, SP_PG_CASE_EXPR},
	{28, SP_PG_MESSAGE_FIELD, SP_PG_CASE_WHEN},
	{31, SP_PG_MESSAGE_FIELD, SP_PG_ROW_EXPR},
	{33, SP_PG_MESSAGE_FIELD, SP_PG_COALESCE_EXPR},
	{34, SP_PG_MESSAGE_FIELD, SP_PG_MIN_MAX_EXPR},
	{35, SP_PG_MESSAGE_FIELD, SP_PG_SQLVALUE_FUNCTION},
	{36, SP_PG_MESSAGE_FIELD, SP_PG_XML_EXPR},
	{37, SP_PG_MESSAGE_FIELD, SP_PG_NULL_TEST},
	{38, SP_PG_MESSAGE_FIELD, SP_PG_BOOLEAN_TEST},
	{41, SP_PG_MESSAGE_FIELD, SP_PG_SET_TO_DEFAULT},
	{42, SP_PG_MESSAGE_FIELD, SP_PG_CURRENT_OF_EXPR},
	{47, SP_PG_MESSAGE_FIELD, SP_PG_JOIN_EXPR},
	{50, SP_PG_MESSAGE_FIELD, SP_PG_INTO_CLAUSE},
	{52, SP_PG_MESSAGE_FIELD, SP_PG_RAW_STMT},
	{54, SP_PG_MESSAGE_FIELD, SP_PG_INSERT_STMT},
	{55, SP_PG_MESSAGE_FIELD, SP_PG_DELETE_STMT},
	{56, SP_PG_MESSAGE_FIELD, SP_PG_UPDATE_STMT},
	{57, SP_PG_MESSAGE_FIELD, SP_PG_MERGE_STMT},
	{58, SP_PG_MESSAGE_FIELD, SP_PG_SELECT_STMT},
	{59, SP_PG_MESSAGE_FIELD, SP_PG_RETURN_STMT},
	{61, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_TABLE_STMT},
	{62, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_TABLE_CMD},
	{63, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_DOMAIN_STMT},
	{65, SP_PG_MESSAGE_FIELD, SP_PG_GRANT_STMT},
	{66, SP_PG_MESSAGE_FIELD, SP_PG_GRANT_ROLE_STMT},
	{68, SP_PG_MESSAGE_FIELD, SP_PG_CLOSE_PORTAL_STMT},
	{69, SP_PG_MESSAGE_FIELD, SP_PG_CLUSTER_STMT},
	{70, SP_PG_MESSAGE_FIELD, SP_PG_COPY_STMT},
	{71, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_STMT},
	{73, SP_PG_MESSAGE_FIELD, SP_PG_DROP_STMT},
	{74, SP_PG_MESSAGE_FIELD, SP_PG_TRUNCATE_STMT},
	{75, SP_PG_MESSAGE_FIELD, SP_PG_COMMENT_STMT},
	{76, SP_PG_MESSAGE_FIELD, SP_PG_FETCH_STMT},
	{77, SP_PG_MESSAGE_FIELD, SP_PG_INDEX_STMT},
	{78, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_FUNCTION_STMT},
	{80, SP_PG_MESSAGE_FIELD, SP_PG_DO_STMT},
	{81, SP_PG_MESSAGE_FIELD, SP_PG_RENAME_STMT},
	{82, SP_PG_MESSAGE_FIELD, SP_PG_RULE_STMT},
	{83, SP_PG_MESSAGE_FIELD, SP_PG_NOTIFY_STMT},
	{84, SP_PG_MESSAGE_FIELD, SP_PG_LISTEN_STMT},
	{85, SP_PG_MESSAGE_FIELD, SP_PG_UNLISTEN_STMT},
	{86, SP_PG_MESSAGE_FIELD, SP_PG_TRANSACTION_STMT},
	{87, SP_PG_MESSAGE_FIELD, SP_PG_VIEW_STMT},
	{88, SP_PG_MESSAGE_FIELD, SP_PG_LOAD_STMT},
	{89, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_DOMAIN_STMT},
	{92, SP_PG_MESSAGE_FIELD, SP_PG_VACUUM_STMT},
	{93, SP_PG_MESSAGE_FIELD, SP_PG_EXPLAIN_STMT},
	{94, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_TABLE_AS_STMT},
	{95, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_SEQ_STMT},
	{96, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_SEQ_STMT},
	{97, SP_PG_MESSAGE_FIELD, SP_PG_VARIABLE_SET_STMT},
	{98, SP_PG_MESSAGE_FIELD, SP_PG_VARIABLE_SHOW_STMT},
	{99, SP_PG_MESSAGE_FIELD, SP_PG_DISCARD_STMT},
	{100, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_TRIG_STMT},
	{102, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_ROLE_STMT},
	{103, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_ROLE_STMT},
	{104, SP_PG_MESSAGE_FIELD, SP_PG_DROP_ROLE_STMT},
	{105, SP_PG_MESSAGE_FIELD, SP_PG_LOCK_STMT},
	{106, SP_PG_MESSAGE_FIELD, SP_PG_CONSTRAINTS_SET_STMT},
	{107, SP_PG_MESSAGE_FIELD, SP_PG_REINDEX_STMT},
	{108, SP_PG_MESSAGE_FIELD, SP_PG_CHECK_POINT_STMT},
	{109, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_SCHEMA_STMT},
	{113, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_ROLE_SET_STMT},
	{119, SP_PG_MESSAGE_FIELD, SP_PG_PREPARE_STMT},
	{120, SP_PG_MESSAGE_FIELD, SP_PG_EXECUTE_STMT},
	{121, SP_PG_MESSAGE_FIELD, SP_PG_DEALLOCATE_STMT},
	{122, SP_PG_MESSAGE_FIELD, SP_PG_DECLARE_CURSOR_STMT},
	{126, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_OBJECT_SCHEMA_STMT},
	{127, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_OWNER_STMT},
	{130, SP_PG_MESSAGE_FIELD, SP_PG_DROP_OWNED_STMT},
	{131, SP_PG_MESSAGE_FIELD, SP_PG_REASSIGN_OWNED_STMT},
	{132, SP_PG_MESSAGE_FIELD, SP_PG_COMPOSITE_TYPE_STMT},
	{133, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_ENUM_STMT},
	{134, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_RANGE_STMT},
	{135, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_ENUM_STMT},
	{147, SP_PG_MESSAGE_FIELD, SP_PG_SEC_LABEL_STMT},
	{150, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_EXTENSION_STMT},
	{155, SP_PG_MESSAGE_FIELD, SP_PG_REFRESH_MAT_VIEW_STMT},
	{157, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_SYSTEM_STMT},
	{158, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_POLICY_STMT},
	{159, SP_PG_MESSAGE_FIELD, SP_PG_ALTER_POLICY_STMT},
	{167, SP_PG_MESSAGE_FIELD, SP_PG_CREATE_STATS_STMT},
	{169, SP_PG_MESSAGE_FIELD, SP_PG_CALL_STMT},
	{171, SP_PG_MESSAGE_FIELD, SP_PG_A_EXPR},
	{172, SP_PG_MESSAGE_FIELD, SP_PG_COLUMN_REF},
	{173, SP_PG_MESSAGE_FIELD, SP_PG_PARAM_REF},
	{174, SP_PG_MESSAGE_FIELD, SP_PG_FUNC_CALL},
	{175, SP_PG_MESSAGE_FIELD, SP_PG_A_STAR},
	{176, SP_PG_MESSAGE_FIELD, SP_PG_A_INDICES},
	{177, SP_PG_MESSAGE_FIELD, SP_PG_A_INDIRECTION},
	{178, SP_PG_MESSAGE_FIELD, SP_PG_A_ARRAY_EXPR},
	{179, SP_PG_MESSAGE_FIELD, SP_PG_RES_TARGET},
	{180, SP_PG_MESSAGE_FIELD, SP_PG_MULTI_ASSIGN_REF},
	{181, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_CAST},
	{182, SP_PG_MESSAGE_FIELD, SP_PG_COLLATE_CLAUSE},
	{183, SP_PG_MESSAGE_FIELD, SP_PG_SORT_BY},
	{184, SP_PG_MESSAGE_FIELD, SP_PG_WINDOW_DEF},
	{185, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_SUBSELECT},
	{186, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_FUNCTION},
	{187, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_TABLE_SAMPLE},
	{188, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_TABLE_FUNC},
	{189, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_TABLE_FUNC_COL},
	{190, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{191, SP_PG_MESSAGE_FIELD, SP_PG_COLUMN_DEF},
	{192, SP_PG_MESSAGE_FIELD, SP_PG_INDEX_ELEM},
	{193, SP_PG_MESSAGE_FIELD, SP_PG_STATS_ELEM},
	{194, SP_PG_MESSAGE_FIELD, SP_PG_CONSTRAINT},
	{195, SP_PG_MESSAGE_FIELD, SP_PG_DEF_ELEM},
	{201, SP_PG_MESSAGE_FIELD, SP_PG_GROUPING_SET},
	{203, SP_PG_MESSAGE_FIELD, SP_PG_OBJECT_WITH_ARGS},
	{204, SP_PG_MESSAGE_FIELD, SP_PG_ACCESS_PRIV},
	{206, SP_PG_MESSAGE_FIELD, SP_PG_TABLE_LIKE_CLAUSE},
	{207, SP_PG_MESSAGE_FIELD, SP_PG_FUNCTION_PARAMETER},
	{208, SP_PG_MESSAGE_FIELD, SP_PG_LOCKING_CLAUSE},
	{210, SP_PG_MESSAGE_FIELD, SP_PG_XML_SERIALIZE},
	{211, SP_PG_MESSAGE_FIELD, SP_PG_WITH_CLAUSE},
	{212, SP_PG_MESSAGE_FIELD, SP_PG_INFER_CLAUSE},
	{213, SP_PG_MESSAGE_FIELD, SP_PG_ON_CONFLICT_CLAUSE},
	{214, SP_PG_MESSAGE_FIELD, SP_PG_CTESEARCH_CLAUSE},
	{215, SP_PG_MESSAGE_FIELD, SP_PG_CTECYCLE_CLAUSE},
	{216, SP_PG_MESSAGE_FIELD, SP_PG_COMMON_TABLE_EXPR},
	{217, SP_PG_MESSAGE_FIELD, SP_PG_MERGE_WHEN_CLAUSE},
	{218, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{219, SP_PG_MESSAGE_FIELD, SP_PG_TRIGGER_TRANSITION},
	{220, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_ELEM},
	{221, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_SPEC},
	{222, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_BOUND_SPEC},
	{224, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_CMD},
	{225, SP_PG_MESSAGE_FIELD, SP_PG_VACUUM_RELATION},
	{230, SP_PG_MESSAGE_FIELD, SP_PG_INTEGER},
	{231, SP_PG_MESSAGE_FIELD, SP_PG_FLOAT},
	{232, SP_PG_MESSAGE_FIELD, SP_PG_BOOLEAN},
	{233, SP_PG_MESSAGE_FIELD, SP_PG_STRING},
	{234, SP_PG_MESSAGE_FIELD, SP_PG_BIT_STRING},
	{235, SP_PG_MESSAGE_FIELD, SP_PG_LIST},
	{238, SP_PG_MESSAGE_FIELD, SP_PG_A_CONST},
};
static const struct sp_pg_field sp_pg_integer[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_float[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_boolean[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_string[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_bitstring[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_list[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_a_const[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_INTEGER},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_FLOAT},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_BOOLEAN},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_STRING},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_BIT_STRING},
	{10, SP_PG_NUMBER_FIELD, 0},
	{11, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_alias[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_rangevar[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_STRING_FIELD, 0},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
	{7, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_namedargexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_boolexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_sublink[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_collateclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_caseexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_casewhen[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_rowexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_coalesceexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_minmaxexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_sqlvaluefunction[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_xmlexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
	{9, SP_PG_NUMBER_FIELD, 0},
	{10, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_nulltest[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_booleantest[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_settodefault[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_currentofexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_joinexpr[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
	{9, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_intoclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_STRING_FIELD, 0},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_groupingfunc[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_a_expr[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_columnref[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_paramref[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_funccall[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_WINDOW_DEF},
	{6, SP_PG_NUMBER_FIELD, 0},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
	{9, SP_PG_NUMBER_FIELD, 0},
	{10, SP_PG_NUMBER_FIELD, 0},
	{11, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_a_star[] = {
	{0, 0, 0},
};
static const struct sp_pg_field sp_pg_a_indices[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_a_indirection[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_a_arrayexpr[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_restarget[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_multiassignref[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_typecast[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{3, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_sortby[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_windowdef[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_rangesubselect[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
};
static const struct sp_pg_field sp_pg_rangefunction[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_rangetablesample[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_rangetablefunc[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_ALIAS},
	{7, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_rangetablefunccol[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_typename[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_NUMBER_FIELD, 0},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_columndef[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_NUMBER_FIELD, 0},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_STRING_FIELD, 0},
	{9, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{10, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{11, SP_PG_STRING_FIELD, 0},
	{12, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{13, SP_PG_STRING_FIELD, 0},
	{14, SP_PG_MESSAGE_FIELD, SP_PG_COLLATE_CLAUSE},
	{15, SP_PG_NUMBER_FIELD, 0},
	{16, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{17, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{18, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_indexelem[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_statselem[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_constraint[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_LOCATION_FIELD, 0},
	{6, SP_PG_NUMBER_FIELD, 0},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_STRING_FIELD, 0},
	{9, SP_PG_STRING_FIELD, 0},
	{10, SP_PG_NUMBER_FIELD, 0},
	{11, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{12, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{13, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{14, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{15, SP_PG_STRING_FIELD, 0},
	{16, SP_PG_STRING_FIELD, 0},
	{17, SP_PG_NUMBER_FIELD, 0},
	{18, SP_PG_STRING_FIELD, 0},
	{19, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{20, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{21, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{22, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{23, SP_PG_STRING_FIELD, 0},
	{24, SP_PG_STRING_FIELD, 0},
	{25, SP_PG_STRING_FIELD, 0},
	{26, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{27, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{28, SP_PG_NUMBER_FIELD, 0},
	{29, SP_PG_NUMBER_FIELD, 0},
	{30, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_defelem[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_groupingset[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_objectwithargs[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_accesspriv[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_tablelikeclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_functionparameter[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_lockingclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_xmlserialize[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_withclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_inferclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_onconflictclause[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_INFER_CLAUSE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_ctesearchclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_ctecycleclause[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_STRING_FIELD, 0},
	{6, SP_PG_LOCATION_FIELD, 0},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
	{9, SP_PG_NUMBER_FIELD, 0},
	{10, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_commontableexpr[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_CTESEARCH_CLAUSE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_CTECYCLE_CLAUSE},
	{7, SP_PG_LOCATION_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
	{9, SP_PG_NUMBER_FIELD, 0},
	{10, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{11, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{12, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{13, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_mergewhenclause[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_rolespec[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_triggertransition[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_partitionelem[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_partitionspec[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_partitionboundspec[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_LOCATION_FIELD, 0},
};
static const struct sp_pg_field sp_pg_partitioncmd[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_BOUND_SPEC},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_vacuumrelation[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_returnstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_parseresult[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RAW_STMT},
};
static const struct sp_pg_field sp_pg_rawstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_selectstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_INTO_CLAUSE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{9, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{10, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{11, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{12, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{13, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{14, SP_PG_NUMBER_FIELD, 0},
	{15, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{16, SP_PG_MESSAGE_FIELD, SP_PG_WITH_CLAUSE},
	{17, SP_PG_NUMBER_FIELD, 0},
	{18, SP_PG_NUMBER_FIELD, 0},
	{19, SP_PG_MESSAGE_FIELD, SP_PG_SELECT_STMT},
	{20, SP_PG_MESSAGE_FIELD, SP_PG_SELECT_STMT},
};
static const struct sp_pg_field sp_pg_insertstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_ON_CONFLICT_CLAUSE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_WITH_CLAUSE},
	{7, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_updatestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_WITH_CLAUSE},
};
static const struct sp_pg_field sp_pg_deletestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_WITH_CLAUSE},
};
static const struct sp_pg_field sp_pg_mergestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_WITH_CLAUSE},
};
static const struct sp_pg_field sp_pg_copystmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_STRING_FIELD, 0},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_explainstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_preparestmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_executestmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_deallocatestmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_declarecursorstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_fetchstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_closeportalstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_variablesetstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_variableshowstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_transactionstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_STRING_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_discardstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_callstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_FUNC_CALL},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_dostmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_lockstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_notifystmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_listenstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_unlistenstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_truncatestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_dropstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_BOUND_SPEC},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_PARTITION_SPEC},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{9, SP_PG_NUMBER_FIELD, 0},
	{10, SP_PG_STRING_FIELD, 0},
	{11, SP_PG_STRING_FIELD, 0},
	{12, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_altertablestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_altertablecmd[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_NUMBER_FIELD, 0},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_indexstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_STRING_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{8, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{9, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{10, SP_PG_STRING_FIELD, 0},
	{11, SP_PG_NUMBER_FIELD, 0},
	{12, SP_PG_NUMBER_FIELD, 0},
	{13, SP_PG_NUMBER_FIELD, 0},
	{14, SP_PG_NUMBER_FIELD, 0},
	{15, SP_PG_NUMBER_FIELD, 0},
	{16, SP_PG_NUMBER_FIELD, 0},
	{17, SP_PG_NUMBER_FIELD, 0},
	{18, SP_PG_NUMBER_FIELD, 0},
	{19, SP_PG_NUMBER_FIELD, 0},
	{20, SP_PG_NUMBER_FIELD, 0},
	{21, SP_PG_NUMBER_FIELD, 0},
	{22, SP_PG_NUMBER_FIELD, 0},
	{23, SP_PG_NUMBER_FIELD, 0},
	{24, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_viewstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createtableasstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_INTO_CLAUSE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_refreshmatviewstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
};
static const struct sp_pg_field sp_pg_createseqstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_alterseqstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createschemastmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createdomainstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_COLLATE_CLAUSE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_alterdomainstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createenumstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_alterenumstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_STRING_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_compositetypestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_createrangestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_renamestmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_STRING_FIELD, 0},
	{6, SP_PG_STRING_FIELD, 0},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_alterobjectschemastmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_STRING_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_alterownerstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
};
static const struct sp_pg_field sp_pg_commentstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_grantstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{9, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_grantrolestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{6, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_rulestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_NUMBER_FIELD, 0},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createtrigstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_NUMBER_FIELD, 0},
	{8, SP_PG_NUMBER_FIELD, 0},
	{9, SP_PG_NUMBER_FIELD, 0},
	{10, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{11, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{12, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{13, SP_PG_NUMBER_FIELD, 0},
	{14, SP_PG_NUMBER_FIELD, 0},
	{15, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
};
static const struct sp_pg_field sp_pg_createfunctionstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_TYPE_NAME},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_createextensionstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_NUMBER_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_loadstmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_altersystemstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_VARIABLE_SET_STMT},
};
static const struct sp_pg_field sp_pg_checkpointstmt[] = {
	{0, 0, 0},
};
static const struct sp_pg_field sp_pg_clusterstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_reindexstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_vacuumstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_constraintssetstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createpolicystmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_NUMBER_FIELD, 0},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{6, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{7, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_alterpolicystmt[] = {
	{1, SP_PG_STRING_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_RANGE_VAR},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_seclabelstmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_STRING_FIELD, 0},
	{4, SP_PG_STRING_FIELD, 0},
};
static const struct sp_pg_field sp_pg_reassignownedstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
};
static const struct sp_pg_field sp_pg_dropownedstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createrolestmt[] = {
	{1, SP_PG_NUMBER_FIELD, 0},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
};
static const struct sp_pg_field sp_pg_alterrolestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_alterrolesetstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_ROLE_SPEC},
	{2, SP_PG_STRING_FIELD, 0},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_VARIABLE_SET_STMT},
};
static const struct sp_pg_field sp_pg_droprolestmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_NUMBER_FIELD, 0},
};
static const struct sp_pg_field sp_pg_createstatsstmt[] = {
	{1, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{2, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{3, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{4, SP_PG_MESSAGE_FIELD, SP_PG_NODE},
	{5, SP_PG_STRING_FIELD, 0},
	{6, SP_PG_NUMBER_FIELD, 0},
	{7, SP_PG_NUMBER_FIELD, 0},
};

const struct sp_pg_message sp_pg_messages[SP_PG_TYPES] = {
	{"Node", sp_pg_node, sizeof(sp_pg_node) / sizeof(sp_pg_node[0])},
	{"Integer", sp_pg_integer, sizeof(sp_pg_integer) / sizeof(sp_pg_integer[0])},
	{"Float", sp_pg_float, sizeof(sp_pg_float) / sizeof(sp_pg_float[0])},
	{"Boolean", sp_pg_boolean, sizeof(sp_pg_boolean) / sizeof(sp_pg_boolean[0])},
	{"String", sp_pg_string, sizeof(sp_pg_string) / sizeof(sp_pg_string[0])},
	{"BitString", sp_pg_bitstring, sizeof(sp_pg_bitstring) / sizeof(sp_pg_bitstring[0])},
	{"List", sp_pg_list, sizeof(sp_pg_list) / sizeof(sp_pg_list[0])},
	{"A_Const", sp_pg_a_const, sizeof(sp_pg_a_const) / sizeof(sp_pg_a_const[0])},
	{"Alias", sp_pg_alias, sizeof(sp_pg_alias) / sizeof(sp_pg_alias[0])},
	{"RangeVar", sp_pg_rangevar, sizeof(sp_pg_rangevar) / sizeof(sp_pg_rangevar[0])},
	{"NamedArgExpr", sp_pg_namedargexpr, sizeof(sp_pg_namedargexpr) / sizeof(sp_pg_namedargexpr[0])},
	{"BoolExpr", sp_pg_boolexpr, sizeof(sp_pg_boolexpr) / sizeof(sp_pg_boolexpr[0])},
	{"SubLink", sp_pg_sublink, sizeof(sp_pg_sublink) / sizeof(sp_pg_sublink[0])},
	{"CollateClause", sp_pg_collateclause, sizeof(sp_pg_collateclause) / sizeof(sp_pg_collateclause[0])},
	{"CaseExpr", sp_pg_caseexpr, sizeof(sp_pg_caseexpr) / sizeof(sp_pg_caseexpr[0])},
	{"CaseWhen", sp_pg_casewhen, sizeof(sp_pg_casewhen) / sizeof(sp_pg_casewhen[0])},
	{"RowExpr", sp_pg_rowexpr, sizeof(sp_pg_rowexpr) / sizeof(sp_pg_rowexpr[0])},
	{"CoalesceExpr", sp_pg_coalesceexpr, sizeof(sp_pg_coalesceexpr) / sizeof(sp_pg_coalesceexpr[0])},
	{"MinMaxExpr", sp_pg_minmaxexpr, sizeof(sp_pg_minmaxexpr) / sizeof(sp_pg_minmaxexpr[0])},
	{"SQLValueFunction", sp_pg_sqlvaluefunction, sizeof(sp_pg_sqlvaluefunction) / sizeof(sp_pg_sqlvaluefunction[0])},
	{"XmlExpr", sp_pg_xmlexpr, sizeof(sp_pg_xmlexpr) / sizeof(sp_pg_xmlexpr[0])},
	{"NullTest", sp_pg_nulltest, sizeof(sp_pg_nulltest) / sizeof(sp_pg_nulltest[0])},
	{"BooleanTest", sp_pg_booleantest, sizeof(sp_pg_booleantest) / sizeof(sp_pg_booleantest[0])},
	{"SetToDefault", sp_pg_settodefault, sizeof(sp_pg_settodefault) / sizeof(sp_pg_settodefault[0])},
	{"CurrentOfExpr", sp_pg_currentofexpr, sizeof(sp_pg_currentofexpr) / sizeof(sp_pg_currentofexpr[0])},
	{"JoinExpr", sp_pg_joinexpr, sizeof(sp_pg_joinexpr) / sizeof(sp_pg_joinexpr[0])},
	{"IntoClause", sp_pg_intoclause, sizeof(sp_pg_intoclause) / sizeof(sp_pg_intoclause[0])},
	{"GroupingFunc", sp_pg_groupingfunc, sizeof(sp_pg_groupingfunc) / sizeof(sp_pg_groupingfunc[0])},
	{"A_Expr", sp_pg_a_expr, sizeof(sp_pg_a_expr) / sizeof(sp_pg_a_expr[0])},
	{"ColumnRef", sp_pg_columnref, sizeof(sp_pg_columnref) / sizeof(sp_pg_columnref[0])},
	{"ParamRef", sp_pg_paramref, sizeof(sp_pg_paramref) / sizeof(sp_pg_paramref[0])},
	{"FuncCall", sp_pg_funccall, sizeof(sp_pg_funccall) / sizeof(sp_pg_funccall[0])},
	{"A_Star", sp_pg_a_star, sizeof(sp_pg_a_star) / sizeof(sp_pg_a_star[0])},
	{"A_Indices", sp_pg_a_indices, sizeof(sp_pg_a_indices) / sizeof(sp_pg_a_indices[0])},
	{"A_Indirection", sp_pg_a_indirection, sizeof(sp_pg_a_indirection) / sizeof(sp_pg_a_indirection[0])},
	{"A_ArrayExpr", sp_pg_a_arrayexpr, sizeof(sp_pg_a_arrayexpr) / sizeof(sp_pg_a_arrayexpr[0])},
	{"ResTarget", sp_pg_restarget, sizeof(sp_pg_restarget) / sizeof(sp_pg_restarget[0])},
	{"MultiAssignRef", sp_pg_multiassignref, sizeof(sp_pg_multiassignref) / sizeof(sp_pg_multiassignref[0])},
	{"TypeCast", sp_pg_typecast, sizeof(sp_pg_typecast) / sizeof(sp_pg_typecast[0])},
	{"SortBy", sp_pg_sortby, sizeof(sp_pg_sortby) / sizeof(sp_pg_sortby[0])},
	{"WindowDef", sp_pg_windowdef, sizeof(sp_pg_windowdef) / sizeof(sp_pg_windowdef[0])},
	{"RangeSubselect", sp_pg_rangesubselect, sizeof(sp_pg_rangesubselect) / sizeof(sp_pg_rangesubselect[0])},
	{"RangeFunction", sp_pg_rangefunction, sizeof(sp_pg_rangefunction) / sizeof(sp_pg_rangefunction[0])},
	{"RangeTableSample", sp_pg_rangetablesample, sizeof(sp_pg_rangetablesample) / sizeof(sp_pg_rangetablesample[0])},
	{"RangeTableFunc", sp_pg_rangetablefunc, sizeof(sp_pg_rangetablefunc) / sizeof(sp_pg_rangetablefunc[0])},
	{"RangeTableFuncCol", sp_pg_rangetablefunccol, sizeof(sp_pg_rangetablefunccol) / sizeof(sp_pg_rangetablefunccol[0])},
	{"TypeName", sp_pg_typename, sizeof(sp_pg_typename) / sizeof(sp_pg_typename[0])},
	{"ColumnDef", sp_pg_columndef, sizeof(sp_pg_columndef) / sizeof(sp_pg_columndef[0])},
	{"IndexElem", sp_pg_indexelem, sizeof(sp_pg_indexelem) / sizeof(sp_pg_indexelem[0])},
	{"StatsElem", sp_pg_statselem, sizeof(sp_pg_statselem) / sizeof(sp_pg_statselem[0])},
	{"Constraint", sp_pg_constraint, sizeof(sp_pg_constraint) / sizeof(sp_pg_constraint[0])},
	{"DefElem", sp_pg_defelem, sizeof(sp_pg_defelem) / sizeof(sp_pg_defelem[0])},
	{"GroupingSet", sp_pg_groupingset, sizeof(sp_pg_groupingset) / sizeof(sp_pg_groupingset[0])},
	{"ObjectWithArgs", sp_pg_objectwithargs, sizeof(sp_pg_objectwithargs) / sizeof(sp_pg_objectwithargs[0])},
	{"AccessPriv", sp_pg_accesspriv, sizeof(sp_pg_accesspriv) / sizeof(sp_pg_accesspriv[0])},
	{"TableLikeClause", sp_pg_tablelikeclause, sizeof(sp_pg_tablelikeclause) / sizeof(sp_pg_tablelikeclause[0])},
	{"FunctionParameter", sp_pg_functionparameter, sizeof(sp_pg_functionparameter) / sizeof(sp_pg_functionparameter[0])},
	{"LockingClause", sp_pg_lockingclause, sizeof(sp_pg_lockingclause) / sizeof(sp_pg_lockingclause[0])},
	{"XmlSerialize", sp_pg_xmlserialize, sizeof(sp_pg_xmlserialize) / sizeof(sp_pg_xmlserialize[0])},
	{"WithClause", sp_pg_withclause, sizeof(sp_pg_withclause) / sizeof(sp_pg_withclause[0])},
	{"InferClause", sp_pg_inferclause, sizeof(sp_pg_inferclause) / sizeof(sp_pg_inferclause[0])},
	{"OnConflictClause", sp_pg_onconflictclause, sizeof(sp_pg_onconflictclause) / sizeof(sp_pg_onconflictclause[0])},
	{"CTESearchClause", sp_pg_ctesearchclause, sizeof(sp_pg_ctesearchclause) / sizeof(sp_pg_ctesearchclause[0])},
	{"CTECycleClause", sp_pg_ctecycleclause, sizeof(sp_pg_ctecycleclause) / sizeof(sp_pg_ctecycleclause[0])},
	{"CommonTableExpr", sp_pg_commontableexpr, sizeof(sp_pg_commontableexpr) / sizeof(sp_pg_commontableexpr[0])},
	{"MergeWhenClause", sp_pg_mergewhenclause, sizeof(sp_pg_mergewhenclause) / sizeof(sp_pg_mergewhenclause[0])},
	{"RoleSpec", sp_pg_rolespec, sizeof(sp_pg_rolespec) / sizeof(sp_pg_rolespec[0])},
	{"TriggerTransition", sp_pg_triggertransition, sizeof(sp_pg_triggertransition) / sizeof(sp_pg_triggertransition[0])},
	{"PartitionElem", sp_pg_partitionelem, sizeof(sp_pg_partitionelem) / sizeof(sp_pg_partitionelem[0])},
	{"PartitionSpec", sp_pg_partitionspec, sizeof(sp_pg_partitionspec) / sizeof(sp_pg_partitionspec[0])},
	{"PartitionBoundSpec", sp_pg_partitionboundspec, sizeof(sp_pg_partitionboundspec) / sizeof(sp_pg_partitionboundspec[0])},
	{"PartitionCmd", sp_pg_partitioncmd, sizeof(sp_pg_partitioncmd) / sizeof(sp_pg_partitioncmd[0])},
	{"VacuumRelation", sp_pg_vacuumrelation, sizeof(sp_pg_vacuumrelation) / sizeof(sp_pg_vacuumrelation[0])},
	{"ReturnStmt", sp_pg_returnstmt, sizeof(sp_pg_returnstmt) / sizeof(sp_pg_returnstmt[0])},
	{"ParseResult", sp_pg_parseresult, sizeof(sp_pg_parseresult) / sizeof(sp_pg_parseresult[0])},
	{"RawStmt", sp_pg_rawstmt, sizeof(sp_pg_rawstmt) / sizeof(sp_pg_rawstmt[0])},
	{"SelectStmt", sp_pg_selectstmt, sizeof(sp_pg_selectstmt) / sizeof(sp_pg_selectstmt[0])},
	{"InsertStmt", sp_pg_insertstmt, sizeof(sp_pg_insertstmt) / sizeof(sp_pg_insertstmt[0])},
	{"UpdateStmt", sp_pg_updatestmt, sizeof(sp_pg_updatestmt) / sizeof(sp_pg_updatestmt[0])},
	{"DeleteStmt", sp_pg_deletestmt, sizeof(sp_pg_deletestmt) / sizeof(sp_pg_deletestmt[0])},
	{"MergeStmt", sp_pg_mergestmt, sizeof(sp_pg_mergestmt) / sizeof(sp_pg_mergestmt[0])},
	{"CopyStmt", sp_pg_copystmt, sizeof(sp_pg_copystmt) / sizeof(sp_pg_copystmt[0])},
	{"ExplainStmt", sp_pg_explainstmt, sizeof(sp_pg_explainstmt) / sizeof(sp_pg_explainstmt[0])},
	{"PrepareStmt", sp_pg_preparestmt, sizeof(sp_pg_preparestmt) / sizeof(sp_pg_preparestmt[0])},
	{"ExecuteStmt", sp_pg_executestmt, sizeof(sp_pg_executestmt) / sizeof(sp_pg_executestmt[0])},
	{"DeallocateStmt", sp_pg_deallocatestmt, sizeof(sp_pg_deallocatestmt) / sizeof(sp_pg_deallocatestmt[0])},
	{"DeclareCursorStmt", sp_pg_declarecursorstmt, sizeof(sp_pg_declarecursorstmt) / sizeof(sp_pg_declarecursorstmt[0])},
	{"FetchStmt", sp_pg_fetchstmt, sizeof(sp_pg_fetchstmt) / sizeof(sp_pg_fetchstmt[0])},
	{"ClosePortalStmt", sp_pg_closeportalstmt, sizeof(sp_pg_closeportalstmt) / sizeof(sp_pg_closeportalstmt[0])},
	{"VariableSetStmt", sp_pg_variablesetstmt, sizeof(sp_pg_variablesetstmt) / sizeof(sp_pg_variablesetstmt[0])},
	{"VariableShowStmt", sp_pg_variableshowstmt, sizeof(sp_pg_variableshowstmt) / sizeof(sp_pg_variableshowstmt[0])},
	{"TransactionStmt", sp_pg_transactionstmt, sizeof(sp_pg_transactionstmt) / sizeof(sp_pg_transactionstmt[0])},
	{"DiscardStmt", sp_pg_discardstmt, sizeof(sp_pg_discardstmt) / sizeof(sp_pg_discardstmt[0])},
	{"CallStmt", sp_pg_callstmt, sizeof(sp_pg_callstmt) / sizeof(sp_pg_callstmt[0])},
	{"DoStmt", sp_pg_dostmt, sizeof(sp_pg_dostmt) / sizeof(sp_pg_dostmt[0])},
	{"LockStmt", sp_pg_lockstmt, sizeof(sp_pg_lockstmt) / sizeof(sp_pg_lockstmt[0])},
	{"NotifyStmt", sp_pg_notifystmt, sizeof(sp_pg_notifystmt) / sizeof(sp_pg_notifystmt[0])},
	{"ListenStmt", sp_pg_listenstmt, sizeof(sp_pg_listenstmt) / sizeof(sp_pg_listenstmt[0])},
	{"UnlistenStmt", sp_pg_unlistenstmt, sizeof(sp_pg_unlistenstmt) / sizeof(sp_pg_unlistenstmt[0])},
	{"TruncateStmt", sp_pg_truncatestmt, sizeof(sp_pg_truncatestmt) / sizeof(sp_pg_truncatestmt[0])},
	{"DropStmt", sp_pg_dropstmt, sizeof(sp_pg_dropstmt) / sizeof(sp_pg_dropstmt[0])},
	{"CreateStmt", sp_pg_createstmt, sizeof(sp_pg_createstmt) / sizeof(sp_pg_createstmt[0])},
	{"AlterTableStmt", sp_pg_altertablestmt, sizeof(sp_pg_altertablestmt) / sizeof(sp_pg_altertablestmt[0])},
	{"AlterTableCmd", sp_pg_altertablecmd, sizeof(sp_pg_altertablecmd) / sizeof(sp_pg_altertablecmd[0])},
	{"IndexStmt", sp_pg_indexstmt, sizeof(sp_pg_indexstmt) / sizeof(sp_pg_indexstmt[0])},
	{"ViewStmt", sp_pg_viewstmt, sizeof(sp_pg_viewstmt) / sizeof(sp_pg_viewstmt[0])},
	{"CreateTableAsStmt", sp_pg_createtableasstmt, sizeof(sp_pg_createtableasstmt) / sizeof(sp_pg_createtableasstmt[0])},
	{"RefreshMatViewStmt", sp_pg_refreshmatviewstmt, sizeof(sp_pg_refreshmatviewstmt) / sizeof(sp_pg_refreshmatviewstmt[0])},
	{"CreateSeqStmt", sp_pg_createseqstmt, sizeof(sp_pg_createseqstmt) / sizeof(sp_pg_createseqstmt[0])},
	{"AlterSeqStmt", sp_pg_alterseqstmt, sizeof(sp_pg_alterseqstmt) / sizeof(sp_pg_alterseqstmt[0])},
	{"CreateSchemaStmt", sp_pg_createschemastmt, sizeof(sp_pg_createschemastmt) / sizeof(sp_pg_createschemastmt[0])},
	{"CreateDomainStmt", sp_pg_createdomainstmt, sizeof(sp_pg_createdomainstmt) / sizeof(sp_pg_createdomainstmt[0])},
	{"AlterDomainStmt", sp_pg_alterdomainstmt, sizeof(sp_pg_alterdomainstmt) / sizeof(sp_pg_alterdomainstmt[0])},
	{"CreateEnumStmt", sp_pg_createenumstmt, sizeof(sp_pg_createenumstmt) / sizeof(sp_pg_createenumstmt[0])},
	{"AlterEnumStmt", sp_pg_alterenumstmt, sizeof(sp_pg_alterenumstmt) / sizeof(sp_pg_alterenumstmt[0])},
	{"CompositeTypeStmt", sp_pg_compositetypestmt, sizeof(sp_pg_compositetypestmt) / sizeof(sp_pg_compositetypestmt[0])},
	{"CreateRangeStmt", sp_pg_createrangestmt, sizeof(sp_pg_createrangestmt) / sizeof(sp_pg_createrangestmt[0])},
	{"RenameStmt", sp_pg_renamestmt, sizeof(sp_pg_renamestmt) / sizeof(sp_pg_renamestmt[0])},
	{"AlterObjectSchemaStmt", sp_pg_alterobjectschemastmt, sizeof(sp_pg_alterobjectschemastmt) / sizeof(sp_pg_alterobjectschemastmt[0])},
	{"AlterOwnerStmt", sp_pg_alterownerstmt, sizeof(sp_pg_alterownerstmt) / sizeof(sp_pg_alterownerstmt[0])},
	{"CommentStmt", sp_pg_commentstmt, sizeof(sp_pg_commentstmt) / sizeof(sp_pg_commentstmt[0])},
	{"GrantStmt", sp_pg_grantstmt, sizeof(sp_pg_grantstmt) / sizeof(sp_pg_grantstmt[0])},
	{"GrantRoleStmt", sp_pg_grantrolestmt, sizeof(sp_pg_grantrolestmt) / sizeof(sp_pg_grantrolestmt[0])},
	{"RuleStmt", sp_pg_rulestmt, sizeof(sp_pg_rulestmt) / sizeof(sp_pg_rulestmt[0])},
	{"CreateTrigStmt", sp_pg_createtrigstmt, sizeof(sp_pg_createtrigstmt) / sizeof(sp_pg_createtrigstmt[0])},
	{"CreateFunctionStmt", sp_pg_createfunctionstmt, sizeof(sp_pg_createfunctionstmt) / sizeof(sp_pg_createfunctionstmt[0])},
	{"CreateExtensionStmt", sp_pg_createextensionstmt, sizeof(sp_pg_createextensionstmt) / sizeof(sp_pg_createextensionstmt[0])},
	{"LoadStmt", sp_pg_loadstmt, sizeof(sp_pg_loadstmt) / sizeof(sp_pg_loadstmt[0])},
	{"AlterSystemStmt", sp_pg_altersystemstmt, sizeof(sp_pg_altersystemstmt) / sizeof(sp_pg_altersystemstmt[0])},
	{"CheckPointStmt", sp_pg_checkpointstmt, sizeof(sp_pg_checkpointstmt) / sizeof(sp_pg_checkpointstmt[0])},
	{"ClusterStmt", sp_pg_clusterstmt, sizeof(sp_pg_clusterstmt) / sizeof(sp_pg_clusterstmt[0])},
	{"ReindexStmt", sp_pg_reindexstmt, sizeof(sp_pg_reindexstmt) / sizeof(sp_pg_reindexstmt[0])},
	{"VacuumStmt", sp_pg_vacuumstmt, sizeof(sp_pg_vacuumstmt) / sizeof(sp_pg_vacuumstmt[0])},
	{"ConstraintsSetStmt", sp_pg_constraintssetstmt, sizeof(sp_pg_constraintssetstmt) / sizeof(sp_pg_constraintssetstmt[0])},
	{"CreatePolicyStmt", sp_pg_createpolicystmt, sizeof(sp_pg_createpolicystmt) / sizeof(sp_pg_createpolicystmt[0])},
	{"AlterPolicyStmt", sp_pg_alterpolicystmt, sizeof(sp_pg_alterpolicystmt) / sizeof(sp_pg_alterpolicystmt[0])},
	{"SecLabelStmt", sp_pg_seclabelstmt, sizeof(sp_pg_seclabelstmt) / sizeof(sp_pg_seclabelstmt[0])},
	{"ReassignOwnedStmt", sp_pg_reassignownedstmt, sizeof(sp_pg_reassignownedstmt) / sizeof(sp_pg_reassignownedstmt[0])},
	{"DropOwnedStmt", sp_pg_dropownedstmt, sizeof(sp_pg_dropownedstmt) / sizeof(sp_pg_dropownedstmt[0])},
	{"CreateRoleStmt", sp_pg_createrolestmt, sizeof(sp_pg_createrolestmt) / sizeof(sp_pg_createrolestmt[0])},
	{"AlterRoleStmt", sp_pg_alterrolestmt, sizeof(sp_pg_alterrolestmt) / sizeof(sp_pg_alterrolestmt[0])},
	{"AlterRoleSetStmt", sp_pg_alterrolesetstmt, sizeof(sp_pg_alterrolesetstmt) / sizeof(sp_pg_alterrolesetstmt[0])},
	{"DropRoleStmt", sp_pg_droprolestmt, sizeof(sp_pg_droprolestmt) / sizeof(sp_pg_droprolestmt[0])},
	{"CreateStatsStmt", sp_pg_createstatsstmt, sizeof(sp_pg_createstatsstmt) / sizeof(sp_pg_createstatsstmt[0])},
};

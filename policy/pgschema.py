#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes pgschema.h and pgschema.c from libpg_query's pg_query.proto.

usage: pgschema.py /usr/include/pg_query/pg_query.proto OUTPUT-DIRECTORY

ALLOWED is the allow-list: a node type that is not named here has no number in the
tables, so that meeting one makes a statement unparsed. Before adding one, see that
the walk in sqlwalk.c gives every statement that can hold it the right actions.
"""
import re
import sys

ALLOWED = """
Node Integer Float Boolean String BitString List A_Const Alias RangeVar NamedArgExpr BoolExpr SubLink CollateClause
CaseExpr CaseWhen RowExpr CoalesceExpr MinMaxExpr SQLValueFunction XmlExpr NullTest BooleanTest SetToDefault
CurrentOfExpr JoinExpr IntoClause GroupingFunc A_Expr ColumnRef ParamRef FuncCall A_Star A_Indices A_Indirection
A_ArrayExpr ResTarget MultiAssignRef TypeCast SortBy WindowDef RangeSubselect RangeFunction RangeTableSample
RangeTableFunc RangeTableFuncCol TypeName ColumnDef IndexElem StatsElem Constraint DefElem GroupingSet ObjectWithArgs
AccessPriv TableLikeClause FunctionParameter LockingClause XmlSerialize WithClause InferClause OnConflictClause
CTESearchClause CTECycleClause CommonTableExpr MergeWhenClause RoleSpec TriggerTransition PartitionElem PartitionSpec
PartitionBoundSpec PartitionCmd VacuumRelation ReturnStmt ParseResult RawStmt
SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt CopyStmt ExplainStmt PrepareStmt ExecuteStmt DeallocateStmt
DeclareCursorStmt FetchStmt ClosePortalStmt VariableSetStmt VariableShowStmt TransactionStmt DiscardStmt CallStmt
DoStmt LockStmt NotifyStmt ListenStmt UnlistenStmt TruncateStmt DropStmt CreateStmt AlterTableStmt AlterTableCmd
IndexStmt ViewStmt CreateTableAsStmt RefreshMatViewStmt CreateSeqStmt AlterSeqStmt CreateSchemaStmt CreateDomainStmt
AlterDomainStmt CreateEnumStmt AlterEnumStmt CompositeTypeStmt CreateRangeStmt RenameStmt AlterObjectSchemaStmt
AlterOwnerStmt CommentStmt GrantStmt GrantRoleStmt RuleStmt CreateTrigStmt CreateFunctionStmt CreateExtensionStmt
LoadStmt AlterSystemStmt CheckPointStmt ClusterStmt ReindexStmt VacuumStmt ConstraintsSetStmt CreatePolicyStmt
AlterPolicyStmt SecLabelStmt ReassignOwnedStmt DropOwnedStmt CreateRoleStmt AlterRoleStmt AlterRoleSetStmt
DropRoleStmt CreateStatsStmt
""".split()

HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by policy/pgschema.py from pg_query.proto; not edited by hand. %s */\n"


def constant(name):
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return name.upper()


def main():
    text = open(sys.argv[1]).read()
    out = sys.argv[2]
    messages = dict(re.findall(r"\nmessage (\w+)\s*\{(.*?)\n\}", text, re.S))
    missing = [n for n in ALLOWED if n not in messages]
    if missing:
        sys.exit("not in this pg_query.proto: " + " ".join(missing))
    h = open(out + "/pgschema.h", "w")
    c = open(out + "/pgschema.c", "w")
    h.write(HEAD % "Node types and fields that are known.")
    h.write("#ifndef SALLYPORT_POLICY_PGSCHEMA_H\n#define SALLYPORT_POLICY_PGSCHEMA_H\n\n#include <stddef.h>\n"
            "#include <stdint.h>\n\n#define SP_PGSCHEMA_MAJOR 15 /* of the PostgreSQL whose grammar this describes */\n\n")
    h.write("enum sp_pg_type {\n")
    for n in ALLOWED:
        h.write("\tSP_PG_%s,\n" % constant(n))
    h.write("\tSP_PG_TYPES\n};\n\n")
    c.write(HEAD % "")
    c.write('#include "policy/pgschema.h"\n\n')
    for n in ALLOWED:
        body = re.sub(r"//.*|/\*.*?\*/", "", messages[n])
        fields = re.findall(r"(?:(repeated)\s+)?(\w+)\s+(\w+)\s*=\s*(\d+)", re.sub(r"\[[^\]]*\]", "", body))
        rows = []
        for _, kind, name, number in fields:
            if n != "Node":
                h.write("#define SP_PG_%s_%s %s\n" % (constant(n), name.upper(), number))
            if kind == "string":
                rows.append("{%s, SP_PG_STRING_FIELD, 0}" % number)
            elif name == "location" and kind == "int32":
                rows.append("{%s, SP_PG_LOCATION_FIELD, 0}" % number)
            elif kind in messages:
                if kind in ALLOWED:
                    rows.append("{%s, SP_PG_MESSAGE_FIELD, SP_PG_%s}" % (number, constant(kind)))
            else:
                rows.append("{%s, SP_PG_NUMBER_FIELD, 0}" % number)
        c.write("static const struct sp_pg_field sp_pg_%s[] = {\n" % n.lower())
        for r in rows or ["{0, 0, 0}"]:
            c.write("\t%s,\n" % r)
        c.write("};\n")
    c.write("\nconst struct sp_pg_message sp_pg_messages[SP_PG_TYPES] = {\n")
    for n in ALLOWED:
        c.write('\t{"%s", sp_pg_%s, sizeof(sp_pg_%s) / sizeof(sp_pg_%s[0])},\n' % (n, n.lower(), n.lower(), n.lower()))
    c.write("};\n")
    h.write("""
enum sp_pg_field_kind { SP_PG_NUMBER_FIELD = 1, SP_PG_STRING_FIELD, SP_PG_MESSAGE_FIELD, SP_PG_LOCATION_FIELD };

struct sp_pg_field {
	uint16_t number;
	uint8_t kind;
	uint8_t type; /* of a MESSAGE_FIELD: enum sp_pg_type */
};
struct sp_pg_message {
	const char *name;
	const struct sp_pg_field *fields; /* by rising number */
	size_t nfields;
};
extern const struct sp_pg_message sp_pg_messages[SP_PG_TYPES];

#endif
""")


main()
